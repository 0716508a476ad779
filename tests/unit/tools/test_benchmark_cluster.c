/* Tags that lead to slots. */
#include "tools/benchmark_cluster.h"

#include "base/memory.h"
#include "lib/suite.h"
#include <stdio.h>

START_TEST(every_slot_has_a_tag_that_leads_to_it)
{
    char *tags = cluster_tags_create();
    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        char key[32];
        int size = snprintf(key, sizeof(key), "key:{%.3s}:000000000000", tags + slot * TAG_LETTERS);
        ck_assert_uint_eq(key_slot(bytes_of(key, (size_t)size)), slot);
    }
    memory_free(tags);
}
END_TEST

START_TEST(a_node_gets_the_tags_of_its_slots_alone)
{
    char *all = cluster_tags_create();
    struct cluster_node node = { 0 };
    node.slots[1] = 0x81; /* 8 and 15 */
    node.slots[SLOT_COUNT / 8 - 1] = 0x80;
    struct request_tags *tags = cluster_node_tags(&node, all);
    ck_assert_uint_eq(tags->count, 3);
    static const size_t slots[] = { 8, 15, SLOT_COUNT - 1 };
    for (size_t i = 0; i < COUNT_OF(slots); i++)
        ck_assert_uint_eq(key_slot(bytes_of(tags->letters + i * TAG_LETTERS, TAG_LETTERS)),
                          slots[i]);
    request_tags_destroy(tags);
    request_tags_destroy(NULL);
    memory_free(all);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("benchmark_cluster");
    tcase_add_test(tests, every_slot_has_a_tag_that_leads_to_it);
    tcase_add_test(tests, a_node_gets_the_tags_of_its_slots_alone);
    return suite_run("tools/benchmark_cluster", tests);
}
