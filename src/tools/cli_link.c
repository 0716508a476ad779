/* Connecting, authenticating, sending requests, reading replies: one at a time. */
#include "tools/cli_link.h"

#include "base/memory.h"
#include "base/number.h"
#include "os/connect.h"
#include "resp/reply.h"
#include <ctype.h>
#include <stdio.h>

#define READ_SIZE (16 * KIB)

void cli_link_init(struct cli_link *link, const struct cli_options *options)
{
    *link = (struct cli_link){ .options = options,
                               .fd = -1,
                               .host = memory_copy_text(options->host),
                               .port = options->port,
                               .database = options->database,
                               .protocol = options->protocol };
}

void cli_link_close(struct cli_link *link)
{
    if (link->fd < 0) return;
    connect_close(link->fd);
    resp_reader_destroy(link->reader);
    link->fd = -1;
    link->reader = NULL;
    link->is_in_transaction = false;
}

void cli_link_fini(struct cli_link *link)
{
    cli_link_close(link);
    memory_free(link->host);
}

void cli_link_move(struct cli_link *link, const char *host, uint16_t port)
{
    cli_link_close(link);
    char *copy = memory_copy_text(host);
    memory_free(link->host);
    link->host = copy;
    link->port = port;
}

static void say_unreachable(const struct cli_link *link, enum err err)
{
    char reason[100];
    snprintf(reason, sizeof(reason), "%s", err_text(err));
    reason[0] = (char)toupper((unsigned char)reason[0]);
    if (link->options->socket_path != NULL)
        fprintf(stderr, "Could not connect to Valkey at %s: %s\n", link->options->socket_path,
                reason);
    else
        fprintf(stderr, "Could not connect to Valkey at %s:%u: %s\n", link->host, link->port,
                reason);
}

/* One request of the greeting. A refusal is said; the rest of the greeting is left out then. */
static enum err greet(struct cli_link *link, const char *name, size_t argc,
                      const struct bytes *argv, bool *is_refused)
{
    if (*is_refused) return ERR_NONE;
    struct resp_value *value;
    enum err err = cli_link_ask(link, argc, argv, &value);
    if (err) return err;
    *is_refused = value->type == RESP_ERROR;
    if (*is_refused) fprintf(stderr, "%s failed: %s\n", name, value->text.data);
    resp_value_destroy(value);
    return ERR_NONE;
}

static enum err greet_all(struct cli_link *link)
{
    const struct cli_options *options = link->options;
    enum err err = ERR_NONE;
    bool is_refused = false;
    if (options->password != NULL) {
        struct bytes argv[3] = { BYTES("AUTH") };
        size_t argc = 1;
        if (options->user != NULL) argv[argc++] = bytes_text(options->user);
        argv[argc++] = bytes_text(options->password);
        err = greet(link, "AUTH", argc, argv, &is_refused);
    }
    if (!err && link->protocol == 3) {
        struct bytes argv[] = { BYTES("HELLO"), BYTES("3") };
        err = greet(link, "HELLO 3", 2, argv, &is_refused);
    }
    if (!err && link->database != 0) {
        char number[NUMBER_TEXT_MAX];
        char name[64];
        struct bytes argv[] = { BYTES("SELECT"),
                                bytes_of(number, number_print(link->database, number)) };
        snprintf(name, sizeof(name), "SELECT %d", link->database);
        err = greet(link, name, 2, argv, &is_refused);
    }
    return err;
}

enum err cli_link_open(struct cli_link *link)
{
    const struct cli_options *options = link->options;
    cli_link_close(link);
    enum err err =
        options->socket_path != NULL
            ? connect_unix(options->socket_path, &link->fd)
            : connect_tcp(link->host, link->port, options->family, options->timeout_ms, &link->fd);
    if (err) {
        link->fd = -1;
        say_unreachable(link, err);
        return err;
    }
    link->reader = resp_reader_create(&RESP_LIMITS_DEFAULT);
    err = greet_all(link);
    if (err) {
        say_unreachable(link, err);
        cli_link_close(link);
    }
    return err;
}

enum err cli_link_send(struct cli_link *link, size_t argc, const struct bytes *argv)
{
    struct buffer request = { 0 };
    resp_write_command(&request, argc, argv);
    enum err err = connect_send(link->fd, buffer_bytes(&request));
    buffer_fini(&request);
    return err;
}

enum err cli_link_read(struct cli_link *link, struct resp_value **value)
{
    for (;;) {
        switch (resp_reader_next(link->reader, value)) {
        case RESP_READY: return ERR_NONE;
        case RESP_BROKEN: return ERR_MALFORMED;
        case RESP_MORE: break;
        }
        char piece[READ_SIZE];
        size_t got;
        enum err err = connect_receive(link->fd, piece, sizeof(piece), &got);
        if (err) return err;
        resp_reader_feed(link->reader, bytes_of(piece, got));
    }
}

enum err cli_link_ask(struct cli_link *link, size_t argc, const struct bytes *argv,
                      struct resp_value **value)
{
    enum err err = cli_link_send(link, argc, argv);
    while (!err) {
        err = cli_link_read(link, value);
        if (err || (*value)->type != RESP_PUSH) break;
        resp_value_destroy(*value);
    }
    return err;
}
