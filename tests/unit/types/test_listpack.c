/* Listpack elements: each encoding, walks in both directions, what comes from outside. */
#include "types/listpack.h"

#include "base/memory.h"
#include "base/prng.h"
#include "lib/suite.h"
#include "types/pack.h"

/* Texts on both sides of every threshold of the encoding. */
static struct bytes sample_text(struct prng *prng, char *room)
{
    static const int64_t integers[] = { 0,         127,        128,       -1,        4095,
                                        4096,      -4096,      -4097,     INT16_MAX, INT16_MIN,
                                        8388607,   8388608,    -8388608,  -8388609,  INT32_MAX,
                                        INT32_MIN, 2147483648, INT64_MAX, INT64_MIN, 12345 };
    static const size_t sizes[] = { 0,   1,    62,   63,   64,    65,    125,  126,
                                    127, 4094, 4095, 4096, 16380, 16381, 16390 };
    if (prng_chance(prng, 1, 2)) {
        int64_t value = integers[prng_below(prng, COUNT_OF(integers))];
        return bytes_of(room, number_print(value, room));
    }
    size_t size = sizes[prng_below(prng, COUNT_OF(sizes))];
    for (size_t i = 0; i < size; i++) room[i] = (char)('a' + prng_below(prng, 20));
    return bytes_of(room, size);
}

#define SAMPLE_MAX ((size_t)20000)

START_TEST(every_element_reads_back_in_both_directions)
{
    struct prng prng;
    prng_init(&prng, 11);
    char *room = memory_alloc(SAMPLE_MAX);
    struct buffer body;
    buffer_init(&body);
    size_t starts[400];
    struct bytes texts[400];
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct bytes text = sample_text(&prng, room);
        texts[i] = bytes_of(bytes_copy_text(text), text.size);
        starts[i] = body.size;
        listpack_append(&body, text);
    }
    struct bytes all = buffer_bytes(&body);
    ck_assert_uint_eq(listpack_count(all), COUNT_OF(starts));
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct listpack_item item;
        struct scratch scratch;
        ck_assert_uint_eq(at, starts[i]);
        ck_assert_uint_eq(at, listpack_at(all, (int64_t)i, COUNT_OF(starts)));
        at = listpack_read(all, at, &item);
        ck_assert(bytes_equal(listpack_text(&item, &scratch), texts[i]));
        ck_assert(listpack_item_equals(&item, texts[i]));
        ck_assert_uint_eq(listpack_before(all, at), starts[i]);
        size_t found = listpack_find(all, 0, 0, texts[i]);
        ck_assert(found <= starts[i]);
        ck_assert_uint_eq(listpack_find(all, found, 0, texts[i]), found);
    }
    ck_assert_uint_eq(at, all.size);
    for (size_t i = 0; i < COUNT_OF(texts); i++) memory_free((void *)texts[i].data);
    buffer_fini(&body);
    memory_free(room);
}
END_TEST

START_TEST(the_frame_of_the_format_is_read_and_written)
{
    /* A one-member sorted set: "a" and a large integer. */
    static const uint8_t framed[] = { 0x14, 0,    0,    0,    2,    0, 0x81, 0x61, 0x02, 0xf4,
                                      0xe2, 0x09, 0x91, 0xa2, 0x1c, 0, 0x0c, 0,    0x09, 0xff };
    struct bytes body;
    size_t count;
    ck_assert(listpack_open(bytes_of(framed, sizeof(framed)), &body, &count));
    ck_assert_uint_eq(count, 2);
    struct listpack_item item;
    size_t at = listpack_read(body, 0, &item);
    ck_assert(listpack_item_equals(&item, BYTES("a")));
    listpack_read(body, at, &item);
    ck_assert(item.is_integer);
    struct buffer again;
    buffer_init(&again);
    listpack_append(&again, BYTES("a"));
    listpack_append_integer(&again, item.integer);
    ck_assert(bytes_equal(buffer_bytes(&again), body));
    char head[LISTPACK_FRAME_HEAD];
    listpack_frame(head, body.size, count);
    ck_assert(memcmp(head, framed, sizeof(head)) == 0);
    buffer_fini(&again);
}
END_TEST

/* Whatever a byte becomes: it is refused, or it can be walked. */
START_TEST(a_damaged_listpack_is_refused_or_sound)
{
    struct buffer framed;
    buffer_init(&framed);
    buffer_append(&framed, bytes_of("\0\0\0\0\0\0", 6));
    listpack_append(&framed, BYTES("hello"));
    listpack_append(&framed, BYTES("-70000"));
    char text[200];
    memset(text, 'x', sizeof(text));
    listpack_append(&framed, bytes_of(text, sizeof(text)));
    listpack_append(&framed, BYTES("7"));
    listpack_frame(framed.data, framed.size - LISTPACK_FRAME_HEAD, 4);
    buffer_append_byte(&framed, (char)0xff);
    struct bytes body;
    size_t count;
    ck_assert(listpack_open(buffer_bytes(&framed), &body, &count));
    size_t refused = 0;
    for (size_t at = 0; at < framed.size; at++) {
        char before = framed.data[at];
        for (unsigned value = 0; value < 256; value++) {
            framed.data[at] = (char)value;
            bool is_sound = listpack_open(buffer_bytes(&framed), &body, &count);
            if (is_sound)
                ck_assert_uint_eq(listpack_count(body), count);
            else
                refused++;
        }
        framed.data[at] = before;
    }
    ck_assert_uint_gt(refused, framed.size);
    for (size_t size = 0; size < framed.size; size++)
        ck_assert(!listpack_open(bytes_of(framed.data, size), &body, &count));
    buffer_fini(&framed);
}
END_TEST

/* A pack against a plain array of texts. */
START_TEST(a_pack_does_what_an_array_does)
{
    struct prng prng;
    prng_init(&prng, 5);
    char *room = memory_alloc(SAMPLE_MAX);
    char *model[64];
    size_t count = 0;
    struct pack *pack = pack_create();
    for (unsigned round = 0; round < 3000; round++) {
        struct bytes text = sample_text(&prng, room);
        size_t index = prng_below(&prng, count + 1);
        size_t at = index == count ? pack_body(pack).size
                                   : listpack_at(pack_body(pack), (int64_t)index, count);
        uint64_t what = prng_below(&prng, 4);
        if (what <= 1 && count < COUNT_OF(model)) {
            memmove(&model[index + 1], &model[index], (count - index) * sizeof(*model));
            model[index] = bytes_copy_text(text);
            pack_insert(&pack, at, text);
            count++;
        } else if (what == 2 && index < count) {
            memory_free(model[index]);
            model[index] = bytes_copy_text(text);
            pack_replace(&pack, at, text);
        } else if (index < count) {
            memory_free(model[index]);
            memmove(&model[index], &model[index + 1], (--count - index) * sizeof(*model));
            pack_remove(&pack, at, 1);
        }
        ck_assert_uint_eq(pack_count(pack), count);
        size_t place = 0;
        for (size_t i = 0; i < count; i++) {
            struct listpack_item item;
            place = listpack_read(pack_body(pack), place, &item);
            ck_assert(listpack_item_equals(&item, bytes_text(model[i])));
        }
        ck_assert_uint_eq(place, pack_body(pack).size);
    }
    struct pack *copy = pack_copy(pack);
    ck_assert(bytes_equal(pack_body(copy), pack_body(pack)));
    while (count > 0) memory_free(model[--count]);
    pack_destroy(copy);
    pack_destroy(pack);
    memory_free(room);
}
END_TEST

START_TEST(a_pack_knows_what_fits)
{
    struct pack *pack = pack_create();
    pack_insert_pair(&pack, 0, BYTES("field"), BYTES("12"));
    ck_assert_uint_eq(pack_count(pack), 2);
    ck_assert(pack_has_room(pack, PACK_COUNT_MAX - 2, 0));
    ck_assert(!pack_has_room(pack, PACK_COUNT_MAX - 1, 0));
    ck_assert(pack_has_room(pack, 1, PACK_SIZE_MAX - 100));
    ck_assert(!pack_has_room(pack, 1, PACK_SIZE_MAX));
    ck_assert(!pack_has_room(pack, 1, SIZE_MAX));
    pack_destroy(pack);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("listpack");
    tcase_add_test(tests, every_element_reads_back_in_both_directions);
    tcase_add_test(tests, the_frame_of_the_format_is_read_and_written);
    tcase_add_test(tests, a_damaged_listpack_is_refused_or_sound);
    tcase_add_test(tests, a_pack_does_what_an_array_does);
    tcase_add_test(tests, a_pack_knows_what_fits);
    return suite_run("types/listpack", tests);
}
