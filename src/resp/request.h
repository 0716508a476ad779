/* Requests as a server reads them: arrays of bulk strings, or inline lines typed by hand.
 *
 * Zero copy: arguments are slices of the caller's input. The caller keeps input that is not yet a
 * whole request and presents it again from the start of that request, with more behind it; the
 * bytes may have moved meanwhile, because the parser remembers offsets only. A payload is jumped
 * over and never scanned, so a bulk of 512 MB costs the same however many pieces it comes in. */
#ifndef EIR_RESP_REQUEST_H
#define EIR_RESP_REQUEST_H

#include "base/buffer.h"
#include "base/bytes.h"

#define REQUEST_LINE_MAX             (64 * KIB) /* an inline request or a header, line end aside */
#define REQUEST_ARGC_MAX             INT32_MAX
#define REQUEST_BULK_MAX_DEFAULT     ((int64_t)(512 * MIB)) /* proto-max-bulk-len */
#define REQUEST_UNAUTHENTICATED_ARGC 10
#define REQUEST_UNAUTHENTICATED_BULK 16384
#define REQUEST_ARGV_FEW             16

struct request_limits {
    bool is_unauthenticated; /* a password is required and was not given yet */
    int64_t bulk_size_max;   /* proto-max-bulk-len */
};

enum request_result {
    REQUEST_READY,  /* argv, argc; then drop `consumed` bytes */
    REQUEST_MORE,   /* keep the input; nothing can happen before `needed` bytes are there */
    REQUEST_SKIP,   /* an empty request: drop `consumed` bytes, answer nothing */
    REQUEST_ERROR,  /* answer `error`, then close */
    REQUEST_HANGUP, /* a browser was made to talk to us: close without an answer */
};

struct request_span {
    size_t offset;
    size_t size;
};

/* What one connection remembers about a request that is still incomplete. All zero is valid. */
struct request_parser {
    size_t offset;  /* where to go on; 0: at the start of a request */
    size_t needed;  /* input shorter than this cannot bring anything new */
    uint32_t argc;  /* announced */
    uint32_t found; /* arguments whose place is in `spans` */
    uint32_t capacity;
    struct request_span *spans; /* owned; NULL unless many arguments came in several pieces */
};

/* One parsed request. Reused for request after request; must not be moved after its init. */
struct request {
    struct bytes *argv; /* borrowed from the input (or from `unquoted`); argv[0] is the command */
    uint32_t argc;
    uint32_t capacity; /* of argv */
    size_t consumed;
    size_t needed;     /* total bytes of input that the next step needs: room to reserve */
    const char *error; /* "ERR Protocol error: ...", without '-' and line end */
    struct bytes few[REQUEST_ARGV_FEW];
    struct buffer unquoted; /* inline arguments that had quotes */
    char error_text[64];
};

void request_parser_init(struct request_parser *parser);
void request_parser_fini(struct request_parser *parser);

void request_init(struct request *request);
void request_fini(struct request *request);
/* Gives memory back that an unusually large request took. */
void request_trim(struct request *request);

/* Parses one request from the start of `input`. After any result but REQUEST_MORE the parser is
 * at the start of a request again. */
enum request_result request_parse(struct request_parser *parser, struct bytes input,
                                  const struct request_limits *limits, struct request *request);

/* Splits a line into words with the quoting of inline requests; false when a quote is left open.
 * Words land in argv as above. For the prompt of the cli and for configuration files. */
bool request_split_line(struct bytes line, struct request *request);

#endif
