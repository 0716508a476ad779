/* Hashes in dumps: every form that was ever written, whole, cut short, and with lies in it. */
#include "base/digest.h"
#include "base/memory.h"
#include "lib/suite.h"
#include "persist/dump.h"
#include "types/hash.h"
#include "types/listpack.h"

static struct keyspace *keyspace;
static struct access access_now = { .wall_ms = 1900000000000 };
static size_t memory_before;

static void set_up(void)
{
    memory_before = memory_used();
    keyspace = keyspace_create(&(struct keyspace_options){
        .database_count = 1,
        .values = { .hash_max_listpack_entries = 8, .hash_max_listpack_value = 64 } });
}

static void tear_down(void)
{
    keyspace_destroy(keyspace);
    ck_assert_uint_eq(memory_used(), memory_before);
}

/* The body in front of a footer, which dump_restore does not look at again. */
static enum err restore(struct bytes body)
{
    struct buffer payload = { 0 };
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    buffer_append(&payload, body);
    buffer_append(&payload, bytes_of("\x50\0crcccccc", 10));
    enum err err = dump_restore(keyspace, &access_now, &key, buffer_bytes(&payload), PUT_PLAIN);
    buffer_fini(&payload);
    return err;
}

static struct hash *restored(struct bytes body)
{
    ck_assert_int_eq(restore(body), ERR_NONE);
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    struct entry *entry = keyspace_peek(keyspace, &access_now, &key);
    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(entry_type(entry), VALUE_HASH);
    return entry_value(entry);
}

static void expect_field(const struct hash *hash, const char *field, const char *value)
{
    struct hash_item item;
    ck_assert(hash_find(hash, bytes_text(field), HASH_SEES_ALL, &item));
    ck_assert(bytes_equal(item.value, bytes_text(value)));
}

/* Each with two fields: k=v, k2=7. */
static const struct bytes forms[] = {
    BYTES("\x04\x02\x01k\x01v\x02k2\xc0\x07"),
    BYTES("\x09\x0e\x02\x01k\x01\x00v\x02k2\x01\x01"
          "7-\xff"),
    BYTES("\x0d\x17\x17\x00\x00\x00\x14\x00\x00\x00\x04\x00\x00\x01k\x03\x01v\x03\x02k2\x04\xf8"
          "\xff"),
    BYTES("\x10\x13\x13\x00\x00\x00\x04\x00\x81k\x02\x81v\x02\x82k2\x03\x07\x01\xff"),
    BYTES("\x16\x02\x01k\x01v\xff\xff\xff\xff\xff\xff\xff\xff\x02k2\xc0\x07"
          "\x00\x00\xb9\x60\xd9\x01\x00\x00"),
};

START_TEST(every_form_is_read_and_cut_short_refused)
{
    struct hash *hash = restored(forms[_i]);
    ck_assert_uint_eq(hash_count(hash), 2);
    expect_field(hash, "k", "v");
    expect_field(hash, "k2", "7");
    bool has_times = forms[_i].data[0] == 0x16;
    ck_assert_int_eq(hash_is_small(hash), !has_times);
    ck_assert_uint_eq(hash_volatile_count(hash), has_times ? 1 : 0);
    for (size_t size = 0; size < forms[_i].size; size++)
        ck_assert_int_ne(restore(bytes_of(forms[_i].data, size)), ERR_NONE);
}
END_TEST

START_TEST(what_is_no_hash_is_refused)
{
    static const struct bytes wrong[] = {
        BYTES("\x04\x00"),                                           /* empty */
        BYTES("\x04\x02\x01k\x01v\x01k\x01w"),                       /* twice */
        BYTES("\x16\x01\x01k\x01v\xfe\xff\xff\xff\xff\xff\xff\xff"), /* before time */
        BYTES("\x10\x07\x07\x00\x00\x00\x00\x00\xff"),               /* empty */
        BYTES("\x10\x0a\x0a\x00\x00\x00\x01\x00\x81k\x02\xff"),      /* half a field */
        BYTES("\x10\x13\x13\x00\x00\x00\x04\x00\x81k\x02\x81v\x02\x81k\x02\x81v\x02\xff"),
        BYTES("\x09\x02\x00\xff"),                             /* empty */
        BYTES("\x09\x07\x02\x01k\x01\x00v\xff"),               /* one too few */
        BYTES("\x09\x07\x01\x01k\x01\x09v\xff"),               /* free bytes */
        BYTES("\x09\x07\x01\x01k\x09\x00v\xff"),               /* a long value */
        BYTES("\x09\x06\x01\x01k\x01\x00v"),                   /* no end */
        BYTES("\x09\x0c\x02\x01k\x01\x00v\x01k\x01\x00w\xff"), /* twice */
        BYTES("\x09\x08\x01\xfe\xff\xff\xff\xff\x01\xff"),     /* a wide size */
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        enum err err = restore(wrong[i]);
        ck_assert_msg(err != ERR_NONE, "number %zu was taken", i);
    }
    ck_assert(keyspace_is_empty(keyspace));
}
END_TEST

START_TEST(a_zipmap_may_hide_its_count_and_use_wide_sizes)
{
    struct hash *hash = restored(BYTES("\x09\x0f\xfe\xfe\x01\x00\x00\x00k\xfe\x01\x00\x00\x00\x00v"
                                       "\xff"));
    ck_assert_uint_eq(hash_count(hash), 1);
    expect_field(hash, "k", "v");
}
END_TEST

static void dump_of(struct buffer *into)
{
    struct key key = keyspace_key(keyspace, 0, BYTES("k"));
    struct entry *entry = keyspace_peek(keyspace, &access_now, &key);
    ck_assert_int_eq(dump_write(entry, false, into), ERR_NONE);
}

START_TEST(what_is_dumped_is_restored_in_the_form_it_had)
{
    static const struct {
        int fields;
        time_ms expiry_ms; /* of the first one */
        uint8_t number;
    } cases[] = { { 1, HASH_EXPIRY_NONE, 16 }, { 8, HASH_EXPIRY_NONE, 16 },
                  { 9, HASH_EXPIRY_NONE, 4 },  { 300, HASH_EXPIRY_NONE, 4 },
                  { 1, 2000000000000, 22 },    { 300, 2000000000000, 22 } };
    const struct value_rules *rules = keyspace_value_rules(keyspace);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct hash *hash = hash_create();
        for (int field = 0; field < cases[i].fields; field++) {
            char room[NUMBER_TEXT_MAX];
            hash_put(&hash, rules, bytes_of(room, number_print(field, room)), BYTES("value"), 0,
                     field == 0 ? cases[i].expiry_ms : HASH_EXPIRY_NONE);
        }
        struct key key = keyspace_key(keyspace, 0, BYTES("k"));
        keyspace_put_value(keyspace, &access_now, &key, VALUE_HASH, hash, PUT_PLAIN);
        struct buffer dump = { 0 };
        dump_of(&dump);
        ck_assert_uint_eq((uint8_t)dump.data[0], cases[i].number);
        struct hash *again = restored(bytes_of(dump.data, dump.size - 10));
        ck_assert_uint_eq(hash_count(again), (size_t)cases[i].fields);
        struct hash_item item;
        ck_assert(hash_find(again, BYTES("0"), HASH_SEES_ALL, &item));
        ck_assert_int_eq(item.expiry_ms, cases[i].expiry_ms);
        buffer_fini(&dump);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("rdb_hash");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, every_form_is_read_and_cut_short_refused, 0, COUNT_OF(forms));
    tcase_add_test(tcase, what_is_no_hash_is_refused);
    tcase_add_test(tcase, a_zipmap_may_hide_its_count_and_use_wide_sizes);
    tcase_add_test(tcase, what_is_dumped_is_restored_in_the_form_it_had);
    return suite_run("persist/rdb_hash", tcase);
}
