/* Tests of reading a configuration: lines, files, includes, the command line, and what is told when
 * something is wrong. What is expected was seen at a running Valkey 9.1.2. */
#include "node/config.h"

#include "base/memory.h"
#include "lib/memory_disk.h"
#include <check.h>
#include <stdlib.h>

static struct config *config;
static struct config_error error;
static struct memory_disk *memory_disk;
static struct disk *disk;

static void disk_create_anew(void)
{
    memory_disk = memory_disk_create();
    disk = memory_disk_disk(memory_disk);
    ck_assert_int_eq(disk_make_directory(disk, "/etc"), ERR_NONE);
    ck_assert_int_eq(disk_make_directory(disk, "/etc/d"), ERR_NONE);
}

static void set_up(void)
{
    config = config_create();
    config_error_init(&error);
    disk_create_anew();
}

static void tear_down(void)
{
    config_destroy(config);
    config_error_fini(&error);
    memory_disk_destroy(memory_disk);
}

static void expect_value(const char *name, const char *expected)
{
    struct buffer text = { 0 };
    ck_assert(config_print(config, bytes_text(name), &text));
    buffer_append_byte(&text, '\0');
    ck_assert_msg(strcmp(text.data, expected) == 0, "%s is '%s', not '%s'", name, text.data,
                  expected);
    buffer_fini(&text);
}

static void expect_report(const char *expected)
{
    struct buffer text = { 0 };
    config_error_print(&error, &text);
    buffer_append_byte(&text, '\0');
    ck_assert_str_eq(text.data, expected);
    buffer_fini(&text);
}

static void write_file(const char *name, const char *text)
{
    ck_assert_int_eq(disk_replace(disk, name, bytes_text(text)), ERR_NONE);
}

/* Starts anew with these arguments, separated by '|', and this standard input. */
static bool load(const char *words, const char *input)
{
    char copy[512];
    char *list[32];
    int count = 0;
    ck_assert(bytes_to_text(bytes_text(words), copy, sizeof(copy)));
    char *rest = copy;
    while (*words != '\0' && rest != NULL) list[count++] = strsep(&rest, "|");

    tear_down();
    config = config_create();
    config_error_init(&error);
    disk_create_anew();
    write_file("/etc/v.conf", "port 7391\nsave \"\"\n");

    struct config_arguments arguments;
    config_arguments_init(&arguments, count, list);
    ck_assert_int_eq(arguments.wants_input, input != NULL);
    bool is_loaded = config_load(config, disk, "/etc", &arguments,
                                 bytes_text(input == NULL ? "" : input), &error);
    config_arguments_fini(&arguments);
    return is_loaded;
}

static bool parse(const char *text)
{
    config_destroy(config);
    config = config_create();
    config_error_fini(&error);
    config_error_init(&error);
    return config_parse(config, disk, bytes_text(text), &error);
}

START_TEST(words_may_be_quoted_and_escaped)
{
    static const char *const cases[][2] = {
        { "\"a b\\x41\\n\"", "a bA\n" },
        { "'a\\'b\\n'", "a'b\\n" },
        { "\"a\"b", "ab" },
        { "a\"b c\"d", "ab cd" },
        { "\"a\\0b\"", "a0b" },
        { "a\\nb", "a\\nb" },
        { "\"a\\qb\\tc\\a\\b\\r\\\\\"", "aqb\tc\a\b\r\\" },
        { "'a\"b'", "a\"b" },
        { "\"\"", "" },
        { "\"\\x4\"", "x4" },
        { "\"\\xzz\"", "xzz" },
        { "  x  ", "x" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buffer line = { 0 };
        buffer_printf(&line, "availability-zone %s", cases[i][0]);
        buffer_append_byte(&line, '\0');
        ck_assert_msg(parse(line.data), "%s", line.data);
        expect_value("availability-zone", cases[i][1]);
        buffer_fini(&line);
    }
}
END_TEST

START_TEST(a_quote_that_is_not_closed_is_told_by_line)
{
    static const char *const cases[] = { "requirepass \"a", "requirepass 'a\\'",
                                         "requirepass \"a\\\"" };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert(!parse(cases[i]));
        struct buffer report = { 0 };
        buffer_printf(&report,
                      "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                      "Reading the configuration file, at line 1\n>>> '%s'\n"
                      "Unbalanced quotes in configuration line\n",
                      cases[i]);
        buffer_append_byte(&report, '\0');
        expect_report(report.data);
        buffer_fini(&report);
    }
}
END_TEST

START_TEST(comments_and_blank_lines_count_as_lines)
{
    ck_assert(!parse("# comment\n\n  # another\nhz 30\r\n\tbogus 1 # x\n"));
    expect_report("\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                  "Reading the configuration file, at line 5\n>>> 'bogus 1 # x'\n"
                  "Bad directive or wrong number of arguments\n");
    expect_value("hz", "30");
}
END_TEST

START_TEST(save_lines_replace_the_default_and_then_add_up)
{
    static const char *const cases[][2] = {
        { "port 1", "3600 1 300 100 60 10000" },
        { "save 3600 1", "3600 1" },
        { "save 3600 1\nsave 300 10", "3600 1 300 10" },
        { "save 3600 1\nsave \"\"\nsave 5 5", "5 5" },
        { "save \"\"", "" },
        { "save", "" },
        { "save\nsave 1 1", "1 1" },
        { "save 1 1\nsave", "1 1" },
        { "save \"3600 1 300 10\"", "3600 1 300 10" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_msg(parse(cases[i][0]), "%s", cases[i][0]);
        expect_value("save", cases[i][1]);
    }
    ck_assert(!parse("save 3600 1 \"\""));
    ck_assert(!parse("save \"3600 1\" \"300 10\""));
}
END_TEST

START_TEST(lists_are_given_as_words_or_as_one_quoted_word)
{
    ck_assert(parse("bind \"127.0.0.1 -::1\"\noom-score-adj-values \"1 2 3\"\n"
                    "client-output-buffer-limit slave 1mb 2k 3 pubsub 1 1 1\n"
                    "client-output-buffer-limit \"normal 4 5 6\"\nshutdown-on-sigterm now nosave\n"
                    "replicaof \"h 70\""));
    expect_value("bind", "127.0.0.1 -::1");
    expect_value("oom-score-adj-values", "1 2 3");
    expect_value("client-output-buffer-limit", "normal 4 5 6 slave 1048576 2000 3 pubsub 1 1 1");
    expect_value("shutdown-on-sigterm", "nosave now");
    expect_value("slaveof", "h 70");
    ck_assert(parse("replicaof h 70\nreplicaof no one\nbind"));
    expect_value("replicaof", "");
    expect_value("bind", "");
}
END_TEST

START_TEST(numbers_that_can_only_be_approached_are_pulled_in)
{
    ck_assert(parse("hz 0\nrepl-backlog-size 1"));
    expect_value("hz", "1");
    expect_value("repl-backlog-size", "16384");
    ck_assert(parse("hz 900"));
    expect_value("hz", "500");
}
END_TEST

START_TEST(retired_options_are_read_past_and_unknown_ones_are_not)
{
    ck_assert(parse("dynamic-hz yes\nio-threads-do-reads no\nlist-max-ziplist-entries 5"));
    ck_assert(!parse("dynamic-hz"));
    ck_assert(!parse("vm-enabled yes"));
    ck_assert(!parse("sentinel monitor x"));
    expect_report("\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                  "Reading the configuration file, at line 1\n>>> 'sentinel monitor x'\n"
                  "sentinel directive while not in sentinel mode\n");
}
END_TEST

START_TEST(the_user_line_that_valkey_writes_is_taken_when_it_is_true)
{
    ck_assert(parse("user default on nopass ~* &* +@all"));
    ck_assert(parse("user default on nopass sanitize-payload ~* &* +@all"));
    ck_assert(parse("user default on #fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fb"
                    "f8fb9 ~* &* +@all\nrequirepass bar"));
    ck_assert(!parse("requirepass bar\nuser default on nopass ~* &* +@all"));
    ck_assert(!parse("requirepass \"\"\nuser default on #fcde2b2edba56bf408601fb721fe9b5c338d10ee"
                     "429ea04fae5511b68fbf8fb9 ~* &* +@all"));
}
END_TEST

START_TEST(renamed_commands_are_kept_in_order_with_their_lines)
{
    ck_assert(parse("# x\nrename-command GET \"\"\nrename-command set put"));
    ck_assert_uint_eq(config->renames.count, 2);
    ck_assert_str_eq(config->renames.items[0].from, "GET");
    ck_assert_str_eq(config->renames.items[0].to, "");
    ck_assert_int_eq(config->renames.items[1].line, 3);
    config_error_rename(&error, &config->renames.items[0], "No such command in rename-command");
    expect_report("\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                  "Reading the configuration file, at line 2\n>>> 'rename-command GET \"\"'\n"
                  "No such command in rename-command\n");
    ck_assert(!parse("rename-command GET"));
}
END_TEST

START_TEST(options_that_do_not_go_together_are_refused_as_a_whole)
{
    ck_assert(!parse("replicaof a 1\ncluster-enabled yes"));
    expect_report("\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                  "replicaof directive not allowed in cluster mode\n");
    ck_assert(!parse("cluster-shards 3"));
    ck_assert(parse("cluster-shards 3\ncluster-enabled yes"));
}
END_TEST

START_TEST(an_included_file_is_read_where_its_line_stands)
{
    write_file("/etc/b.conf", "hz 77\n# x\ninclude /etc/c.conf");
    write_file("/etc/c.conf", "hz 78");
    ck_assert(parse("hz 5\ninclude /etc/b.conf"));
    expect_value("hz", "78");
    ck_assert(parse("include /etc/b.conf\nhz 5"));
    expect_value("hz", "5");
}
END_TEST

START_TEST(an_include_pattern_reads_all_that_match_in_order)
{
    write_file("/etc/d/2.conf", "hz 2\ntimeout 2");
    write_file("/etc/d/1.conf", "hz 1\nport 1");
    write_file("/etc/d/.hidden.conf", "hz 9\nport 9");
    write_file("/etc/d/other", "bogus");
    ck_assert(parse("include /etc/d/*.conf"));
    expect_value("hz", "2");
    expect_value("port", "1");
    expect_value("timeout", "2");
    ck_assert(parse("include /etc/none/*.conf"));
    ck_assert(parse("include /etc/?/1.conf"));
    expect_value("port", "1");
}
END_TEST

START_TEST(names_are_relative_to_the_directory_that_was_set_before)
{
    write_file("/etc/d/1.conf", "hz 1");
    ck_assert(parse("dir /etc\ninclude d/1.conf"));
    expect_value("hz", "1");
    ck_assert(!parse("port 1\ndir /nosuch"));
    expect_report("\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                  "Reading the configuration file, at line 2\n>>> 'dir /nosuch'\n"
                  "No such file or directory\n");
}
END_TEST

START_TEST(an_error_in_an_included_file_names_the_line_there)
{
    write_file("/etc/b.conf", "hz 1\nbogus 2\n");
    ck_assert(!parse("port 1\nport 2\nport 3\ninclude /etc/b.conf"));
    expect_report("\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                  "Reading the configuration file, at line 2\n>>> 'bogus 2'\n"
                  "Bad directive or wrong number of arguments\n");
    ck_assert(!parse("include /etc/nosuch"));
    expect_report("Fatal error, can't open config file '/etc/nosuch': No such file or directory\n");
}
END_TEST

START_TEST(files_that_include_themselves_come_to_an_end)
{
    write_file("/etc/b.conf", "include /etc/b.conf\ninclude /etc/b.conf\n");
    ck_assert(!parse("include /etc/b.conf"));
    struct buffer *reason = &error.reason;
    buffer_append_byte(reason, '\0');
    ck_assert_str_eq(reason->data, "included files are nested too deeply");
}
END_TEST

START_TEST(arguments_override_the_file_and_standard_input_stands_between)
{
    ck_assert(load("/etc/v.conf", NULL));
    expect_value("port", "7391");
    ck_assert(load("v.conf|--port|7392", NULL));
    expect_value("port", "7392");
    ck_assert_str_eq(config->file, "/etc/v.conf");
    ck_assert(load("v.conf|-", "port 7393\nhz 60"));
    expect_value("port", "7393");
    ck_assert(load("../etc/./v.conf|--hz|50|-", "port 7393\nhz 60"));
    expect_value("hz", "50");
    expect_value("port", "7393");
    ck_assert_str_eq(config->file, "/etc/v.conf");
    expect_value("dir", "/etc");
    ck_assert(load("", NULL));
    ck_assert_str_eq(config->file, "");
}
END_TEST

START_TEST(arguments_take_their_values_as_valkey_takes_them)
{
    static const struct {
        const char *words;
        const char *name;
        const char *value;
    } cases[] = {
        { "--availability-zone|a b", "availability-zone", "a b" },
        { "--availability-zone|\"a b\"", "availability-zone", "\"a b\"" },
        { "--availability-zone|a\\nb", "availability-zone", "a\\nb" },
        { "--availability-zone|", "availability-zone", "" },
        { "--availability-zone|--x", "availability-zone", "--x" },
        { "--availability-zone a|--hz|20", "hz", "20" },
        { "--availability-zone|x|--HZ|50", "hz", "50" },
        { "--replicaof|127.0.0.1 7000", "replicaof", "127.0.0.1 7000" },
        { "--replicaof|127.0.0.1|7000", "replicaof", "127.0.0.1 7000" },
        { "--save|5 5|--save|6|6", "save", "5 5 6 6" },
        { "--save", "save", "" },
        { "--save|", "save", "" },
        { "--save|--hz|20", "hz", "20" },
        { "--SAVE|--hz|20", "save", "" },
        { "--save|5|5|--save|", "save", "" },
        { "--bind|127.0.0.1|-::1", "bind", "127.0.0.1 -::1" },
        { "--bind|-::1", "bind", "-::1" },
        { "--bind", "bind", "" },
        { "--bind|--hz|20", "bind", "--hz 20" },
        { "--slowlog-log-slower-than|-1", "commandlog-execution-slower-than", "-1" },
        { "--oom-score-adj-values|1|2|3", "oom-score-adj-values", "1 2 3" },
        { "--shutdown-on-sigterm|nosave now", "shutdown-on-sigterm", "nosave now" },
        { "--|hz|20", "hz", "20" },
        { "--hz|20|--", "hz", "20" },
        { "--cluster-seeds|a:1|b:2@3", "cluster-seeds", "a:1 b:2@3" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_msg(load(cases[i].words, NULL), "%s", cases[i].words);
        expect_value(cases[i].name, cases[i].value);
    }
}
END_TEST

START_TEST(wrong_arguments_are_told_as_lines_behind_those_of_the_file)
{
    static const struct {
        const char *words;
        const char *input;
        const char *text; /* "line text: reason" */
    } cases[] = {
        { "--bogus|1", NULL, "2\n>>> 'bogus \"1\"'\nBad directive or wrong number of arguments\n" },
        { "v.conf|--port", NULL, "4\n>>> 'port'\nwrong number of arguments\n" },
        { "v.conf|--port|1|2", NULL, "4\n>>> 'port \"1\" \"2\"'\nwrong number of arguments\n" },
        { "v.conf|--maxmemory|1xx", NULL,
          "4\n>>> 'maxmemory \"1xx\"'\nargument must be a memory value\n" },
        { "v.conf|-", "maxclients 0\n",
          "3\n>>> 'maxclients 0'\nargument must be between 1 and 4294967295 inclusive\n" },
        { "-x|y", NULL, "2\n>>> '\"-x\" \"y\"'\nBad directive or wrong number of arguments\n" },
        { "--hz=50", NULL, "2\n>>> 'hz=50'\nBad directive or wrong number of arguments\n" },
        { "--hz|50|-|-", "hz 60", "2\n>>> 'hz \"50\" \"-\"'\nwrong number of arguments\n" },
        { "--|--hz|20", NULL,
          "2\n>>> '\"--hz\" \"20\"'\nBad directive or wrong number of arguments\n" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_msg(!load(cases[i].words, cases[i].input), "%s", cases[i].words);
        struct buffer report = { 0 };
        buffer_printf(&report,
                      "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n"
                      "Reading the configuration file, at line %s",
                      cases[i].text);
        buffer_append_byte(&report, '\0');
        expect_report(report.data);
        buffer_fini(&report);
    }
    ck_assert(!load("nosuch.conf", NULL));
    expect_report(
        "Fatal error, can't open config file '/etc/nosuch.conf': No such file or directory\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_load");
    TCase *text = tcase_create("text");
    tcase_add_checked_fixture(text, set_up, tear_down);
    tcase_add_test(text, words_may_be_quoted_and_escaped);
    tcase_add_test(text, a_quote_that_is_not_closed_is_told_by_line);
    tcase_add_test(text, comments_and_blank_lines_count_as_lines);
    tcase_add_test(text, save_lines_replace_the_default_and_then_add_up);
    tcase_add_test(text, lists_are_given_as_words_or_as_one_quoted_word);
    tcase_add_test(text, numbers_that_can_only_be_approached_are_pulled_in);
    tcase_add_test(text, retired_options_are_read_past_and_unknown_ones_are_not);
    tcase_add_test(text, the_user_line_that_valkey_writes_is_taken_when_it_is_true);
    tcase_add_test(text, renamed_commands_are_kept_in_order_with_their_lines);
    tcase_add_test(text, options_that_do_not_go_together_are_refused_as_a_whole);
    suite_add_tcase(suite, text);
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, set_up, tear_down);
    tcase_add_test(files, an_included_file_is_read_where_its_line_stands);
    tcase_add_test(files, an_include_pattern_reads_all_that_match_in_order);
    tcase_add_test(files, names_are_relative_to_the_directory_that_was_set_before);
    tcase_add_test(files, an_error_in_an_included_file_names_the_line_there);
    tcase_add_test(files, files_that_include_themselves_come_to_an_end);
    suite_add_tcase(suite, files);
    TCase *words = tcase_create("arguments");
    tcase_add_checked_fixture(words, set_up, tear_down);
    tcase_add_test(words, arguments_override_the_file_and_standard_input_stands_between);
    tcase_add_test(words, arguments_take_their_values_as_valkey_takes_them);
    tcase_add_test(words, wrong_arguments_are_told_as_lines_behind_those_of_the_file);
    suite_add_tcase(suite, words);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
