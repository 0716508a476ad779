/* The logs of commands that took long, or were asked or answered in many bytes. */
#ifndef EIR_ENGINE_COMMANDLOG_H
#define EIR_ENGINE_COMMANDLOG_H

#include "base/bytes.h"
#include "base/list.h"

enum commandlog_kind {
    COMMANDLOG_SLOW,          /* microseconds */
    COMMANDLOG_LARGE_REQUEST, /* bytes */
    COMMANDLOG_LARGE_REPLY,   /* bytes */
    COMMANDLOG_KINDS,
};

struct commandlog {
    struct list entries; /* the newest first */
    size_t count;
    uint64_t id_next;
};

/* What the configuration says of one log. */
struct commandlog_limits {
    int64_t threshold; /* from this value on; negative: nothing is logged */
    size_t length_max;
};

struct call;

void commandlogs_init(struct commandlog logs[COMMANDLOG_KINDS]);
void commandlogs_fini(struct commandlog logs[COMMANDLOG_KINDS]);

/* A command that is done: every log whose threshold it reaches takes it. */
void commandlog_note(const struct call *call, const uint64_t values[COMMANDLOG_KINDS]);

#endif
