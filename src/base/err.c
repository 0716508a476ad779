/* The words of `enum err`, and what errno values mean in it. */
#include "base/err.h"

#include "base/ensure.h"
#include "base/units.h"
#include <errno.h>

static const char *const err_texts[ERR_COUNT] = {
    [ERR_NONE] = "no error",
    [ERR_IO] = "input/output error",
    [ERR_NO_SPACE] = "no space left",
    [ERR_NOT_FOUND] = "not found",
    [ERR_EXISTS] = "exists already",
    [ERR_LOCKED] = "locked by another process",
    [ERR_PERMISSION] = "permission denied",
    [ERR_REFUSED] = "connection refused",
    [ERR_UNREACHABLE] = "unreachable",
    [ERR_CLOSED] = "closed by the other side",
    [ERR_MALFORMED] = "malformed",
    [ERR_TRUNCATED] = "truncated",
    [ERR_TOO_LARGE] = "too large",
    [ERR_CHECKSUM] = "wrong checksum",
    [ERR_UNSUPPORTED] = "unsupported",
    [ERR_INVALID] = "invalid value",
};

const char *err_text(enum err err)
{
    ensure((unsigned)err < ERR_COUNT);
    return err_texts[err];
}

enum err err_from_errno(int errno_value)
{
    switch (errno_value) {
    case 0: return ERR_NONE;
    case ENOSPC:
    case EDQUOT: return ERR_NO_SPACE;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EEXIST:
    case EADDRINUSE: return ERR_EXISTS;
    case EWOULDBLOCK: /* what flock says of a lock that is held */
    case EBUSY: return ERR_LOCKED;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_PERMISSION;
    case ECONNREFUSED: return ERR_REFUSED;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL: return ERR_UNREACHABLE;
    case EFBIG: return ERR_TOO_LARGE;
    case EINVAL:
    case ENAMETOOLONG: return ERR_INVALID;
    case ENOTSUP:
    case EAFNOSUPPORT:
    case ENOSYS: return ERR_UNSUPPORTED;
    default: return ERR_IO;
    }
}
