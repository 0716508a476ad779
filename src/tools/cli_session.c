/* Lines in, commands out; and the few words that the session answers itself. */
#include "tools/cli_session.h"

#include "base/memory.h"
#include "base/number.h"
#include "os/terminal.h"
#include "resp/request.h"
#include "tools/cli_help.h"
#include "tools/cli_run.h"
#include "tools/prompt.h"
#include <stdio.h>
#include <stdlib.h>

#define HISTORY_NAME ".eircli_history"

struct session {
    struct cli_link *link;
    struct request words; /* of the line at hand */
    bool is_over;
    bool has_failed; /* with -e: a command of the script failed */
};

static void go_to(struct cli_link *link, const struct bytes *argv)
{
    int64_t port;
    if (!number_parse(argv[2], &port) || port < 1 || port > 65535) {
        printf("Invalid port\n");
        return;
    }
    char *host = bytes_copy_text(argv[1]);
    cli_link_move(link, host, (uint16_t)port);
    memory_free(host);
    if (cli_link_open(link)) return; /* it was said why */
}

/* Words that are not sent; true when this was one. */
static bool run_own(struct session *session)
{
    const struct request *words = &session->words;
    struct bytes name = words->argv[0];
    if (bytes_is_word(name, "quit") || bytes_is_word(name, "exit"))
        session->is_over = true;
    else if (bytes_is_word(name, "connect") && words->argc == 3)
        go_to(session->link, words->argv);
    else if (bytes_is_word(name, "clear") && words->argc == 1)
        printf("\x1b[H\x1b[2J");
    else
        return false;
    return true;
}

static void run_line(struct session *session, struct bytes line)
{
    if (!request_split_line(line, &session->words)) {
        printf("Invalid argument(s)\n");
        return;
    }
    if (session->words.argc == 0 || run_own(session)) return;
    int64_t repeat;
    size_t skip = 0;
    /* "3 INCR k" runs it three times. */
    if (session->words.argc > 1 && number_parse(session->words.argv[0], &repeat) && repeat > 0)
        skip = 1;
    else
        repeat = 1;
    bool is_good =
        cli_run(session->link, repeat, session->words.argc - skip, session->words.argv + skip);
    if (!is_good && session->link->options->fails_on_error) session->has_failed = true;
    fflush(stdout);
}

/* --- From a file or a pipe --- */

static void run_input(struct session *session)
{
    struct buffer input = { 0 };
    enum err err = ERR_NONE;
    while (!err && !session->is_over && !session->has_failed) {
        err = terminal_read(&input);
        if (err == ERR_CLOSED && input.size > 0) buffer_append_byte(&input, '\n');
        struct bytes rest = buffer_bytes(&input);
        ptrdiff_t end;
        while (!session->is_over && !session->has_failed &&
               (end = bytes_index_of(rest, '\n')) >= 0) {
            run_line(session, bytes_of(rest.data, (size_t)end));
            rest = bytes_from(rest, (size_t)end + 1);
        }
        buffer_consume(&input, input.size - rest.size);
    }
    buffer_fini(&input);
}

/* --- At the prompt --- */

static void prompt_text(const struct cli_link *link, char *text, size_t capacity)
{
    char database[16] = "";
    const char *state = link->is_in_transaction ? "(TX)" : "";
    if (link->database != 0) snprintf(database, sizeof(database), "[%d]", link->database);
    if (link->fd < 0)
        snprintf(text, capacity, "not connected> ");
    else if (link->options->socket_path != NULL)
        snprintf(text, capacity, "%s%s%s> ", link->options->socket_path, database, state);
    else
        snprintf(text, capacity, "%s:%u%s%s> ", link->host, link->port, database, state);
}

/* A password does not belong into a file. */
static bool may_remember(const struct request *words)
{
    static const char *const secrets[] = { "auth", "hello", "migrate", "acl", "config" };
    for (size_t i = 0; i < COUNT_OF(secrets); ++i)
        if (bytes_is_word(words->argv[0], secrets[i]) && words->argc > 2) return false;
    return true;
}

static void add_words(struct prompt *prompt, const struct resp_value *docs)
{
    for (size_t i = 0; i + 1 < docs->count; i += 2) {
        struct buffer name = { 0 };
        buffer_append(&name, docs->items[i].text);
        for (size_t j = 0; j < name.size; ++j)
            if (name.data[j] == '|') name.data[j] = ' ';
        prompt_add_word(prompt, buffer_bytes(&name));
        buffer_fini(&name);
        const struct resp_value *children = resp_value_find(&docs->items[i + 1], "subcommands");
        if (children != NULL) add_words(prompt, children);
    }
}

static struct prompt *open_prompt(struct cli_link *link)
{
    char path[1024];
    const char *home = getenv("HOME");
    if (home != NULL) snprintf(path, sizeof(path), "%s/%s", home, HISTORY_NAME);
    struct prompt *prompt = prompt_create("eir-cli", home != NULL ? path : NULL);
    struct resp_value *docs = cli_help_fetch(link);
    if (docs != NULL) add_words(prompt, docs);
    resp_value_destroy(docs);
    return prompt;
}

static void run_prompt(struct session *session)
{
    struct prompt *prompt = open_prompt(session->link);
    while (!session->is_over) {
        char text[256];
        struct bytes line;
        prompt_text(session->link, text, sizeof(text));
        if (!prompt_read(prompt, text, &line)) break;
        run_line(session, line);
        if (session->words.argc > 0 && may_remember(&session->words)) prompt_remember(prompt, line);
    }
    prompt_destroy(prompt);
}

int cli_session(struct cli_link *link)
{
    struct session session = { .link = link };
    bool is_terminal = terminal_is_attached(TERMINAL_IN);
    request_init(&session.words);
    enum err err = cli_link_open(link);
    /* A person may say `connect`; a script whose server is not there has failed. */
    if (err && !is_terminal)
        session.has_failed = true;
    else if (is_terminal)
        run_prompt(&session);
    else
        run_input(&session);
    request_fini(&session.words);
    return session.has_failed ? 1 : 0;
}
