/* Tests of CONFIG SET and CONFIG REWRITE: all or nothing, and a file that says what is. */
#include "node/config.h"

#include "base/memory.h"
#include "lib/memory_disk.h"
#include <check.h>
#include <stdlib.h>

static struct config *config;

static void set_up(void)
{
    config = config_create();
}

static void tear_down(void)
{
    config_destroy(config);
}

static void expect_value(const struct config *of, const char *name, const char *expected)
{
    struct buffer text = { 0 };
    ck_assert(config_print(of, bytes_text(name), &text));
    buffer_append_byte(&text, '\0');
    ck_assert_msg(strcmp(text.data, expected) == 0, "%s is '%s', not '%s'", name, text.data,
                  expected);
    buffer_fini(&text);
}

/* The areas that changed; `pairs` are separated by '|'. */
static uint32_t set_areas(const char *pairs)
{
    struct bytes words[16];
    size_t count = 0;
    const char *at = pairs;
    for (const char *end; (end = strchrnul(at, '|')), true; at = end + 1) {
        words[count++] = bytes_of(at, (size_t)(end - at));
        if (*end == '\0') break;
    }
    struct config_set_result result;
    struct buffer error = { 0 };
    bool is_set = config_set(config, words, count / 2, true, &result, &error);
    ck_assert_msg(is_set, "%s: %.*s", pairs, (int)error.size, error.data);
    config_destroy(result.before);
    return result.areas;
}

static void expect_refused(const char *pairs, const char *expected)
{
    struct bytes words[16];
    size_t count = 0;
    const char *at = pairs;
    for (const char *end; (end = strchrnul(at, '|')), true; at = end + 1) {
        words[count++] = bytes_of(at, (size_t)(end - at));
        if (*end == '\0') break;
    }
    struct config_set_result result;
    struct buffer error = { 0 };
    ck_assert(!config_set(config, words, count / 2, true, &result, &error));
    ck_assert_ptr_null(result.before);
    buffer_append_byte(&error, '\0');
    ck_assert_str_eq(error.data, expected);
    buffer_fini(&error);
}

#define FAILED(name) "ERR CONFIG SET failed (possibly related to argument '" name "') - "

START_TEST(refusals_are_those_of_valkey)
{
    expect_refused("nosuch|1|port|1",
                   "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    expect_refused("port|1|nosuch|1",
                   "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    expect_refused("a\r\nb|1", "ERR Unknown option or number of arguments for CONFIG SET - 'a  b'");
    expect_refused("daemonize|yes|nosuch|2", FAILED("daemonize") "can't set immutable config");
    expect_refused("dir|/tmp|dir|/tmp", FAILED("dir") "can't set protected config");
    expect_refused("PORT|1|port|2", FAILED("port") "duplicate parameter");
    expect_refused("hz|1|hz|3|nosuch|2", FAILED("hz") "duplicate parameter");
    expect_refused("HZ|x", FAILED("hz") "argument couldn't be parsed into an integer");
    expect_refused(
        "hash-max-ziplist-entries|x",
        FAILED("hash-max-ziplist-entries") "argument couldn't be parsed into an integer");
    expect_refused("bind|127.0.0.1  -::1", FAILED("bind") "Failed to bind to specified addresses.");
    expect_refused("save|3600 1  300 10", FAILED("save") "Invalid save parameters");
    expect_refused("user|x", "ERR Unknown option or number of arguments for CONFIG SET - 'user'");
}
END_TEST

START_TEST(one_bad_pair_leaves_everything_as_it_was)
{
    expect_refused("hz|20|requirepass|secret|maxmemory|1xx",
                   FAILED("maxmemory") "argument must be a memory value");
    expect_value(config, "hz", "10");
    expect_value(config, "requirepass", "");
}
END_TEST

START_TEST(the_areas_of_what_changed_come_out)
{
    ck_assert_uint_eq(set_areas("hz|10"), 0);
    ck_assert_uint_eq(set_areas("port|7000|maxmemory|100mb"),
                      CONFIG_AREA_LISTEN | CONFIG_AREA_MEMORY);
    ck_assert_uint_eq(set_areas("maxmemory|104857600"), 0);
    ck_assert_uint_eq(set_areas("requirepass|x"), CONFIG_AREA_SECURITY);
    ck_assert_uint_eq(set_areas("save|"), CONFIG_AREA_SNAPSHOT);
    expect_value(config, "save", "");
    expect_value(config, "maxmemory", "104857600");
}
END_TEST

START_TEST(both_spellings_in_one_change_set_one_value)
{
    set_areas("hash-max-ziplist-entries|1|hash-max-listpack-entries|2");
    expect_value(config, "hash-max-ziplist-entries", "2");
}
END_TEST

START_TEST(a_change_that_could_not_be_carried_out_is_taken_back)
{
    struct bytes pairs[] = { BYTES("hz"), BYTES("20"), BYTES("port"), BYTES("7000") };
    struct config_set_result result;
    struct buffer error = { 0 };
    ck_assert(config_set(config, pairs, 2, false, &result, &error));
    expect_value(config, "port", "7000");
    config_swap(config, result.before);
    expect_value(config, "port", "6379");
    expect_value(config, "hz", "10");
    config_destroy(result.before);

    config_set_failed(pairs, 2, CONFIG_AREA_LISTEN, "Unable to listen on this port", &error);
    buffer_append_byte(&error, '\0');
    ck_assert_str_eq(error.data, FAILED("port") "Unable to listen on this port");
    buffer_fini(&error);
}
END_TEST

START_TEST(protected_options_open_for_everybody_or_for_local_clients)
{
    struct bytes pair[] = { BYTES("dbfilename"), BYTES("x.rdb") };
    static const struct {
        enum config_who who;
        bool is_local;
        bool may;
    } cases[] = {
        { CONFIG_WHO_NOBODY, true, false },
        { CONFIG_WHO_LOCAL, false, false },
        { CONFIG_WHO_LOCAL, true, true },
        { CONFIG_WHO_EVERYBODY, false, true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct config_set_result result;
        struct buffer error = { 0 };
        config->enable_protected_configs = cases[i].who;
        ck_assert_int_eq(config_set(config, pair, 1, cases[i].is_local, &result, &error),
                         cases[i].may);
        config_destroy(result.before);
        buffer_fini(&error);
    }
}
END_TEST

START_TEST(what_is_not_built_and_would_be_trusted_is_refused_at_run_time)
{
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (!(row->flags & CONFIG_GRAVE)) continue;
        struct bytes value = bytes_text(strcmp(row->preset, "no") == 0 ? "yes" : "1");
        struct bytes pair[] = { bytes_text(row->name), value };
        struct config_set_result result;
        struct buffer error = { 0 };
        ck_assert_msg(!config_set(config, pair, 1, true, &result, &error), "%s", row->name);
        pair[1] = bytes_text(row->preset);
        ck_assert(config_set(config, pair, 1, true, &result, &error));
        config_destroy(result.before);
        buffer_fini(&error);
    }
}
END_TEST

START_TEST(flags_and_percentiles_print_as_valkey_prints_them)
{
    static const char *const cases[][3] = {
        { "notify-keyspace-events", "KEA", "AKE" },
        { "notify-keyspace-events", "zxKn", "zxnK" },
        { "notify-keyspace-events", "nmdtexzhsl$gEK", "AKEm" },
        { "notify-keyspace-events", "nmdtexzhs$gEK", "g$shzxetdnKEm" },
        { "shutdown-on-sigterm", "failover force now save safe", "save now force safe failover" },
        { "shutdown-on-sigterm", "default now", "now" },
        { "latency-tracking-info-percentiles", "99.123456789 50.10 33.3333333333333",
          "99.123457 50.1 33.333333" },
        { "maxmemory-clients", "0%", "0" },
        { "maxmemory-clients", "5%", "5%" },
        { "maxmemory", "", "0" },
        { "maxmemory", "005", "5" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bytes pair[] = { bytes_text(cases[i][0]), bytes_text(cases[i][1]) };
        struct config_set_result result;
        struct buffer error = { 0 };
        ck_assert(config_set(config, pair, 1, false, &result, &error));
        config_destroy(result.before);
        expect_value(config, cases[i][0], cases[i][2]);
    }
}
END_TEST

/* ---- CONFIG REWRITE ---- */

static void expect_rewritten(const char *old, const char *expected)
{
    struct buffer text = { 0 };
    config_rewrite_text(config, bytes_text(old), false, &text);
    buffer_append_byte(&text, '\0');
    ck_assert_str_eq(text.data, expected);
    buffer_fini(&text);
}

START_TEST(lines_are_replaced_in_place_and_the_rest_is_added)
{
    set_areas("hz|30|maxmemory|100mb|save|3600 1 300 10|availability-zone|a b\"c\n");
    expect_rewritten("# head\n\nhz 20\n  # indented\nHZ 30\nmaxmemory 10mb\nsave 3600 1\n\n"
                     "save 300 10\nslowlog-max-len 128\ninclude /x\nrename-command a b\n# tail",
                     "# head\n\nhz 30\n# indented\nmaxmemory 100mb\nsave 3600 1 300 10\n\n"
                     "commandlog-slow-execution-max-len 128\ninclude /x\nrename-command a b\n"
                     "# tail\n# Generated by CONFIG REWRITE\navailability-zone \"a b\\\"c\\n\"\n");
}
END_TEST

START_TEST(the_headline_stands_once)
{
    set_areas("hz|30");
    expect_rewritten("# Generated by CONFIG REWRITE\ntimeout 5\n",
                     "# Generated by CONFIG REWRITE\ntimeout 0\nhz 30\n");
    expect_rewritten("", "# Generated by CONFIG REWRITE\nhz 30\n");
}
END_TEST

START_TEST(the_line_of_the_default_user_follows_the_password)
{
    set_areas("requirepass|bar");
    expect_rewritten("requirepass foo\nuser default on nopass ~* &* +@all\n",
                     "requirepass \"bar\"\nuser default on #fcde2b2edba56bf408601fb721fe9b5c338d1"
                     "0ee429ea04fae5511b68fbf8fb9 ~* &* +@all\n");
}
END_TEST

/* A value for every option that is not its default, in the form of a line. */
static void change_everything(void)
{
    size_t count = config_row_count();
    struct buffer text = { 0 };
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (strcmp(row->name, "replicaof") == 0) continue; /* not beside cluster-enabled */
        if (strcmp(row->name, "notify-keyspace-events") == 0) continue; /* below */
        if (row->max != 0 && strcmp(row->name, "oom-score-adj-values") != 0)
            buffer_printf(&text, "%s %d\n", row->name, (int)MIN(row->max, MAX(row->min + 1, 77)));
        else if (row->words != NULL)
            buffer_printf(&text, "%s %s\n", row->name, row->words[1].name);
        else if (strcmp(row->preset, "yes") == 0 || strcmp(row->preset, "no") == 0)
            buffer_printf(&text, "%s %s\n", row->name, row->preset[0] == 'y' ? "no" : "yes");
        else if (row->check == NULL && row->preset[0] == '\0')
            buffer_printf(&text, "%s a:1\n", row->name);
    }
    buffer_append_text(&text, "save 1 2\nsave 3 4\noom-score-adj-values 1 2 3\nbind 10.0.0.1\n"
                              "latency-tracking-info-percentiles 1 2.5\nmaxclients 5\n"
                              "notify-keyspace-events AKEmn\nclient-query-buffer-limit 2mb\n"
                              "proto-max-bulk-len 3mb\nunixsocketperm 700\nmaxmemory-clients 7%\n"
                              "client-output-buffer-limit normal 1 2 3\nsyslog-ident \"a b\"\n");
    struct config_error error;
    config_error_init(&error);
    bool is_read = config_parse(config, NULL, buffer_bytes(&text), &error);
    ck_assert_msg(is_read, "%.*s: %.*s", (int)error.text.size, error.text.data,
                  (int)error.reason.size, error.reason.data);
    config_error_fini(&error);
    buffer_fini(&text);
}

START_TEST(what_is_rewritten_reads_back_the_same)
{
    change_everything();
    struct buffer once = { 0 };
    struct buffer twice = { 0 };
    config_rewrite_text(config, BYTES("# a\nport 1\n"), false, &once);

    struct config *again = config_create();
    struct config_error error;
    config_error_init(&error);
    ck_assert(config_parse(again, NULL, buffer_bytes(&once), &error));
    config_error_fini(&error);
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        struct buffer value = { 0 };
        ck_assert(config_print(config, bytes_text(config_row_at(i)->name), &value));
        buffer_append_byte(&value, '\0');
        expect_value(again, config_row_at(i)->name, value.data);
        buffer_fini(&value);
    }
    ck_assert_uint_eq(again->notify_keyspace_events, config->notify_keyspace_events);
    config_rewrite_text(again, buffer_bytes(&once), false, &twice);
    ck_assert(bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)));
    buffer_fini(&once);
    buffer_fini(&twice);
    config_destroy(again);
}
END_TEST

static void load_from(struct disk *disk, const char *file)
{
    char *words[] = { memory_copy_text(file) };
    struct config_arguments arguments;
    struct config_error error;
    config_error_init(&error);
    config_arguments_init(&arguments, 1, words);
    ck_assert(config_load(config, disk, "/etc", &arguments, BYTES_EMPTY, &error));
    config_arguments_fini(&arguments);
    config_error_fini(&error);
    memory_free(words[0]);
}

START_TEST(the_file_is_replaced_whole_or_not_at_all)
{
    struct memory_disk *memory_disk = memory_disk_create();
    struct disk *disk = memory_disk_disk(memory_disk);
    ck_assert_int_eq(disk_make_directory(disk, "/etc"), ERR_NONE);
    ck_assert_int_eq(config_rewrite(config, disk, false), ERR_NOT_FOUND);

    ck_assert_int_eq(disk_replace(disk, "/etc/v.conf", BYTES("hz 20\n")), ERR_NONE);
    load_from(disk, "/etc/v.conf");
    set_areas("hz|30");
    memory_disk_fail(memory_disk, MEMORY_DISK_SYNC, 1, ERR_IO);
    ck_assert_int_eq(config_rewrite(config, disk, false), ERR_IO);
    struct buffer text = { 0 };
    ck_assert_int_eq(disk_read_whole(disk, "/etc/v.conf", MIB, &text), ERR_NONE);
    ck_assert(bytes_equal(buffer_bytes(&text), BYTES("hz 20\n")));

    ck_assert_int_eq(config_rewrite(config, disk, false), ERR_NONE);
    buffer_clear(&text);
    ck_assert_int_eq(disk_read_whole(disk, "/etc/v.conf", MIB, &text), ERR_NONE);
    ck_assert(bytes_starts_with(buffer_bytes(&text), BYTES("hz 30\n")));
    buffer_fini(&text);
    memory_disk_destroy(memory_disk);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_set");
    TCase *set = tcase_create("set");
    tcase_add_checked_fixture(set, set_up, tear_down);
    tcase_add_test(set, refusals_are_those_of_valkey);
    tcase_add_test(set, one_bad_pair_leaves_everything_as_it_was);
    tcase_add_test(set, the_areas_of_what_changed_come_out);
    tcase_add_test(set, both_spellings_in_one_change_set_one_value);
    tcase_add_test(set, a_change_that_could_not_be_carried_out_is_taken_back);
    tcase_add_test(set, protected_options_open_for_everybody_or_for_local_clients);
    tcase_add_test(set, what_is_not_built_and_would_be_trusted_is_refused_at_run_time);
    tcase_add_test(set, flags_and_percentiles_print_as_valkey_prints_them);
    suite_add_tcase(suite, set);
    TCase *rewrite = tcase_create("rewrite");
    tcase_add_checked_fixture(rewrite, set_up, tear_down);
    tcase_add_test(rewrite, lines_are_replaced_in_place_and_the_rest_is_added);
    tcase_add_test(rewrite, the_headline_stands_once);
    tcase_add_test(rewrite, the_line_of_the_default_user_follows_the_password);
    tcase_add_test(rewrite, what_is_rewritten_reads_back_the_same);
    tcase_add_test(rewrite, the_file_is_replaced_whole_or_not_at_all);
    suite_add_tcase(suite, rewrite);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
