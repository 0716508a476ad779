/* Hundreds of questions and a running Valkey's answers, byte for byte (tests/data/commands):
 * replies, errors and their order, in both protocols. */
#include "commands/commands.h"
#include "lib/suite.h"
#include "unit/engine/runner.h"
#include <stdio.h>

static struct world *world;

static int hex_of(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* The escapes of from_peer.py; the result may hold zero bytes. */
static void unescape(const char *line, struct buffer *into)
{
    buffer_clear(into);
    for (; *line != '\0' && *line != '\n'; line++) {
        if (*line != '\\') {
            buffer_append_byte(into, *line);
            continue;
        }
        line++;
        if (*line == 'x') {
            buffer_append_byte(into, (char)(hex_of(line[1]) * 16 + hex_of(line[2])));
            line += 2;
        } else {
            buffer_append_byte(into, *line == 'n' ? '\n' : *line == 'r' ? '\r' : '\\');
        }
    }
}

static void check_line(const char *question, const char *answer)
{
    struct buffer expected = { 0 };
    unescape(answer, &expected);
    world_ask(world, question);
    struct bytes ours = bytes_of(world->text.data, world->text.size - 1);
    ck_assert_msg(bytes_equal(ours, buffer_bytes(&expected)), "%s\nours:   %.*s\ntheirs: %s",
                  question, (int)ours.size, ours.data, answer);
    buffer_fini(&expected);
}

static bool read_line(FILE *file, char *line, size_t capacity)
{
    if (fgets(line, (int)capacity, file) == NULL) return false;
    size_t size = strlen(line);
    ck_assert(size > 0 && line[size - 1] == '\n');
    line[size - 1] = '\0';
    return true;
}

/* The questions of one family, to a server of their own. */
static void replay(const char *name, const char *protocol, size_t count_min)
{
    static char question[4096], answer[256 * KIB];
    char path[512];
    snprintf(path, sizeof(path), "%s/commands/answers%s.txt", TESTS_DATA, name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    world = world_create();
    commands_register(world->engine);
    if (strcmp(protocol, "RESP3") == 0) world_ask(world, "HELLO 3");

    bool is_wanted = false;
    size_t count = 0;
    while (read_line(file, question, sizeof(question))) {
        if (question[0] == '#') {
            is_wanted = strcmp(question + 2, protocol) == 0;
            continue;
        }
        ck_assert(read_line(file, answer, sizeof(answer)));
        if (!is_wanted) continue;
        check_line(question, answer);
        count++;
    }
    fclose(file);
    ck_assert_uint_ge(count, count_min);
    world_destroy(world);
}

static const struct {
    const char *name; /* behind "answers" in the file's name */
    size_t count_min;
} families[] = {
    { "", 500 },
    { "_bitmap", 200 },
    { "_hashes", 300 },
    { "_geo", 180 },
    { "_hyperloglog", 60 },
    { "_lcs", 30 },
    { "_lists", 200 },
    { "_sets", 180 },
    { "_sort", 150 },
    { "_streams", 280 },
    { "_values", 1000 },
    { "_zsets", 240 },
};

START_TEST(every_answer_is_valkeys_in_resp2)
{
    replay(families[_i].name, "RESP2", families[_i].count_min);
}
END_TEST

START_TEST(every_answer_is_valkeys_in_resp3)
{
    replay(families[_i].name, "RESP3", families[_i].count_min);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("answers");
    tcase_add_loop_test(tests, every_answer_is_valkeys_in_resp2, 0, COUNT_OF(families));
    tcase_add_loop_test(tests, every_answer_is_valkeys_in_resp3, 0, COUNT_OF(families));
    return suite_run("commands/answers", tests);
}
