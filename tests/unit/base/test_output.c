/* The chain of blocks against a plain run of bytes: appending, marks, sharing, sending. */
#include "base/output.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/prng.h"
#include "lib/expect.h"
#include "lib/suite.h"

static struct output output;
static struct buffer model;
static struct prng prng;
static size_t memory_before;

static void set_up(void)
{
    memory_before = memory_used();
    output_init(&output);
    buffer_init(&model);
    prng_init(&prng, 21);
}

static void tear_down(void)
{
    output_fini(&output);
    buffer_fini(&model);
    ck_assert_uint_eq(memory_used(), memory_before);
}

static void expect_same(void)
{
    struct buffer copy = { 0 };
    output_copy(&output, &copy);
    expect(output.size == model.size);
    expect(bytes_equal(buffer_bytes(&copy), buffer_bytes(&model)));
    struct iovec slices[4];
    size_t count = output_slices(&output, slices, COUNT_OF(slices));
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        expect(slices[i].iov_len > 0);
        expect(memcmp(slices[i].iov_base, model.data + at, slices[i].iov_len) == 0);
        at += slices[i].iov_len;
    }
    expect(count == COUNT_OF(slices) || at == model.size);
    buffer_fini(&copy);
}

static void append(size_t size)
{
    char *text = memory_alloc(size);
    for (size_t i = 0; i < size; i++) text[i] = (char)prng_next(&prng);
    output_append(&output, bytes_of(text, size));
    buffer_append(&model, bytes_of(text, size));
    memory_free(text);
}

static void reserve(size_t size)
{
    char *place = output_reserve(&output, size);
    memset(place, 'r', size);
    output_commit(&output, size);
    memset(buffer_reserve(&model, size), 'r', size);
    model.size += size;
}

struct counted {
    struct shared shared;
    char text[5000];
};

static void counted_release(struct shared *shared)
{
    memory_free(CONTAINER_OF(shared, struct counted, shared));
}

static void append_shared(size_t size)
{
    struct counted *counted = memory_alloc(sizeof(*counted));
    counted->shared = (struct shared){ .references = 1, .release = counted_release };
    memset(counted->text, 's', sizeof(counted->text));
    output_append_shared(&output, &counted->shared, bytes_of(counted->text, size));
    buffer_append(&model, bytes_of(counted->text, size));
    shared_drop(&counted->shared);
}

static void consume(size_t size)
{
    output_consume(&output, size);
    buffer_consume(&model, size);
}

/* One mark, with or without writing before it ends as an insertion or a rewind. */
static void mark_step(void)
{
    struct output_mark mark = output_mark(&output);
    size_t at = model.size;
    for (size_t i = prng_below(&prng, 4); i > 0; i--) {
        if (prng_chance(&prng, 1, 4))
            append_shared((size_t)prng_below(&prng, 5000));
        else
            append((size_t)prng_below(&prng, 3000));
    }
    if (prng_chance(&prng, 1, 3)) {
        output_rewind(&output, mark);
        model.size = at;
        return;
    }
    char text[40];
    size_t size = (size_t)prng_below(&prng, sizeof(text));
    memset(text, 'm', sizeof(text));
    output_insert(&output, mark, bytes_of(text, size));
    buffer_reserve(&model, size);
    memmove(model.data + at + size, model.data + at, model.size - at);
    memcpy(model.data + at, text, size);
    model.size += size;
}

START_TEST(it_sends_what_was_written_in_order)
{
    for (int step = 0; step < 6000; step++) {
        switch (prng_below(&prng, 6)) {
        case 0: append((size_t)prng_below(&prng, 100)); break;
        case 1: append((size_t)prng_below(&prng, prng_chance(&prng, 1, 20) ? 60000 : 3000)); break;
        case 2: reserve((size_t)prng_below(&prng, 2000)); break;
        case 3: append_shared((size_t)prng_below(&prng, 5000)); break;
        case 4: mark_step(); break;
        default: consume((size_t)prng_below(&prng, model.size + 1)); break;
        }
        if (step % 40 == 0 && prng_chance(&prng, 1, 2)) consume(model.size);
        expect_same();
    }
}
END_TEST

START_TEST(a_block_that_is_being_sent_stays_in_place)
{
    append(700);
    struct iovec before[1], after[1];
    ck_assert_uint_eq(output_slices(&output, before, 1), 1);
    for (int i = 0; i < 100; i++) append(1000);
    ck_assert_uint_eq(output_slices(&output, after, 1), 1);
    ck_assert_ptr_eq(before[0].iov_base, after[0].iov_base);
    consume(300);
    output_slices(&output, after, 1);
    ck_assert_ptr_eq((char *)before[0].iov_base + 300, after[0].iov_base);
}
END_TEST

START_TEST(an_idle_connection_is_cheap_and_the_next_reply_allocates_nothing)
{
    ck_assert_uint_eq(output.memory, 0);
    append(100);
    ck_assert_uint_le(output.memory, 1 * KIB);
    consume(100);
    size_t used = memory_used();
    char *place = output_reserve(&output, 500);
    memset(place, 'x', 500);
    output_commit(&output, 500);
    ck_assert_uint_eq(memory_used(), used);
    output_consume(&output, 500);
    append(100000);
    ck_assert_uint_lt(output.block_count, 12); /* blocks grow to 16 KiB */
    consume(100000);
    ck_assert_uint_le(output.memory, 1 * KIB);
}
END_TEST

START_TEST(a_large_piece_can_be_reserved_at_once)
{
    reserve(100000);
    expect_same();
    struct iovec slices[4];
    ck_assert_uint_eq(output_slices(&output, slices, 4), 1);
}
END_TEST

START_TEST(memory_counts_what_it_only_refers_to)
{
    struct output_shape shape;
    output_append(&output, BYTES("own"));
    size_t own = output_memory(&output);
    append_shared(5000);
    ck_assert_uint_gt(output_memory(&output), own + 5000);
    output_measure(&output, &shape);
    ck_assert_uint_eq(shape.first_capacity, own);
    ck_assert_uint_eq(shape.first_size, 3);
    ck_assert_uint_eq(shape.more_count, 1);
    ck_assert_uint_eq(shape.more_memory, output_memory(&output) - own);
    output_consume(&output, 2);
    output_measure(&output, &shape);
    ck_assert_uint_eq(shape.first_size, 1);
    output_consume(&output, output.size);
    ck_assert_uint_eq(output_memory(&output), 0);
}
END_TEST

START_TEST(shared_bytes_are_released_when_they_are_gone)
{
    append_shared(1000); /* tear_down counts the memory */
    append_shared(0);
    consume(999);
    expect_same();
    consume(1);
    ck_assert_uint_eq(output.block_count, 0);
    append_shared(10);
}
END_TEST

START_TEST(a_mark_in_an_empty_output_works)
{
    struct output_mark mark = output_mark(&output);
    output_append(&output, BYTES("tail"));
    output_insert(&output, mark, BYTES("*1\r\n"));
    buffer_append_text(&model, "*1\r\ntail");
    expect_same();
    consume(8);
    mark = output_mark(&output);
    append(5);
    output_rewind(&output, mark);
    ck_assert_uint_eq(output.size, 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("output");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, it_sends_what_was_written_in_order);
    tcase_add_test(tests, a_block_that_is_being_sent_stays_in_place);
    tcase_add_test(tests, an_idle_connection_is_cheap_and_the_next_reply_allocates_nothing);
    tcase_add_test(tests, a_large_piece_can_be_reserved_at_once);
    tcase_add_test(tests, memory_counts_what_it_only_refers_to);
    tcase_add_test(tests, shared_bytes_are_released_when_they_are_gone);
    tcase_add_test(tests, a_mark_in_an_empty_output_works);
    return suite_run("base/output", tests);
}
