/* Snapshots in RDB format: written to a sink or a file, read by a parser that is fed.
 *
 * Writing walks a keyspace that must not change meanwhile (the child after a fork). Reading is
 * resumable at every byte: feed it whatever came from a file or a primary; it fills a keyspace
 * that nobody else uses yet. What it cannot keep it refuses by name; it never drops anything
 * silently, except keys that have expired, which it counts. */
#ifndef EIR_PERSIST_SNAPSHOT_H
#define EIR_PERSIST_SNAPSHOT_H

#include "base/buffer.h"
#include "base/disk.h"
#include "base/err.h"
#include "base/sink.h"
#include "keyspace/keyspace.h"

#define SNAPSHOT_VERSION_OLD 11 /* REDIS0011: for replicas older than 9.0.0 */
#define SNAPSHOT_VERSION     80 /* VALKEY080 */
#define SNAPSHOT_ID_SIZE     40
#define SNAPSHOT_REASON_SIZE 256

/* Why it failed, for a log line: what, where and why. */
struct snapshot_error {
    char reason[SNAPSHOT_REASON_SIZE]; /* "offset 1234: string of 7 bytes where 16 are needed" */
};

/* Where in which history of replication the data stands. */
struct snapshot_lineage {
    bool is_known; /* false: the aux fields are left out, or were not there */
    char id[SNAPSHOT_ID_SIZE];
    int64_t offset;
    int64_t db; /* selected in the stream */
};

/* ---- writing ---- */

struct snapshot_options {
    int version;                /* one of the two above */
    bool is_compressed;         /* rdbcompression */
    bool has_checksum;          /* rdbchecksum */
    bool has_keys;              /* false: rdb-filter-only left the data out */
    bool has_idle_times;        /* an LRU policy rules: write how long keys were idle */
    bool has_frequencies;       /* an LFU policy does; at most one of the two */
    bool is_append_base;        /* aof-base */
    const char *server_version; /* valkey-ver: "9.1.2" */
    time_ms wall_ms;
    uint64_t memory_used;
    struct snapshot_lineage lineage;
    struct bytes slot_states;      /* cluster-slot-states; empty: not written */
    const struct bytes *libraries; /* function libraries, raw text with their "#!" line */
    size_t library_count;
    /* Called about every 64 KiB; NULL: nobody looks. */
    void (*progress)(void *context, uint64_t bytes, uint64_t keys);
    void *progress_context;
};

/* ERR_UNSUPPORTED when a value cannot be said in this version; otherwise what the sink said. */
NODISCARD enum err snapshot_write(struct sink *sink, const struct keyspace *keyspace,
                                  const struct snapshot_options *options,
                                  struct snapshot_error *error);
/* Crash-safe: to temp-<process id>.rdb, synced, renamed over `name`, directory synced. On an
 * error the old file is what it was and the temporary one is gone. */
NODISCARD enum err snapshot_save(struct disk *disk, const char *name, long process_id,
                                 const struct keyspace *keyspace,
                                 const struct snapshot_options *options,
                                 struct snapshot_error *error);

/* Removes what a save of this process left when it was killed. */
void snapshot_forget(struct disk *disk, long process_id);

/* ---- reading ---- */

struct snapshot_reader_options {
    struct keyspace *keyspace; /* empty; borrowed, and filled */
    time_ms wall_ms;
    bool keeps_expired;    /* a replica, and the base of an append log */
    bool is_relaxed;       /* rdb-version-check relaxed */
    bool ignores_checksum; /* rdbchecksum no */
    bool keeps_libraries;  /* function libraries are taken out of the result; else refused */
};

struct snapshot_result {
    struct snapshot_lineage lineage;
    int version;
    char server_version[32]; /* of the writer; empty: not told */
    int64_t created_s;       /* ctime; 0: not told */
    bool is_append_base;
    uint64_t keys_loaded;
    uint64_t keys_expired;     /* dropped */
    uint64_t bytes;            /* of the snapshot, checksum included */
    uint64_t modules_skipped;  /* auxiliary data of modules, walked over: tell the operator */
    struct buffer slot_states; /* cluster-slot-states */
    struct bytes *libraries;   /* owned by the reader; terminated texts */
    size_t library_count;
};

struct snapshot_reader;

struct snapshot_reader *snapshot_reader_create(const struct snapshot_reader_options *options);
void snapshot_reader_destroy(struct snapshot_reader *reader); /* NULL is allowed */
/* Takes bytes in. *consumed is less than their size only when the snapshot ended before them
 * (an append log or the stream may follow). After an error there is nothing more to do. */
NODISCARD enum err snapshot_reader_feed(struct snapshot_reader *reader, struct bytes bytes,
                                        size_t *consumed);
/* The end was read and its checksum is right. */
bool snapshot_reader_is_complete(const struct snapshot_reader *reader);
/* No more bytes come: ERR_TRUNCATED unless it is complete. */
NODISCARD enum err snapshot_reader_end(struct snapshot_reader *reader);
const struct snapshot_result *snapshot_reader_result(const struct snapshot_reader *reader);
const struct snapshot_error *snapshot_reader_error(const struct snapshot_reader *reader);

/* The whole file at once, for tools and tests; a node feeds slices. ERR_NOT_FOUND: no such file,
 * which is no error at a first start. */
NODISCARD enum err snapshot_load(struct disk *disk, const char *name,
                                 struct snapshot_reader *reader);

#endif
