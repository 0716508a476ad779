/* Sets against a plain model: every form, every threshold in both directions. */
#include "types/set.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "lib/suite.h"
#include "types/intset.h"
#include "types/listpack.h"

#define NAMES 400

static const struct value_rules rules = {
    .hash_key = { { 1, 2 } },
    .set_max_intset_entries = 64,
    .set_max_listpack_entries = 32,
    .set_max_listpack_value = 20,
};

/* Texts by number: integers of all widths, short texts, long ones. */
static struct bytes name_of(unsigned number, char *room)
{
    static const int64_t scale[] = { 1, 1, 1, 300, 90000, 50000000000, -1, -40000 };
    unsigned kind = number / 40;
    if (kind < COUNT_OF(scale)) {
        int64_t value = (int64_t)(number % 40 + 1) * scale[kind] + (kind < 3 ? 40 * kind : 0);
        return bytes_of(room, number_print(value, room));
    }
    size_t size = kind == 8 ? 2 + number % 40 / 3 : number % 3 == 0 ? 300 : 21 + number % 40;
    memset(room, 'x', size);
    room[0] = (char)('A' + number / 26);
    room[1] = (char)('a' + number % 26);
    return bytes_of(room, size);
}

struct model {
    bool has[NAMES];
    size_t count;
};

static void expect_same(const struct set *set, const struct model *model)
{
    char room[512];
    ck_assert_uint_eq(set_count(set), model->count);
    for (unsigned i = 0; i < NAMES; i++)
        ck_assert_int_eq(set_has(set, name_of(i, room)), model->has[i]);
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    size_t count = 0;
    for (; set_walk_next(set, &walk, &scratch, &member); count++) ck_assert(set_has(set, member));
    ck_assert_uint_eq(count, model->count);
}

/* The form that the members allow at least; a set never goes back by itself. */
static void expect_allowed_form(const struct set *set, const struct model *model)
{
    char room[512];
    size_t texts = 0, longest = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        if (!model->has[i]) continue;
        struct bytes name = name_of(i, room);
        int64_t value;
        longest = MAX(longest, name.size);
        texts += !number_parse(name, &value);
    }
    if (set_form(set) == SET_INTSET) {
        ck_assert_uint_eq(texts, 0);
        ck_assert_uint_le(model->count, rules.set_max_intset_entries);
    } else if (set_form(set) == SET_PACK) {
        ck_assert_uint_le(model->count, rules.set_max_listpack_entries);
        ck_assert_uint_le(longest, rules.set_max_listpack_value);
    }
}

static void change(struct set **set, struct model *model, unsigned number, bool is_added)
{
    char room[512];
    struct bytes name = name_of(number, room);
    bool was_there = model->has[number];
    if (is_added) {
        ck_assert_int_eq(set_add(set, &rules, name), !was_there);
        model->count += !was_there;
    } else {
        ck_assert_int_eq(set_remove(set, name), was_there);
        model->count -= was_there;
    }
    model->has[number] = is_added;
}

START_TEST(a_set_does_what_a_plain_model_does)
{
    struct prng prng;
    prng_init(&prng, 5);
    for (unsigned round = 0; round < 60; round++) {
        struct model model = { 0 };
        struct set *set = set_create_empty();
        /* Rounds differ in what comes in and in how much leaves. */
        unsigned names = round % 3 == 0 ? 320 : round % 3 == 1 ? 360 : NAMES;
        unsigned start = round % 5 == 4 ? 300 : 0;
        unsigned wanted = 5 + (round * 7) % 150;
        for (unsigned i = 0; i < 600; i++) {
            unsigned number = start + (unsigned)prng_below(&prng, names - start);
            bool is_added = prng_below(&prng, 2 * wanted) >= model.count;
            change(&set, &model, number, is_added);
            if (i % 100 == 0) expect_same(set, &model);
            if (i % 20 == 0) expect_allowed_form(set, &model);
        }
        expect_same(set, &model);
        struct set *copy = set_copy(set);
        expect_same(copy, &model);
        ck_assert_int_eq(set_form(copy), set_form(set));
        set_destroy(set);
        set_settle(&copy, &rules);
        expect_same(copy, &model);
        set_destroy(copy);
    }
}
END_TEST

START_TEST(forms_change_at_the_limits_and_never_back)
{
    char room[512];
    struct set *set = set_create(&rules, BYTES("1"), 1);
    for (unsigned i = 0; i < 64; i++) set_add(&set, &rules, name_of(i, room));
    ck_assert_int_eq(set_form(set), SET_INTSET);
    set_add(&set, &rules, name_of(64, room));
    ck_assert_int_eq(set_form(set), SET_TABLE);
    for (unsigned i = 0; i < 64; i++) set_remove(&set, name_of(i, room));
    ck_assert_int_eq(set_form(set), SET_TABLE);
    set_settle(&set, &rules);
    ck_assert_int_eq(set_form(set), SET_INTSET);

    set_add(&set, &rules, BYTES("x"));
    ck_assert_int_eq(set_form(set), SET_PACK);
    for (unsigned i = 0; i < 30; i++) set_add(&set, &rules, name_of(i, room));
    ck_assert_int_eq(set_form(set), SET_PACK);
    ck_assert(!set_add(&set, &rules, BYTES("x")));
    set_add(&set, &rules, name_of(31, room));
    ck_assert_int_eq(set_form(set), SET_TABLE);
    set_destroy(set);
}
END_TEST

START_TEST(a_text_into_many_integers_or_long_ones_makes_a_table)
{
    char room[512];
    struct set *set = set_create_empty();
    for (unsigned i = 0; i < 32; i++) set_add(&set, &rules, name_of(i, room));
    set_add(&set, &rules, BYTES("x"));
    ck_assert_int_eq(set_form(set), SET_TABLE);
    set_destroy(set);

    struct value_rules narrow = rules;
    narrow.set_max_listpack_value = 3;
    set = set_create_empty();
    set_add(&set, &narrow, BYTES("-100"));
    set_add(&set, &narrow, BYTES("x"));
    ck_assert_int_eq(set_form(set), SET_TABLE);
    set_destroy(set);
}
END_TEST

START_TEST(what_is_expected_decides_the_first_form)
{
    struct set *set = set_create(&rules, BYTES("1"), 65);
    ck_assert_int_eq(set_form(set), SET_TABLE);
    set_destroy(set);
    set = set_create(&rules, BYTES("x"), 32);
    ck_assert_int_eq(set_form(set), SET_PACK);
    set_expect(&set, &rules, 32);
    ck_assert_int_eq(set_form(set), SET_PACK);
    set_expect(&set, &rules, 33);
    ck_assert_int_eq(set_form(set), SET_TABLE);
    set_destroy(set);
}
END_TEST

START_TEST(random_members_come_evenly_from_every_form)
{
    static const size_t counts[] = { 10, 10, 60 };
    struct prng prng;
    prng_init(&prng, 9);
    for (size_t form = 0; form < COUNT_OF(counts); form++) {
        char room[512];
        unsigned hits[100] = { 0 };
        struct set *set = set_create_empty();
        for (unsigned i = 0; i < counts[form]; i++) set_add(&set, &rules, name_of(i, room));
        if (form > 0) {
            set_add(&set, &rules, BYTES("x"));
            set_remove(&set, BYTES("x"));
        }
        ck_assert_uint_eq(set_form(set), form);
        for (unsigned i = 0; i < 1000 * counts[form]; i++) {
            struct scratch scratch;
            int64_t value;
            bool is_number = number_parse(set_random(set, &prng, &scratch), &value);
            ck_assert(is_number);
            hits[value]++;
        }
        for (unsigned i = 1; i <= counts[form]; i++) ck_assert(hits[i] > 800 && hits[i] < 1200);
        set_destroy(set);
    }
}
END_TEST

static void count_visit(void *context, struct bytes member)
{
    (void)member;
    (*(size_t *)context)++;
}

START_TEST(a_scan_visits_every_member)
{
    for (size_t count = 1; count < 3000; count = count * 3 + 7) {
        struct set *set = set_create_empty();
        for (size_t i = 0; i < count; i++) {
            char room[NUMBER_TEXT_MAX];
            set_add(&set, &rules, bytes_of(room, number_print((int64_t)i, room)));
        }
        size_t seen = 0;
        uint64_t cursor = 0;
        do cursor = set_scan(set, cursor, count_visit, &seen);
        while (cursor != 0);
        ck_assert_uint_eq(seen, count);
        set_destroy(set);
    }
}
END_TEST

START_TEST(only_sound_blocks_become_integer_sets)
{
    static const struct {
        struct bytes raw;
        bool is_sound;
    } blocks[] = {
        { BYTES("\2\0\0\0\2\0\0\0\1\0\2\0"), true },
        { BYTES("\2\0\0\0\2\0\0\0\xff\xff\2\0"), true },
        { BYTES("\2\0\0\0\2\0\0\0\2\0\1\0"), false },
        { BYTES("\2\0\0\0\2\0\0\0\2\0\2\0"), false },
        { BYTES("\2\0\0\0\0\0\0\0"), false },
        { BYTES("\2\0\0\0\2\0\0\0\1\0\2"), false },
        { BYTES("\2\0\0\0\2\0\0\0\1\0\2\0\3"), false },
        { BYTES("\3\0\0\0\1\0\0\0\1\0\2"), false },
        { BYTES("\0\0\0\0\1\0\0\0"), false },
        { BYTES("\2\0\0\0\xff\xff\xff\xff"), false },
        { BYTES("\2\0\0"), false },
    };
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        struct set *set = set_create_from_intset(blocks[i].raw, &rules);
        ck_assert_int_eq(set != NULL, blocks[i].is_sound);
        if (set == NULL) continue;
        ck_assert(bytes_equal(set_raw(set), blocks[i].raw));
        set_destroy(set);
    }
}
END_TEST

static struct set *from_texts(const char *const *texts, size_t count)
{
    struct buffer framed = { 0 }, body = { 0 };
    char head[LISTPACK_FRAME_HEAD];
    for (size_t i = 0; i < count; i++) listpack_append(&body, bytes_text(texts[i]));
    listpack_frame(head, body.size, count);
    buffer_append(&framed, bytes_of(head, sizeof(head)));
    buffer_append(&framed, buffer_bytes(&body));
    buffer_append_byte(&framed, (char)0xff);
    struct set *set = set_create_from_listpack(buffer_bytes(&framed), &rules);
    buffer_fini(&framed);
    buffer_fini(&body);
    return set;
}

START_TEST(listpacks_from_outside_have_no_member_twice)
{
    struct set *set = from_texts((const char *const[]){ "a", "1", "b" }, 3);
    ck_assert_int_eq(set_form(set), SET_PACK);
    ck_assert_uint_eq(set_count(set), 3);
    set_destroy(set);
    ck_assert_ptr_null(from_texts((const char *const[]){ "a", "1", "a" }, 3));
    ck_assert_ptr_null(from_texts((const char *const[]){ "a" }, 0));
    set = from_texts((const char *const[]){ "a", "0123456789012345678901" }, 2);
    ck_assert_int_eq(set_form(set), SET_TABLE);
    set_destroy(set);
    /* "12" as text, which no encoder of ours writes. */
    struct bytes text = BYTES("\x0b\0\0\0\1\0\x82"
                              "12\x03\xff");
    set = set_create_from_listpack(text, &rules);
    ck_assert_ptr_nonnull(set);
    ck_assert(set_has(set, BYTES("12")));
    set_destroy(set);
}
END_TEST

START_TEST(a_large_set_takes_little_more_than_its_members)
{
    struct value_rules usual = rules;
    size_t before = memory_used();
    struct set *set = set_create_empty();
    const size_t count = 100000, size = 16;
    for (size_t i = 0; i < count; i++) {
        char room[32] = "member:000000000";
        number_print((int64_t)(i + 100000000), room + 7);
        set_add(&set, &usual, bytes_of(room, size));
    }
    size_t used = memory_used() - before;
#ifndef EIR_SYSTEM_MALLOC
    ck_assert_uint_le(used, count * (size + 20));
#endif
    ck_assert_uint_gt(used, count * size);
    set_destroy(set);
    ck_assert_uint_le(memory_used(), before);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("set");
    tcase_add_test(tcase, a_set_does_what_a_plain_model_does);
    tcase_add_test(tcase, forms_change_at_the_limits_and_never_back);
    tcase_add_test(tcase, a_text_into_many_integers_or_long_ones_makes_a_table);
    tcase_add_test(tcase, what_is_expected_decides_the_first_form);
    tcase_add_test(tcase, random_members_come_evenly_from_every_form);
    tcase_add_test(tcase, a_scan_visits_every_member);
    tcase_add_test(tcase, only_sound_blocks_become_integer_sets);
    tcase_add_test(tcase, listpacks_from_outside_have_no_member_twice);
    tcase_add_test(tcase, a_large_set_takes_little_more_than_its_members);
    return suite_run("types/set", tcase);
}
