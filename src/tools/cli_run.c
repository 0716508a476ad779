/* One command from the words to the printed reply. */
#include "tools/cli_run.h"

#include "base/memory.h"
#include "base/number.h"
#include "os/terminal.h"
#include "tools/cli_format.h"
#include "tools/cli_help.h"
#include <stdio.h>

#define REDIRECTS_MAX 16

static void print_reply(const struct cli_link *link, const struct resp_value *value)
{
    struct buffer text = { 0 };
    cli_format_reply(link->options, value, &text);
    fwrite(text.data, 1, text.size, stdout);
    fflush(stdout);
    buffer_fini(&text);
}

/* Does this command answer with a text for people? */
static bool is_text(size_t argc, const struct bytes *argv)
{
    static const struct {
        const char *name;
        const char *subcommand; /* NULL: any */
    } rows[] = {
        { "info", NULL },        { "lolwut", NULL },
        { "cluster", "info" },   { "cluster", "nodes" },
        { "client", "list" },    { "client", "info" },
        { "latency", "doctor" }, { "latency", "graph" },
        { "memory", "doctor" },  { "memory", "malloc-stats" },
        { "debug", "htstats" },  { "debug", "htstats-key" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); ++i) {
        if (!bytes_is_word(argv[0], rows[i].name)) continue;
        if (rows[i].subcommand == NULL) return true;
        if (argc > 1 && bytes_is_word(argv[1], rows[i].subcommand)) return true;
    }
    return false;
}

static void print_text(const struct cli_link *link, const struct resp_value *value)
{
    struct buffer text = { 0 };
    cli_format_text(link->options, value, &text);
    fwrite(text.data, 1, text.size, stdout);
    fflush(stdout);
    buffer_fini(&text);
}

static bool say_lost(struct cli_link *link, enum err err)
{
    cli_link_close(link);
    if (err == ERR_CLOSED)
        fprintf(stderr, "Error: Server closed the connection\n");
    else
        fprintf(stderr, "Error: %s\n", err_text(err));
    return false;
}

/* --- Commands that are answered for ever --- */

static bool is_endless(struct bytes name)
{
    static const char *const names[] = { "subscribe", "psubscribe", "ssubscribe", "monitor" };
    for (size_t i = 0; i < COUNT_OF(names); ++i)
        if (bytes_is_word(name, names[i])) return true;
    return false;
}

/* Prints whatever comes until the connection or the person ends it. */
static bool print_endlessly(struct cli_link *link)
{
    bool is_first = true;
    for (;;) {
        struct resp_value *value;
        enum err err = cli_link_read(link, &value);
        if (err) return say_lost(link, err);
        bool is_refused = is_first && value->type == RESP_ERROR;
        if (is_first && !is_refused && link->options->format == CLI_FORMAT_TERMINAL)
            printf("Reading messages... (press Ctrl-C to quit)\n");
        print_reply(link, value);
        resp_value_destroy(value);
        if (is_refused) return true;
        is_first = false;
    }
}

/* --- Redirects --- */

/* "MOVED 866 127.0.0.1:7001": goes there, or says why not. */
static enum err follow(struct cli_link *link, const struct resp_value *error)
{
    char text[256];
    char place[200];
    int slot;
    if (!bytes_to_text(error->text, text, sizeof(text)) ||
        sscanf(text, "%*s %d %199s", &slot, place) != 2)
        return ERR_MALFORMED;
    char *colon = strrchr(place, ':');
    int64_t port;
    if (colon == NULL || !number_parse(bytes_text(colon + 1), &port) || port < 1 || port > 65535)
        return ERR_MALFORMED;
    *colon = '\0';
    const char *host = *place != '\0' ? place : link->host;
    if (link->options->format == CLI_FORMAT_TERMINAL)
        printf("-> Redirected to slot [%d] located at %s:%d\n", slot, host, (int)port);
    char *copy = memory_copy_text(host);
    cli_link_move(link, copy, (uint16_t)port);
    memory_free(copy);
    return cli_link_open(link);
}

static bool is_redirect(const struct cli_link *link, const struct resp_value *value)
{
    return link->options->follows_redirects &&
           (resp_value_is_error(value, "MOVED") || resp_value_is_error(value, "ASK"));
}

/* The reply to one request; pushes before it are printed. */
static enum err read_reply(struct cli_link *link, struct resp_value **value)
{
    for (;;) {
        enum err err = cli_link_read(link, value);
        if (err || (*value)->type != RESP_PUSH) return err;
        if (link->options->shows_pushes) print_reply(link, *value);
        resp_value_destroy(*value);
    }
}

/* Sends the request where it belongs and reads the reply. */
static enum err ask(struct cli_link *link, size_t argc, const struct bytes *argv,
                    struct resp_value **value)
{
    enum err err = cli_link_send(link, argc, argv);
    if (!err) err = read_reply(link, value);
    for (int i = 0; !err && is_redirect(link, *value) && i < REDIRECTS_MAX; ++i) {
        bool is_asking = resp_value_is_error(*value, "ASK");
        err = follow(link, *value);
        if (err) return err;
        resp_value_destroy(*value);
        *value = NULL;
        if (is_asking) {
            struct bytes asking = BYTES("ASKING");
            err = cli_link_ask(link, 1, &asking, value);
            if (err) return err;
            resp_value_destroy(*value);
        }
        err = cli_link_send(link, argc, argv);
        if (!err) err = read_reply(link, value);
    }
    return err;
}

/* --- What a command changes about the connection --- */

static void note_effect(struct cli_link *link, size_t argc, const struct bytes *argv,
                        const struct resp_value *value)
{
    int64_t number;
    if (value->type == RESP_ERROR) return;
    if (bytes_is_word(argv[0], "select") && argc == 2 && number_parse(argv[1], &number))
        link->database = (int)number;
    else if (bytes_is_word(argv[0], "hello") && argc > 1 && number_parse(argv[1], &number))
        link->protocol = (int)number;
    else if (bytes_is_word(argv[0], "multi"))
        link->is_in_transaction = true;
    else if (bytes_is_word(argv[0], "exec") || bytes_is_word(argv[0], "discard"))
        link->is_in_transaction = false;
    else if (bytes_is_word(argv[0], "reset"))
        link->database = 0, link->protocol = 2, link->is_in_transaction = false;
}

static bool print_outcome(struct cli_link *link, size_t argc, const struct bytes *argv,
                          const struct resp_value *value)
{
    bool is_failure = value->type == RESP_ERROR && link->options->fails_on_error;
    if (is_failure)
        fprintf(stderr, "%s\n", value->text.data);
    else if (is_text(argc, argv))
        print_text(link, value);
    else
        print_reply(link, value);
    return !is_failure;
}

static bool run_once(struct cli_link *link, size_t argc, const struct bytes *argv)
{
    if (link->fd < 0 && cli_link_open(link)) return false;
    if (is_endless(argv[0]) && !link->is_in_transaction) {
        enum err err = cli_link_send(link, argc, argv);
        return err ? say_lost(link, err) : print_endlessly(link);
    }
    struct resp_value *value = NULL;
    enum err err = ask(link, argc, argv, &value);
    bool is_shutdown = bytes_is_word(argv[0], "shutdown");
    if (err && is_shutdown) {
        cli_link_close(link);
        return true;
    }
    if (err == ERR_CLOSED || err == ERR_IO) {
        /* It may have ended while nobody looked: once more on a fresh connection. */
        if (cli_link_open(link)) return false;
        err = ask(link, argc, argv, &value);
    }
    if (err) {
        resp_value_destroy(value);
        return say_lost(link, err);
    }
    note_effect(link, argc, argv, value);
    bool is_good = print_outcome(link, argc, argv, value);
    resp_value_destroy(value);
    return is_good;
}

bool cli_run(struct cli_link *link, int64_t repeat, size_t argc, const struct bytes *argv)
{
    if (bytes_is_word(argv[0], "help") || bytes_is_word(argv[0], "?"))
        return cli_help_print(link, argc, argv);
    for (int64_t i = 0; repeat < 0 || i < repeat; ++i) {
        if (i > 0 && link->options->interval_us > 0) terminal_pause(link->options->interval_us);
        if (!run_once(link, argc, argv)) return false;
    }
    return true;
}
