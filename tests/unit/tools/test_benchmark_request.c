/* Requests that are written once and patched: every digit where it belongs. */
#include "tools/benchmark_request.h"

#include "lib/suite.h"

static void write_one(struct request_template *request, const char *line, bool has_numbers,
                      bool has_tags)
{
    struct bytes argv[8];
    struct request_words words = { .argv = argv, .times = 1 };
    while (*line != 0) {
        size_t size = strcspn(line, " ");
        argv[words.argc++] = bytes_of(line, size);
        line += size + (line[size] == ' ');
    }
    request_template_init(request, &words, 1, BYTES("DATA"), has_numbers, has_tags);
}

static void expect(const struct buffer *text, const char *wanted)
{
    ck_assert_uint_eq(text->size, strlen(wanted));
    ck_assert_int_eq(memcmp(text->data, wanted, text->size), 0);
}

START_TEST(a_request_is_written_as_the_server_reads_it)
{
    struct request_template request;
    write_one(&request, "SET key:__rand_int__ <__data__>", false, false);
    expect(&request.text, "*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$6\r\n<DATA>\r\n");
    ck_assert_uint_eq(request.command_count, 1);
    ck_assert_uint_eq(request.place_count, 0);
    request_template_fini(&request);
}
END_TEST

START_TEST(sequential_numbers_go_on_from_copy_to_copy)
{
    struct request_template request;
    struct buffer text = { 0 };
    struct prng prng;
    uint64_t next[PLACE_KINDS] = { 7 };
    struct request_numbers numbers = { .keyspace = 9, .is_sequential = true, .next = next };
    prng_init(&prng, 1);
    write_one(&request, "GET __rand_int__", true, false);
    request_template_repeat(&request, 3, &text);
    request_template_patch(&request, text.data, 3, &numbers, NULL, &prng);
    expect(&text, "*2\r\n$3\r\nGET\r\n$12\r\n000000000007\r\n"
                  "*2\r\n$3\r\nGET\r\n$12\r\n000000000008\r\n"
                  "*2\r\n$3\r\nGET\r\n$12\r\n000000000000\r\n");
    buffer_fini(&text);
    request_template_fini(&request);
}
END_TEST

START_TEST(ordinal_placeholders_are_the_same_within_a_copy)
{
    struct request_template request;
    struct buffer text = { 0 };
    struct prng prng;
    struct request_numbers numbers = { .keyspace = 1000000000000 };
    prng_init(&prng, 4);
    write_one(&request, "__rand_1st__ __rand_1st__ __rand_2nd__ __rand_int__ __rand_int__", true,
              false);
    request_template_repeat(&request, 1, &text);
    request_template_patch(&request, text.data, 1, &numbers, NULL, &prng);
    const char *words[5];
    for (size_t i = 0; i < 5; i++) words[i] = text.data + 4 + i * 19 + 5;
    ck_assert_int_eq(memcmp(words[0], words[1], PLACE_DIGITS), 0);
    ck_assert_int_ne(memcmp(words[0], words[2], PLACE_DIGITS), 0);
    ck_assert_int_ne(memcmp(words[3], words[4], PLACE_DIGITS), 0);
    for (size_t i = 0; i < 5; i++) ck_assert_uint_eq(strspn(words[i], "0123456789"), PLACE_DIGITS);
    buffer_fini(&text);
    request_template_fini(&request);
}
END_TEST

START_TEST(one_tag_fills_all_places_of_a_copy)
{
    struct request_template request;
    struct buffer text = { 0 };
    struct prng prng;
    struct request_numbers numbers = { 0 };
    struct request_tags tags = { .letters = "abc", .count = 1 };
    prng_init(&prng, 4);
    write_one(&request, "MGET a{tag} b{tag}", false, true);
    request_template_repeat(&request, 2, &text);
    request_template_patch(&request, text.data, 2, &numbers, &tags, &prng);
    expect(&text, "*3\r\n$4\r\nMGET\r\n$6\r\na{abc}\r\n$6\r\nb{abc}\r\n"
                  "*3\r\n$4\r\nMGET\r\n$6\r\na{abc}\r\n$6\r\nb{abc}\r\n");
    buffer_fini(&text);
    request_template_fini(&request);
}
END_TEST

START_TEST(repeated_commands_are_counted)
{
    struct bytes set[] = { BYTES("SET"), BYTES("a"), BYTES("b") };
    struct bytes get[] = { BYTES("GET"), BYTES("a") };
    struct request_words words[] = { { .argc = 3, .argv = set, .times = 1 },
                                     { .argc = 2, .argv = get, .times = 2 } };
    struct request_template request;
    request_template_init(&request, words, 2, BYTES_EMPTY, true, true);
    ck_assert_uint_eq(request.command_count, 3);
    expect(&request.text, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"
                          "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    request_template_fini(&request);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("benchmark_request");
    tcase_add_test(tests, a_request_is_written_as_the_server_reads_it);
    tcase_add_test(tests, sequential_numbers_go_on_from_copy_to_copy);
    tcase_add_test(tests, ordinal_placeholders_are_the_same_within_a_copy);
    tcase_add_test(tests, one_tag_fills_all_places_of_a_copy);
    tcase_add_test(tests, repeated_commands_are_counted);
    return suite_run("tools/benchmark_request", tests);
}
