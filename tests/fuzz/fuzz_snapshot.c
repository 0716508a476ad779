/* Fuzzes the snapshot reader: whole, and in pieces whose size the first byte chooses; both ways
 * must end alike, and what was loaded must be written and read back. */
#include "base/ensure.h"
#include "base/memory.h"
#include "persist/dump.h"
#include "persist/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err load(struct bytes bytes, size_t step, struct keyspace *into, uint64_t *keys)
{
    struct snapshot_reader_options options = { .keyspace = into,
                                               .wall_ms = 1900000000000,
                                               .is_relaxed = true,
                                               .ignores_checksum = true,
                                               .keeps_libraries = true };
    struct snapshot_reader *reader = snapshot_reader_create(&options);
    enum err err = ERR_NONE;
    for (size_t at = 0; at < bytes.size && !err; at += step) {
        size_t consumed;
        struct bytes piece = bytes_of(bytes.data + at, MIN(step, bytes.size - at));
        err = snapshot_reader_feed(reader, piece, &consumed);
        ensure(consumed <= piece.size);
        if (snapshot_reader_is_complete(reader)) break;
    }
    if (!err) err = snapshot_reader_end(reader);
    ensure(err == ERR_NONE || snapshot_reader_error(reader)->reason[0] != '\0');
    *keys = snapshot_reader_result(reader)->keys_loaded;
    snapshot_reader_destroy(reader);
    return err;
}

static struct keyspace *keyspace_new(void)
{
    /* Small forms stay small up to a limit that little inputs cross. */
    return keyspace_create(
        &(struct keyspace_options){ .database_count = 16,
                                    .values = { .hash_max_listpack_entries = 8,
                                                .hash_max_listpack_value = 64,
                                                .set_max_intset_entries = 8,
                                                .set_max_listpack_entries = 8,
                                                .set_max_listpack_value = 64,
                                                .zset_max_listpack_entries = 8,
                                                .zset_max_listpack_value = 64,
                                                .list_max_listpack_size = 8,
                                                .hll_sparse_max_bytes = 3000,
                                                .stream_node_max_bytes = 4096,
                                                .stream_node_max_entries = 8 } });
}

struct memory_sink {
    struct sink sink;
    struct buffer buffer;
};

static enum err memory_write(struct sink *sink, struct bytes bytes)
{
    buffer_append(&CONTAINER_OF(sink, struct memory_sink, sink)->buffer, bytes);
    return ERR_NONE;
}

static void round_trip(const struct keyspace *keyspace, uint64_t keys)
{
    struct memory_sink sink = { .sink = { .write = memory_write } };
    struct snapshot_options options = { .version = SNAPSHOT_VERSION,
                                        .is_compressed = true,
                                        .has_checksum = true,
                                        .has_keys = true,
                                        .server_version = "9.1.2" };
    struct snapshot_error error;
    enum err err = snapshot_write(&sink.sink, keyspace, &options, &error);
    ensure(err == ERR_NONE);
    struct keyspace *again = keyspace_new();
    uint64_t keys_again;
    err = load(buffer_bytes(&sink.buffer), SIZE_MAX / 2, again, &keys_again);
    ensure(err == ERR_NONE);
    ensure(keys_again == keys);
    keyspace_destroy(again);
    buffer_fini(&sink.buffer);
}

static void restore(struct bytes payload)
{
    struct keyspace *keyspace = keyspace_new();
    struct access access = { .wall_ms = 1900000000000 };
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    (void)!dump_verify(payload, true, false);
    if (payload.size >= 10) /* what the footer says was looked at above */
        (void)!dump_restore(keyspace, &access, &key, payload, PUT_PLAIN);
    keyspace_destroy(keyspace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct bytes bytes = bytes_of(data + 1, size - 1);
    struct keyspace *whole = keyspace_new();
    struct keyspace *pieces = keyspace_new();
    uint64_t keys_whole;
    uint64_t keys_pieces;
    enum err err_whole = load(bytes, SIZE_MAX / 2, whole, &keys_whole);
    enum err err_pieces = load(bytes, (size_t)data[0] + 1, pieces, &keys_pieces);
    ensure(err_whole == err_pieces);
    ensure(keys_whole == keys_pieces);
    if (err_whole == ERR_NONE) round_trip(whole, keys_whole);
    keyspace_destroy(whole);
    keyspace_destroy(pieces);
    restore(bytes);
    return 0;
}
