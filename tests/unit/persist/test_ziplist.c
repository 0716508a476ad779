/* Ziplists: each encoding is read, what is damaged is refused or sound. */
#include "persist/ziplist.h"

#include "lib/suite.h"
#include "types/listpack.h"

/* a, 5, 300, -70000, 5000000000, seventy times x; as an older server wrote it. */
static const uint8_t with_texts[] =
    "\x6c\0\0\0\x22\0\0\0\x06\0\0\x01\x61\x03\xf6\x02\xc0\x2c\x01\x04\xf0\x90\xee\xfe\x05\xe0\0"
    "\xf2\x05\x2a\x01\0\0\0\x0a\x40\x46"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xff";

static void check_elements(const struct buffer *body, const char *const *wanted, size_t count)
{
    struct bytes all = buffer_bytes(body);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        struct listpack_item item;
        at = listpack_read(all, at, &item);
        ck_assert(listpack_item_equals(&item, bytes_text(wanted[i])));
    }
    ck_assert_uint_eq(at, all.size);
}

START_TEST(every_element_of_a_ziplist_becomes_one_of_a_listpack)
{
    static const char *const wanted[] = {
        "a",          "5",
        "300",        "-70000",
        "5000000000", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    };
    struct buffer body;
    size_t count;
    buffer_init(&body);
    ck_assert(ziplist_open(bytes_of(with_texts, sizeof(with_texts) - 1), &body, &count));
    ck_assert_uint_eq(count, COUNT_OF(wanted));
    check_elements(&body, wanted, count);
    buffer_fini(&body);
}
END_TEST

/* int8, int32, the largest immediate; a text of 256 bytes, whose size needs four bytes behind it;
 * a text with a size of 32 bits. */
START_TEST(rare_encodings_of_a_ziplist_are_read)
{
    struct buffer ziplist;
    struct buffer body;
    size_t count;
    char text[257] = { 0 };
    memset(text, 'y', sizeof(text) - 1);
    buffer_init(&ziplist);
    buffer_init(&body);
    buffer_append(&ziplist, bytes_of("\0\0\0\0\0\0\0\0\xff\xff", 10));
    buffer_append(&ziplist, bytes_of("\0\xfe\x80", 3));
    buffer_append(&ziplist, bytes_of("\3\xd0\xff\xff\xff\x7f", 6));
    buffer_append(&ziplist, bytes_of("\6\xfd", 2));
    buffer_append(&ziplist, bytes_of("\2\x41\0", 3));
    buffer_append(&ziplist, bytes_of(text, 256));
    size_t last = ziplist.size;
    buffer_append(&ziplist, bytes_of("\xfe\3\1\0\0\x80\0\0\0\2ok\xff", 13));
    ziplist.data[0] = (char)ziplist.size;
    ziplist.data[1] = (char)(ziplist.size >> 8);
    ziplist.data[4] = (char)last;
    ziplist.data[5] = (char)(last >> 8);
    const char *const wanted[] = { "-128", "2147483647", "12", text, "ok" };
    ck_assert(ziplist_open(buffer_bytes(&ziplist), &body, &count));
    ck_assert_uint_eq(count, COUNT_OF(wanted));
    check_elements(&body, wanted, count);

    ziplist.data[8] = 4; /* a count that is told must be right */
    ziplist.data[9] = 0;
    ck_assert(!ziplist_open(buffer_bytes(&ziplist), &body, &count));
    check_elements(&body, wanted, COUNT_OF(wanted)); /* nothing was appended */
    buffer_fini(&body);
    buffer_fini(&ziplist);
}
END_TEST

START_TEST(an_empty_ziplist_has_no_elements)
{
    struct buffer body;
    size_t count;
    buffer_init(&body);
    ck_assert(ziplist_open(bytes_of("\x0b\0\0\0\x0a\0\0\0\0\0\xff", 11), &body, &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(body.size, 0);
    ck_assert(!ziplist_open(BYTES_EMPTY, &body, &count));
    ck_assert(!ziplist_open(bytes_of("\x0a\0\0\0\x0a\0\0\0\0\xff", 10), &body, &count));
    buffer_fini(&body);
}
END_TEST

START_TEST(a_damaged_ziplist_is_refused_or_sound)
{
    uint8_t damaged[sizeof(with_texts) - 1];
    struct buffer body;
    size_t count;
    size_t refused = 0;
    buffer_init(&body);
    memcpy(damaged, with_texts, sizeof(damaged));
    for (size_t at = 0; at < sizeof(damaged); at++) {
        for (unsigned value = 0; value < 256; value++) {
            damaged[at] = (uint8_t)value;
            buffer_clear(&body);
            if (ziplist_open(bytes_of(damaged, sizeof(damaged)), &body, &count))
                ck_assert_uint_eq(listpack_count(buffer_bytes(&body)), count);
            else
                refused++;
        }
        damaged[at] = with_texts[at];
    }
    ck_assert_uint_gt(refused, sizeof(damaged));
    for (size_t size = 0; size < sizeof(damaged); size++)
        ck_assert(!ziplist_open(bytes_of(damaged, size), &body, &count));
    buffer_fini(&body);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("ziplist");
    tcase_add_test(tests, every_element_of_a_ziplist_becomes_one_of_a_listpack);
    tcase_add_test(tests, rare_encodings_of_a_ziplist_are_read);
    tcase_add_test(tests, an_empty_ziplist_has_no_elements);
    tcase_add_test(tests, a_damaged_ziplist_is_refused_or_sound);
    return suite_run("persist/ziplist", tests);
}
