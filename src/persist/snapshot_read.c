/* Reading a snapshot that comes in pieces: a state machine over units.
 *
 * A unit is what is understood at once: the header, an opcode with its payload, the type and key
 * of a record, one piece of a value. A unit that is not wholly there is tried again from its start
 * when as many bytes came as it said it needs; so a value of a gigabyte is looked at twice, not
 * once for each piece. Bytes are used where they are; only a unit that is cut in two is copied. */
#include "base/digest.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"
#include "persist/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define FILE_SLICE_SIZE (1 * MIB)
#define BUFFER_KEEP_MAX (256 * KIB)

enum reader_state {
    READER_HEADER,
    READER_OPCODE,
    READER_VALUE,
    READER_MODULE, /* auxiliary data of a module, item by item */
    READER_CHECKSUM,
    READER_COMPLETE,
    READER_FAILED,
};

struct snapshot_reader {
    struct snapshot_reader_options options;
    struct snapshot_result result;
    struct snapshot_error error;
    enum reader_state state;
    enum err err;

    struct buffer waiting; /* the beginning of a unit */
    size_t needed;         /* bytes that `waiting` must hold for another try */
    uint64_t offset;       /* of the first byte that is not used yet */
    uint64_t crc;

    uint32_t db;
    time_ms expiry_ms; /* these belong to the next key */
    int64_t idle_s;    /* -1: not told */
    int frequency;     /* -1: not told */
    struct buffer key;
    struct buffer room; /* of names in auxiliary fields */
    struct rdb_decoder decoder;
};

struct snapshot_reader *snapshot_reader_create(const struct snapshot_reader_options *options)
{
    struct snapshot_reader *reader = memory_alloc_zero(sizeof(*reader));
    ensure(options->keyspace != NULL);
    reader->options = *options;
    reader->state = READER_HEADER;
    reader->needed = RDB_HEADER_SIZE;
    reader->expiry_ms = EXPIRY_NONE;
    reader->idle_s = -1;
    reader->frequency = -1;
    return reader;
}

void snapshot_reader_destroy(struct snapshot_reader *reader)
{
    if (reader == NULL) return;
    for (size_t i = 0; i < reader->result.library_count; i++)
        memory_free((char *)(uintptr_t)reader->result.libraries[i].data);
    memory_free(reader->result.libraries);
    buffer_fini(&reader->result.slot_states);
    buffer_fini(&reader->waiting);
    buffer_fini(&reader->key);
    buffer_fini(&reader->room);
    rdb_decoder_fini(&reader->decoder);
    memory_free(reader);
}

bool snapshot_reader_is_complete(const struct snapshot_reader *reader)
{
    return reader->state == READER_COMPLETE;
}

const struct snapshot_result *snapshot_reader_result(const struct snapshot_reader *reader)
{
    return &reader->result;
}

const struct snapshot_error *snapshot_reader_error(const struct snapshot_reader *reader)
{
    return &reader->error;
}

/* What is wrong at the start of the unit at hand. */
static enum rdb_token reader_refuse(struct snapshot_reader *reader, struct rdb_cursor *cursor,
                                    enum err err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum rdb_token reader_refuse(struct snapshot_reader *reader, struct rdb_cursor *cursor,
                                    enum err err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reader->error.reason, sizeof(reader->error.reason), format, arguments);
    va_end(arguments);
    return rdb_bad(cursor, err, reader->error.reason);
}

/* ---- header and end ---- */

static bool digits_parse(struct bytes text, int *value)
{
    *value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        *value = *value * 10 + (text.data[i] - '0');
    }
    return text.size > 0;
}

static enum rdb_token step_header(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    static const struct bytes new_magic = { "VALKEY", 6 };
    static const struct bytes old_magic = { "REDIS", 5 };
    struct bytes header;
    int version;
    enum rdb_token token = rdb_take_bytes(cursor, RDB_HEADER_SIZE, &header);
    if (token != RDB_OK) return token;
    bool is_new = bytes_starts_with(header, new_magic);
    if (!is_new && !bytes_starts_with(header, old_magic))
        return rdb_bad(cursor, ERR_MALFORMED, "no snapshot: neither VALKEY nor REDIS stands there");
    if (!digits_parse(bytes_from(header, is_new ? new_magic.size : old_magic.size), &version))
        return rdb_bad(cursor, ERR_MALFORMED, "the version is no number");
    if (is_new != (version >= SNAPSHOT_VERSION))
        return reader_refuse(reader, cursor, ERR_MALFORMED,
                             "version %d does not go with the magic %s", version,
                             is_new ? "VALKEY" : "REDIS");
    if (!rdb_version_is_readable(version, reader->options.is_relaxed))
        return reader_refuse(reader, cursor, ERR_UNSUPPORTED, "version %d is not supported",
                             version);
    reader->result.version = version;
    reader->state = READER_OPCODE;
    return RDB_OK;
}

static enum rdb_token step_checksum(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    uint64_t stored;
    enum rdb_token token = rdb_take_little(cursor, RDB_CHECKSUM_SIZE, &stored);
    if (token != RDB_OK) return token;
    /* Zero says that the writer did not compute it. */
    if (stored != 0 && stored != reader->crc && !reader->options.ignores_checksum)
        return reader_refuse(reader, cursor, ERR_CHECKSUM,
                             "checksum %016" PRIx64 " where the bytes give %016" PRIx64, stored,
                             reader->crc);
    reader->state = READER_COMPLETE;
    return RDB_OK;
}

/* ---- auxiliary fields ---- */

static enum rdb_token aux_integer(struct snapshot_reader *reader, struct rdb_cursor *cursor,
                                  const char *name, struct bytes value, int64_t *number)
{
    if (number_parse(value, number)) return RDB_OK;
    return reader_refuse(reader, cursor, ERR_MALFORMED, "field %s is no number", name);
}

static enum rdb_token aux_lineage(struct snapshot_reader *reader, struct rdb_cursor *cursor,
                                  struct bytes name, struct bytes value)
{
    struct snapshot_lineage *lineage = &reader->result.lineage;
    if (bytes_equal(name, BYTES("repl-stream-db")))
        return aux_integer(reader, cursor, "repl-stream-db", value, &lineage->db);
    if (bytes_equal(name, BYTES("repl-offset")))
        return aux_integer(reader, cursor, "repl-offset", value, &lineage->offset);
    if (value.size != SNAPSHOT_ID_SIZE)
        return rdb_bad(cursor, ERR_MALFORMED, "field repl-id has not 40 characters");
    memcpy(lineage->id, value.data, SNAPSHOT_ID_SIZE);
    lineage->is_known = true;
    return RDB_OK;
}

/* Names that we do not know mean nothing to us; those with "%" are for people only. */
static enum rdb_token aux_take(struct snapshot_reader *reader, struct rdb_cursor *cursor,
                               struct bytes name, struct bytes value)
{
    struct snapshot_result *result = &reader->result;
    int64_t number;
    if (bytes_starts_with(name, BYTES("repl-"))) {
        bool is_known = bytes_equal(name, BYTES("repl-stream-db")) ||
                        bytes_equal(name, BYTES("repl-offset")) ||
                        bytes_equal(name, BYTES("repl-id"));
        return is_known ? aux_lineage(reader, cursor, name, value) : RDB_OK;
    }
    if (bytes_equal(name, BYTES("valkey-ver")) || bytes_equal(name, BYTES("redis-ver"))) {
        (void)bytes_to_text(value, result->server_version, sizeof(result->server_version));
    } else if (bytes_equal(name, BYTES("ctime"))) {
        return aux_integer(reader, cursor, "ctime", value, &result->created_s);
    } else if (bytes_equal(name, BYTES("aof-base")) || bytes_equal(name, BYTES("aof-preamble"))) {
        enum rdb_token token = aux_integer(reader, cursor, "aof-base", value, &number);
        if (token != RDB_OK) return token;
        result->is_append_base = number != 0;
    } else if (bytes_equal(name, BYTES("cluster-slot-states"))) {
        buffer_clear(&result->slot_states);
        buffer_append(&result->slot_states, value);
    }
    return RDB_OK;
}

static enum rdb_token step_aux(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    struct bytes name;
    struct bytes value;
    enum rdb_token token = rdb_take_string(cursor, &reader->room, &name);
    if (token == RDB_OK) token = rdb_take_string(cursor, &reader->decoder.room, &value);
    if (token != RDB_OK) return token;
    return aux_take(reader, cursor, name, value);
}

/* ---- opcodes ---- */

static enum rdb_token step_select(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    uint64_t db;
    uint32_t count = keyspace_database_count(reader->options.keyspace);
    enum rdb_token token = rdb_take_length(cursor, &db);
    if (token != RDB_OK) return token;
    if (db >= count)
        return reader_refuse(reader, cursor, ERR_INVALID,
                             "database %" PRIu64 " where only %" PRIu32 " are configured", db,
                             count);
    reader->db = (uint32_t)db;
    return RDB_OK;
}

/* RESIZEDB and the slot information of 8.x: hints about sizes that we need not believe. */
static enum rdb_token skip_lengths(struct rdb_cursor *cursor, unsigned count)
{
    uint64_t length;
    enum rdb_token token = RDB_OK;
    while (count-- > 0 && token == RDB_OK) token = rdb_take_length(cursor, &length);
    return token;
}

static enum rdb_token step_expire(struct snapshot_reader *reader, struct rdb_cursor *cursor,
                                  bool is_seconds)
{
    uint64_t raw;
    enum rdb_token token = rdb_take_little(cursor, is_seconds ? 4 : 8, &raw);
    if (token != RDB_OK) return token;
    int64_t expiry_ms = is_seconds ? (int64_t)(int32_t)raw * 1000 : (int64_t)raw;
    /* -1 is how Valkey says none; any other time before 1970 is over as well as 1970 is. */
    reader->expiry_ms = expiry_ms == -1 ? EXPIRY_NONE : MAX(expiry_ms, 0);
    return RDB_OK;
}

static enum rdb_token step_idle(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    uint64_t seconds;
    enum rdb_token token = rdb_take_length(cursor, &seconds);
    if (token == RDB_OK) reader->idle_s = (int64_t)MIN(seconds, (uint64_t)INT32_MAX);
    return token;
}

static enum rdb_token step_frequency(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    uint8_t frequency;
    enum rdb_token token = rdb_take_byte(cursor, &frequency);
    if (token == RDB_OK) reader->frequency = frequency;
    return token;
}

static enum rdb_token step_function(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    struct snapshot_result *result = &reader->result;
    struct bytes text;
    enum rdb_token token = rdb_take_string(cursor, &reader->decoder.room, &text);
    if (token != RDB_OK) return token;
    if (!reader->options.keeps_libraries) {
        ptrdiff_t end = bytes_index_of(text, '\n');
        return reader_refuse(reader, cursor, ERR_UNSUPPORTED,
                             "a function library (%.*s): this build has no functions",
                             (int)MIN(end < 0 ? text.size : (size_t)end, (size_t)80), text.data);
    }
    result->libraries =
        memory_realloc(result->libraries, (result->library_count + 1) * sizeof(*result->libraries));
    result->libraries[result->library_count++] = bytes_of(bytes_copy_text(text), text.size);
    return RDB_OK;
}

/* The nine characters in the upper 54 bits of a module's number. */
static void module_name(uint64_t id, char name[10])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int i = 0; i < 9; i++) name[i] = letters[id >> (58 - 6 * i) & 63];
    name[9] = '\0';
}

static enum rdb_token step_module_aux(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    uint64_t id;
    uint64_t item;
    uint64_t when;
    enum rdb_token token = rdb_take_length(cursor, &id);
    if (token == RDB_OK) token = rdb_take_length(cursor, &item);
    if (token == RDB_OK) token = rdb_take_length(cursor, &when);
    if (token != RDB_OK) return token;
    if (item != 2 || when < 1 || when > 2) {
        char name[10];
        module_name(id, name);
        return reader_refuse(reader, cursor, ERR_MALFORMED,
                             "the data of module %s do not say when they belong", name);
    }
    reader->state = READER_MODULE;
    return RDB_OK;
}

static enum rdb_token step_module(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    uint64_t item;
    uint64_t number;
    struct bytes bytes;
    enum rdb_token token = rdb_take_length(cursor, &item);
    if (token != RDB_OK) return token;
    switch (item) {
    case 0:
        reader->result.modules_skipped++;
        reader->state = READER_OPCODE;
        return RDB_OK;
    case 1:
    case 2: return rdb_take_length(cursor, &number);
    case 3: return rdb_take_bytes(cursor, 4, &bytes);
    case 4: return rdb_take_bytes(cursor, 8, &bytes);
    case 5: return rdb_take_string(cursor, &reader->decoder.room, &bytes);
    default: return rdb_bad(cursor, ERR_MALFORMED, "an unknown item in the data of a module");
    }
}

/* ---- keys ---- */

static enum rdb_token step_key(struct snapshot_reader *reader, struct rdb_cursor *cursor,
                               uint8_t number)
{
    struct bytes key;
    const struct rdb_codec *codec = rdb_codec_at(number);
    if (codec == NULL ||
        (number == RDB_TYPE_LAST && rdb_version_is_foreign(reader->result.version)))
        return reader_refuse(reader, cursor, ERR_UNSUPPORTED,
                             "value type or opcode %d is unknown in version %d", number,
                             reader->result.version);
    enum rdb_token token = rdb_take_string(cursor, &reader->room, &key);
    if (token != RDB_OK) return token;
    if (codec->step == NULL)
        return reader_refuse(reader, cursor, ERR_UNSUPPORTED,
                             "key %.*s is a %s (type %d), which this build cannot hold",
                             (int)MIN(key.size, (size_t)100), key.data, codec->name, number);
    buffer_clear(&reader->key);
    buffer_append(&reader->key, key);
    rdb_decoder_begin(&reader->decoder, codec, keyspace_value_rules(reader->options.keyspace));
    reader->state = READER_VALUE;
    return RDB_OK;
}

/* True when the key may go in; false: it is over, or was there before. */
static enum rdb_token put_key(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    struct keyspace *keyspace = reader->options.keyspace;
    struct access access = { .wall_ms = reader->options.wall_ms, .ignores_expiry = true };
    struct put put = { .expiry_ms = reader->expiry_ms };
    struct key key = keyspace_key(keyspace, reader->db, buffer_bytes(&reader->key));
    size_t count = keyspace_count(keyspace, reader->db);

    struct entry *entry = rdb_value_put(&reader->decoder.value, keyspace, &access, &key, &put);
    if (keyspace_count(keyspace, reader->db) == count)
        return reader_refuse(reader, cursor, ERR_MALFORMED, "key %.*s is there twice",
                             (int)MIN(key.bytes.size, (size_t)100), key.bytes.data);
    if (reader->idle_s >= 0)
        keyspace_set_idle_seconds(keyspace, entry, (uint64_t)reader->idle_s, access.wall_ms);
    if (reader->frequency >= 0)
        keyspace_set_frequency(keyspace, entry, (uint8_t)reader->frequency, access.wall_ms);
    reader->result.keys_loaded++;
    return RDB_OK;
}

static enum rdb_token finish_key(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    bool is_expired =
        reader->expiry_ms != EXPIRY_NONE && reader->expiry_ms <= reader->options.wall_ms;
    enum rdb_token token = RDB_OK;
    bool drops_expired = !reader->options.keeps_expired;
    if (drops_expired && rdb_value_expire(&reader->decoder.value, reader->options.wall_ms))
        is_expired = true; /* all of its fields have ended */
    if (is_expired && drops_expired)
        reader->result.keys_expired++;
    else if (!rdb_value_is_empty(&reader->decoder.value))
        token = put_key(reader, cursor);
    rdb_decoder_drop(&reader->decoder);
    reader->expiry_ms = EXPIRY_NONE;
    reader->idle_s = -1;
    reader->frequency = -1;
    reader->state = READER_OPCODE;
    return token;
}

static enum rdb_token step_value(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    enum rdb_token token = reader->decoder.codec->step(&reader->decoder, cursor);
    if (token != RDB_OK || !reader->decoder.is_done) return token;
    return finish_key(reader, cursor);
}

static enum rdb_token step_opcode(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    uint8_t opcode;
    enum rdb_token token = rdb_take_byte(cursor, &opcode);
    if (token != RDB_OK) return token;
    switch (opcode) {
    case RDB_END:
        reader->state =
            reader->result.version >= RDB_VERSION_CHECKSUM ? READER_CHECKSUM : READER_COMPLETE;
        return RDB_OK;
    case RDB_SELECT: return step_select(reader, cursor);
    case RDB_EXPIRE_S: return step_expire(reader, cursor, true);
    case RDB_EXPIRE_MS: return step_expire(reader, cursor, false);
    case RDB_RESIZE: return skip_lengths(cursor, 2);
    case RDB_AUX: return step_aux(reader, cursor);
    case RDB_FREQUENCY: return step_frequency(reader, cursor);
    case RDB_IDLE: return step_idle(reader, cursor);
    case RDB_MODULE_AUX: return step_module_aux(reader, cursor);
    case RDB_FUNCTION: return step_function(reader, cursor);
    case RDB_FUNCTION_OLD:
        return rdb_bad(cursor, ERR_UNSUPPORTED, "functions of a pre-release of Redis 7");
    case RDB_SLOT_INFO: return skip_lengths(cursor, 3);
    case RDB_SLOT_IMPORT:
        if (rdb_version_is_foreign(reader->result.version)) break;
        return rdb_bad(cursor, ERR_UNSUPPORTED,
                       "an unfinished slot import, which this build cannot take up");
    default: break;
    }
    return step_key(reader, cursor, opcode);
}

static enum rdb_token reader_step(struct snapshot_reader *reader, struct rdb_cursor *cursor)
{
    switch (reader->state) {
    case READER_HEADER: return step_header(reader, cursor);
    case READER_OPCODE: return step_opcode(reader, cursor);
    case READER_VALUE: return step_value(reader, cursor);
    case READER_MODULE: return step_module(reader, cursor);
    case READER_CHECKSUM: return step_checksum(reader, cursor);
    default: ensure_unreachable();
    }
}

/* ---- feeding ---- */

static enum err reader_fail(struct snapshot_reader *reader, enum err err, uint64_t offset,
                            const char *why)
{
    char reason[SNAPSHOT_REASON_SIZE];
    (void)snprintf(reason, sizeof(reason), "offset %" PRIu64 ": %.200s", offset, why);
    memcpy(reader->error.reason, reason, sizeof(reason));
    rdb_decoder_drop(&reader->decoder);
    buffer_fini(&reader->waiting);
    reader->state = READER_FAILED;
    reader->err = err;
    return err;
}

/* Adds to the checksum what was used since; called before it is compared and at the end. */
static void reader_sum(struct snapshot_reader *reader, struct bytes input, size_t *summed,
                       size_t used)
{
    ensure(*summed <= used);
    reader->crc = crc64(reader->crc, bytes_of(input.data + *summed, used - *summed));
    *summed = used;
}

/* Uses up whole units; *used says how many bytes they had. */
static enum err reader_run(struct snapshot_reader *reader, struct bytes input, size_t *used)
{
    struct rdb_cursor cursor = { .input = input };
    size_t summed = 0;
    *used = 0;
    while (reader->state != READER_COMPLETE) {
        enum reader_state before = reader->state;
        cursor.at = *used;
        enum rdb_token token = reader_step(reader, &cursor);
        if (token == RDB_BAD)
            return reader_fail(reader, cursor.err, reader->offset + *used, cursor.why);
        if (token == RDB_MORE) {
            ensure(cursor.needed > input.size);
            reader->needed = cursor.needed - *used;
            break;
        }
        *used = cursor.at;
        if (before != READER_CHECKSUM && reader->state == READER_CHECKSUM)
            reader_sum(reader, input, &summed, *used);
    }
    reader_sum(reader, input, &summed, *used);
    reader->offset += *used;
    reader->result.bytes = reader->offset;
    return ERR_NONE;
}

enum err snapshot_reader_feed(struct snapshot_reader *reader, struct bytes bytes, size_t *consumed)
{
    size_t used;
    *consumed = 0;
    if (reader->state == READER_FAILED) return reader->err;
    if (reader->state == READER_COMPLETE) return ERR_NONE;

    size_t kept = reader->waiting.size;
    struct bytes input = bytes;
    if (kept > 0) {
        buffer_append(&reader->waiting, bytes);
        input = buffer_bytes(&reader->waiting);
    }
    *consumed = bytes.size;
    if (kept > 0 && input.size < reader->needed) return ERR_NONE;

    enum err err = reader_run(reader, input, &used);
    if (err) return err;
    if (reader->state == READER_COMPLETE) {
        ensure(used >= kept);
        *consumed = used - kept;
        buffer_fini(&reader->waiting);
    } else if (kept > 0) {
        buffer_consume(&reader->waiting, used);
        if (reader->waiting.size == 0) buffer_trim(&reader->waiting, BUFFER_KEEP_MAX);
    } else {
        buffer_append(&reader->waiting, bytes_from(bytes, used));
    }
    return ERR_NONE;
}

enum err snapshot_reader_end(struct snapshot_reader *reader)
{
    if (reader->state == READER_COMPLETE) return ERR_NONE;
    if (reader->state == READER_FAILED) return reader->err;
    uint64_t end = reader->offset + reader->waiting.size;
    char why[64];
    (void)snprintf(why, sizeof(why), "it ends in the middle, at %" PRIu64 " bytes", end);
    return reader_fail(reader, ERR_TRUNCATED, reader->offset, why);
}

enum err snapshot_load(struct disk *disk, const char *name, struct snapshot_reader *reader)
{
    struct file *file;
    enum err err = disk_open(disk, name, DISK_READ, &file);
    if (err) return err;
    char *slice = memory_alloc(FILE_SLICE_SIZE);
    uint64_t offset = 0;
    while (!err && !snapshot_reader_is_complete(reader)) {
        size_t got;
        size_t consumed;
        err = file_read(file, offset, slice, FILE_SLICE_SIZE, &got);
        if (err) {
            err = reader_fail(reader, err, offset, err_text(err));
            break;
        }
        if (got == 0) break;
        err = snapshot_reader_feed(reader, bytes_of(slice, got), &consumed);
        offset += got;
    }
    if (!err) err = snapshot_reader_end(reader);
    memory_free(slice);
    file_close(file);
    return err;
}
