/* eir-cli: talks to a server from the command line. The interface is valkey-cli's. */
#include "base/memory.h"
#include "os/disk.h"
#include "os/terminal.h"
#include "resp/request.h"
#include "tools/cli_link.h"
#include "tools/cli_options.h"
#include "tools/cli_pipe.h"
#include "tools/cli_run.h"
#include "tools/cli_session.h"
#include <stdio.h>

static bool read_all(struct buffer *into)
{
    enum err err;
    do {
        err = terminal_read(into);
    } while (!err);
    return err == ERR_CLOSED;
}

/* One quoted word of the command line, as a word of its own memory. */
static bool unquote(const char *text, struct buffer *into)
{
    struct request words;
    request_init(&words);
    bool is_right = request_split_line(bytes_text(text), &words) && words.argc == 1;
    if (is_right) buffer_append(into, words.argv[0]);
    request_fini(&words);
    return is_right;
}

struct command {
    struct bytes *argv;   /* owned */
    struct buffer *words; /* owned: what an argument holds that is not the command line's text */
    size_t argc;
};

static void command_fini(struct command *command)
{
    for (size_t i = 0; i < command->argc; ++i) buffer_fini(&command->words[i]);
    memory_free(command->words);
    memory_free(command->argv);
}

/* The words of the command line, with -x, -X and --quoted-input applied. */
static bool command_build(struct command *command, const struct cli_options *options)
{
    size_t room = options->argc + 1;
    *command = (struct command){ .argv = memory_alloc_zero(room * sizeof(struct bytes)),
                                 .words = memory_alloc_zero(room * sizeof(struct buffer)) };
    bool is_right = true;
    for (size_t i = 0; i < options->argc && is_right; ++i) {
        struct buffer *word = &command->words[command->argc++];
        const char *text = options->argv[i];
        if (options->tag != NULL && strcmp(text, options->tag) == 0)
            is_right = read_all(word);
        else if (options->has_quoted_input)
            is_right = unquote(text, word);
        else
            buffer_append_text(word, text);
    }
    if (options->reads_last_argument && is_right)
        is_right = read_all(&command->words[command->argc++]);
    for (size_t i = 0; i < command->argc; ++i) command->argv[i] = buffer_bytes(&command->words[i]);
    if (!is_right) fprintf(stderr, "Invalid argument(s)\n");
    return is_right;
}

static int run_command(struct cli_link *link)
{
    struct command command;
    bool is_good = command_build(&command, link->options) &&
                   cli_run(link, link->options->repeat, command.argc, command.argv);
    command_fini(&command);
    return is_good ? 0 : 1;
}

/* --scan: one key a line, cursor by cursor. */
static int run_scan(struct cli_link *link)
{
    struct buffer cursor = { 0 };
    buffer_append_text(&cursor, "0");
    enum err err = cli_link_open(link);
    bool is_done = err != ERR_NONE;
    while (!is_done) {
        struct bytes argv[6] = { BYTES("SCAN"), buffer_bytes(&cursor) };
        size_t argc = 2;
        if (link->options->pattern != NULL) {
            argv[argc++] = BYTES("MATCH");
            argv[argc++] = bytes_text(link->options->pattern);
        }
        if (link->options->count != NULL) {
            argv[argc++] = BYTES("COUNT");
            argv[argc++] = bytes_text(link->options->count);
        }
        struct resp_value *value;
        err = cli_link_ask(link, argc, argv, &value);
        if (err) break;
        if (value->count != 2) {
            fprintf(stderr, "ERROR: %s\n", value->text.data != NULL ? value->text.data : "SCAN");
            err = ERR_INVALID;
            is_done = true;
        }
        for (size_t i = 0; !is_done && i < value->items[1].count; ++i)
            printf("%s\n", value->items[1].items[i].text.data);
        if (!is_done) {
            buffer_clear(&cursor);
            buffer_append(&cursor, value->items[0].text);
            is_done = bytes_equal(value->items[0].text, BYTES("0"));
        }
        resp_value_destroy(value);
    }
    buffer_fini(&cursor);
    return err ? 1 : 0;
}

#define SCRIPT_MAX (64 * MIB)

static bool read_script(const char *path, struct buffer *script)
{
    struct disk *disk = os_disk_create();
    enum err err = disk_read_whole(disk, path, SCRIPT_MAX, script);
    os_disk_destroy(disk);
    if (err) fprintf(stderr, "Can't read file '%s': %s\n", path, err_text(err));
    return !err;
}

/* --eval: EVAL script numkeys key ... , argument ... */
static int run_eval(struct cli_link *link)
{
    const struct cli_options *options = link->options;
    size_t argc = 3;
    size_t key_count = 0;
    bool is_behind_comma = false;
    struct bytes *argv = memory_alloc((options->argc + argc) * sizeof(*argv));
    for (size_t i = 0; i < options->argc; ++i) {
        if (!is_behind_comma && strcmp(options->argv[i], ",") == 0) {
            is_behind_comma = true;
            continue;
        }
        if (!is_behind_comma) ++key_count;
        argv[argc++] = bytes_text(options->argv[i]);
    }
    struct buffer script = { 0 };
    struct buffer count = { 0 };
    bool is_good = read_script(options->script_path, &script);
    if (is_good) {
        buffer_append_int(&count, (int64_t)key_count);
        argv[0] = BYTES("EVAL");
        argv[1] = buffer_bytes(&script);
        argv[2] = buffer_bytes(&count);
        is_good = cli_run(link, options->repeat, argc, argv);
    }
    memory_free(argv);
    buffer_fini(&count);
    buffer_fini(&script);
    return is_good ? 0 : 1;
}

static int run(struct cli_link *link)
{
    switch (link->options->mode) {
    case CLI_MODE_HELP: cli_options_print_help(); return 0;
    case CLI_MODE_VERSION: printf("eir-cli %s\n", EIR_VERSION); return 0;
    case CLI_MODE_PIPE: return cli_pipe(link);
    case CLI_MODE_SCAN: return run_scan(link);
    case CLI_MODE_EVAL: return run_eval(link);
    case CLI_MODE_COMMAND: break;
    }
    return link->options->argc > 0 ? run_command(link) : cli_session(link);
}

static void ask_password(struct cli_options *options)
{
    struct buffer secret = { 0 };
    if (terminal_read_secret("Please input password: ", &secret) == ERR_NONE) {
        memory_free(options->password);
        options->password = bytes_copy_text(buffer_bytes(&secret));
        options->shows_password = false;
    }
    buffer_fini(&secret);
}

int main(int argc, char **argv)
{
    struct cli_options options;
    int status = 1;
    if (cli_options_read(&options, argc, argv)) {
        if (options.asks_password) ask_password(&options);
        if (options.shows_password && !options.is_quiet_of_password)
            fprintf(stderr, "Warning: Using a password with '-a' or '-u' option on the command "
                            "line interface may not be safe.\n");
        struct cli_link link;
        cli_link_init(&link, &options);
        status = run(&link);
        cli_link_fini(&link);
    }
    cli_options_fini(&options);
    return status;
}
