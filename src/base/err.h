/* What the world does to us, as values: the one error type of the tree.
 *
 * A function that can fail for reasons outside this process returns `enum err`, marked NODISCARD,
 * and hands results out through its last parameter. Broken invariants use ensure() instead, and
 * a user's mistakes are RESP replies; neither ever travels as an `enum err`. */
#ifndef EIR_BASE_ERR_H
#define EIR_BASE_ERR_H

#define NODISCARD __attribute__((warn_unused_result))

enum err {
    ERR_NONE = 0,
    ERR_IO,          /* the device or the peer failed: EIO, ECONNRESET, EPIPE ... */
    ERR_NO_SPACE,    /* disk full or quota */
    ERR_NOT_FOUND,   /* no such file, name or node */
    ERR_EXISTS,      /* it is there already */
    ERR_LOCKED,      /* another process holds the lock */
    ERR_PERMISSION,  /* not allowed */
    ERR_REFUSED,     /* connection refused: nobody listens there */
    ERR_UNREACHABLE, /* no route, host down, time-out while connecting */
    ERR_CLOSED,      /* the other side ended the stream in order (FIN) */
    ERR_MALFORMED,   /* bytes that follow no rule of their format */
    ERR_TRUNCATED,   /* bytes end before their format does */
    ERR_TOO_LARGE,   /* a length over its named limit */
    ERR_CHECKSUM,    /* bytes changed on their way */
    ERR_UNSUPPORTED, /* well formed, but of a version or kind that we do not speak */
    ERR_INVALID,     /* a value outside its bounds */
    ERR_COUNT
};

/* A few words in lower case, without a full stop: "connection refused". Static storage. */
const char *err_text(enum err err);

/* The `enum err` that says what this errno value means. */
enum err err_from_errno(int errno_value);

#endif
