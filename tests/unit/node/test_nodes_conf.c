/* nodes.conf, written at once and beside the loop: what stands on the disk after each order. */
#include "base/memory.h"
#include "lib/memory_disk.h"
#include "lib/suite.h"
#include "node/parts.h"
#include <stdio.h>

static struct memory_disk *memory_disk;
static struct node *node;
static struct node_effects effects;

static struct config *cluster_config(void)
{
    struct config *config = config_create();
    struct config_error error;
    config_error_init(&error);
    ck_assert(config_parse(config, NULL, BYTES("port 7000\ncluster-enabled yes\n"), &error));
    config_error_fini(&error);
    return config;
}

static uint64_t no_ticks(void)
{
    return 0;
}

static void drop_effects(void)
{
    for (size_t i = 0; i < effects.count; i++)
        if (effects.items[i].type == NODE_WRITE) node_write_destroy(effects.items[i].write);
    node_effects_clear(&effects);
}

static void start(void)
{
    struct node_options options = { .config = cluster_config(),
                                    .disk = memory_disk_disk(memory_disk),
                                    .seed = 1,
                                    .ticks = no_ticks,
                                    .executable = "eir-server",
                                    .config_path = "" };
    struct node_clock clock = { .now_ms = 1000, .wall_ms = 5000000 };
    char why[256];
    ck_assert_int_eq(node_create(&options, clock, &node, why), ERR_NONE);
    node_turn(node, clock, NULL, 0, &effects);
    drop_effects();
    node->effects = &effects; /* as in a turn */
}

static void set_up(void)
{
    memory_disk = memory_disk_create();
    node_effects_init(&effects);
    start();
}

static void tear_down(void)
{
    drop_effects();
    node_destroy(node);
    node_effects_fini(&effects);
    memory_disk_destroy(memory_disk);
}

/* Makes the next text another one. */
static void change(uint64_t epoch)
{
    struct cluster_order order = { .type = ORDER_SET_CONFIG_EPOCH,
                                   .epoch = epoch,
                                   .now_ms = node->clock.now_ms,
                                   .wall_ms = node->clock.wall_ms };
    struct cluster_answer answer = { 0 };
    struct cluster_effects ignored;
    cluster_effects_init(&ignored);
    cluster_order(node->cluster, &order, &ignored, &answer);
    cluster_effects_fini(&ignored);
}

static bool has_epoch(const char *name, uint64_t epoch)
{
    char text[64];
    snprintf(text, sizeof(text), "currentEpoch %llu ", (unsigned long long)epoch);
    struct bytes content = memory_disk_content(memory_disk, name);
    return content.size > 0 && memmem(content.data, content.size, text, strlen(text)) != NULL;
}

/* The one NODE_WRITE that was handed out, or NULL. */
static const struct node_write *handed_out(void)
{
    const struct node_write *write = NULL;
    for (size_t i = 0; i < effects.count; i++) {
        if (effects.items[i].type != NODE_WRITE) continue;
        ck_assert_ptr_null(write);
        write = effects.items[i].write;
    }
    return write;
}

static void put_file(const struct node_write *write)
{
    enum err err = disk_write_synced(memory_disk_disk(memory_disk), write->name,
                                     buffer_bytes(&write->content));
    ck_assert_int_eq(err, ERR_NONE);
}

/* What the shell does with a NODE_WRITE; false when there is none. */
static bool write_file(bool succeeds)
{
    const struct node_write *write = handed_out();
    if (write == NULL) return false;
    put_file(write);
    drop_effects();
    nodes_conf_written(node, succeeds);
    return true;
}

START_TEST(what_may_wait_takes_its_place_when_it_is_written)
{
    ck_assert(has_epoch("nodes.conf", 0));
    change(7);
    nodes_conf_save_later(node);
    ck_assert(has_epoch("nodes.conf", 0));
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 7));
    ck_assert(!memory_disk_exists(memory_disk, "nodes.conf.later"));
    ck_assert(!write_file(true));
}
END_TEST

START_TEST(only_the_newest_text_waits_for_the_one_on_its_way)
{
    nodes_conf_save_later(node);
    nodes_conf_save_later(node);
    change(7);
    nodes_conf_save_later(node);
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 0));
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 7));
    ck_assert(!write_file(true));
}
END_TEST

START_TEST(a_save_that_was_asked_for_earlier_undoes_no_later_one)
{
    nodes_conf_save_later(node);
    nodes_conf_save_later(node);
    change(7);
    ck_assert(nodes_conf_save(node));
    ck_assert(has_epoch("nodes.conf", 7));
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 7));
    ck_assert(!memory_disk_exists(memory_disk, "nodes.conf.later"));
    ck_assert(!write_file(true));
    nodes_conf_save_later(node);
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 7));
}
END_TEST

START_TEST(what_changes_behind_a_save_is_written_too)
{
    nodes_conf_save_later(node);
    ck_assert(nodes_conf_save(node));
    change(7);
    nodes_conf_save_later(node);
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 0));
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 7));
}
END_TEST

START_TEST(a_failure_is_made_good)
{
    change(7);
    nodes_conf_save_later(node);
    ck_assert(write_file(false));
    ck_assert(has_epoch("nodes.conf", 0));
    struct node_clock clock = { .now_ms = 3000, .wall_ms = 5002000 };
    node_turn(node, clock, NULL, 0, &effects);
    node->effects = &effects;
    ck_assert(write_file(true));
    ck_assert(has_epoch("nodes.conf", 7));
}
END_TEST

START_TEST(the_end_waits_for_no_writer)
{
    nodes_conf_finish(node);
    ck_assert(has_epoch("nodes.conf", 0));
    change(7);
    nodes_conf_save_later(node);
    nodes_conf_finish(node);
    ck_assert(has_epoch("nodes.conf", 7));
}
END_TEST

/* Between any two steps the machine may lose power. */
START_TEST(a_crash_leaves_one_text_or_the_other)
{
    struct prng prng;
    prng_init(&prng, (uint64_t)_i);
    change(7);
    nodes_conf_save_later(node);
    if (_i % 3 == 1) put_file(handed_out());
    if (_i % 3 == 2) ck_assert(write_file(true));
    drop_effects();
    node_destroy(node);
    memory_disk_crash(memory_disk, &prng);
    ck_assert(has_epoch("nodes.conf", 0) || has_epoch("nodes.conf", 7));
    start();
    ck_assert(!memory_disk_exists(memory_disk, "nodes.conf.later"));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("nodes.conf");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_may_wait_takes_its_place_when_it_is_written);
    tcase_add_test(tcase, only_the_newest_text_waits_for_the_one_on_its_way);
    tcase_add_test(tcase, a_save_that_was_asked_for_earlier_undoes_no_later_one);
    tcase_add_test(tcase, what_changes_behind_a_save_is_written_too);
    tcase_add_test(tcase, a_failure_is_made_good);
    tcase_add_test(tcase, the_end_waits_for_no_writer);
    tcase_add_loop_test(tcase, a_crash_leaves_one_text_or_the_other, 0, 30);
    return suite_run("node/nodes_conf", tcase);
}
