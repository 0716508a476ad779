/* The standard tests: which ones -t selects, and what they send. */
#include "tools/benchmark_tests.h"

#include "base/memory.h"
#include "lib/suite.h"

static size_t selected(const char *selection)
{
    size_t count = 0;
    for (size_t i = 0; i < benchmark_test_count; i++)
        count += benchmark_test_is_selected(&benchmark_tests[i], selection);
    return count;
}

static const struct benchmark_test *test_of(const char *title)
{
    for (size_t i = 0; i < benchmark_test_count; i++)
        if (strcmp(benchmark_tests[i].title, title) == 0) return &benchmark_tests[i];
    return NULL;
}

/* What the test sends, in one text. */
static char *sent(const char *title, struct benchmark_values values)
{
    struct request_template request;
    values.data = BYTES("DAT");
    benchmark_test_write(test_of(title), &values, &request);
    size_t size;
    char *text = buffer_take(&request.text, &size);
    request_template_fini(&request);
    return text;
}

static void expect_sent(const char *title, struct benchmark_values values, const char *wanted)
{
    char *text = sent(title, values);
    ck_assert_str_eq(text, wanted);
    memory_free(text);
}

START_TEST(names_select_as_in_valkey_benchmark)
{
    ck_assert_uint_eq(selected(NULL), benchmark_test_count);
    ck_assert_uint_eq(selected("ping"), 2);
    ck_assert_uint_eq(selected("ping_inline"), 1);
    ck_assert_uint_eq(selected("SET,get"), 2);
    ck_assert_uint_eq(selected("lrange"), 5);
    ck_assert_uint_eq(selected("lrange_300"), 2); /* the list has to be filled first */
    ck_assert_uint_eq(selected("nosuch"), 0);
    ck_assert_uint_eq(selected(",,"), 0);
    ck_assert_uint_eq(selected("se"), 0);
}
END_TEST

START_TEST(tests_send_what_their_name_says)
{
    struct benchmark_values plain = { .function_count = 1, .function_keys = 2 };
    struct benchmark_values random = { .has_numbers = true };
    struct benchmark_values cluster = { .is_cluster = true, .function_keys = 1 };
    expect_sent("PING_INLINE", plain, "PING\r\n");
    expect_sent("SET", plain, "*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\nDAT\r\n");
    expect_sent("GET", cluster, "*2\r\n$3\r\nGET\r\n$22\r\nkey:{tag}:__rand_int__\r\n");
    expect_sent("LPOP", cluster, "*2\r\n$4\r\nLPOP\r\n$12\r\nmylist:{tag}\r\n");
    expect_sent("ZADD", plain,
                "*4\r\n$4\r\nZADD\r\n$6\r\nmyzset\r\n$1\r\n0\r\n$20\r\nelement:__rand_1st__\r\n");
    expect_sent("ZADD", random,
                "*4\r\n$4\r\nZADD\r\n$6\r\nmyzset\r\n$12\r\n__rand_int__\r\n"
                "$20\r\nelement:__rand_1st__\r\n");
    expect_sent("FCALL", plain,
                "*5\r\n$5\r\nFCALL\r\n$4\r\nfoo1\r\n$1\r\n2\r\n$4\r\nkey1\r\n$4\r\nkey2\r\n");
    expect_sent("FCALL", cluster,
                "*4\r\n$5\r\nFCALL\r\n$4\r\nfoo1\r\n$1\r\n1\r\n$10\r\nkey1:{tag}\r\n");
}
END_TEST

START_TEST(mset_has_ten_keys)
{
    char *text = sent("MSET (10 keys)", (struct benchmark_values){ 0 });
    ck_assert_int_eq(strncmp(text, "*21\r\n", 5), 0);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "key:__rand_int__")) != NULL; at++) count++;
    ck_assert_uint_eq(count, 10);
    memory_free(text);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_data)
{
    struct buffer first = { 0 }, second = { 0 };
    benchmark_data_write(&first, 1000, 5);
    benchmark_data_write(&second, 1000, 5);
    ck_assert_uint_eq(first.size, 1000);
    ck_assert(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    buffer_fini(&first);
    buffer_fini(&second);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("benchmark_tests");
    tcase_add_test(tests, names_select_as_in_valkey_benchmark);
    tcase_add_test(tests, tests_send_what_their_name_says);
    tcase_add_test(tests, mset_has_ten_keys);
    tcase_add_test(tests, the_same_seed_gives_the_same_data);
    return suite_run("tools/benchmark_tests", tests);
}
