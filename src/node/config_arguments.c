/* The command line: `[file | -] [--option value ...] [-]`, turned into configuration lines.
 *
 * "--name" begins a line and stays as it is, so that `"--save 900 1"` may be one argument; what
 * follows is a value and is quoted. The argument behind a bare name is always a value, even when
 * it begins with "--"; only `--save` may stand without one, and then means "no snapshots". */
#include "base/memory.h"
#include "node/config_internal.h"

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] == '-';
}

/* `name value` in one argument needs no other. */
static bool wants_value(struct bytes text)
{
    struct config_line line;
    if (!config_line_init(&line, text)) return false;
    bool wants = line.count <= 1;
    config_line_fini(&line);
    return wants;
}

void config_arguments_init(struct config_arguments *arguments, int count, char *const *words)
{
    *arguments = (struct config_arguments){ 0 };
    int at = 0;
    if (count > 0 && strcmp(words[0], "-") == 0) {
        arguments->wants_input = true;
        at++;
    } else if (count > 0 && words[0][0] != '-') {
        arguments->file = memory_copy_text(words[at++]);
    }
    if (count > at && strcmp(words[count - 1], "-") == 0) {
        arguments->wants_input = true;
        count--;
    }
    bool must_be_value = false;
    for (; at < count; at++) {
        struct bytes word = bytes_text(words[at]);
        if (!is_option(words[at]) || must_be_value) {
            if (arguments->options.size > 0) buffer_append_byte(&arguments->options, ' ');
            buffer_append_quoted(&arguments->options, word);
            must_be_value = false;
            continue;
        }
        struct bytes name = bytes_from(word, 2);
        if (arguments->options.size > 0) buffer_append_byte(&arguments->options, '\n');
        buffer_append(&arguments->options, name);
        must_be_value = wants_value(name);
        bool is_alone = at + 1 >= count || is_option(words[at + 1]);
        if (is_alone && bytes_is_word(name, "save")) {
            buffer_append_text(&arguments->options, " \"\"");
            must_be_value = false;
        }
    }
}

void config_arguments_fini(struct config_arguments *arguments)
{
    memory_free(arguments->file);
    buffer_fini(&arguments->options);
}
