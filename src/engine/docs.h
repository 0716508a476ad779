/* The arguments of COMMAND DOCS, made of the syntax strings of the rows. */
#ifndef EIR_ENGINE_DOCS_H
#define EIR_ENGINE_DOCS_H

#include "base/bytes.h"
#include "resp/reply.h"

/* Writes the array of arguments; the grammar stands in command.h. */
void docs_write_arguments(struct resp_writer *writer, const char *syntax);

#endif
