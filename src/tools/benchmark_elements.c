/* The scenario "elements": memory of collections beyond what was put into them.
 *
 * Large ones: one key, what an element takes. Small ones: many keys of ten elements each, what a
 * key takes. Names of keys, members, elements and fields of large hashes have 16 bytes, values 8;
 * a score counts as 8 bytes of payload. */
#include "tools/benchmark_elements.h"

#include <stdio.h>

#define NAME_SIZE  16
#define VALUE_SIZE 8
#define SCORE_SIZE 8
#define SMALL_SIZE 10
#define FIELD_SIZE 2 /* f0 to f9 */

struct element_row {
    struct benchmark_test test;
    size_t payload;   /* bytes of what a request brings */
    uint64_t divisor; /* small ones: so many fewer keys than elements of a large one */
};

/* clang-format off */
static const struct element_row rows[] = {
    { { ",list,", "list, an element", "RPUSH list mbr:__rand_int__" }, NAME_SIZE, 1 },
    { { ",hash,", "large hash, a field", "HSET hash fld:__rand_int__ __data__" },
      NAME_SIZE + VALUE_SIZE, 1 },
    { { ",set,", "large set, a member", "SADD set mbr:__rand_int__" }, NAME_SIZE, 1 },
    { { ",intset,", "large set of integers of 12 digits, a member", "SADD set 1__rand_int__" },
      NAME_SIZE - 3, 1 },
    { { ",zset,", "large sorted set, a member", "ZADD zset __rand_1st__ mbr:__rand_1st__" },
      NAME_SIZE + SCORE_SIZE, 1 },
    { { ",smallhash,", "hash of ten fields, a key",
        "HSET key:__rand_int__ f0 __data__ f1 __data__ f2 __data__ f3 __data__ f4 __data__ "
        "f5 __data__ f6 __data__ f7 __data__ f8 __data__ f9 __data__" },
      NAME_SIZE + SMALL_SIZE * (FIELD_SIZE + VALUE_SIZE), SMALL_SIZE },
    { { ",smallzset,", "sorted set of ten, a key",
        "ZADD key:__rand_int__ 0 mbr:000000000000 1 mbr:000000000001 2 mbr:000000000002 "
        "3 mbr:000000000003 4 mbr:000000000004 5 mbr:000000000005 6 mbr:000000000006 "
        "7 mbr:000000000007 8 mbr:000000000008 9 mbr:000000000009" },
      NAME_SIZE + SMALL_SIZE * (NAME_SIZE + SCORE_SIZE), SMALL_SIZE },
    { { ",smallset,", "set of ten, a key",
        "SADD key:__rand_int__ mbr:000000000000 mbr:000000000001 mbr:000000000002 "
        "mbr:000000000003 mbr:000000000004 mbr:000000000005 mbr:000000000006 "
        "mbr:000000000007 mbr:000000000008 mbr:000000000009" },
      NAME_SIZE + SMALL_SIZE * NAME_SIZE, SMALL_SIZE },
    { { ",smalllist,", "list of ten, a key",
        "RPUSH key:__rand_int__ mbr:000000000000 mbr:000000000001 mbr:000000000002 "
        "mbr:000000000003 mbr:000000000004 mbr:000000000005 mbr:000000000006 "
        "mbr:000000000007 mbr:000000000008 mbr:000000000009" },
      NAME_SIZE + SMALL_SIZE * NAME_SIZE, SMALL_SIZE },
};
/* clang-format on */

static void say(struct comparison *comparison, const struct contestant *contestant,
                const struct element_row *row, uint64_t count)
{
    double used = contestant->used_per_key - (double)row->payload;
    double resident = contestant->resident_per_key - (double)row->payload;
    if (!comparison->options->is_json) {
        printf("  %-46s %-24s %7.1f used_memory  %7.1f RSS\n", row->test.title, contestant->label,
               used, resident);
        fflush(stdout);
        return;
    }
    struct json *json = &comparison->json;
    json_open(json, NULL, '{');
    json_text(json, "collection", row->test.title);
    json_text(json, "server", contestant->label);
    json_integer(json, "count", (int64_t)count);
    json_integer(json, "payload", (int64_t)row->payload);
    json_number(json, "used_memory_overhead", used);
    json_number(json, "rss_overhead", resident);
    json_close(json, '}');
}

static bool fill(struct comparison *comparison, struct contestant *contestant,
                 const struct element_row *row, uint64_t count)
{
    struct buffer data = { 0 };
    struct request_template request;
    benchmark_data_write(&data, VALUE_SIZE, comparison->seed);
    struct benchmark_values values = { .data = buffer_bytes(&data), .has_numbers = true };
    benchmark_test_write(&row->test, &values, &request);
    bool is_good = contestant_fill_with(contestant, &request, count, comparison->seed);
    request_template_fini(&request);
    buffer_fini(&data);
    return is_good;
}

bool benchmark_elements(struct comparison *comparison)
{
    if (!comparison->options->is_json)
        printf("%llu elements: bytes beyond payload\n", (unsigned long long)comparison->keyspace);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct element_row *row = &rows[i];
        uint64_t count = MAX(comparison->keyspace / row->divisor, (uint64_t)1);
        if (!benchmark_test_is_selected(&row->test, comparison->options->tests)) continue;
        /* Fresh servers each time: what FLUSHALL leaves behind is not the question. */
        comparison_stop(comparison);
        if (!comparison_start(comparison, false)) return false;
        for (size_t j = 0; j < comparison->count; j++) {
            if (!fill(comparison, &comparison->contestants[j], row, count)) return false;
            say(comparison, &comparison->contestants[j], row, count);
        }
    }
    return true;
}
