/* The prompt: libedit's own interface rather than its imitation of readline, because that one
 * keeps its state in globals. */
#include "tools/prompt.h"

#include "base/buffer.h"
#include "base/memory.h"
#include <histedit.h>
#include <locale.h>
#include <stdio.h>

#define HISTORY_LINES 1000
#define SHOWN_MAX     100

struct prompt {
    EditLine *editor;   /* owned */
    History *history;   /* owned */
    char *history_path; /* owned, or NULL */
    const char *text;   /* borrowed during prompt_read */
    char **words;       /* owned, each of them too */
    size_t word_count;
    struct buffer line; /* the terminated line that goes into the history */
};

static struct prompt *prompt_of(EditLine *editor)
{
    void *prompt;
    el_get(editor, EL_CLIENTDATA, &prompt);
    return prompt;
}

static char *prompt_text(EditLine *editor)
{
    return (char *)prompt_of(editor)->text;
}

/* --- Completion of the first words --- */

static bool word_matches(const char *word, struct bytes typed)
{
    return strlen(word) >= typed.size && bytes_equal_nocase(bytes_of(word, typed.size), typed);
}

/* How far all words agree that start like what is typed. */
static size_t common_size(const struct prompt *prompt, struct bytes typed, const char **first,
                          size_t *count)
{
    size_t common = 0;
    *count = 0;
    for (size_t i = 0; i < prompt->word_count; ++i) {
        const char *word = prompt->words[i];
        if (!word_matches(word, typed)) continue;
        if ((*count)++ == 0) {
            *first = word;
            common = strlen(word);
        }
        size_t same = typed.size;
        while (same < common && word[same] == (*first)[same]) ++same;
        common = same;
    }
    return common;
}

static void show_matches(const struct prompt *prompt, struct bytes typed)
{
    size_t shown = 0;
    putchar('\n');
    for (size_t i = 0; i < prompt->word_count && shown < SHOWN_MAX; ++i) {
        if (!word_matches(prompt->words[i], typed)) continue;
        printf("%s  ", prompt->words[i]);
        ++shown;
    }
    putchar('\n');
}

static unsigned char complete(EditLine *editor, int key)
{
    struct prompt *prompt = prompt_of(editor);
    const LineInfo *info = el_line(editor);
    struct bytes typed = bytes_of(info->buffer, (size_t)(info->cursor - info->buffer));
    const char *first = NULL;
    size_t count;
    size_t common = common_size(prompt, typed, &first, &count);
    if (count == 0) return CC_ERROR;
    if (common == typed.size && count > 1) {
        show_matches(prompt, typed);
        return CC_REDISPLAY;
    }
    char *rest = bytes_copy_text(bytes_of(first + typed.size, common - typed.size));
    el_insertstr(editor, rest);
    if (count == 1) el_insertstr(editor, " ");
    memory_free(rest);
    return CC_REFRESH;
}

/* libedit copies the name and the help of an added function and never frees them: a hundred bytes
 * once, which the leak checker of a sanitizer build need not report. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define LEAK_BEGIN() __lsan_disable()
#define LEAK_END()   __lsan_enable()
#else
#define LEAK_BEGIN() (void)0
#define LEAK_END()   (void)0
#endif

static void bind_completion(EditLine *editor)
{
    LEAK_BEGIN();
    el_set(editor, EL_ADDFN, "eir-complete", "Complete a command", complete);
    LEAK_END();
    el_set(editor, EL_BIND, "^I", "eir-complete", NULL);
}

struct prompt *prompt_create(const char *program, const char *history_path)
{
    struct prompt *prompt = memory_alloc_zero(sizeof(*prompt));
    HistEvent event;
    setlocale(LC_CTYPE, "");
    prompt->editor = el_init(program, stdin, stdout, stderr);
    prompt->history = history_init();
    history(prompt->history, &event, H_SETSIZE, HISTORY_LINES);
    if (history_path != NULL) {
        prompt->history_path = memory_copy_text(history_path);
        history(prompt->history, &event, H_LOAD, history_path);
    }
    el_set(prompt->editor, EL_CLIENTDATA, prompt);
    el_set(prompt->editor, EL_EDITOR, "emacs");
    el_set(prompt->editor, EL_SIGNAL, 1);
    el_set(prompt->editor, EL_PROMPT, prompt_text);
    el_set(prompt->editor, EL_HIST, history, prompt->history);
    bind_completion(prompt->editor);
    return prompt;
}

void prompt_destroy(struct prompt *prompt)
{
    for (size_t i = 0; i < prompt->word_count; ++i) memory_free(prompt->words[i]);
    memory_free(prompt->words);
    memory_free(prompt->history_path);
    buffer_fini(&prompt->line);
    history_end(prompt->history);
    el_end(prompt->editor);
    memory_free(prompt);
}

void prompt_add_word(struct prompt *prompt, struct bytes word)
{
    prompt->words =
        memory_realloc(prompt->words, (prompt->word_count + 1) * sizeof(*prompt->words));
    prompt->words[prompt->word_count++] = bytes_copy_text(word);
}

bool prompt_read(struct prompt *prompt, const char *text, struct bytes *line)
{
    int size;
    prompt->text = text;
    const char *data = el_gets(prompt->editor, &size);
    if (data == NULL || size <= 0) return false;
    *line = bytes_of(data, (size_t)size);
    if (data[size - 1] == '\n') --line->size;
    return true;
}

void prompt_remember(struct prompt *prompt, struct bytes line)
{
    HistEvent event;
    buffer_clear(&prompt->line);
    buffer_append(&prompt->line, line);
    buffer_append_byte(&prompt->line, '\0');
    history(prompt->history, &event, H_ENTER, prompt->line.data);
    if (prompt->history_path != NULL)
        history(prompt->history, &event, H_SAVE, prompt->history_path);
}
