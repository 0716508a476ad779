/* Tests of the request parser: forms, limits, errors, and input that comes in pieces. */
#include "base/memory.h"
#include "base/prng.h"
#include "resp/plain.h"
#include "resp/reply.h"
#include "resp/request.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static const struct request_limits normal = { .bulk_size_max = REQUEST_BULK_MAX_DEFAULT };
static const struct request_limits stranger = { .bulk_size_max = REQUEST_BULK_MAX_DEFAULT,
                                                .is_unauthenticated = true };

static struct request_parser parser;
static struct request request;

static void set_up(void)
{
    request_parser_init(&parser);
    request_init(&request);
}

static void tear_down(void)
{
    request_parser_fini(&parser);
    request_fini(&request);
}

static enum request_result parse(struct bytes input)
{
    return request_parse(&parser, input, &normal, &request);
}

static void expect_arg(uint32_t index, struct bytes expected)
{
    ck_assert_uint_lt(index, request.argc);
    ck_assert_uint_eq(request.argv[index].size, expected.size);
    ck_assert(bytes_equal(request.argv[index], expected));
}

static void expect_error(struct bytes input, const struct request_limits *limits, const char *error)
{
    ck_assert_int_eq(request_parse(&parser, input, limits, &request), REQUEST_ERROR);
    ck_assert_str_eq(request.error, error);
    /* The parser is ready for something else. */
    ck_assert_int_eq(parse(BYTES("*1\r\n$4\r\nPING\r\n")), REQUEST_READY);
}

START_TEST(an_array_of_bulks_is_a_request)
{
    struct bytes input = BYTES("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\na\r\nbc\r\n*1\r\n");
    ck_assert_int_eq(parse(input), REQUEST_READY);
    ck_assert_uint_eq(request.argc, 3);
    expect_arg(0, BYTES("SET"));
    expect_arg(1, BYTES("key"));
    expect_arg(2, BYTES("a\r\nbc"));
    ck_assert_uint_eq(request.consumed, input.size - 4);
    ck_assert_ptr_eq(request.argv[0].data, input.data + 8);
}
END_TEST

START_TEST(an_argument_may_be_empty)
{
    ck_assert_int_eq(parse(BYTES("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n")), REQUEST_READY);
    expect_arg(1, BYTES(""));
}
END_TEST

START_TEST(a_request_in_pieces_is_found_at_its_last_byte_only)
{
    struct bytes input = BYTES("*2\r\n$4\r\nECHO\r\n$12\r\nhello, world\r\n");
    for (size_t size = 0; size < input.size; ++size) {
        ck_assert_int_eq(parse(bytes_of(input.data, size)), REQUEST_MORE);
        ck_assert_uint_gt(request.needed, size);
        ck_assert_uint_le(request.needed, input.size);
    }
    ck_assert_int_eq(parse(input), REQUEST_READY);
    expect_arg(1, BYTES("hello, world"));
}
END_TEST

START_TEST(every_cut_of_a_request_gives_the_same_request)
{
    struct bytes input = BYTES("*3\r\n$3\r\nSET\r\n$10\r\n0123456789\r\n$1\r\nx\r\n");
    for (size_t cut = 1; cut < input.size; ++cut) {
        ck_assert_int_eq(parse(bytes_of(input.data, cut)), REQUEST_MORE);
        ck_assert_int_eq(parse(input), REQUEST_READY);
        ck_assert_uint_eq(request.consumed, input.size);
        expect_arg(1, BYTES("0123456789"));
        expect_arg(2, BYTES("x"));
    }
}
END_TEST

START_TEST(a_large_bulk_says_how_many_bytes_it_needs)
{
    struct bytes start = BYTES("*2\r\n$4\r\nECHO\r\n$536870912\r\nabc");
    ck_assert_int_eq(parse(start), REQUEST_MORE);
    ck_assert_uint_eq(request.needed, start.size - 3 + 512 * MIB + 2);
}
END_TEST

/* As a connection does it: bytes are appended to a buffer that moves. */
START_TEST(many_arguments_in_small_pieces_survive_a_moving_buffer)
{
    struct buffer whole = { 0 };
    struct bytes argv[1000];
    char texts[1000][8];
    for (int i = 0; i < 1000; ++i) {
        snprintf(texts[i], sizeof(texts[i]), "v%d", i);
        argv[i] = bytes_text(texts[i]);
    }
    resp_write_command(&whole, 1000, argv);
    for (size_t step = 1; step < 5000; step = step * 3 + 1) {
        enum request_result result = REQUEST_MORE;
        char *piece = NULL;
        for (size_t size = 0; size < whole.size;) {
            size = MIN(whole.size, size + step);
            char *moved = memory_alloc(size);
            memcpy(moved, whole.data, size);
            memory_free(piece);
            piece = moved;
            result = parse(bytes_of(piece, size));
            if (size < whole.size) ck_assert_int_eq(result, REQUEST_MORE);
        }
        ck_assert_int_eq(result, REQUEST_READY);
        ck_assert_uint_eq(request.argc, 1000);
        for (uint32_t i = 0; i < 1000; ++i) expect_arg(i, argv[i]);
        ck_assert_ptr_null(parser.spans);
        memory_free(piece);
    }
    buffer_fini(&whole);
    request_trim(&request);
}
END_TEST

START_TEST(sixteen_arguments_take_no_memory)
{
    struct buffer input = { 0 };
    struct bytes argv[16];
    for (int i = 0; i < 16; ++i) argv[i] = BYTES("word");
    resp_write_command(&input, 16, argv);
    size_t before = memory_used();
    ck_assert_int_eq(parse(bytes_of(input.data, input.size - 1)), REQUEST_MORE);
    ck_assert_int_eq(parse(buffer_bytes(&input)), REQUEST_READY);
    ck_assert_uint_eq(memory_used(), before);
    ck_assert_uint_eq(request.argc, 16);
    buffer_fini(&input);
}
END_TEST

START_TEST(an_announced_count_takes_no_memory_before_its_arguments_come)
{
    size_t before = memory_used();
    ck_assert_int_eq(parse(BYTES("*2147483647\r\n$4\r\nPING\r\n")), REQUEST_MORE);
    ck_assert_uint_eq(memory_used(), before);
}
END_TEST

START_TEST(pipelined_requests_come_one_after_the_other)
{
    struct bytes input = BYTES("*1\r\n$4\r\nPING\r\nECHO x\r\n*0\r\n*1\r\n$4\r\nQUIT\r\n");
    static const enum request_result expected[] = { REQUEST_READY, REQUEST_READY, REQUEST_SKIP,
                                                    REQUEST_READY };
    for (size_t i = 0; i < COUNT_OF(expected); ++i) {
        ck_assert_int_eq(parse(input), expected[i]);
        input = bytes_from(input, request.consumed);
    }
    expect_arg(0, BYTES("QUIT"));
    ck_assert_uint_eq(input.size, 0);
    ck_assert_int_eq(parse(input), REQUEST_MORE);
}
END_TEST

START_TEST(empty_requests_are_skipped)
{
    static const char *const empties[] = { "*0\r\n", "*-1\r\n", "*-9223372036854775808\r\n",
                                           "\r\n",   "\n",      "   \t \r\n" };
    for (size_t i = 0; i < COUNT_OF(empties); ++i) {
        ck_assert_int_eq(parse(bytes_text(empties[i])), REQUEST_SKIP);
        ck_assert_uint_eq(request.consumed, strlen(empties[i]));
    }
}
END_TEST

START_TEST(malformed_requests_are_refused_with_the_texts_of_the_protocol)
{
    static const struct {
        const char *input;
        const char *error;
    } cases[] = {
        { "*x\r\n", "invalid multibulk length" },
        { "*\r\n", "invalid multibulk length" },
        { "*-\r\n", "invalid multibulk length" },
        { "*-0\r\n", "invalid multibulk length" },
        { "*+1\r\n", "invalid multibulk length" },
        { "*01\r\n", "invalid multibulk length" },
        { "*1 \r\n", "invalid multibulk length" },
        { "*2147483648\r\n", "invalid multibulk length" },
        { "*99999999999999999999\r\n", "invalid multibulk length" },
        { "*1\r\n:4\r\n", "expected '$', got ':'" },
        { "*1\r\n\r\n", "expected '$', got ' '" },
        { "*1\r\n\n\r\n", "expected '$', got ' '" },
        { "*1\r\n$-1\r\n", "invalid bulk length" },
        { "*1\r\n$\r\n", "invalid bulk length" },
        { "*1\r\n$04\r\nPING\r\n", "invalid bulk length" },
        { "*1\r\n$536870913\r\n", "invalid bulk length" },
        { "*1\r\n$99999999999999999999\r\n", "invalid bulk length" },
        { "*1\rX$4\r\n", "invalid CRLF in request" },
        { "*1\r\n$4\rXPING\r\n", "invalid CRLF in request" },
        { "*1\r\n$4\r\nPINGab", "invalid CRLF in request" },
        { "*1\r\n$4\r\nPING\ra", "invalid CRLF in request" },
        { "PING \"a\r\n", "unbalanced quotes in request" },
        { "PING 'a\r\n", "unbalanced quotes in request" },
        { "PING a\"b\r\n", "unbalanced quotes in request" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); ++i) {
        char expected[100];
        snprintf(expected, sizeof(expected), "ERR Protocol error: %s", cases[i].error);
        expect_error(bytes_text(cases[i].input), &normal, expected);
    }
}
END_TEST

START_TEST(strangers_get_small_limits)
{
    expect_error(BYTES("*11\r\n"), &stranger,
                 "ERR Protocol error: unauthenticated multibulk length");
    expect_error(BYTES("*1\r\n$16385\r\n"), &stranger,
                 "ERR Protocol error: unauthenticated bulk length");
    expect_error(BYTES("*1\r\n$536870913\r\n"), &stranger,
                 "ERR Protocol error: invalid bulk length");
    struct bytes allowed = BYTES("*10\r\n$16384\r\n");
    ck_assert_int_eq(request_parse(&parser, allowed, &stranger, &request), REQUEST_MORE);
}
END_TEST

START_TEST(a_line_without_end_is_refused_over_64_kib)
{
    static const struct {
        const char *start;
        const char *error;
    } cases[] = {
        { "", "ERR Protocol error: too big inline request" },
        { "*", "ERR Protocol error: too big mbulk count string" },
        { "*1\r\n$", "ERR Protocol error: too big bulk count string" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); ++i) {
        size_t line = strlen(cases[i].start) > 1 ? 4 : 0; /* where the long line starts */
        struct buffer input = { 0 };
        buffer_append_text(&input, cases[i].start);
        while (input.size < line + REQUEST_LINE_MAX) buffer_append_byte(&input, '1');
        ck_assert_int_eq(parse(buffer_bytes(&input)), REQUEST_MORE);
        buffer_append_byte(&input, '1');
        expect_error(buffer_bytes(&input), &normal, cases[i].error);
        buffer_fini(&input);
    }
}
END_TEST

START_TEST(inline_words_join_quoted_pieces)
{
    struct bytes line =
        BYTES("\tSET \"a b\"c 'it\\'s\\n' \"\\x41\\n\\q\\x4\" \"\" a\\b \"\\\"\" \r\n");
    ck_assert_int_eq(parse(line), REQUEST_READY);
    ck_assert_uint_eq(request.consumed, line.size);
    ck_assert_uint_eq(request.argc, 7);
    expect_arg(0, BYTES("SET"));
    expect_arg(1, BYTES("a bc"));
    expect_arg(2, BYTES("it's\\n"));
    expect_arg(3, BYTES("A\nqx4"));
    expect_arg(4, BYTES(""));
    expect_arg(5, BYTES("a\\b"));
    expect_arg(6, BYTES("\""));
}
END_TEST

START_TEST(an_inline_line_may_hold_more_words_than_fit_in_place)
{
    struct buffer line = { 0 };
    for (int i = 0; i < 100; ++i) buffer_printf(&line, "w%d ", i);
    buffer_append_text(&line, "\n");
    ck_assert_int_eq(parse(buffer_bytes(&line)), REQUEST_READY);
    ck_assert_uint_eq(request.argc, 100);
    expect_arg(99, BYTES("w99"));
    buffer_fini(&line);
}
END_TEST

START_TEST(a_browser_is_hung_up_on)
{
    ck_assert_int_eq(parse(BYTES("POST / HTTP/1.1\r\n")), REQUEST_HANGUP);
    ck_assert_int_eq(parse(BYTES("host: localhost\r\n")), REQUEST_HANGUP);
    ck_assert_int_eq(parse(BYTES("*1\r\n$4\r\nPOST\r\n")), REQUEST_HANGUP);
    ck_assert_int_eq(parse(BYTES("*1\r\n$5\r\nHost:\r\n")), REQUEST_HANGUP);
    ck_assert_int_eq(parse(BYTES("POSTS\r\n")), REQUEST_READY);
}
END_TEST

START_TEST(a_written_command_is_read_back)
{
    struct buffer wire = { 0 };
    resp_write_words(&wire, "CLUSTER", "MEET", "127.0.0.1", "7000", NULL);
    ck_assert_int_eq(parse(buffer_bytes(&wire)), REQUEST_READY);
    ck_assert_uint_eq(request.argc, 4);
    ck_assert_uint_eq(request.consumed, wire.size);
    expect_arg(3, BYTES("7000"));
    buffer_fini(&wire);
}
END_TEST

/* A request of random shape, with a few bytes of it changed now and then, or its end cut off. */
static void write_random(struct prng *prng, struct buffer *wire)
{
    static const char bytes[] = "$*\r\n0123456789-:xPp";
    static const char payload[1200] = { 'o' };
    static const char *const names[] = { "get", "POST", "host:", "set", "" };
    struct bytes argv[40] = { bytes_text(names[prng_below(prng, COUNT_OF(names))]) };
    uint32_t argc = 1 + (uint32_t)prng_below(prng, prng_below(prng, 4) ? 11 : COUNT_OF(argv));
    for (uint32_t i = 1; i < argc; i++) {
        size_t size = prng_below(prng, prng_below(prng, 2) ? 12 : sizeof(payload));
        argv[i] = bytes_of(payload, size);
    }
    buffer_clear(wire);
    resp_write_command(wire, argc, argv);
    for (uint64_t change = prng_below(prng, 3); change > 0; change--) {
        size_t at =
            prng_below(prng, prng_below(prng, 2) ? wire->size : MIN(wire->size, (size_t)16));
        wire->data[at] = bytes[prng_below(prng, sizeof(bytes) - 1)];
    }
    if (prng_below(prng, 4) == 0) wire->size = prng_below(prng, wire->size + 1);
}

START_TEST(what_is_parsed_as_plain_is_what_the_parser_finds)
{
    struct prng prng;
    struct buffer wire = { 0 };
    unsigned plain_count = 0;
    prng_init(&prng, 1);
    for (int round = 0; round < 50000; round++) {
        write_random(&prng, &wire);
        /* In a block of its own size, so that a sanitizer sees a byte read behind it. */
        char *block = memory_alloc(MAX(wire.size, (size_t)1));
        if (wire.size > 0) memcpy(block, wire.data, wire.size);
        struct bytes argv[REQUEST_PLAIN_ARGC];
        uint32_t argc = 0;
        size_t size = request_parse_plain(bytes_of(block, wire.size), argv, &argc);
        if (size > 0) {
            plain_count++;
            ck_assert_int_eq(parse(bytes_of(block, wire.size)), REQUEST_READY);
            ck_assert_uint_eq(request.consumed, size);
            ck_assert_uint_eq(request.argc, argc);
            for (uint32_t i = 0; i < argc; i++) {
                ck_assert_ptr_eq(request.argv[i].data, argv[i].data);
                ck_assert_uint_eq(request.argv[i].size, argv[i].size);
            }
        }
        memory_free(block);
    }
    ck_assert_uint_gt(plain_count, 5000);
    buffer_fini(&wire);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("request");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_array_of_bulks_is_a_request);
    tcase_add_test(tests, an_argument_may_be_empty);
    tcase_add_test(tests, a_request_in_pieces_is_found_at_its_last_byte_only);
    tcase_add_test(tests, every_cut_of_a_request_gives_the_same_request);
    tcase_add_test(tests, a_large_bulk_says_how_many_bytes_it_needs);
    tcase_add_test(tests, many_arguments_in_small_pieces_survive_a_moving_buffer);
    tcase_add_test(tests, sixteen_arguments_take_no_memory);
    tcase_add_test(tests, an_announced_count_takes_no_memory_before_its_arguments_come);
    tcase_add_test(tests, pipelined_requests_come_one_after_the_other);
    tcase_add_test(tests, empty_requests_are_skipped);
    tcase_add_test(tests, malformed_requests_are_refused_with_the_texts_of_the_protocol);
    tcase_add_test(tests, strangers_get_small_limits);
    tcase_add_test(tests, a_line_without_end_is_refused_over_64_kib);
    tcase_add_test(tests, inline_words_join_quoted_pieces);
    tcase_add_test(tests, an_inline_line_may_hold_more_words_than_fit_in_place);
    tcase_add_test(tests, a_browser_is_hung_up_on);
    tcase_add_test(tests, a_written_command_is_read_back);
    tcase_add_test(tests, what_is_parsed_as_plain_is_what_the_parser_finds);
    Suite *suite = suite_create("resp/request");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
