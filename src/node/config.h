/* The configuration: read at start, shown and changed at run time, written back to its file.
 *
 * Nothing here has an effect on the node. A change is made in three steps: config_set() checks all
 * pairs and changes the values; the caller carries the change out (ports, limits, timers), told by
 * the areas what to look at; if that fails it puts the former values back with config_swap(). */
#ifndef EIR_NODE_CONFIG_H
#define EIR_NODE_CONFIG_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/disk.h"
#include "node/config_values.h"

/* Everything at its default. */
struct config *config_create(void);
void config_destroy(struct config *config); /* NULL is allowed */
struct config *config_copy(const struct config *config);
void config_swap(struct config *a, struct config *b);

/* ---- at start ---- */

/* The command line: `[file] [--option value ...] [-]`, arguments without the program's name. */
struct config_arguments {
    char *file;            /* owned; NULL: none */
    bool wants_input;      /* "-" stood last: standard input holds more lines */
    struct buffer options; /* the --options as configuration lines */
};

/* What is wrong, and where. */
enum config_error_kind {
    CONFIG_ERROR_LINE,  /* of one line */
    CONFIG_ERROR_WHOLE, /* of lines that do not go together */
    CONFIG_ERROR_FILE,  /* a file could not be read; `reason` says all */
};

struct config_error {
    enum config_error_kind kind;
    int64_t line;         /* in its file; the command line's options follow behind the file */
    struct buffer text;   /* the line itself */
    struct buffer reason; /* what was expected */
};

void config_arguments_init(struct config_arguments *arguments, int count, char *const *words);
void config_arguments_fini(struct config_arguments *arguments);

void config_error_init(struct config_error *error);
void config_error_fini(struct config_error *error);
/* The report as the operator reads it on standard error: "*** FATAL CONFIG FILE ERROR ...". */
void config_error_print(const struct config_error *error, struct buffer *into);

/* Reads the file, then `input` (standard input, may be empty), then the options; later lines
 * override earlier ones. `directory` is the absolute working directory, to remember where the file
 * is. On false the server must not start: `error` says why. */
NODISCARD bool config_load(struct config *config, struct disk *disk, const char *directory,
                           const struct config_arguments *arguments, struct bytes input,
                           struct config_error *error);
/* Configuration text alone; `include` needs the disk, without one (NULL) it is refused. */
NODISCARD bool config_parse(struct config *config, struct disk *disk, struct bytes text,
                            struct config_error *error);

/* A `rename-command` line that the command table does not follow: no such command, name taken. */
void config_error_rename(struct config_error *error, const struct config_rename *rename,
                         const char *reason);

/* What an operator must be told: options that are set and mean nothing here (yet). */
typedef void (*config_warning_visit)(void *context, bool is_grave, const char *message);
/* At start: all that are not at their default. */
void config_warnings(const struct config *config, config_warning_visit visit, void *context);
/* After CONFIG SET: those that it changed. */
void config_warnings_of_change(const struct config *config, const struct config *before,
                               config_warning_visit visit, void *context);

/* ---- at run time ---- */

/* What a change touches; a mask of these comes out of config_set. */
enum config_area {
    CONFIG_AREA_NONE = 0,
    CONFIG_AREA_LISTEN = 1 << 0,     /* bind, port, unix socket: listeners */
    CONFIG_AREA_CLIENTS = 1 << 1,    /* maxclients, timeouts, buffers of clients */
    CONFIG_AREA_MEMORY = 1 << 2,     /* maxmemory, policy, samples */
    CONFIG_AREA_ENCODING = 1 << 3,   /* when small collections become large ones */
    CONFIG_AREA_TIMERS = 1 << 4,     /* hz, active-expire-effort */
    CONFIG_AREA_LOG = 1 << 5,        /* level, format */
    CONFIG_AREA_SECURITY = 1 << 6,   /* requirepass, protected-mode, ACL defaults */
    CONFIG_AREA_NOTIFY = 1 << 7,     /* notify-keyspace-events, tracking */
    CONFIG_AREA_COMMANDLOG = 1 << 8, /* slow log, large requests and replies, latency */
    CONFIG_AREA_SNAPSHOT = 1 << 9,   /* save points, file name */
    CONFIG_AREA_APPENDLOG = 1 << 10, /* appendonly, appendfsync */
    CONFIG_AREA_REPLICATION = 1 << 11,
    CONFIG_AREA_CLUSTER = 1 << 12,
    CONFIG_AREA_ANNOUNCE = 1 << 13,  /* what this node tells others about its addresses */
    CONFIG_AREA_PROCESS = 1 << 14,   /* title, oom score */
    CONFIG_AREA_DIRECTORY = 1 << 15, /* dir: change the working directory */
    CONFIG_AREA_TLS = 1 << 16,
};

/* Every name, value pair whose name matches a pattern, each name once. A name asked for without
 * wildcards comes back as it was written. `value` is valid during the call. */
void config_get(const struct config *config, const struct bytes *patterns, size_t count,
                void (*visit)(void *context, struct bytes name, struct bytes value), void *context);
/* The value of one option as CONFIG GET prints it; false when there is no such name. */
bool config_print(const struct config *config, struct bytes name, struct buffer *into);

struct config_set_result {
    struct config *before; /* owned by the caller: all former values; NULL when nothing was set */
    uint32_t areas;        /* of options whose value is another one now */
};

/* All of the name, value pairs, or none. On false `error` holds the text of the error reply, code
 * word included ("ERR CONFIG SET failed ..."). `is_local`: the client is on a loopback address or
 * unix socket (enable-protected-configs local). */
NODISCARD bool config_set(struct config *config, const struct bytes *pairs, size_t pair_count,
                          bool is_local, struct config_set_result *result, struct buffer *error);
/* The error for a change that was valid but could not be carried out; names the first pair that
 * touches one of the areas. */
void config_set_failed(const struct bytes *pairs, size_t pair_count, uint32_t areas,
                       const char *reason, struct buffer *error);

/* The working directory, once the caller knows its absolute name. */
void config_directory_set(struct config *config, const char *directory);

/* What REPLICAOF says is what `replicaof` would say: CONFIG GET and REWRITE show it. An empty host
 * is a primary. */
void config_put_replicaof(struct config *config, const char *host, int64_t port);

/* Puts the values of now into the file it came from: lines are replaced in place, comments and
 * order stay, the rest is added below "# Generated by CONFIG REWRITE". Crash-safe. ERR_NOT_FOUND:
 * the server runs without a file. */
NODISCARD enum err config_rewrite(const struct config *config, struct disk *disk, bool writes_all);
/* The same on text alone. */
void config_rewrite_text(const struct config *config, struct bytes old, bool writes_all,
                         struct buffer *into);

/* ---- the rows, for tests and the written reference ---- */

enum config_flag {
    CONFIG_IMMUTABLE = 1 << 0, /* at start only */
    CONFIG_PROTECTED = 1 << 1, /* by CONFIG SET only with enable-protected-configs */
    CONFIG_SECRET = 1 << 2,    /* its value never goes into a log */
    CONFIG_HIDDEN = 1 << 3,    /* CONFIG GET shows it only by its full name */
    CONFIG_GRAVE = 1 << 4,     /* unused here and trusted by operators: warned about loudly */
    CONFIG_OURS = 1 << 5,      /* no option of Valkey's */
};

struct config_kind;

/* A word of an enumeration; a list of them ends with a NULL name. */
struct config_word {
    const char *name;
    int value;
};

/* NULL when the text may be taken, else the reason why not. */
typedef const char *(*config_check)(struct bytes text);

struct config_row {
    const char *name;
    const char *alias;              /* another spelling, or NULL */
    const struct config_kind *kind; /* how it is read and printed */
    size_t offset;                  /* of the field in struct config */
    const char *preset;             /* the default, as CONFIG GET prints it */
    int64_t min, max;               /* of numbers, in the unit of the option; else refused */
    int64_t least, most;            /* a number beyond these is pulled in; both 0: none */
    const struct config_word *words;
    config_check check; /* of texts, or NULL */
    uint32_t flags;     /* enum config_flag */
    uint32_t area;      /* enum config_area */
    const char *text;   /* one sentence */
    const char *unused; /* why it means nothing here (yet); NULL: honoured */
};

size_t config_row_count(void);
const struct config_row *config_row_at(size_t index);
/* By name or alias, case ignored; NULL when there is none. */
const struct config_row *config_row_find(struct bytes name);

#endif
