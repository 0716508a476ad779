/* Compaction: a pass over all keys moves them together and loses nothing. */
#include "keyspace/defrag.h"

#include "base/memory.h"
#include "base/slabs.h"
#include "lib/expect.h"
#include <stdio.h>
#include <stdlib.h>

static struct keyspace *keyspace;
static struct access access;

static void set_up_with(bool is_clustered)
{
    keyspace = keyspace_create(&(struct keyspace_options){
        .database_count = 2, .is_clustered = is_clustered, .hash_key = { { 3, 4 } }, .seed = 5 });
    access = (struct access){ .wall_ms = 1000000, .may_expire = true };
}

static void set_up(void)
{
    set_up_with(false);
}

static void set_up_clustered(void)
{
    set_up_with(true);
}

static void tear_down(void)
{
    keyspace_destroy(keyspace);
}

static struct key key_of(uint32_t db, const char *name)
{
    return keyspace_key(keyspace, db, bytes_text(name));
}

#define SCATTERED 60000

static struct bytes scattered_text(int i, char *text)
{
    size_t size = i % 3 == 0 ? 64 : i % 3 == 1 ? 1000 : i % 900 == 2 ? 6000 : 8;
    memset(text, 'a' + i % 26, size);
    return bytes_of(text, size);
}

START_TEST(a_pass_gives_back_what_deleted_keys_have_left_and_keeps_the_others)
{
    static char text[6000];
    char name[32];
    struct slabs_stats before, after;
    for (int i = 0; i < SCATTERED; i++) {
        snprintf(name, sizeof(name), "key:%d", i);
        struct key key = key_of(0, name);
        struct put how = { .expiry_ms = i % 5 == 0 ? access.wall_ms + 1000 + i : EXPIRY_NONE };
        keyspace_put_string(keyspace, &access, &key, scattered_text(i, text), &how);
    }
    for (int i = 0; i < SCATTERED; i++) {
        snprintf(name, sizeof(name), "key:%d", i);
        struct key key = key_of(0, name);
        if (hash_bytes(&(struct hash_key){ { 3, 4 } }, key.bytes) % 10 != 0)
            keyspace_delete(keyspace, &access, &key);
    }
    size_t count = keyspace_count(keyspace, 0);
    slabs_stats_read(&before);
    struct defrag_walk walk = { 0 };
    struct defrag_counts counts = { 0 };
    slabs_vacate_begin();
    while (slabs_vacate_plan() == SLABS_PLANNING) {}
    while (keyspace_defrag_step(keyspace, &walk, 100, &counts)) {}
    while (!slabs_vacate_end()) {}
    slabs_stats_read(&after);
    ck_assert_uint_eq(counts.keys_moved + counts.keys_left, count);
    ck_assert_uint_gt(counts.keys_moved, count / 2);
    ck_assert_uint_ge(counts.moved, counts.keys_moved);
    ck_assert_uint_eq(after.object_bytes, before.object_bytes);
    ck_assert_uint_le(after.regions, before.regions / 2);
    for (int i = 0; i < SCATTERED; i++) {
        snprintf(name, sizeof(name), "key:%d", i);
        struct key key = key_of(0, name);
        bool stays = hash_bytes(&(struct hash_key){ { 3, 4 } }, key.bytes) % 10 == 0;
        struct entry *entry = keyspace_find_for_read(keyspace, &access, &key);
        expect((entry != NULL) == stays);
        if (entry == NULL) continue;
        struct scratch scratch;
        expect(bytes_equal(entry_string(entry, &scratch), scattered_text(i, text)));
        expect(entry_expiry_ms(entry) == (i % 5 == 0 ? access.wall_ms + 1000 + i : EXPIRY_NONE));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyspace/defrag");
    for (int i = 0; i < 2; i++) {
        TCase *tests = tcase_create(i == 0 ? "plain" : "clustered");
        tcase_set_timeout(tests, 60);
        tcase_add_checked_fixture(tests, i == 0 ? set_up : set_up_clustered, tear_down);
        tcase_add_test(tests, a_pass_gives_back_what_deleted_keys_have_left_and_keeps_the_others);
        suite_add_tcase(suite, tests);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
