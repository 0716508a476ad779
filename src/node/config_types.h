/* The kinds of value that a configuration holds: words that are choices, and small lists. */
#ifndef EIR_NODE_CONFIG_TYPES_H
#define EIR_NODE_CONFIG_TYPES_H

#include "base/units.h"

enum config_who { CONFIG_WHO_NOBODY, CONFIG_WHO_EVERYBODY, CONFIG_WHO_LOCAL }; /* no yes local */
enum config_fsync { CONFIG_FSYNC_EVERY_SECOND, CONFIG_FSYNC_ALWAYS, CONFIG_FSYNC_NO };
enum config_endpoint { CONFIG_ENDPOINT_IP, CONFIG_ENDPOINT_HOSTNAME, CONFIG_ENDPOINT_UNKNOWN };
enum config_save_behaviour { CONFIG_SAVE_SYNC, CONFIG_SAVE_BEST_EFFORT };
enum config_log_format { CONFIG_LOG_LEGACY, CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON };
enum config_log_time { CONFIG_TIME_LEGACY, CONFIG_TIME_ISO8601, CONFIG_TIME_MILLISECONDS };
enum config_oom { CONFIG_OOM_NO, CONFIG_OOM_YES, CONFIG_OOM_RELATIVE, CONFIG_OOM_ABSOLUTE };
enum config_channels { CONFIG_CHANNELS_NONE, CONFIG_CHANNELS_ALL };
enum config_load {
    CONFIG_LOAD_DISABLED,
    CONFIG_LOAD_ON_EMPTY,
    CONFIG_LOAD_SWAP,
    CONFIG_LOAD_FLUSH
};
enum config_propagation {
    CONFIG_PROPAGATION_IGNORE,
    CONFIG_PROPAGATION_PANIC,
    CONFIG_PROPAGATION_PANIC_ON_REPLICAS
};
enum config_version_check { CONFIG_VERSION_STRICT, CONFIG_VERSION_RELAXED };
enum config_tls_auth { CONFIG_TLS_AUTH_NO, CONFIG_TLS_AUTH_YES, CONFIG_TLS_AUTH_OPTIONAL };
enum config_tls_user { CONFIG_TLS_USER_OFF, CONFIG_TLS_USER_CN, CONFIG_TLS_USER_URI };
/* As enum loop_choice of os/loop.h, which this folder does not see. */
enum config_loop { CONFIG_LOOP_AUTO, CONFIG_LOOP_EPOLL, CONFIG_LOOP_URING };

enum config_supervised {
    CONFIG_SUPERVISED_NO,
    CONFIG_SUPERVISED_SYSTEMD,
    CONFIG_SUPERVISED_UPSTART,
    CONFIG_SUPERVISED_AUTO
};
enum config_policy {
    CONFIG_POLICY_VOLATILE_LRU,
    CONFIG_POLICY_VOLATILE_LFU,
    CONFIG_POLICY_VOLATILE_RANDOM,
    CONFIG_POLICY_VOLATILE_TTL,
    CONFIG_POLICY_ALLKEYS_LRU,
    CONFIG_POLICY_ALLKEYS_LFU,
    CONFIG_POLICY_ALLKEYS_RANDOM,
    CONFIG_POLICY_NOEVICTION
};

/* shutdown-on-sigterm, shutdown-on-sigint: several may be given; none is `default`. */
enum config_shutdown {
    CONFIG_SHUTDOWN_SAVE = 1,
    CONFIG_SHUTDOWN_NOSAVE = 2,
    CONFIG_SHUTDOWN_NOW = 4,
    CONFIG_SHUTDOWN_FORCE = 8,
    CONFIG_SHUTDOWN_SAFE = 16,
    CONFIG_SHUTDOWN_FAILOVER = 32
};

/* notify-keyspace-events: bit n belongs to the n-th character of this text; 'A' stands for all
 * but K, E, m and n. */
#define CONFIG_NOTIFY_LETTERS "KEg$lshzxetdmn"
enum config_notify {
    CONFIG_NOTIFY_KEYSPACE = 1 << 0,
    CONFIG_NOTIFY_KEYEVENT = 1 << 1,
    CONFIG_NOTIFY_GENERIC = 1 << 2,
    CONFIG_NOTIFY_STRING = 1 << 3,
    CONFIG_NOTIFY_LIST = 1 << 4,
    CONFIG_NOTIFY_SET = 1 << 5,
    CONFIG_NOTIFY_HASH = 1 << 6,
    CONFIG_NOTIFY_ZSET = 1 << 7,
    CONFIG_NOTIFY_EXPIRED = 1 << 8,
    CONFIG_NOTIFY_EVICTED = 1 << 9,
    CONFIG_NOTIFY_STREAM = 1 << 10,
    CONFIG_NOTIFY_MODULE = 1 << 11,
    CONFIG_NOTIFY_KEYMISS = 1 << 12,
    CONFIG_NOTIFY_NEW = 1 << 13,
    CONFIG_NOTIFY_ALL = 0xffc
};

struct config_words {
    char **items; /* owned, as is each word */
    size_t count;
};

struct config_save_point {
    int64_t seconds;
    int64_t changes;
};

struct config_save_points {
    struct config_save_point *items; /* owned */
    size_t count;
};

/* One `host:port` or `host:port@busport`; bus_port 0 means: derived from port. */
struct config_seed {
    char *host; /* owned; an IPv6 address without brackets */
    uint16_t port;
    uint16_t bus_port;
};

struct config_seeds {
    struct config_seed *items; /* owned */
    size_t count;
};

enum config_client_class {
    CONFIG_CLIENT_NORMAL,
    CONFIG_CLIENT_REPLICA,
    CONFIG_CLIENT_PUBSUB,
    CONFIG_CLIENT_CLASS_COUNT
};

struct config_output_limit {
    int64_t hard_bytes; /* 0: none */
    int64_t soft_bytes;
    int64_t soft_seconds;
};

struct config_output_limits {
    struct config_output_limit of[CONFIG_CLIENT_CLASS_COUNT];
};

struct config_oom_values {
    int of[3]; /* primary, replica, child process */
};

struct config_percentiles {
    double *items; /* owned */
    size_t count;
};

struct config_replicaof {
    char *host; /* owned; empty: a primary */
    int64_t port;
};

/* From `rename-command OLD NEW` lines, in order; an empty `to` removes the command. */
struct config_rename {
    char *from; /* owned */
    char *to;   /* owned */
    int64_t line;
};

struct config_renames {
    struct config_rename *items; /* owned */
    size_t count;
};

#endif
