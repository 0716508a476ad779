/* Tests of snapshots: files that Valkey 9.1.2 wrote, our own, old, torn and wrong ones.
 *
 * tests/data/rdb holds what a server saved; make_rdb.py there says how each came to be. */
#include "base/digest.h"
#include "base/memory.h"
#include "lib/memory_disk.h"
#include "persist/snapshot.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define FAR_MS  INT64_C(4102444800000) /* the expiry in the files */
#define WALL_MS INT64_C(1900000000000) /* 2030: when the tests take place */

static struct keyspace *keyspace;
static struct buffer file;
static struct snapshot_reader *reader;
static struct snapshot_error error;
static size_t memory_before;

static struct keyspace *keyspace_new(bool is_clustered)
{
    return keyspace_create(&(struct keyspace_options){
        .database_count = 16, .is_clustered = is_clustered, .hash_key = { { 1, 2 } }, .seed = 3 });
}

static void set_up(void)
{
    memory_before = memory_used();
    keyspace = keyspace_new(false);
    reader = NULL;
}

static void tear_down(void)
{
    snapshot_reader_destroy(reader);
    keyspace_destroy(keyspace);
    buffer_fini(&file);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static void read_whole(const char *path, struct buffer *into)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) ck_abort_msg("no file %s", path);
    buffer_clear(into);
    size_t got;
    do {
        got = fread(buffer_reserve(into, 4096), 1, 4096, stream);
        into->size += got;
    } while (got > 0);
    fclose(stream);
}

static struct bytes data(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/rdb/%s", TESTS_DATA, name);
    read_whole(path, &file);
    return buffer_bytes(&file);
}

static struct snapshot_reader_options reader_options(void)
{
    return (struct snapshot_reader_options){ .keyspace = keyspace, .wall_ms = WALL_MS };
}

/* Reads it in pieces of `step` bytes, each in a block of its own size. */
static enum err load_with(struct bytes bytes, size_t step,
                          const struct snapshot_reader_options *options)
{
    snapshot_reader_destroy(reader);
    reader = snapshot_reader_create(options);
    enum err err = ERR_NONE;
    for (size_t at = 0; at < bytes.size && !err; at += step) {
        size_t size = MIN(step, bytes.size - at);
        size_t consumed;
        char *piece = memory_alloc(size);
        memcpy(piece, bytes.data + at, size);
        err = snapshot_reader_feed(reader, bytes_of(piece, size), &consumed);
        memory_free(piece);
        if (snapshot_reader_is_complete(reader)) break;
        if (!err) ck_assert_uint_eq(consumed, size);
    }
    if (!err) err = snapshot_reader_end(reader);
    return err;
}

static enum err load(struct bytes bytes)
{
    struct snapshot_reader_options options = reader_options();
    return load_with(bytes, SIZE_MAX / 2, &options);
}

static void expect_loaded(struct bytes bytes)
{
    enum err err = load(bytes);
    if (err) ck_abort_msg("%s: %s", err_text(err), snapshot_reader_error(reader)->reason);
}

static void expect_refused(struct bytes bytes, enum err expected, const char *reason)
{
    enum err err = load(bytes);
    const char *got = snapshot_reader_error(reader)->reason;
    if (err != expected || strstr(got, reason) == NULL)
        ck_abort_msg("%s: %s\nnot %s: ...%s...", err_text(err), got, err_text(expected), reason);
}

static void empty_keyspace(void)
{
    bool is_clustered = keyspace_is_clustered(keyspace);
    keyspace_destroy(keyspace);
    keyspace = keyspace_new(is_clustered);
}

static struct entry *find(uint32_t db, struct bytes name)
{
    struct access access = { .wall_ms = WALL_MS, .ignores_expiry = true };
    struct key key = keyspace_key(keyspace, db, name);
    return keyspace_peek(keyspace, &access, &key);
}

static void expect_string(uint32_t db, struct bytes name, struct bytes value, time_ms expiry_ms)
{
    struct scratch scratch;
    struct entry *entry = find(db, name);
    if (entry == NULL) ck_abort_msg("%u: no key %.*s", db, (int)name.size, name.data);
    if (!bytes_equal(entry_string(entry, &scratch), value))
        ck_abort_msg("%u: another value under %.*s", db, (int)name.size, name.data);
    ck_assert_int_eq(entry_expiry_ms(entry), expiry_ms);
}

/* ---- what the files hold ---- */

static size_t hex_read(const char *hex, char *into)
{
    size_t size = 0;
    if (hex[0] == '-') return 0;
    for (; hex[0] != '\0'; hex += 2) {
        unsigned byte;
        ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
        into[size++] = (char)byte;
    }
    return size;
}

static void expect_strings_txt(void)
{
    struct buffer text = { 0 };
    static char hex_key[1000];
    static char hex_value[40000];
    static char key[500];
    static char value[20000];
    size_t count = 0;
    read_whole(TESTS_DATA "/rdb/strings.txt", &text);
    buffer_append_byte(&text, '\0');
    for (const char *at = text.data; *at != '\0'; at = strchr(at, '\n') + 1, count++) {
        unsigned db;
        long long expiry;
        ck_assert_int_eq(sscanf(at, "%u %lld %999s %39999s", &db, &expiry, hex_key, hex_value), 4);
        struct bytes name = bytes_of(key, hex_read(hex_key, key));
        expect_string(db, name, bytes_of(value, hex_read(hex_value, value)), expiry);
    }
    ck_assert_uint_gt(count, 200);
    ck_assert_uint_eq(keyspace_count(keyspace, 0) + keyspace_count(keyspace, 3) +
                          keyspace_count(keyspace, 15),
                      count);
    buffer_fini(&text);
}

START_TEST(strings_that_valkey_saved_are_loaded)
{
    expect_loaded(data("strings.rdb"));
    expect_strings_txt();
    const struct snapshot_result *result = snapshot_reader_result(reader);
    ck_assert_str_eq(result->server_version, "9.1.2");
    ck_assert_int_eq(result->version, 80);
    ck_assert_uint_eq(result->bytes, file.size);
    ck_assert_int_gt(result->created_s, 1700000000);
    ck_assert(!result->lineage.is_known);
    ck_assert(!result->is_append_base);
}
END_TEST

START_TEST(a_stream_of_version_11_and_an_uncompressed_file_hold_the_same)
{
    expect_loaded(data("strings-uncompressed.rdb"));
    expect_strings_txt();
    empty_keyspace();
    expect_loaded(data("strings-version-11.rdb"));
    expect_strings_txt();
    const struct snapshot_result *result = snapshot_reader_result(reader);
    ck_assert_int_eq(result->version, 11);
    ck_assert(result->lineage.is_known);
    ck_assert_int_eq(result->lineage.offset, 0);
}
END_TEST

START_TEST(it_does_not_matter_how_a_file_is_split)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64, 1000, 4096 };
    struct snapshot_reader_options options = reader_options();
    struct bytes bytes = data("strings.rdb");
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        ck_assert_int_eq(load_with(bytes, steps[i], &options), ERR_NONE);
        expect_strings_txt();
        empty_keyspace();
        options.keyspace = keyspace;
    }
}
END_TEST

START_TEST(expired_keys_are_dropped_by_a_primary_and_kept_by_a_replica)
{
    struct bytes bytes = data("expired.rdb");
    expect_loaded(bytes);
    ck_assert_uint_eq(keyspace_count(keyspace, 0) + keyspace_count(keyspace, 15), 2);
    ck_assert_uint_eq(snapshot_reader_result(reader)->keys_loaded, 2);
    ck_assert_uint_eq(snapshot_reader_result(reader)->keys_expired, 1);
    ck_assert(snapshot_reader_result(reader)->lineage.is_known);

    empty_keyspace();
    struct snapshot_reader_options options = reader_options();
    options.keeps_expired = true;
    ck_assert_int_eq(load_with(bytes, 100, &options), ERR_NONE);
    ck_assert_uint_eq(snapshot_reader_result(reader)->keys_loaded, 3);
    ck_assert_ptr_nonnull(find(15, BYTES("gone")));
}
END_TEST

START_TEST(idle_times_and_frequencies_come_along)
{
    expect_loaded(data("lru.rdb"));
    uint64_t idle = keyspace_idle_seconds(keyspace, find(0, BYTES("k")), WALL_MS);
    ck_assert_uint_ge(idle, 1);
    ck_assert_uint_le(idle, 4);
    keyspace_destroy(keyspace);
    keyspace = keyspace_create(&(struct keyspace_options){
        .database_count = 16, .hash_key = { { 1, 2 } }, .seed = 3, .clock = KEYSPACE_CLOCK_LFU });
    expect_loaded(data("lfu.rdb"));
    ck_assert_uint_gt(keyspace_frequency(keyspace, find(0, BYTES("k")), WALL_MS), 1);
}
END_TEST

START_TEST(a_cluster_file_fills_slots)
{
    keyspace_destroy(keyspace);
    keyspace = keyspace_new(true);
    expect_loaded(data("cluster.rdb"));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 40);
    ck_assert_uint_eq(keyspace_slot_count(keyspace, 0, key_slot(BYTES("{tag}:1"))), 20);
    expect_string(0, BYTES("{tag}:1"), BYTES("v"), FAR_MS);
}
END_TEST

START_TEST(a_file_without_checksum_and_an_empty_one_are_fine)
{
    expect_loaded(data("no-checksum.rdb"));
    expect_string(0, BYTES("k"), BYTES("v"), EXPIRY_NONE);
    empty_keyspace();
    expect_loaded(data("empty.rdb"));
    ck_assert(keyspace_is_empty(keyspace));
}
END_TEST

START_TEST(what_this_build_cannot_hold_is_refused_by_name)
{
    expect_refused(data("function.rdb"), ERR_UNSUPPORTED, "#!lua name=mine");
    struct snapshot_reader_options options = reader_options();
    options.keeps_libraries = true;
    ck_assert_int_eq(load_with(data("function.rdb"), 10, &options), ERR_NONE);
    const struct snapshot_result *result = snapshot_reader_result(reader);
    ck_assert_uint_eq(result->library_count, 1);
    ck_assert(bytes_starts_with(result->libraries[0], BYTES("#!lua name=mine\n")));

    expect_refused(BYTES("VALKEY080\xf3\x28"), ERR_UNSUPPORTED, "slot import");
    expect_refused(BYTES("VALKEY080\xf6"), ERR_UNSUPPORTED, "pre-release");
    expect_refused(BYTES("VALKEY080\x07\x01k"), ERR_UNSUPPORTED, "module value");
}
END_TEST

/* ---- old and foreign versions ---- */

/* The bytes with the checksum that belongs behind them. */
static struct bytes summed(struct bytes bytes)
{
    buffer_clear(&file);
    buffer_append(&file, bytes);
    uint64_t crc = crc64(0, bytes);
    for (int i = 0; i < 8; i++) buffer_append_byte(&file, (char)(crc >> 8 * i));
    return buffer_bytes(&file);
}

START_TEST(old_versions_are_read)
{
    expect_loaded(BYTES("REDIS0001\xfe\x00\x00\x01k\x01v\xff")); /* no checksum before 5 */
    expect_string(0, BYTES("k"), BYTES("v"), EXPIRY_NONE);
    empty_keyspace();
    /* Seconds as expiry, a ziplist-era header, aux fields that are long gone. */
    expect_loaded(summed(BYTES("REDIS0009\xfa\x09redis-ver\x05"
                               "5.0.7\xfa\x0c"
                               "aof-preamble\xc0\x01\xfa\x01%\x01x"
                               "\xfe\x02\xfb\x01\x01\xfd\x00\x00\x00\x7f\x00\x01k\xc0\x07\xff")));
    expect_string(2, BYTES("k"), BYTES("7"), INT64_C(0x7f000000) * 1000);
    ck_assert_str_eq(snapshot_reader_result(reader)->server_version, "5.0.7");
    ck_assert(snapshot_reader_result(reader)->is_append_base);
    empty_keyspace();
    /* The slot information of 8.x. */
    expect_loaded(summed(BYTES("REDIS0011\xfe\x00\xf4\x7f\xff\x01\x00\x00\x01k\x01v\xff")));
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 1);
}
END_TEST

START_TEST(foreign_versions_are_read_on_request_only)
{
    static const char *const refused[] = { "REDIS0012", "REDIS0079", "VALKEY081", "VALKEY999" };
    struct snapshot_reader_options relaxed = reader_options();
    relaxed.is_relaxed = true;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        char bytes[18];
        memcpy(bytes, refused[i], 9);
        memcpy(bytes + 9, "\xff\0\0\0\0\0\0\0\0", 9);
        expect_refused(bytes_of(bytes, sizeof(bytes)), ERR_UNSUPPORTED, "is not supported");
        ck_assert_int_eq(load_with(bytes_of(bytes, sizeof(bytes)), 5, &relaxed), ERR_NONE);
    }
    static const struct bytes foreign = { "REDIS0012\x16\x01k", 12 };
    ck_assert_int_eq(load_with(foreign, 12, &relaxed), ERR_UNSUPPORTED);
    expect_refused(BYTES("REDIS0080\xff"), ERR_MALFORMED, "does not go with");
    expect_refused(BYTES("VALKEY011\xff"), ERR_MALFORMED, "does not go with");
    expect_refused(BYTES("REDIS0000\xff"), ERR_UNSUPPORTED, "version 0");
    expect_refused(BYTES("REDIS00x1\xff"), ERR_MALFORMED, "no number");
    expect_refused(BYTES("GARBAGE!!"), ERR_MALFORMED, "offset 0: no snapshot");
}
END_TEST

START_TEST(data_of_modules_are_walked_over_and_counted)
{
    /* A module's number, when (2: after), then each kind of item, then the end. */
    expect_loaded(summed(BYTES("VALKEY080\xf7\x81\x44\x8b\x1a\x3c\x51\xb8\x00\x01\x02\x02"
                               "\x01\x05\x02\x80\x00\x00\x00\x09\x03"
                               "abcd\x04"
                               "abcdefgh\x05\x03xyz\x00"
                               "\xfe\x00\x00\x01k\x01v\xff")));
    ck_assert_uint_eq(snapshot_reader_result(reader)->modules_skipped, 1);
    expect_string(0, BYTES("k"), BYTES("v"), EXPIRY_NONE);
    expect_refused(BYTES("VALKEY080\xf7\x05\x02\x02\x09"), ERR_MALFORMED, "unknown item");
}
END_TEST

/* ---- wrong files ---- */

START_TEST(wrong_files_are_refused_with_what_and_where)
{
#define V80 "VALKEY080"
    expect_refused(BYTES(V80 "\x08\x01k"), ERR_UNSUPPORTED, "offset 9: value type or opcode 8");
    expect_refused(BYTES(V80 "\xf2"), ERR_UNSUPPORTED, "opcode 242");
    expect_refused(BYTES(V80 "\xfe\x10"), ERR_INVALID, "database 16 where only 16");
    expect_refused(BYTES(V80 "\xfe\xc0\x01"), ERR_MALFORMED, "a string where a length");
    expect_refused(BYTES(V80 "\xfe\x82"), ERR_MALFORMED, "a length of unknown form");
    expect_refused(BYTES(V80 "\x00\xc4"), ERR_MALFORMED, "a string of unknown form");
    expect_refused(BYTES(V80 "\x00\x81\x00\x00\x00\x01\x00\x00\x00\x00"), ERR_TOO_LARGE,
                   "over 4 GiB");
    expect_refused(BYTES(V80 "\x00\x01k\xc3\x02\x80\x10\x00\x00\x00xx"), ERR_MALFORMED,
                   "impossible size");
    expect_refused(BYTES(V80 "\x00\x01k\xc3\x02\x05xxyy"), ERR_MALFORMED, "does not unpack");
    expect_refused(BYTES(V80 "\x00\x01k\x01v\x00\x01k\x01w"), ERR_MALFORMED,
                   "key k is there twice");
    empty_keyspace();
    expect_refused(BYTES(V80 "\xfa\x07repl-id\x03xyz"), ERR_MALFORMED, "40 characters");
    expect_refused(BYTES(V80 "\xfa\x0brepl-offset\x03xyz"), ERR_MALFORMED, "no number");
#undef V80
}
END_TEST

START_TEST(a_file_that_ends_early_is_refused_wherever_it_is_cut)
{
    struct bytes bytes = data("cluster.rdb");
    for (size_t size = 0; size < bytes.size; size++) {
        ck_assert_int_eq(load(bytes_of(bytes.data, size)), ERR_TRUNCATED);
        empty_keyspace();
    }
}
END_TEST

START_TEST(a_flipped_bit_never_goes_unnoticed)
{
    struct bytes bytes = data("expired.rdb");
    char *copy = memory_alloc(bytes.size);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        memcpy(copy, bytes.data, bytes.size);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        ck_assert_int_ne(load(bytes_of(copy, bytes.size)), ERR_NONE);
        empty_keyspace();
    }
    memory_free(copy);
}
END_TEST

START_TEST(a_wrong_checksum_may_be_ignored)
{
    struct bytes bytes = data("expired.rdb");
    char *copy = memory_alloc(bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size - 1] ^= 1;
    expect_refused(bytes_of(copy, bytes.size), ERR_CHECKSUM, "checksum");
    empty_keyspace();
    struct snapshot_reader_options options = reader_options();
    options.ignores_checksum = true;
    ck_assert_int_eq(load_with(bytes_of(copy, bytes.size), 9, &options), ERR_NONE);
    memory_free(copy);
}
END_TEST

START_TEST(a_huge_length_takes_no_memory)
{
    expect_refused(BYTES("VALKEY080\x00\x80\xff\xff\xff\xff"), ERR_TRUNCATED, "ends in the middle");
    size_t before = memory_used();
    ck_assert_int_eq(load(BYTES("VALKEY080\x00\x01k\x80\xff\xff\xff\xff")), ERR_TRUNCATED);
    ck_assert_uint_lt(memory_used(), before + 64 * KIB);
}
END_TEST

START_TEST(what_follows_a_snapshot_is_left_to_the_caller)
{
    struct snapshot_reader_options options = reader_options();
    struct bytes bytes = data("no-checksum.rdb");
    size_t consumed;
    buffer_append(&file, BYTES("*1\r\n$4\r\nping\r\n"));
    for (size_t split = 0; split < bytes.size; split++) {
        snapshot_reader_destroy(reader);
        reader = snapshot_reader_create(&options);
        ck_assert_int_eq(snapshot_reader_feed(reader, bytes_of(file.data, split), &consumed),
                         ERR_NONE);
        ck_assert_int_eq(
            snapshot_reader_feed(reader, bytes_of(file.data + split, file.size - split), &consumed),
            ERR_NONE);
        ck_assert(snapshot_reader_is_complete(reader));
        ck_assert_uint_eq(split + consumed, bytes.size);
        empty_keyspace();
        options.keyspace = keyspace;
    }
}
END_TEST

/* ---- writing ---- */

struct memory_sink {
    struct sink sink;
    struct buffer *into;
};

static enum err memory_write(struct sink *sink, struct bytes bytes)
{
    buffer_append(CONTAINER_OF(sink, struct memory_sink, sink)->into, bytes);
    return ERR_NONE;
}

static struct snapshot_options writer_options(void)
{
    return (struct snapshot_options){ .version = SNAPSHOT_VERSION,
                                      .is_compressed = true,
                                      .has_checksum = true,
                                      .has_keys = true,
                                      .server_version = "9.1.2",
                                      .wall_ms = WALL_MS,
                                      .memory_used = 1000000 };
}

static struct bytes written(const struct snapshot_options *options)
{
    struct memory_sink sink = { .sink = { .write = memory_write }, .into = &file };
    buffer_clear(&file);
    ck_assert_int_eq(snapshot_write(&sink.sink, keyspace, options, &error), ERR_NONE);
    return buffer_bytes(&file);
}

static void put(uint32_t db, struct bytes name, struct bytes value, time_ms expiry_ms)
{
    struct access access = { .wall_ms = WALL_MS };
    struct put how = { .expiry_ms = expiry_ms };
    struct key key = keyspace_key(keyspace, db, name);
    keyspace_put_string(keyspace, &access, &key, value, &how);
}

START_TEST(a_small_snapshot_is_written_byte_for_byte_as_valkey_does)
{
    struct snapshot_options options = writer_options();
    put(9, BYTES("t"), BYTES("3"), FAR_MS);
    struct bytes got = written(&options);
    struct bytes body =
        BYTES("VALKEY080\xfa\x0avalkey-ver\x05"
              "9.1.2\xfa\x0aredis-bits\xc0\x40\xfa\x05"
              "ctime\xc2\x00\xb3\x3f\x71\xfa\x08used-mem\xc2\x40\x42\x0f\x00\xfa\x08"
              "aof-base\xc0\x00\xfe\x09\xfb\x01\x01"
              "\xfc\x00\xd8\xc3\x2c\xbb\x03\x00\x00\x00\x01t\xc0\x03\xff");
    ck_assert_uint_eq(got.size, body.size + 8);
    ck_assert(memcmp(got.data, body.data, body.size) == 0);
}
END_TEST

START_TEST(what_was_written_is_read_back)
{
    struct snapshot_options options = writer_options();
    expect_loaded(data("strings.rdb"));
    options.lineage = (struct snapshot_lineage){ .is_known = true, .offset = 12345, .db = 3 };
    memcpy(options.lineage.id, "18d10f8d366905c01591029c10377cc43ea9c55d", 40);
    options.slot_states = BYTES("9000<fc6e,");
    for (int round = 0; round < 4; round++) {
        options.version = round & 1 ? SNAPSHOT_VERSION_OLD : SNAPSHOT_VERSION;
        options.is_compressed = !(round & 2);
        options.is_append_base = round == 3;
        struct bytes bytes = written(&options);
        empty_keyspace();
        expect_loaded(bytes);
        expect_strings_txt();
        const struct snapshot_result *result = snapshot_reader_result(reader);
        ck_assert_int_eq(result->lineage.offset, 12345);
        ck_assert_int_eq(result->lineage.db, 3);
        ck_assert(memcmp(result->lineage.id, options.lineage.id, 40) == 0);
        ck_assert(bytes_equal(buffer_bytes(&result->slot_states), options.slot_states));
        ck_assert_int_eq(result->is_append_base, round == 3);
    }
}
END_TEST

START_TEST(a_slot_says_how_many_keys_follow)
{
    keyspace_destroy(keyspace);
    keyspace = keyspace_new(true);
    struct snapshot_options options = writer_options();
    put(0, BYTES("{a}1"), BYTES("x"), EXPIRY_NONE);
    put(0, BYTES("{a}2"), BYTES("x"), FAR_MS);
    put(0, BYTES("b"), BYTES("x"), EXPIRY_NONE);
    struct bytes bytes = written(&options);
    ck_assert_ptr_nonnull(memmem(bytes.data, bytes.size,
                                 "\xfa\x09slot-info\x0b"
                                 "15495,2,1,0",
                                 22));
    ck_assert_ptr_nonnull(memmem(bytes.data, bytes.size,
                                 "\xfa\x09slot-info\x0a"
                                 "3300,1,0,0",
                                 21));
    empty_keyspace();
    expect_loaded(bytes);
    ck_assert_uint_eq(keyspace_count(keyspace, 0), 3);
}
END_TEST

START_TEST(clocks_are_written_as_the_policy_says)
{
    struct snapshot_options options = writer_options();
    put(0, BYTES("k"), BYTES("v"), EXPIRY_NONE);
    keyspace_set_idle_seconds(keyspace, find(0, BYTES("k")), 100, WALL_MS);
    options.has_idle_times = true;
    struct bytes bytes = written(&options);
    ck_assert_ptr_nonnull(memmem(bytes.data, bytes.size, "\xf8\x40\x64\x00\x01k\x01v", 8));
    options.has_idle_times = false;
    options.has_checksum = false;
    bytes = written(&options);
    ck_assert(memcmp(bytes.data + bytes.size - 9, "\xff\0\0\0\0\0\0\0\0", 9) == 0);
}
END_TEST

START_TEST(libraries_survive_and_keys_may_be_left_out)
{
    struct snapshot_options options = writer_options();
    struct bytes library = BYTES("#!lua name=mine\nserver.register_function('f', nil)");
    put(0, BYTES("k"), BYTES("v"), EXPIRY_NONE);
    options.libraries = &library;
    options.library_count = 1;
    options.has_keys = false;
    struct bytes bytes = written(&options);
    empty_keyspace();
    struct snapshot_reader_options how = reader_options();
    how.keeps_libraries = true;
    ck_assert_int_eq(load_with(bytes, 11, &how), ERR_NONE);
    ck_assert(keyspace_is_empty(keyspace));
    ck_assert_uint_eq(snapshot_reader_result(reader)->library_count, 1);
    ck_assert(bytes_equal(snapshot_reader_result(reader)->libraries[0], library));
}
END_TEST

static enum err full_write(struct sink *sink, struct bytes bytes)
{
    return ERR_NO_SPACE;
}

START_TEST(a_sink_that_fails_is_told)
{
    struct sink sink = { .write = full_write };
    struct snapshot_options options = writer_options();
    ck_assert_int_eq(snapshot_write(&sink, keyspace, &options, &error), ERR_NO_SPACE);
    ck_assert_ptr_nonnull(strstr(error.reason, err_text(ERR_NO_SPACE)));
}
END_TEST

/* ---- on a disk ---- */

static void count_progress(void *context, uint64_t bytes, uint64_t keys)
{
    unsigned *count = context;
    ++*count;
}

START_TEST(a_save_is_complete_and_durable_or_did_not_happen)
{
    struct memory_disk *disk = memory_disk_create();
    struct snapshot_options options = writer_options();
    unsigned reports = 0;
    options.progress = count_progress;
    options.progress_context = &reports;
    static char value[300000];
    prng_hex(&(struct prng){ { 1, 2, 3, 4 } }, value, sizeof(value));
    put(0, BYTES("k"), bytes_of(value, sizeof(value)), EXPIRY_NONE);
    memory_disk_put(disk, "dump.rdb", BYTES("old"));

    static const enum memory_disk_operation kinds[] = { MEMORY_DISK_OPEN, MEMORY_DISK_APPEND,
                                                        MEMORY_DISK_SYNC, MEMORY_DISK_RENAME };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        memory_disk_fail(disk, kinds[i], 1, ERR_IO);
        ck_assert_int_eq(
            snapshot_save(memory_disk_disk(disk), "dump.rdb", 77, keyspace, &options, &error),
            ERR_IO);
        ck_assert_uint_gt(strlen(error.reason), 0);
        ck_assert(bytes_equal(memory_disk_content(disk, "dump.rdb"), BYTES("old")));
        ck_assert(!memory_disk_exists(disk, "temp-77.rdb"));
    }
    memory_disk_set_capacity(disk, 100000);
    ck_assert_int_eq(
        snapshot_save(memory_disk_disk(disk), "dump.rdb", 77, keyspace, &options, &error),
        ERR_NO_SPACE);
    memory_disk_set_capacity(disk, 0);

    reports = 0;
    ck_assert_int_eq(
        snapshot_save(memory_disk_disk(disk), "dump.rdb", 77, keyspace, &options, &error),
        ERR_NONE);
    ck_assert_uint_gt(reports, 0);
    struct prng prng;
    prng_init(&prng, 5);
    memory_disk_crash(disk, &prng);
    empty_keyspace();
    struct snapshot_reader_options how = reader_options();
    reader = snapshot_reader_create(&how);
    ck_assert_int_eq(snapshot_load(memory_disk_disk(disk), "dump.rdb", reader), ERR_NONE);
    expect_string(0, BYTES("k"), bytes_of(value, sizeof(value)), EXPIRY_NONE);
    memory_disk_destroy(disk);
}
END_TEST

START_TEST(a_crash_at_any_moment_leaves_the_old_file_or_the_new_one)
{
    struct snapshot_options options = writer_options();
    put(0, BYTES("k"), BYTES("v"), EXPIRY_NONE);
    struct prng prng;
    prng_init(&prng, 9);
    for (int round = 0; round < 40; round++) {
        struct memory_disk *disk = memory_disk_create();
        memory_disk_put(disk, "dump.rdb", BYTES("old"));
        if (round % 2) memory_disk_fail(disk, MEMORY_DISK_RENAME, 1, ERR_IO);
        enum err err =
            snapshot_save(memory_disk_disk(disk), "dump.rdb", 7, keyspace, &options, &error);
        ck_assert_int_eq(err, round % 2 ? ERR_IO : ERR_NONE);
        memory_disk_crash(disk, &prng);
        struct bytes content = memory_disk_content(disk, "dump.rdb");
        if (round % 2)
            ck_assert(bytes_equal(content, BYTES("old")));
        else
            ck_assert(bytes_starts_with(content, BYTES("VALKEY080")));
        memory_disk_destroy(disk);
    }
}
END_TEST

START_TEST(a_missing_file_and_an_unreadable_one_are_told_apart)
{
    struct memory_disk *disk = memory_disk_create();
    struct snapshot_reader_options how = reader_options();
    reader = snapshot_reader_create(&how);
    ck_assert_int_eq(snapshot_load(memory_disk_disk(disk), "dump.rdb", reader), ERR_NOT_FOUND);
    memory_disk_put(disk, "dump.rdb", data("expired.rdb"));
    memory_disk_fail(disk, MEMORY_DISK_READ, 1, ERR_IO);
    ck_assert_int_eq(snapshot_load(memory_disk_disk(disk), "dump.rdb", reader), ERR_IO);
    memory_disk_destroy(disk);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("persist/snapshot");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, strings_that_valkey_saved_are_loaded);
    tcase_add_test(tcase, a_stream_of_version_11_and_an_uncompressed_file_hold_the_same);
    tcase_add_test(tcase, it_does_not_matter_how_a_file_is_split);
    tcase_add_test(tcase, expired_keys_are_dropped_by_a_primary_and_kept_by_a_replica);
    tcase_add_test(tcase, idle_times_and_frequencies_come_along);
    tcase_add_test(tcase, a_cluster_file_fills_slots);
    tcase_add_test(tcase, a_file_without_checksum_and_an_empty_one_are_fine);
    tcase_add_test(tcase, what_this_build_cannot_hold_is_refused_by_name);
    tcase_add_test(tcase, old_versions_are_read);
    tcase_add_test(tcase, foreign_versions_are_read_on_request_only);
    tcase_add_test(tcase, data_of_modules_are_walked_over_and_counted);
    tcase_add_test(tcase, wrong_files_are_refused_with_what_and_where);
    tcase_add_test(tcase, a_file_that_ends_early_is_refused_wherever_it_is_cut);
    tcase_add_test(tcase, a_flipped_bit_never_goes_unnoticed);
    tcase_add_test(tcase, a_wrong_checksum_may_be_ignored);
    tcase_add_test(tcase, a_huge_length_takes_no_memory);
    tcase_add_test(tcase, what_follows_a_snapshot_is_left_to_the_caller);
    tcase_add_test(tcase, a_small_snapshot_is_written_byte_for_byte_as_valkey_does);
    tcase_add_test(tcase, what_was_written_is_read_back);
    tcase_add_test(tcase, a_slot_says_how_many_keys_follow);
    tcase_add_test(tcase, clocks_are_written_as_the_policy_says);
    tcase_add_test(tcase, libraries_survive_and_keys_may_be_left_out);
    tcase_add_test(tcase, a_sink_that_fails_is_told);
    tcase_add_test(tcase, a_save_is_complete_and_durable_or_did_not_happen);
    tcase_add_test(tcase, a_crash_at_any_moment_leaves_the_old_file_or_the_new_one);
    tcase_add_test(tcase, a_missing_file_and_an_unreadable_one_are_told_apart);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
