/* The rows of engine and commands against a running Valkey's COMMAND INFO and COMMAND DOCS. */
#include "commands/commands.h"
#include "unit/engine/rows_check.h"

static struct world *world;

static void set_up(void)
{
    world = world_create();
    commands_register(world->engine);
}

static void tear_down(void)
{
    world_destroy(world);
}

START_TEST(every_row_says_in_command_info_what_the_peer_says)
{
    rows_check_info(world);
}
END_TEST

START_TEST(every_row_says_in_command_docs_what_the_peer_says)
{
    rows_check_docs(world);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rows");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_row_says_in_command_info_what_the_peer_says);
    tcase_add_test(tests, every_row_says_in_command_docs_what_the_peer_says);
    Suite *suite = suite_create("rows of the data commands");
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
