/* Asking one thing at a time, without a word about failures: the caller knows what they mean. */
#include "tools/benchmark_link.h"

#include "base/memory.h"
#include "os/connect.h"
#include "resp/reply.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_SIZE  (16 * KIB)
#define CONNECT_MS 10000

enum err benchmark_link_open(struct benchmark_link *link, const struct socket_address *address)
{
    enum err err = address->is_unix ? connect_unix(address->ip, &link->fd)
                                    : connect_tcp(address->ip, address->port, CONNECT_ANY,
                                                  CONNECT_MS, &link->fd);
    link->reader = NULL;
    if (err) link->fd = -1;
    if (!err) link->reader = resp_reader_create(&RESP_LIMITS_DEFAULT);
    return err;
}

void benchmark_link_close(struct benchmark_link *link)
{
    if (link->fd < 0) return;
    connect_close(link->fd);
    resp_reader_destroy(link->reader);
    *link = (struct benchmark_link){ .fd = -1 };
}

static enum err read_reply(struct benchmark_link *link, struct resp_value **value)
{
    for (;;) {
        switch (resp_reader_next(link->reader, value)) {
        case RESP_READY:
            if ((*value)->type != RESP_PUSH) return ERR_NONE;
            resp_value_destroy(*value);
            continue;
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

struct resp_value *benchmark_link_send(struct benchmark_link *link, struct bytes requests,
                                       size_t reply_count)
{
    struct resp_value *kept = NULL;
    enum err err = connect_send(link->fd, requests);
    for (size_t i = 0; i < reply_count && !err; i++) {
        struct resp_value *value;
        err = read_reply(link, &value);
        if (err) break;
        struct resp_value *dropped = kept;
        if (kept != NULL && kept->type == RESP_ERROR)
            dropped = value;
        else
            kept = value;
        resp_value_destroy(dropped);
    }
    if (!err) return kept;
    resp_value_destroy(kept);
    return NULL;
}

struct resp_value *benchmark_link_ask(struct benchmark_link *link, ...)
{
    struct bytes argv[16];
    size_t argc = 0;
    va_list words;
    va_start(words, link);
    for (const char *word; (word = va_arg(words, const char *)) != NULL && argc < COUNT_OF(argv);)
        argv[argc++] = bytes_text(word);
    va_end(words);
    struct buffer request = { 0 };
    resp_write_command(&request, argc, argv);
    struct resp_value *value = benchmark_link_send(link, buffer_bytes(&request), 1);
    buffer_fini(&request);
    return value;
}

bool benchmark_link_order(struct benchmark_link *link, size_t argc, const struct bytes *argv)
{
    struct buffer request = { 0 };
    resp_write_command(&request, argc, argv);
    struct resp_value *value = benchmark_link_send(link, buffer_bytes(&request), 1);
    buffer_fini(&request);
    bool is_good = value != NULL && value->type != RESP_ERROR;
    resp_value_destroy(value);
    return is_good;
}

uint64_t benchmark_link_info(struct benchmark_link *link, const char *name)
{
    struct resp_value *info = benchmark_link_ask(link, "INFO", NULL);
    uint64_t number = 0;
    if (info != NULL && info->text.data != NULL) {
        char field[80];
        int size = snprintf(field, sizeof(field), "\n%s:", name);
        const char *at = strstr(info->text.data, field);
        if (at != NULL) number = strtoull(at + size, NULL, 10);
    }
    resp_value_destroy(info);
    return number;
}
