/* What each standard test sends, learned from what valkey-benchmark sends (MONITOR). */
#include "tools/benchmark_tests.h"

#include "base/memory.h"
#include <stdio.h>

/* clang-format off */
const struct benchmark_test benchmark_tests[] = {
    { ",ping,ping_inline,", "PING_INLINE", "PING", .is_inline = true, .is_read = true },
    { ",ping,ping_mbulk,", "PING_MBULK", "PING", .is_read = true },
    { ",set,", "SET", "SET key%:__rand_int__ __data__" },
    { ",get,", "GET", "GET key%:__rand_int__", .is_read = true },
    { ",incr,", "INCR", "INCR counter%:__rand_int__" },
    { ",lpush,", "LPUSH", "LPUSH mylist% __data__" },
    { ",rpush,", "RPUSH", "RPUSH mylist% __data__" },
    { ",lpop,", "LPOP", "LPOP mylist%" },
    { ",rpop,", "RPOP", "RPOP mylist%" },
    { ",sadd,", "SADD", "SADD myset% element:__rand_int__" },
    { ",hset,", "HSET", "HSET myhash% element:__rand_int__ __data__" },
    { ",spop,", "SPOP", "SPOP myset%" },
    { ",zadd,", "ZADD", "ZADD myzset% @score element:__rand_1st__" },
    { ",zpopmin,", "ZPOPMIN", "ZPOPMIN myzset%" },
    { ",lrange,lrange_100,lrange_300,lrange_500,lrange_600,", "LPUSH (needed to benchmark LRANGE)",
      "LPUSH mylist% __data__" },
    { ",lrange,lrange_100,", "LRANGE_100 (first 100 elements)", "LRANGE mylist% 0 99",
      .is_read = true },
    { ",lrange,lrange_300,", "LRANGE_300 (first 300 elements)", "LRANGE mylist% 0 299",
      .is_read = true },
    { ",lrange,lrange_500,", "LRANGE_500 (first 500 elements)", "LRANGE mylist% 0 499",
      .is_read = true },
    { ",lrange,lrange_600,", "LRANGE_600 (first 600 elements)", "LRANGE mylist% 0 599",
      .is_read = true },
    { ",mset,", "MSET (10 keys)", "MSET key%:__rand_int__ __data__",
      .repeated = 10, .repeated_words = 2 },
    { ",mget,", "MGET (10 keys)", "MGET key%:__rand_int__",
      .repeated = 10, .repeated_words = 1, .is_read = true },
    { ",xadd,", "XADD", "XADD mystream% * myfield __data__" },
    { ",function_load,", "FUNCTION LOAD", "FUNCTION LOAD REPLACE @library" },
    { ",fcall,", "FCALL", "FCALL foo1 @keys" },
};
/* clang-format on */
const size_t benchmark_test_count = COUNT_OF(benchmark_tests);

bool benchmark_test_is_selected(const struct benchmark_test *test, const char *selection)
{
    if (selection == NULL) return true;
    while (*selection != 0) {
        size_t size = strcspn(selection, ",");
        char name[64];
        char wanted[68];
        if (size < sizeof(name) && size > 0) {
            for (size_t i = 0; i < size; i++)
                name[i] = selection[i] >= 'A' && selection[i] <= 'Z' ? (char)(selection[i] + 32)
                                                                     : selection[i];
            name[size] = 0;
            snprintf(wanted, sizeof(wanted), ",%s,", name);
            if (strstr(test->names, wanted) != NULL) return true;
        }
        selection += size + (selection[size] == ',');
    }
    return false;
}

#define WORDS_MAX 32

struct words {
    struct buffer texts[WORDS_MAX];
    size_t count;
};

/* '%' becomes the tag of a cluster, or nothing; a score has to be a number in any case. */
static void words_add(struct words *words, struct bytes word, const struct benchmark_values *values)
{
    if (bytes_equal(word, BYTES("@score")))
        word = values->has_numbers ? BYTES("__rand_int__") : BYTES("0");
    struct buffer *text = &words->texts[words->count++];
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] != '%')
            buffer_append_byte(text, word.data[i]);
        else if (values->is_cluster)
            buffer_append(text, BYTES(":{tag}"));
    }
}

static void write_library(struct buffer *into, uint32_t function_count)
{
    buffer_append_text(into, "#!lua name=benchlib\n");
    for (uint32_t i = function_count; i > 0; i--)
        buffer_printf(into,
                      "local function foo%u(keys, args)\nreturn keys[0]\nend\n"
                      "server.register_function('foo%u', foo%u)\n",
                      i, i, i);
}

static void split(const struct benchmark_test *test, const struct benchmark_values *values,
                  struct words *words)
{
    const char *at = test->words;
    while (*at != 0) {
        size_t size = strcspn(at, " ");
        words_add(words, bytes_of(at, size), values);
        at += size + (at[size] == ' ');
    }
    size_t first = words->count - test->repeated_words;
    for (uint32_t i = 1; i < test->repeated; i++)
        for (uint32_t j = 0; j < test->repeated_words; j++)
            buffer_append(&words->texts[words->count++], buffer_bytes(&words->texts[first + j]));
}

void benchmark_test_write(const struct benchmark_test *test, const struct benchmark_values *values,
                          struct request_template *request)
{
    if (test->is_inline) {
        request_template_init_inline(request, BYTES("PING\r\n"));
        return;
    }
    struct words words = { 0 };
    split(test, values, &words);
    struct bytes last = buffer_bytes(&words.texts[words.count - 1]);
    size_t argc = words.count;
    if (bytes_equal(last, BYTES("@library"))) {
        buffer_clear(&words.texts[argc - 1]);
        write_library(&words.texts[argc - 1], values->function_count);
    }
    size_t extra = bytes_equal(last, BYTES("@keys")) ? values->function_keys : 0;
    struct bytes *argv = memory_alloc((argc + extra) * sizeof(*argv));
    struct buffer *keys = memory_alloc_zero((extra + 1) * sizeof(*keys));
    for (size_t i = 0; i < extra; i++) {
        buffer_printf(&keys[i], values->is_cluster ? "key%zu:{tag}" : "key%zu", i + 1);
        argv[argc + i] = buffer_bytes(&keys[i]);
    }
    if (extra > 0) {
        buffer_clear(&words.texts[argc - 1]);
        buffer_append_int(&words.texts[argc - 1], (int64_t)extra);
    }
    for (size_t i = 0; i < argc; i++) argv[i] = buffer_bytes(&words.texts[i]);
    struct request_words command = { .argc = argc + extra, .argv = argv, .times = 1 };
    request_template_init(request, &command, 1, values->data, values->has_numbers,
                          values->is_cluster);
    for (size_t i = 0; i < extra; i++) buffer_fini(&keys[i]);
    for (size_t i = 0; i < words.count; i++) buffer_fini(&words.texts[i]);
    memory_free(keys);
    memory_free(argv);
}

void benchmark_data_write(struct buffer *data, size_t size, uint64_t seed)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < size; i++)
        buffer_append_byte(data, letters[prng_below(&prng, sizeof(letters) - 1)]);
}
