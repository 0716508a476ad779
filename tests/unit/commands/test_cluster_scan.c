/* SCAN and CLUSTERSCAN over slots: every key once, redirects where a slot is elsewhere. */
#include "commands/commands.h"
#include "unit/engine/runner.h"
#include <stdio.h>
#include <stdlib.h>

static struct world *world;
static struct permit *permit;
static const struct endpoint endpoints[] = {
    { .texts = { "10.0.0.1:7001", "[fd::1]:7001", "10.0.0.1:8001", "[fd::1]:8001" } },
};

static void set_up(void)
{
    world = world_create_with(true);
    commands_register(world->engine);
    permit = engine_permit(world->engine);
    permit->endpoints = endpoints;
    permit->endpoint_count = 1;
    memset(permit->verdicts, SLOT_SERVED, sizeof(permit->verdicts));
}

static void tear_down(void)
{
    world_destroy(world);
}

static void fill(int count)
{
    char line[64];
    for (int i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "SET key:%d v", i);
        world_ask(world, line);
    }
}

/* Reads "*2 cursor keys", marks the keys in `seen`, leaves the cursor in `cursor`. */
static size_t take_page(const char *answer, char *cursor, size_t capacity, int *seen)
{
    const char *at = strchr(answer, '\n') + 1; /* $<size> */
    at = strchr(at, '\n') + 1;
    const char *end = strchr(at, '\r');
    ck_assert_uint_lt((size_t)(end - at), capacity);
    memcpy(cursor, at, (size_t)(end - at));
    cursor[end - at] = '\0';
    size_t count = 0;
    for (at = strstr(end, "key:"); at != NULL; at = strstr(at + 4, "key:")) {
        seen[atoi(at + 4)]++;
        count++;
    }
    return count;
}

static void walk(const char *command, const char *options, int count)
{
    int *seen = memory_alloc_zero((size_t)count * sizeof(*seen));
    char cursor[64] = "0", line[160];
    size_t pages = 0;
    do {
        snprintf(line, sizeof(line), "%s %s %s", command, cursor, options);
        take_page(world_ask(world, line), cursor, sizeof(cursor), seen);
        ck_assert_uint_lt(++pages, 20000);
    } while (strcmp(cursor, "0") != 0);
    for (int i = 0; i < count; i++) ck_assert_msg(seen[i] == 1, "key:%d seen %d times", i, seen[i]);
    memory_free(seen);
}

START_TEST(scan_meets_every_key_once)
{
    fill(500);
    walk("SCAN", "", 500);
    walk("SCAN", "COUNT 100", 500);
}
END_TEST

START_TEST(clusterscan_meets_every_key_once)
{
    fill(500);
    walk("CLUSTERSCAN", "", 500);
    walk("CLUSTERSCAN", "COUNT 1000", 500);
}
END_TEST

START_TEST(clusterscan_leads_to_the_next_slot_of_others)
{
    permit->verdicts[5] = SLOT_ELSEWHERE;
    /* {06S} is in slot 0, {460} in slot 5. */
    const char *answer = world_ask(world, "CLUSTERSCAN 0-{06S}-0");
    ck_assert_ptr_eq(strstr(answer, "*2\r\n$9\r\n0-{"), answer);
    char line[64];
    snprintf(line, sizeof(line), "CLUSTERSCAN %.9s", answer + 8);
    ck_assert_str_eq(world_ask(world, line), "-MOVED 5 10.0.0.1:7001\r\n");
    ck_assert_str_eq(world_ask(world, "CLUSTERSCAN 0-{460}-0"), "-MOVED 5 10.0.0.1:7001\r\n");
}
END_TEST

START_TEST(a_cursor_of_another_node_starts_its_slot_again)
{
    world_ask(world, "SET {460}a 1");
    ck_assert_str_eq(world_ask(world, "CLUSTERSCAN xyz-{460}-77777 SLOT 5"),
                     "*2\r\n$1\r\n0\r\n*1\r\n$6\r\n{460}a\r\n");
}
END_TEST

START_TEST(a_pattern_with_a_tag_looks_at_its_slot_only)
{
    fill(100);
    world_ask(world, "SET {t}a 1");
    ck_assert_str_eq(world_ask(world, "SCAN 0 MATCH {t}*"),
                     "*2\r\n$1\r\n0\r\n*1\r\n$4\r\n{t}a\r\n");
    ck_assert_str_eq(world_ask(world, "KEYS {t}*"), "*1\r\n$4\r\n{t}a\r\n");
    ck_assert_str_eq(world_ask(world, "KEYS {[t]}*"), "*1\r\n$4\r\n{t}a\r\n");
    ck_assert_str_eq(world_ask(world, "KEYS ?t}*"), "*1\r\n$4\r\n{t}a\r\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        scan_meets_every_key_once,
        clusterscan_meets_every_key_once,
        clusterscan_leads_to_the_next_slot_of_others,
        a_cursor_of_another_node_starts_its_slot_again,
        a_pattern_with_a_tag_looks_at_its_slot_only,
    };
    return run_tests("cluster scan", tests, COUNT_OF(tests), set_up, tear_down);
}
