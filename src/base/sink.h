/* Where bytes go that are written in one go: a file, a pipe, a buffer. */
#ifndef EIR_BASE_SINK_H
#define EIR_BASE_SINK_H

#include "base/bytes.h"
#include "base/err.h"

/* Embedded as the first member. */
struct sink {
    enum err (*write)(struct sink *sink, struct bytes bytes);
};

#endif
