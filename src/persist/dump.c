/* DUMP and RESTORE: one value between a type byte and a footer. */
#include "persist/dump.h"

#include "base/digest.h"
#include "base/ensure.h"
#include "persist/internal.h"

#define FOOTER_SIZE (2 + RDB_CHECKSUM_SIZE)

struct buffer_sink {
    struct sink sink; /* first: what we are given is a pointer to it */
    struct buffer *buffer;
};

static enum err buffer_sink_write(struct sink *sink, struct bytes bytes)
{
    buffer_append(CONTAINER_OF(sink, struct buffer_sink, sink)->buffer, bytes);
    return ERR_NONE;
}

enum err dump_write(const struct entry *entry, bool is_compressed, struct buffer *into)
{
    struct buffer_sink sink = { .sink = { .write = buffer_sink_write }, .buffer = into };
    struct rdb_writer writer;
    uint8_t number;
    enum err err = rdb_entry_number(entry, SNAPSHOT_VERSION, &number);
    if (err) return err;
    rdb_writer_init(&writer, &sink.sink, is_compressed, true);
    rdb_put_byte(&writer, number);
    rdb_put_value(&writer, entry);
    rdb_put_little(&writer, SNAPSHOT_VERSION, 2);
    rdb_flush(&writer); /* what is summed ends here */
    rdb_put_little(&writer, writer.crc, RDB_CHECKSUM_SIZE);
    rdb_flush(&writer);
    err = writer.err;
    rdb_writer_fini(&writer);
    return err;
}

static uint64_t little(struct bytes bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes.size; i-- > 0;) value = value << 8 | (uint8_t)bytes.data[i];
    return value;
}

static int payload_version(struct bytes payload)
{
    return (int)little(bytes_of(payload.data + payload.size - FOOTER_SIZE, 2));
}

enum err dump_verify(struct bytes payload, bool is_relaxed, bool ignores_checksum)
{
    if (payload.size < FOOTER_SIZE) return ERR_CHECKSUM;
    if (!rdb_version_is_readable(payload_version(payload), is_relaxed)) return ERR_CHECKSUM;
    if (ignores_checksum) return ERR_NONE;
    size_t summed = payload.size - RDB_CHECKSUM_SIZE;
    uint64_t stored = little(bytes_from(payload, summed));
    return stored == crc64(0, bytes_of(payload.data, summed)) ? ERR_NONE : ERR_CHECKSUM;
}

enum err dump_restore(struct keyspace *keyspace, const struct access *access, const struct key *key,
                      struct bytes payload, const struct put *put)
{
    ensure(payload.size >= FOOTER_SIZE); /* dump_verify said so */
    struct rdb_decoder decoder = { 0 };
    struct rdb_cursor cursor = { .input = bytes_of(payload.data, payload.size - FOOTER_SIZE) };
    uint8_t number;
    if (rdb_take_byte(&cursor, &number) != RDB_OK) return ERR_MALFORMED;
    const struct rdb_codec *codec = rdb_codec_at(number);
    if (codec == NULL) return ERR_MALFORMED;
    if (number == RDB_TYPE_LAST && rdb_version_is_foreign(payload_version(payload)))
        return ERR_MALFORMED;
    if (codec->step == NULL) return ERR_UNSUPPORTED;

    enum rdb_token token = RDB_OK;
    rdb_decoder_begin(&decoder, codec, keyspace_value_rules(keyspace));
    while (token == RDB_OK && !decoder.is_done) token = codec->step(&decoder, &cursor);
    if (token == RDB_OK && rdb_value_is_empty(&decoder.value)) token = RDB_BAD;
    /* Bytes between the value and the footer are tolerated, as Valkey does. */
    if (token == RDB_OK) (void)rdb_value_put(&decoder.value, keyspace, access, key, put);
    rdb_decoder_fini(&decoder);
    return token == RDB_OK ? ERR_NONE : ERR_MALFORMED;
}
