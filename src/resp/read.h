/* Replies as a client reads them, RESP2 and RESP3, in three layers of comfort.
 *
 * `resp_head_read` reads one header line and no payload: for streams and for whoever handles a
 * large payload as it comes. `resp_skip` finds where a reply ends. `struct resp_reader` is fed
 * with bytes as they arrive and hands out whole replies as trees. */
#ifndef EIR_RESP_READ_H
#define EIR_RESP_READ_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"

/* The values are the bytes of the wire. */
enum resp_type {
    RESP_SIMPLE = '+',
    RESP_ERROR = '-',
    RESP_INTEGER = ':',
    RESP_BULK = '$',
    RESP_ARRAY = '*',
    RESP_NULL = '_',
    RESP_BOOL = '#',
    RESP_DOUBLE = ',',
    RESP_BIG_NUMBER = '(',
    RESP_BULK_ERROR = '!',
    RESP_VERBATIM = '=',
    RESP_MAP = '%',
    RESP_SET = '~',
    RESP_PUSH = '>',
    RESP_ATTRIBUTE = '|',
};

enum resp_result {
    RESP_READY,
    RESP_MORE,
    RESP_BROKEN, /* not RESP, or over a limit: the connection cannot be used any more */
};

#define RESP_DEPTH_MAX 64

struct resp_limits {
    size_t size_max;  /* bytes that one whole reply may take: on the wire, and as a tree */
    size_t depth_max; /* of nested aggregates; at most RESP_DEPTH_MAX */
};
#define RESP_LIMITS_DEFAULT ((struct resp_limits){ .size_max = 4 * GIB, .depth_max = 32 })

/* One header line. */
struct resp_head {
    enum resp_type type;
    struct bytes text; /* the line without type byte and line end; borrowed from the input */
    int64_t number;    /* the value of an integer; the count or size of what follows; -1: null */
    size_t consumed;   /* bytes of the line */
};
enum resp_result resp_head_read(struct bytes input, struct resp_head *head);

/* Finds the end of the first reply in `input`; attributes belong to the reply behind them. Keeps
 * nothing: what is incomplete is looked at again from its start. */
enum resp_result resp_skip(struct bytes input, size_t *consumed);

/* A reply as a tree. Nulls of RESP2 ($-1, *-1) are of type RESP_NULL too. */
struct resp_value {
    enum resp_type type;
    char null_form; /* RESP_NULL: '$', '*' or '_' */
    char format[4]; /* RESP_VERBATIM: "txt" or "mkd", terminated */
    union {
        int64_t integer; /* RESP_INTEGER */
        double number;   /* RESP_DOUBLE */
        bool boolean;    /* RESP_BOOL */
    };
    struct bytes text;            /* owned, terminated: the payload or line of all but aggregates */
    struct resp_value *items;     /* owned; of a map and an attribute: key, value, key, value ... */
    size_t count;                 /* of items: twice the pairs */
    struct resp_value *attribute; /* owned; what was said about this value, or NULL */
};

void resp_value_destroy(struct resp_value *value); /* NULL is allowed */
/* True for an error whose text starts with this code and a space, or is just the code. */
bool resp_value_is_error(const struct resp_value *value, const char *code);
bool resp_value_is_aggregate(const struct resp_value *value);
/* The value behind a text key in a map (or in the flat array that RESP2 makes of it), or NULL;
 * borrowed. */
const struct resp_value *resp_value_find(const struct resp_value *map, const char *key);

struct resp_reader;

struct resp_reader *resp_reader_create(const struct resp_limits *limits);
void resp_reader_destroy(struct resp_reader *reader);
/* Takes the bytes in; they are copied. */
void resp_reader_feed(struct resp_reader *reader, struct bytes bytes);
/* The next whole reply, owned by the caller. Call until it says RESP_MORE or RESP_BROKEN. */
enum resp_result resp_reader_next(struct resp_reader *reader, struct resp_value **value);
/* Why it is broken: a few words. */
const char *resp_reader_error(const struct resp_reader *reader);
/* What was fed and not yet read, for a stream that stops being RESP; borrowed until the next
 * call. */
struct bytes resp_reader_rest(const struct resp_reader *reader);
void resp_reader_drop(struct resp_reader *reader, size_t count);

#endif
