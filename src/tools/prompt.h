/* A line from a person: editing, history, completion. The only door of libedit. */
#ifndef EIR_TOOLS_PROMPT_H
#define EIR_TOOLS_PROMPT_H

#include "base/bytes.h"

struct prompt;

/* `history_path` may be NULL: then nothing is remembered. */
struct prompt *prompt_create(const char *program, const char *history_path);
void prompt_destroy(struct prompt *prompt);
/* One more word that <tab> completes at the start of a line; a copy is kept. */
void prompt_add_word(struct prompt *prompt, struct bytes word);
/* A line without its end, borrowed until the next call; false at the end of input. */
bool prompt_read(struct prompt *prompt, const char *text, struct bytes *line);
/* Keeps the line in the history, and the history in its file. */
void prompt_remember(struct prompt *prompt, struct bytes line);

#endif
