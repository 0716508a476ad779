/* Writing a snapshot: header, auxiliary fields, libraries, then every key of every database.
 *
 * The order is that of Valkey 9.1.2, so that two files of the same data differ in times only:
 * auxiliary fields, libraries, then for each database SELECTDB, RESIZEDB and its keys, slot by
 * slot in cluster mode, each slot behind its own "slot-info". */
#include "base/digest.h"
#include "base/ensure.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "persist/internal.h"

#include <inttypes.h>
#include <stdio.h>

#define PROGRESS_PERIOD (64 * KIB)
#define FIELD_TEXT_MAX  128

struct snapshot_writer {
    struct rdb_writer out;
    const struct keyspace *keyspace;
    const struct snapshot_options *options;
    struct snapshot_error *error;
    uint64_t keys;
    uint64_t reported; /* bytes at the last progress report */
};

static void put_field(struct snapshot_writer *writer, const char *name, struct bytes value)
{
    rdb_put_byte(&writer->out, RDB_AUX);
    rdb_put_string(&writer->out, bytes_text(name));
    rdb_put_string(&writer->out, value);
}

static void put_field_integer(struct snapshot_writer *writer, const char *name, int64_t value)
{
    char text[NUMBER_TEXT_MAX];
    put_field(writer, name, bytes_of(text, number_print(value, text)));
}

static void put_header(struct snapshot_writer *writer)
{
    const struct snapshot_options *options = writer->options;
    const struct snapshot_lineage *lineage = &options->lineage;
    bool is_old = options->version == SNAPSHOT_VERSION_OLD;
    ensure(is_old || options->version == SNAPSHOT_VERSION);
    ensure(!(options->has_idle_times && options->has_frequencies));

    rdb_put_bytes(&writer->out, is_old ? BYTES("REDIS0011") : BYTES("VALKEY080"));
    put_field(writer, "valkey-ver", bytes_text(options->server_version));
    put_field_integer(writer, "redis-bits", 64);
    put_field_integer(writer, "ctime", options->wall_ms / 1000);
    put_field_integer(writer, "used-mem", (int64_t)options->memory_used);
    if (lineage->is_known) {
        put_field_integer(writer, "repl-stream-db", MAX(lineage->db, 0));
        put_field(writer, "repl-id", bytes_of(lineage->id, SNAPSHOT_ID_SIZE));
        put_field_integer(writer, "repl-offset", lineage->offset);
    }
    put_field_integer(writer, "aof-base", options->is_append_base);
    if (options->slot_states.size > 0)
        put_field(writer, "cluster-slot-states", options->slot_states);
    for (size_t i = 0; i < options->library_count; i++) {
        rdb_put_byte(&writer->out, RDB_FUNCTION);
        rdb_put_string(&writer->out, options->libraries[i]);
    }
}

static void count_volatile(void *context, const struct entry *entry)
{
    size_t *count = context;
    *count += entry_expiry_ms(entry) != EXPIRY_NONE;
}

static void put_slot(struct snapshot_writer *writer, uint32_t db, uint32_t slot)
{
    char text[FIELD_TEXT_MAX];
    size_t keys = keyspace_slot_count(writer->keyspace, db, slot);
    size_t volatile_keys = 0;
    (void)keyspace_visit_slot(writer->keyspace, db, slot, keys, count_volatile, &volatile_keys);
    /* The last number counts keys with field expiry: none, as there are no hashes yet. */
    int size = snprintf(text, sizeof(text), "%" PRIu32 ",%zu,%zu,0", slot, keys, volatile_keys);
    put_field(writer, "slot-info", bytes_of(text, (size_t)size));
}

static void put_database(struct snapshot_writer *writer, uint32_t db)
{
    struct keyspace_database_stats stats;
    keyspace_database_stats_read(writer->keyspace, db, writer->options->wall_ms, &stats);
    rdb_put_byte(&writer->out, RDB_SELECT);
    rdb_put_length(&writer->out, db);
    rdb_put_byte(&writer->out, RDB_RESIZE);
    rdb_put_length(&writer->out, stats.keys);
    rdb_put_length(&writer->out, stats.volatile_keys);
}

static enum err put_key(struct snapshot_writer *writer, const struct entry *entry)
{
    const struct snapshot_options *options = writer->options;
    time_ms expiry_ms = entry_expiry_ms(entry);
    uint8_t number;
    enum err err = rdb_entry_number(entry, options->version, &number);
    if (err) {
        struct bytes key = entry_key(entry);
        (void)snprintf(writer->error->reason, sizeof(writer->error->reason),
                       "key %.*s: its type %s has no form in version %d",
                       (int)MIN(key.size, (size_t)100), key.data,
                       value_type_name(entry_type(entry)), options->version);
        return err;
    }
    if (expiry_ms != EXPIRY_NONE) {
        rdb_put_byte(&writer->out, RDB_EXPIRE_MS);
        rdb_put_little(&writer->out, (uint64_t)expiry_ms, 8);
    }
    if (options->has_idle_times) {
        rdb_put_byte(&writer->out, RDB_IDLE);
        rdb_put_length(&writer->out,
                       keyspace_idle_seconds(writer->keyspace, entry, options->wall_ms));
    } else if (options->has_frequencies) {
        rdb_put_byte(&writer->out, RDB_FREQUENCY);
        rdb_put_byte(&writer->out, keyspace_frequency(writer->keyspace, entry, options->wall_ms));
    }
    rdb_put_byte(&writer->out, number);
    rdb_put_string(&writer->out, entry_key(entry));
    rdb_put_value(&writer->out, entry);
    writer->keys++;
    return writer->out.err;
}

static void report(struct snapshot_writer *writer)
{
    const struct snapshot_options *options = writer->options;
    if (options->progress == NULL) return;
    if (writer->out.bytes - writer->reported < PROGRESS_PERIOD) return;
    writer->reported = writer->out.bytes;
    options->progress(options->progress_context, writer->out.bytes, writer->keys);
}

static enum err put_keys(struct snapshot_writer *writer)
{
    struct keyspace_walk walk;
    bool is_clustered = keyspace_is_clustered(writer->keyspace);
    int64_t db = -1;
    int64_t slot = -1;
    keyspace_walk_init(&walk);
    for (;;) {
        const struct entry *entry = keyspace_walk_next(writer->keyspace, &walk);
        if (entry == NULL) return writer->out.err;
        if (walk.db != db) {
            put_database(writer, walk.db);
            db = walk.db;
            slot = -1;
        }
        if (is_clustered && walk.slot != slot) {
            put_slot(writer, walk.db, walk.slot);
            slot = walk.slot;
        }
        enum err err = put_key(writer, entry);
        if (err) return err;
        report(writer);
    }
}

enum err snapshot_write(struct sink *sink, const struct keyspace *keyspace,
                        const struct snapshot_options *options, struct snapshot_error *error)
{
    struct snapshot_writer writer = { .keyspace = keyspace, .options = options, .error = error };
    error->reason[0] = '\0';
    rdb_writer_init(&writer.out, sink, options->is_compressed, options->has_checksum);
    put_header(&writer);
    enum err err = options->has_keys ? put_keys(&writer) : ERR_NONE;
    if (!err) {
        rdb_put_byte(&writer.out, RDB_END);
        rdb_flush(&writer.out); /* what is summed ends here */
        rdb_put_little(&writer.out, writer.out.crc, RDB_CHECKSUM_SIZE);
        rdb_flush(&writer.out);
        err = writer.out.err;
    }
    if (err && error->reason[0] == '\0')
        (void)snprintf(error->reason, sizeof(error->reason), "after %" PRIu64 " bytes: %s",
                       writer.out.bytes, err_text(err));
    rdb_writer_fini(&writer.out);
    return err;
}

/* ---- to a file ---- */

struct file_sink {
    struct sink sink; /* first: what we are given is a pointer to it */
    struct file *file;
    uint64_t unsynced;
};

/* Written pages are pushed out as it goes, or the sync at the end would stall for all of them. */
#define SYNC_PERIOD (4 * MIB)

static enum err file_sink_write(struct sink *sink, struct bytes bytes)
{
    struct file_sink *to = CONTAINER_OF(sink, struct file_sink, sink);
    enum err err = file_append(to->file, bytes);
    to->unsynced += bytes.size;
    if (err || to->unsynced < SYNC_PERIOD) return err;
    to->unsynced = 0;
    return file_sync(to->file);
}

static void print_temporary(char *name, size_t capacity, long process_id)
{
    (void)snprintf(name, capacity, "temp-%ld.rdb", process_id);
}

static void remove_temporary(struct disk *disk, const char *name)
{
    if (disk_remove(disk, name) == ERR_IO)
        log_warning("%s could not be removed after a failed save", name);
}

void snapshot_forget(struct disk *disk, long process_id)
{
    char temporary[64];
    print_temporary(temporary, sizeof(temporary), process_id);
    remove_temporary(disk, temporary);
}

enum err snapshot_save(struct disk *disk, const char *name, long process_id,
                       const struct keyspace *keyspace, const struct snapshot_options *options,
                       struct snapshot_error *error)
{
    char temporary[64];
    print_temporary(temporary, sizeof(temporary), process_id);
    struct file_sink sink = { .sink = { .write = file_sink_write } };
    const char *doing = "open";
    enum err err = disk_open(disk, temporary, DISK_CREATE, &sink.file);
    error->reason[0] = '\0';
    if (!err) {
        doing = "write";
        err = snapshot_write(&sink.sink, keyspace, options, error);
        if (!err) {
            doing = "sync";
            err = file_sync(sink.file);
        }
        file_close(sink.file);
    }
    if (!err) {
        doing = "rename";
        err = disk_rename(disk, temporary, name);
    }
    if (!err) return ERR_NONE;

    if (error->reason[0] == '\0')
        (void)snprintf(error->reason, sizeof(error->reason), "cannot %s %s: %s", doing, temporary,
                       err_text(err));
    remove_temporary(disk, temporary);
    return err;
}
