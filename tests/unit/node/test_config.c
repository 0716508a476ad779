/* Tests of the configuration's rows: true defaults, names, bounds, and what CONFIG GET shows. */
#include "node/config.h"

#include "base/buffer.h"
#include "base/memory.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULTS_FILE TESTS_DATA "/../unit/node/config_defaults.txt"

static struct config *config;

static void set_up(void)
{
    config = config_create();
}

static void tear_down(void)
{
    config_destroy(config);
}

/* The value of one option as text; the caller frees it. */
static char *value_of(const struct config *of, const char *name)
{
    struct buffer text = { 0 };
    ck_assert_msg(config_print(of, bytes_text(name), &text), "no option %s", name);
    buffer_append_byte(&text, '\0');
    size_t size;
    return buffer_take(&text, &size);
}

static void expect_value(const struct config *of, const char *name, const char *expected)
{
    char *value = value_of(of, name);
    ck_assert_msg(strcmp(value, expected) == 0, "%s is '%s', not '%s'", name, value, expected);
    memory_free(value);
}

static bool reads(const char *name, const char *value, struct buffer *reason)
{
    struct config *fresh = config_create();
    struct config_error error;
    struct buffer line = { 0 };
    config_error_init(&error);
    buffer_printf(&line, "%s %s", name, value);
    bool is_read = config_parse(fresh, NULL, buffer_bytes(&line), &error);
    if (!is_read) buffer_append(reason, buffer_bytes(&error.reason));
    buffer_fini(&line);
    config_error_fini(&error);
    config_destroy(fresh);
    return is_read;
}

START_TEST(every_default_is_the_one_of_valkey)
{
    FILE *file = fopen(DEFAULTS_FILE, "r");
    ck_assert_ptr_nonnull(file);
    char line[512], name[128], kind[32];
    int options = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#') continue;
        line[strcspn(line, "\n")] = '\0';
        int value_at = 0;
        ck_assert_int_eq(sscanf(line, "%127s %31s %n", name, kind, &value_at), 2);
        const struct config_row *row = config_row_find(bytes_text(name));
        ck_assert_msg(row != NULL, "no option %s", name);
        expect_value(config, name, line + value_at);
        ck_assert_str_eq(row->preset, line + value_at);
        const char *expected = row->flags & CONFIG_IMMUTABLE   ? "immutable"
                               : row->flags & CONFIG_PROTECTED ? "protected"
                                                               : "set";
        ck_assert_msg(strcmp(kind, expected) == 0, "%s is %s, not %s", name, expected, kind);
        options++;
    }
    fclose(file);
    ck_assert_int_eq(options, 237);
}
END_TEST

START_TEST(no_name_stands_twice_and_every_row_says_what_it_is)
{
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        ck_assert_ptr_eq(config_row_find(bytes_text(row->name)), row);
        if (row->alias != NULL) ck_assert_ptr_eq(config_row_find(bytes_text(row->alias)), row);
        ck_assert_uint_gt(strlen(row->text), 10);
        ck_assert_int_eq(row->text[strlen(row->text) - 1], '.');
        ck_assert_uint_ne(row->area, CONFIG_AREA_NONE);
        if (row->flags & CONFIG_GRAVE) ck_assert_ptr_nonnull(row->unused);
        for (size_t j = 0; j < i; j++) ck_assert_uint_ne(config_row_at(j)->offset, row->offset);
    }
}
END_TEST

START_TEST(a_name_is_found_in_any_case_and_under_its_older_spelling)
{
    ck_assert_ptr_eq(config_row_find(BYTES("SLOWLOG-max-len")),
                     config_row_find(BYTES("commandlog-slow-execution-max-len")));
    ck_assert_ptr_null(config_row_find(BYTES("nosuch")));
    ck_assert_ptr_null(config_row_find(BYTES_EMPTY));
}
END_TEST

static void expect_bound(const struct config_row *row, const char *format, int64_t value,
                         bool is_inside)
{
    struct buffer text = { 0 };
    struct buffer reason = { 0 };
    buffer_printf(&text, format[1] == 'o' ? "%llo" : "%lld", (long long)value);
    buffer_append_byte(&text, '\0');
    bool is_read = reads(row->name, text.data, &reason);
    buffer_append_byte(&reason, '\0');
    ck_assert_msg(is_read == is_inside, "%s %s: %s", row->name, text.data, reason.data);
    if (!is_inside) ck_assert_ptr_nonnull(strstr(reason.data, "argument must be between "));
    buffer_fini(&text);
    buffer_fini(&reason);
}

START_TEST(numbers_are_taken_up_to_their_bounds_and_not_beyond)
{
    size_t count = config_row_count();
    int bounded = 0;
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (row->max == 0 || strcmp(row->name, "oom-score-adj-values") == 0 ||
            strcmp(row->name, "replicaof") == 0)
            continue;
        bool is_formed = strcmp(row->name, "cluster-shards") == 0;
        const char *format = strcmp(row->name, "unixsocketperm") == 0 ? "%o" : "%d";
        expect_bound(row, format, row->min, true);
        if (!is_formed) expect_bound(row, format, row->max, true);
        if (row->max < INT64_MAX) expect_bound(row, format, row->max + 1, false);
        if (row->min > 0) expect_bound(row, format, row->min - 1, false);
        bounded++;
    }
    ck_assert_int_gt(bounded, 80);
}
END_TEST

START_TEST(bad_values_are_refused_with_the_words_of_valkey)
{
    static const struct {
        const char *name;
        const char *value;
        const char *reason;
    } cases[] = {
        { "appendonly", "maybe", "argument must be 'yes' or 'no'" },
        { "hz", "1.5", "argument couldn't be parsed into an integer" },
        { "hz", "05", "argument couldn't be parsed into an integer" },
        { "hz", "1 2", "wrong number of arguments" },
        { "hz", "", "wrong number of arguments" },
        { "port", "65536", "argument must be between 0 and 65535 inclusive" },
        { "unixsocketperm", "888", "argument couldn't be parsed as an octal number" },
        { "unixsocketperm", "1777", "argument must be between 0 and 777 inclusive" },
        { "maxmemory", "1.5gb", "argument must be a memory value" },
        { "maxmemory", "-1", "argument must be a memory value" },
        { "maxmemory", "99999999999999999999", "argument must be a memory value" },
        { "maxmemory-clients", "101%", "percentage argument must be less or equal to 100" },
        { "maxmemory-clients", "-5%", "argument must be a memory or percent value" },
        { "enable-debug-command", "maybe",
          "argument(s) must be one of the following: no, yes, local" },
        { "save", "3600", "Invalid save parameters" },
        { "save", "0 1", "Invalid save parameters" },
        { "client-output-buffer-limit", "normal 1 2",
          "Wrong number of arguments in buffer limit configuration." },
        { "client-output-buffer-limit", "master 1 2 3",
          "Invalid client class specified in buffer limit configuration." },
        { "client-output-buffer-limit", "normal 1 2 x",
          "Error in hard, soft or soft_seconds setting in buffer limit configuration." },
        { "oom-score-adj-values", "1 2", "wrong number of arguments" },
        { "oom-score-adj-values", "1 2 3000",
          "Invalid oom-score-adj-values, elements must be between -2000 and 2000." },
        { "latency-tracking-info-percentiles", "101",
          "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]" },
        { "notify-keyspace-events", "Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'." },
        { "shutdown-on-sigterm", "save nosave",
          "shutdown options SAVE and NOSAVE can't be used simultaneously" },
        { "replicaof", "a 70000", "Invalid primary port" },
        { "dbfilename", "a/b", "dbfilename can't be a path, just a filename" },
        { "appenddirname", "\"\"", "appenddirname can't be empty" },
        { "cluster-announce-hostname", "a_b",
          "Hostnames may only contain alphanumeric characters, hyphens or dots" },
        { "cluster-announce-client-ipv4", "::1", "Invalid IPv4 address" },
        { "cluster-announce-client-ipv6", "1.2.3.4", "Invalid IPv6 address" },
        { "proc-title-template", "{foo}",
          "template format is invalid or contains unknown variables" },
        { "cluster-seeds", "host", "argument(s) must be host:port or host:port@busport" },
        { "cluster-seeds", "host:0", "argument(s) must be host:port or host:port@busport" },
        { "cluster-seeds", "h:1@65536", "argument(s) must be host:port or host:port@busport" },
        { "requirepass", "\"a\\x00b\"", "argument must not contain a zero byte" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buffer reason = { 0 };
        ck_assert_msg(!reads(cases[i].name, cases[i].value, &reason), "%s %s is read",
                      cases[i].name, cases[i].value);
        buffer_append_byte(&reason, '\0');
        ck_assert_str_eq(reason.data, cases[i].reason);
        buffer_fini(&reason);
    }
}
END_TEST

START_TEST(lines_that_carry_security_are_refused_and_never_skipped)
{
    static const char *const lines[][2] = {
        { "user", "bob on >x ~* +@all" },
        { "user", "default on nopass ~* &* +@all -flushall" },
        { "user", "default off nopass ~* &* +@all" },
        { "user", "default on #2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 "
                  "~* &* +@all" },
        { "aclfile", "/etc/users.acl" },
        { "loadmodule", "/x.so" },
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct buffer reason = { 0 };
        ck_assert(!reads(lines[i][0], lines[i][1], &reason));
        buffer_append_byte(&reason, '\0');
        ck_assert_ptr_nonnull(strstr(reason.data, "not supported"));
        buffer_fini(&reason);
    }
}
END_TEST

struct shown {
    struct buffer text;
};

static void show(void *context, struct bytes name, struct bytes value)
{
    struct shown *shown = context;
    buffer_printf(&shown->text, "%.*s=%.*s;", (int)name.size, name.data, (int)value.size,
                  value.data);
}

static void expect_get(const char *a, const char *b, const char *expected)
{
    struct bytes patterns[] = { bytes_text(a), bytes_text(b) };
    struct shown shown = { 0 };
    config_get(config, patterns, COUNT_OF(patterns), show, &shown);
    buffer_append_byte(&shown.text, '\0');
    ck_assert_str_eq(shown.text.data, expected);
    buffer_fini(&shown.text);
}

START_TEST(get_shows_names_in_order_once_and_as_they_were_asked_for)
{
    expect_get("hz", "HZ", "hz=10;");
    expect_get("HZ", "h?", "HZ=10;");
    expect_get("por[t]", "PORT", "port=6379;");
    expect_get("slaveof", "*replicaof*", "replicaof=;slaveof=;");
    expect_get("nosuch", "", "");
    expect_get("timeout", "bind", "bind=* -::*;timeout=0;");
    expect_get("p\\ort", "user", "");
}
END_TEST

START_TEST(what_is_hidden_shows_only_under_its_full_name)
{
    expect_get("enable-debug-a*", "nosuch", "");
    expect_get("enable-debug-assert", "nosuch", "enable-debug-assert=no;");
}
END_TEST

START_TEST(a_copy_is_equal_and_independent)
{
    struct config_error error;
    config_error_init(&error);
    ck_assert(config_parse(config, NULL,
                           BYTES("requirepass secret\nsave 5 5\nbind 10.0.0.1 -::1\n"
                                 "cluster-seeds a:1 [::1]:2@3\nreplicaof h 7\n"
                                 "latency-tracking-info-percentiles 1 2\nrename-command a b"),
                           &error));
    config_error_fini(&error);
    struct config *copy = config_copy(config);
    config_destroy(config);
    config = config_create();
    expect_value(copy, "requirepass", "secret");
    expect_value(copy, "save", "5 5");
    expect_value(copy, "bind", "10.0.0.1 -::1");
    expect_value(copy, "cluster-seeds", "a:1 [::1]:2@3");
    expect_value(copy, "replicaof", "h 7");
    expect_value(copy, "latency-tracking-info-percentiles", "1 2");
    ck_assert_uint_eq(copy->renames.count, 1);
    ck_assert_str_eq(copy->renames.items[0].to, "b");
    ck_assert_str_eq(copy->cluster_seeds.items[1].host, "::1");
    ck_assert_uint_eq(copy->cluster_seeds.items[1].bus_port, 3);

    config_swap(config, copy);
    expect_value(config, "requirepass", "secret");
    expect_value(copy, "requirepass", "");
    config_destroy(copy);
}
END_TEST

struct warnings {
    struct buffer text;
    int grave;
};

static void warn(void *context, bool is_grave, const char *message)
{
    struct warnings *warnings = context;
    buffer_printf(&warnings->text, "%s\n", message);
    warnings->grave += is_grave;
}

START_TEST(an_option_that_means_nothing_here_is_warned_about_once_it_is_set)
{
    struct warnings warnings = { 0 };
    config_warnings(config, warn, &warnings);
    ck_assert_uint_eq(warnings.text.size, 0);

    struct config_error error;
    config_error_init(&error);
    ck_assert(config_parse(config, NULL,
                           BYTES("tls-port 7001\nio-threads 4\ntls-key-file-pass secret\n"
                                 "activedefrag no"),
                           &error));
    config_error_fini(&error);
    config_warnings(config, warn, &warnings);
    buffer_append_byte(&warnings.text, '\0');
    ck_assert_ptr_nonnull(strstr(warnings.text.data, "tls-port 7001 is accepted but means "
                                                     "nothing here, do not rely on it: "));
    ck_assert_ptr_nonnull(strstr(warnings.text.data, "io-threads 4 is accepted but means"));
    ck_assert_ptr_nonnull(strstr(warnings.text.data, "tls-key-file-pass is accepted"));
    ck_assert_ptr_null(strstr(warnings.text.data, "secret"));
    ck_assert_ptr_null(strstr(warnings.text.data, "activedefrag"));
    ck_assert_int_eq(warnings.grave, 1);

    struct config *before = config_copy(config);
    config->io_threads = 8;
    buffer_clear(&warnings.text);
    config_warnings_of_change(config, before, warn, &warnings);
    ck_assert(bytes_starts_with(buffer_bytes(&warnings.text), BYTES("io-threads 8 is accepted")));
    ck_assert_int_eq(bytes_index_of(buffer_bytes(&warnings.text), '\n'),
                     (ptrdiff_t)warnings.text.size - 1);
    config_destroy(before);
    buffer_fini(&warnings.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *rows = tcase_create("rows");
    tcase_add_checked_fixture(rows, set_up, tear_down);
    tcase_add_test(rows, every_default_is_the_one_of_valkey);
    tcase_add_test(rows, no_name_stands_twice_and_every_row_says_what_it_is);
    tcase_add_test(rows, a_name_is_found_in_any_case_and_under_its_older_spelling);
    tcase_add_test(rows, numbers_are_taken_up_to_their_bounds_and_not_beyond);
    tcase_add_test(rows, bad_values_are_refused_with_the_words_of_valkey);
    tcase_add_test(rows, lines_that_carry_security_are_refused_and_never_skipped);
    tcase_add_test(rows, get_shows_names_in_order_once_and_as_they_were_asked_for);
    tcase_add_test(rows, what_is_hidden_shows_only_under_its_full_name);
    tcase_add_test(rows, a_copy_is_equal_and_independent);
    tcase_add_test(rows, an_option_that_means_nothing_here_is_warned_about_once_it_is_set);
    suite_add_tcase(suite, rows);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
