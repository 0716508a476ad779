/* The shape that nearly all requests have, parsed without a call: an array of up to 32 bulk
 * strings shorter than 1000 bytes that is there as a whole. Everything else is request_parse's. */
#ifndef EIR_RESP_PLAIN_H
#define EIR_RESP_PLAIN_H

#include "base/bytes.h"

#define REQUEST_PLAIN_ARGC 32
#define REQUEST_PLAIN_BULK 999
#define REQUEST_BULK_LEAST 7 /* "$1\r\na\r\n": a shorter rest is left to request_parse */

/* The bytes of "$d\r\n", "$dd\r\n" or "$ddd\r\n" at `at`, where REQUEST_BULK_LEAST are; 0 for
 * anything else. */
static inline size_t request_plain_head(const char *at, size_t *size)
{
    unsigned number = (unsigned)(unsigned char)at[1] - '0';
    if (at[0] != '$' || number > 9) return 0;
    *size = number;
    if (at[2] == '\r') return at[3] == '\n' ? 4 : 0;
    unsigned digit = (unsigned)(unsigned char)at[2] - '0';
    if (digit > 9 || number == 0) return 0;
    number = number * 10 + digit;
    *size = number;
    if (at[3] == '\r') return at[4] == '\n' ? 5 : 0;
    digit = (unsigned)(unsigned char)at[3] - '0';
    if (digit > 9) return 0;
    *size = number * 10 + digit;
    return at[4] == '\r' && at[5] == '\n' ? 6 : 0;
}

/* A browser that was made to talk to us: request_parse knows what to do. */
static inline bool request_looks_browsed(struct bytes name)
{
    if (name.size < 4 || name.size > 5 || (name.data[1] | 0x20) != 'o') return false;
    return (name.data[0] | 0x20) == 'p' || (name.data[0] | 0x20) == 'h';
}

/* Puts the arguments into `argv`, which has room for REQUEST_PLAIN_ARGC, and returns the size of
 * the request; 0: not plain. */
static inline __attribute__((always_inline)) size_t request_parse_plain(struct bytes input,
                                                                        struct bytes *argv,
                                                                        uint32_t *argc)
{
    const char *at = input.data;
    const char *end = at + input.size;
    if (input.size < 5 || at[0] != '*') return 0;
    unsigned count = (unsigned)(unsigned char)at[1] - '0';
    if (count == 0 || count > 9) return 0;
    if (at[2] != '\r') {
        unsigned digit = (unsigned)(unsigned char)at[2] - '0';
        if (digit > 9) return 0;
        count = 10 * count + digit;
        at++;
    }
    if (at[2] != '\r' || at[3] != '\n' || count > REQUEST_PLAIN_ARGC) return 0;
    at += 4;
    for (unsigned i = 0; i < count; i++) {
        size_t size;
        if (end - at < REQUEST_BULK_LEAST) return 0;
        size_t head = request_plain_head(at, &size);
        if (head == 0 || (size_t)(end - at) < head + size + 2) return 0;
        at += head;
        argv[i] = bytes_of(at, size);
        at += size + 2;
        if (at[-2] != '\r' || at[-1] != '\n') return 0;
    }
    if (request_looks_browsed(argv[0])) return 0;
    *argc = count;
    return (size_t)(at - input.data);
}

#endif
