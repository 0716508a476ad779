/* The scenario "types": what commands on collections of a thousand and of a million elements cost.
 *
 * Members, fields and elements are of 16 bytes, values of 8. All collections are filled before the
 * first row, so that they compete for the cache as they would in use. */
#include "tools/benchmark_types.h"

#include "base/memory.h"
#include <stdio.h>

#define VALUE_SIZE       8
#define CLIENTS          50
#define PIPELINE         16
#define FILL_CONNECTIONS 8
#define FILL_PIPELINE    64

/* clang-format off */
static const struct benchmark_test fills[] = {
    { .title = "list", .words = "RPUSH list elem:__rand_1st__" },
    { .title = "set", .words = "SADD set memb:__rand_1st__" },
    { .title = "hash", .words = "HSET hash fiel:__rand_1st__ __data__" },
    { .title = "sorted set", .words = "ZADD zset __rand_1st__ memb:__rand_1st__" },
    { .title = "stream", .words = "XADD stream * field __data__" },
    { .title = "strings", .words = "SET stri:__rand_1st__ __data__" },
};

static const struct benchmark_test small_hash = {
    .title = "small hash",
    .words = "HSET small f0 __data__ f1 __data__ f2 __data__ f3 __data__ f4 __data__ f5 __data__ "
             "f6 __data__ f7 __data__ f8 __data__ f9 __data__",
};

static const struct benchmark_test tests[] = {
    { ",lpush,", "LPUSH", "LPUSH list elem:__rand_int__" },
    { ",lpop,", "LPOP", "LPOP list" },
    { ",lrange,", "LRANGE 100", "LRANGE list 0 99", .is_read = true },
    { ",mget,", "MGET 10", "MGET stri:__rand_int__",
      .repeated = 10, .repeated_words = 1, .is_read = true },
    { ",sadd,", "SADD", "SADD set memb:__rand_int__" },
    { ",sismember,", "SISMEMBER", "SISMEMBER set memb:__rand_int__", .is_read = true },
    { ",hset,", "HSET", "HSET hash fiel:__rand_int__ __data__" },
    { ",hget,", "HGET", "HGET hash fiel:__rand_int__", .is_read = true },
    { ",hgetall,", "HGETALL of 10", "HGETALL small", .is_read = true },
    { ",zadd,", "ZADD", "ZADD zset __rand_int__ memb:__rand_1st__" },
    { ",zrank,", "ZRANK", "ZRANK zset memb:__rand_int__", .is_read = true },
    { ",zrange,", "ZRANGE 100", "ZRANGE zset 0 99", .is_read = true },
    { ",zrangebyscore,", "ZRANGEBYSCORE 10", "ZRANGEBYSCORE zset __rand_int__ +inf LIMIT 0 10",
      .is_read = true },
    { ",xadd,", "XADD", "XADD stream * field __data__" },
    { ",xread,", "XREAD 10", "XREAD COUNT 10 STREAMS stream 0", .is_read = true },
};
/* clang-format on */

/* Sends the request `count` times, with numbers from 0 on. */
static bool fill_with(struct comparison *comparison, struct contestant *contestant,
                      const struct benchmark_test *fill, uint64_t count)
{
    struct buffer data = { 0 };
    struct request_template request;
    uint64_t next[PLACE_KINDS] = { 0 };
    benchmark_data_write(&data, VALUE_SIZE, comparison->seed);
    struct benchmark_values values = { .data = buffer_bytes(&data), .has_numbers = true };
    benchmark_test_write(fill, &values, &request);
    struct load_work work = {
        .request = &request,
        .numbers = { .keyspace = count, .is_sequential = true, .next = next },
        .pipeline = FILL_PIPELINE,
        .request_count = count,
    };
    bool is_good = contestant_run(contestant, &work, 0);
    request_template_fini(&request);
    buffer_fini(&data);
    return is_good;
}

static bool fill_all(struct comparison *comparison, struct contestant *contestant)
{
    bool is_good = measured_server_order(&contestant->server, "FLUSHALL", NULL) &&
                   contestant_connect(contestant, FILL_CONNECTIONS, comparison->seed);
    for (size_t i = 0; i < COUNT_OF(fills) && is_good; i++)
        is_good = fill_with(comparison, contestant, &fills[i], comparison->keyspace);
    is_good = is_good && fill_with(comparison, contestant, &small_hash, 1);
    contestant_disconnect(contestant);
    return is_good;
}

static bool run_size(struct comparison *comparison)
{
    const struct benchmark_options *options = comparison->options;
    struct comparison_row row = {
        .value_size = VALUE_SIZE,
        .client_count = options->clients.count > 0 ? options->clients.numbers[0] : CLIENTS,
        .pipeline = options->pipelines.count > 0 ? options->pipelines.numbers[0] : PIPELINE,
    };
    if (!options->is_json)
        printf("Collections of %llu elements\n\n", (unsigned long long)comparison->keyspace);
    for (size_t i = 0; i < comparison->count; i++)
        if (!fill_all(comparison, &comparison->contestants[i]) ||
            !contestant_connect(&comparison->contestants[i], (size_t)row.client_count,
                                comparison->seed + i))
            return false;
    bool is_good = true;
    for (size_t i = 0; i < COUNT_OF(tests) && is_good; i++) {
        if (!benchmark_test_is_selected(&tests[i], options->tests)) continue;
        row.test = &tests[i];
        is_good = comparison_run_row(comparison, &row);
    }
    for (size_t i = 0; i < comparison->count; i++)
        contestant_disconnect(&comparison->contestants[i]);
    return is_good;
}

bool benchmark_types(struct comparison *comparison)
{
    static const uint64_t sizes[] = { 1000, 1000000 };
    if (!comparison_start(comparison, false)) return false;
    if (comparison->options->keyspace > 0) return run_size(comparison);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        comparison->keyspace = sizes[i];
        if (!run_size(comparison)) return false;
    }
    return true;
}
