/* The written reference, valkey.conf, held against the rows: every option stands in it with its
 * true default, no other does, and what means nothing here is marked so.
 *
 * An option's block is a comment, a lone "#", and lines "# name value"; a blank line ends it. */
#include "node/config.h"

#include "base/memory.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define REFERENCE_FILE TESTS_DATA "/../../valkey.conf"
#define ROWS_MAX       512

static bool seen[ROWS_MAX];

static bool is_directive(struct bytes name)
{
    return bytes_is_word(name, "include") || bytes_is_word(name, "rename-command");
}

static size_t index_of(const struct config_row *row)
{
    size_t index = 0;
    while (config_row_at(index) != row) index++;
    return index;
}

/* Read alone, the line changes nothing: it says the default. */
static void expect_default(const struct config_row *row, struct bytes line)
{
    struct config *fresh = config_create();
    struct config *read = config_create();
    struct config_error error;
    config_error_init(&error);
    ck_assert_msg(config_parse(read, NULL, line, &error), "%.*s", (int)line.size, line.data);
    struct buffer expected = { 0 };
    struct buffer value = { 0 };
    ck_assert(config_print(fresh, bytes_text(row->name), &expected));
    ck_assert(config_print(read, bytes_text(row->name), &value));
    ck_assert_msg(bytes_equal(buffer_bytes(&expected), buffer_bytes(&value)),
                  "%.*s: the default is %.*s", (int)line.size, line.data, (int)expected.size,
                  expected.data);
    buffer_fini(&expected);
    buffer_fini(&value);
    config_error_fini(&error);
    config_destroy(fresh);
    config_destroy(read);
}

static void option_line(struct bytes line, bool is_marked)
{
    ptrdiff_t space = bytes_index_of(line, ' ');
    ck_assert_int_gt(space, 0);
    struct bytes name = bytes_of(line.data, (size_t)space);
    if (is_directive(name)) return;
    const struct config_row *row = config_row_find(name);
    ck_assert_msg(row != NULL, "no such option: %.*s", (int)line.size, line.data);
    ck_assert_msg(bytes_equal(name, bytes_text(row->name)), "%s is an older name", line.data);
    ck_assert_msg(!seen[index_of(row)], "%s stands twice", row->name);
    seen[index_of(row)] = true;
    ck_assert_msg(is_marked == (row->unused != NULL), "%s is %s", row->name,
                  is_marked ? "marked, and honoured" : "not marked, and means nothing");
    /* The default of dir is where the server starts. */
    if (!bytes_is_word(name, "dir")) expect_default(row, line);
}

static bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

START_TEST(every_option_is_documented_with_its_true_default)
{
    FILE *file = fopen(REFERENCE_FILE, "r");
    ck_assert_ptr_nonnull(file);
    char line[256];
    bool is_option = false;
    bool is_marked = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        ck_assert_uint_le(strlen(line), 100);
        ck_assert_msg(line[0] == '#' || line[0] == '\0', "an active line: %s", line);
        if (line[0] == '\0') is_option = is_marked = false;
        if (starts_with(line, "# Accepted, but means nothing here: ") ||
            starts_with(line, "# Not supported yet: "))
            is_marked = true;
        if (is_option && starts_with(line, "# ") && line[2] != ' ')
            option_line(bytes_text(line + 2), is_marked);
        if (strcmp(line, "#") == 0) is_option = true;
    }
    fclose(file);
    ck_assert_uint_le(config_row_count(), ROWS_MAX);
    for (size_t i = 0; i < config_row_count(); i++)
        ck_assert_msg(seen[i], "%s is not documented", config_row_at(i)->name);
}
END_TEST

START_TEST(the_reference_can_be_started_with)
{
    struct config *config = config_create();
    struct config_error error;
    struct buffer text = { 0 };
    char chunk[4096];
    FILE *file = fopen(REFERENCE_FILE, "r");
    ck_assert_ptr_nonnull(file);
    for (size_t got; (got = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buffer_append(&text, bytes_of(chunk, got));
    fclose(file);
    config_error_init(&error);
    ck_assert(config_parse(config, NULL, buffer_bytes(&text), &error));
    config_error_fini(&error);
    buffer_fini(&text);
    config_destroy(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_reference");
    TCase *reference = tcase_create("reference");
    tcase_add_test(reference, every_option_is_documented_with_its_true_default);
    tcase_add_test(reference, the_reference_can_be_started_with);
    suite_add_tcase(suite, reference);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
