/* A command is one row: how it is called, what it may do, where its keys are, what a reader of
 * COMMAND DOCS is told. Everything else that is known about commands derives from the rows.
 *
 * A folder that has commands exports an array of rows and registers it with engine_register.
 * What a row need not say: COMMAND's first/last/step and "movablekeys" follow from `keys`; the
 * categories read, write, admin, dangerous, pubsub, blocking, fast and slow follow from the
 * flags; the arguments of COMMAND DOCS follow from `args`. */
#ifndef EIR_ENGINE_COMMAND_H
#define EIR_ENGINE_COMMAND_H

#include "base/bytes.h"

struct call;

/* Flags up to CMD_SHOWN_LAST are those of COMMAND INFO, in the order of that reply. */
enum command_flag {
    CMD_WRITE = 1 << 0,
    CMD_READ = 1 << 1,     /* "readonly" */
    CMD_DENY_OOM = 1 << 2, /* may need memory: refused while over maxmemory */
    CMD_ADMIN = 1 << 3,    /* gives the categories admin and dangerous */
    CMD_PUBSUB = 1 << 4,
    CMD_NO_SCRIPT = 1 << 5,
    CMD_LOADING = 1 << 6, /* allowed while loading */
    CMD_STALE = 1 << 7,   /* allowed on a replica that lost its primary */
    CMD_SKIP_MONITOR = 1 << 8,
    CMD_OPTIONAL_KEYS = 1 << 9, /* "no_mandatory_keys": may be called without any key */
    CMD_NO_ASYNC_LOADING = 1 << 10,
    CMD_BLOCKING = 1 << 11,
    CMD_FAST = 1 << 12,         /* without it: category slow */
    CMD_MOVABLE_KEYS = 1 << 13, /* derived, never in a row */
    CMD_NO_AUTH = 1 << 14,      /* allowed before authentication */
    CMD_NO_MULTI = 1 << 15,
    CMD_ALLOW_BUSY = 1 << 16, /* allowed while a script runs too long */
    CMD_SKIP_LOG = 1 << 17,   /* "skip_commandlog" */
    CMD_ASKING = 1 << 18,     /* behaves as if ASKING had been sent before it */

    /* Not shown: */
    CMD_MAY_REPLICATE = 1 << 19, /* no write, yet it may reach replicas: waits while writes are
                                    paused (PUBLISH, EVAL, PFCOUNT) */
    CMD_IN_PUBSUB = 1 << 20,     /* allowed to RESP2 subscribers */
    CMD_NOT_QUEUED = 1 << 21,    /* runs at once inside MULTI (EXEC, DISCARD, RESET, QUIT) */
    CMD_IS_EXEC = 1 << 23,       /* stands for what was queued */
    CMD_IS_MIGRATE = 1 << 24,    /* is served while its slot is on its way */
    CMD_IN_MISCONF = 1 << 22,    /* no write, yet refused with the writes by MISCONF (PING) */
};
#define CMD_SHOWN_LAST CMD_ASKING

/* Categories of ACL, in the order of COMMAND INFO. A row names only those that do not follow
 * from its flags; ACL_DANGEROUS only where CMD_ADMIN is missing. */
enum acl_category {
    ACL_KEYSPACE = 1 << 0,
    ACL_READ = 1 << 1,
    ACL_WRITE = 1 << 2,
    ACL_SET = 1 << 3,
    ACL_SORTED_SET = 1 << 4,
    ACL_LIST = 1 << 5,
    ACL_HASH = 1 << 6,
    ACL_STRING = 1 << 7,
    ACL_BITMAP = 1 << 8,
    ACL_HYPERLOGLOG = 1 << 9,
    ACL_GEO = 1 << 10,
    ACL_STREAM = 1 << 11,
    ACL_PUBSUB = 1 << 12,
    ACL_ADMIN = 1 << 13,
    ACL_FAST = 1 << 14,
    ACL_SLOW = 1 << 15,
    ACL_BLOCKING = 1 << 16,
    ACL_DANGEROUS = 1 << 17,
    ACL_CONNECTION = 1 << 18,
    ACL_TRANSACTION = 1 << 19,
    ACL_SCRIPTING = 1 << 20,
};
#define ACL_CATEGORY_COUNT 21

enum command_group {
    GROUP_GENERIC,
    GROUP_STRING,
    GROUP_LIST,
    GROUP_SET,
    GROUP_SORTED_SET,
    GROUP_HASH,
    GROUP_PUBSUB,
    GROUP_TRANSACTIONS,
    GROUP_CONNECTION,
    GROUP_SERVER,
    GROUP_SCRIPTING,
    GROUP_HYPERLOGLOG,
    GROUP_CLUSTER,
    GROUP_GEO,
    GROUP_STREAM,
    GROUP_BITMAP,
};

enum doc_flag {
    DOC_DEPRECATED = 1 << 0,
    DOC_SYSTEM = 1 << 1, /* "syscmd" */
};

/* --- keys ------------------------------------------------------------------------------- */

enum key_flag {
    KEY_RO = 1 << 0,     /* reads the value */
    KEY_RW = 1 << 1,     /* reads and writes it */
    KEY_OW = 1 << 2,     /* overwrites it unseen */
    KEY_RM = 1 << 3,     /* removes it unseen */
    KEY_ACCESS = 1 << 4, /* gives data of the value away */
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_IS_CHANNEL = 1 << 8,      /* "not_key": routed like a key, but none */
    KEY_INCOMPLETE = 1 << 9,      /* the spec does not find all of them */
    KEY_VARIABLE_FLAGS = 1 << 10, /* the flags depend on the arguments */
};

enum key_begin { KEY_SPEC_END, KEY_BEGIN_INDEX, KEY_BEGIN_KEYWORD, KEY_BEGIN_UNKNOWN };
enum key_find { KEY_FIND_RANGE, KEY_FIND_NUMBER, KEY_FIND_UNKNOWN };

/* Where some keys of a command are: a beginning, and what to take from there. */
struct key_spec {
    uint8_t begin; /* enum key_begin; KEY_SPEC_END closes a list of specs */
    uint8_t find;  /* enum key_find */
    int16_t start; /* INDEX: the argument; KEYWORD: where the search starts, negative:
                      from the end, backwards */
    int16_t last;  /* RANGE: last key, relative to the beginning, negative: from the end.
                      NUMBER: place of the number, relative to the beginning */
    int16_t first; /* NUMBER: the first key, relative to the beginning */
    int16_t step;
    int16_t limit;  /* RANGE with last -1: take 1/limit of the rest; 0: all */
    uint16_t flags; /* enum key_flag; 0: those of `key_flags`, or what CMD_READ (RO access)
                       and CMD_WRITE (RW update) suggest */
    const char *keyword;
    const char *notes;
};

#define KEYS(...) ((const struct key_spec[]){ __VA_ARGS__, { .begin = KEY_SPEC_END } })
#define SPEC_RANGE(at, until, by, ...)                                                             \
    {                                                                                              \
        .begin = KEY_BEGIN_INDEX, .find = KEY_FIND_RANGE, .start = (at),                           \
        .last = (until) < 0 ? (until) : (until) - (at), .step = (by), __VA_ARGS__                  \
    }
#define SPEC_AT(at, ...) SPEC_RANGE(at, at, 1, __VA_ARGS__)
#define SPEC_NUMBER(at, number, first_key, by, ...)                                                \
    {                                                                                              \
        .begin = KEY_BEGIN_INDEX, .find = KEY_FIND_NUMBER, .start = (at), .last = (number),        \
        .first = (first_key), .step = (by), __VA_ARGS__                                            \
    }
/* The key stands behind a word of the arguments: STORE key. */
#define SPEC_WORD(word, from, ...)                                                                 \
    {                                                                                              \
        .begin = KEY_BEGIN_KEYWORD, .find = KEY_FIND_RANGE, .keyword = (word), .start = (from),    \
        .step = 1, __VA_ARGS__                                                                     \
    }
#define SPEC_UNKNOWN(...)                                                                          \
    {                                                                                              \
        .begin = KEY_BEGIN_UNKNOWN, .find = KEY_FIND_UNKNOWN, __VA_ARGS__                          \
    }

/* The common shapes: one key; keys from argument `first` to `last` (-1: the end); a number of keys
 * at argument `at` and the keys behind it. */
#define KEY_AT(at)                   KEYS(SPEC_AT(at))
#define KEY_RANGE(first, last, step) KEYS(SPEC_RANGE(first, last, step))
#define KEY_NUMKEYS(at)              KEYS(SPEC_NUMBER(at, 0, 1, 1))

/* One key found in a request. */
struct key_place {
    uint32_t index; /* argument */
    uint32_t flags; /* enum key_flag */
};
struct key_places {
    struct key_place *items; /* owned */
    uint32_t count;
    uint32_t capacity;
};
void key_places_add(struct key_places *places, uint32_t index, uint32_t flags);

/* --- the row ---------------------------------------------------------------------------- */

/* `args` says how the arguments look; COMMAND DOCS makes its tree of it:
 *
 *   args    = arg { " " arg }
 *   arg     = "[" item "]"                         optional
 *           | item
 *   item    = kind { suffix }
 *   kind    = TOKEN                                 a word to be typed; named after itself
 *           | name ":" TOKEN                        the same under another name
 *           | [TOKEN "="] name [":" type]           a value, behind a word if there is one
 *           | [TOKEN "="] name "(" item { "|" item } ")"   one of them
 *           | [TOKEN "="] name "{" arg { " " arg } "}"     all of them, in order
 *   suffix  = "..."         may be repeated
 *           | "+..."        may be repeated, TOKEN included
 *           | "#" number    belongs to that key spec (a value of type key: 0 unless said)
 *           | "/" text      what a syntax line calls it, when not its name
 *           | "@" version   exists since
 *           | "@-" version  deprecated since
 *           | "<" text ">"  a sentence about it
 *   TOKEN   = capitals, digits, "-", "_"; or anything in single quotes
 *   type    = string (nothing said) | key (also when the name is "key") | integer | double
 *           | pattern | unix-time
 *
 *   "key seconds:integer [condition(NX|XX|GT|LT)@7.0.0]" */
#define MEMBER_LAST UINT8_MAX /* the last argument */

struct command {
    const char *name; /* lower case; a subcommand's own word only */
    void (*run)(struct call *call);
    int arity;          /* words of the request, name included; negative: at least so many */
    uint32_t flags;     /* enum command_flag */
    uint32_t acl;       /* enum acl_category */
    uint16_t key_flags; /* of the first key spec */
    uint8_t group;      /* enum command_group */
    uint8_t doc_flags;  /* enum doc_flag */
    uint8_t member;     /* the argument that names an element of the collection at the first key:
                           looked up ahead (members.c); 0: none */
    const struct key_spec *keys; /* NULL: no keys */
    /* Where specs do not suffice (SORT, MIGRATE): adds every key of a request that passed the
     * arity check; false when the arguments make no sense. With KEY_VARIABLE_FLAGS in the first
     * spec the specs name the same keys, and only the flags are more exact. */
    bool (*find_keys)(const struct bytes *argv, uint32_t argc, struct key_places *places);
    const char *args;
    const char *since;
    const char *complexity;
    const char *summary;
    const char *tips;    /* separated by spaces */
    const char *history; /* "6.0.0 text\n7.0.0 text" */
    const char *deprecated_since;
    const char *replaced_by;
    const struct command *subcommands; /* closed by a row without a name */
};

/* May a request have so many words? */
static inline bool command_takes(const struct command *command, uint32_t argc)
{
    int arity = command->arity;
    return arity >= 0 ? argc == (uint32_t)arity : argc >= (uint32_t)-arity;
}

#endif
