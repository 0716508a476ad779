/* The growing buffer against a plain array. */
#include "base/buffer.h"

#include "base/memory.h"
#include "base/prng.h"
#include "lib/expect.h"
#include "lib/suite.h"

static struct buffer buffer;

static void set_up(void)
{
    buffer_init(&buffer);
}

static void tear_down(void)
{
    buffer_fini(&buffer);
    ck_assert_ptr_null(buffer.data);
}

static void expect_text(struct bytes expected)
{
    ck_assert(bytes_equal(buffer_bytes(&buffer), expected));
}

START_TEST(pieces_follow_each_other)
{
    buffer_append_text(&buffer, "a=");
    buffer_append_int(&buffer, -42);
    buffer_append_byte(&buffer, ';');
    buffer_append(&buffer, (struct bytes){ 0 });
    buffer_printf(&buffer, "%s:%d", "x", 7);
    expect_text(BYTES("a=-42;x:7"));
}
END_TEST

START_TEST(a_long_format_finds_room)
{
    char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    buffer_append_text(&buffer, "ab");
    buffer_printf(&buffer, "%s!", text);
    ck_assert_uint_eq(buffer.size, 2 + 4999 + 1);
    ck_assert_int_eq(buffer.data[buffer.size - 1], '!');
    ck_assert_int_eq(buffer.data[2], 'x');
}
END_TEST

START_TEST(a_format_that_fits_to_the_last_byte_is_whole)
{
    /* The terminator of vsnprintf must not cost a character at any size. */
    for (int size = 0; size < 300; size++) {
        buffer_clear(&buffer);
        buffer_printf(&buffer, "%0*d", size + 1, 7);
        expect(buffer.size == (size_t)size + 1);
        expect(buffer.data[size] == '7');
    }
}
END_TEST

START_TEST(quoting_shows_every_byte)
{
    buffer_append_quoted(&buffer, BYTES("a\"\\\n\r\t\a\b\x01\xff z"));
    expect_text(BYTES("\"a\\\"\\\\\\n\\r\\t\\a\\b\\x01\\xff z\""));
}
END_TEST

START_TEST(it_holds_what_was_appended_and_not_consumed)
{
    static char model[1 << 20];
    size_t size = 0;
    struct prng prng;
    prng_init(&prng, 9);
    for (int i = 0; i < 20000; i++) {
        char piece[200];
        size_t count = (size_t)prng_below(&prng, sizeof(piece));
        if (prng_chance(&prng, 3, 5) && size + count <= sizeof(model)) {
            for (size_t j = 0; j < count; j++) piece[j] = (char)prng_next(&prng);
            buffer_append(&buffer, bytes_of(piece, count));
            memcpy(model + size, piece, count);
            size += count;
        } else {
            count = MIN(count, size);
            buffer_consume(&buffer, count);
            size -= count;
            memmove(model, model + count, size);
        }
        expect(bytes_equal(buffer_bytes(&buffer), bytes_of(model, size)));
    }
}
END_TEST

START_TEST(memory_is_kept_or_given_back_as_asked)
{
    buffer_reserve(&buffer, 10000);
    buffer.size = 10000;
    size_t capacity = buffer.capacity;
    buffer_clear(&buffer);
    ck_assert_uint_eq(buffer.capacity, capacity);
    buffer_trim(&buffer, 20000);
    ck_assert_uint_eq(buffer.capacity, capacity);
    buffer_trim(&buffer, 5000);
    ck_assert_uint_eq(buffer.capacity, 0);
    ck_assert_uint_eq(buffer.size, 0);
}
END_TEST

START_TEST(the_bytes_can_be_taken)
{
    size_t size = 1;
    char *text = buffer_take(&buffer, &size);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(size, 0);
    memory_free(text);
    buffer_append_text(&buffer, "abc");
    text = buffer_take(&buffer, &size);
    ck_assert_str_eq(text, "abc");
    ck_assert_uint_eq(size, 3);
    ck_assert_uint_eq(buffer.size, 0);
    memory_free(text);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("buffer");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, pieces_follow_each_other);
    tcase_add_test(tests, a_long_format_finds_room);
    tcase_add_test(tests, a_format_that_fits_to_the_last_byte_is_whole);
    tcase_add_test(tests, quoting_shows_every_byte);
    tcase_add_test(tests, it_holds_what_was_appended_and_not_consumed);
    tcase_add_test(tests, memory_is_kept_or_given_back_as_asked);
    tcase_add_test(tests, the_bytes_can_be_taken);
    return suite_run("base/buffer", tests);
}
