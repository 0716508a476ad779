/* Members of large collections are looked up ahead with the batch: no answer may show that. */
#include "commands/commands.h"
#include "unit/engine/runner.h"

#define MEMBERS  20000
#define REQUESTS 50000

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

static void write_words(struct buffer *wire, const char *const *words, uint32_t count)
{
    struct bytes argv[8];
    for (uint32_t i = 0; i < count; i++) argv[i] = bytes_text(words[i]);
    resp_write_command(wire, count, argv);
}

static void print_member(uint64_t number, char text[NUMBER_TEXT_MAX])
{
    text[number_print_unsigned(number, text)] = '\0';
}

static void write_fill(struct buffer *wire, struct prng *prng)
{
    char member[NUMBER_TEXT_MAX + 1], score[NUMBER_TEXT_MAX + 1];
    for (uint64_t i = 0; i < MEMBERS; i++) {
        print_member(i, member);
        print_member(prng_below(prng, MEMBERS), score);
        write_words(wire, (const char *[]){ "HSET", "h", member, score }, 4);
        write_words(wire, (const char *[]){ "SADD", "s", member }, 3);
        write_words(wire, (const char *[]){ "ZADD", "z", score, member }, 4);
    }
}

/* Requests for members, some of the wrong type, and now and then something that takes a collection
 * away, or puts another one in its place, between requests of one batch. */
static void write_request(struct buffer *wire, struct prng *prng)
{
    static const char *const keys[] = { "h", "s", "z", "none" };
    static const struct {
        const char *name;
        uint32_t key;
    } readers[] = {
        { "HGET", 0 }, { "HDEL", 0 },  { "HEXISTS", 0 },  { "SISMEMBER", 1 }, { "SREM", 1 },
        { "SADD", 1 }, { "ZRANK", 2 }, { "ZREVRANK", 2 }, { "ZSCORE", 2 },    { "ZREM", 2 },
    };
    char member[NUMBER_TEXT_MAX + 1], score[NUMBER_TEXT_MAX + 1];
    print_member(prng_below(prng, MEMBERS + MEMBERS / 4), member);
    print_member(prng_below(prng, MEMBERS), score);
    uint64_t what = prng_below(prng, 1000);
    uint64_t reader = prng_below(prng, COUNT_OF(readers));
    const char *key = keys[readers[reader].key];
    if (what == 0)
        write_words(wire, (const char *[]){ "RENAME", keys[prng_below(prng, 3)], "other" }, 3);
    else if (what < 6)
        write_words(wire, (const char *[]){ "RENAMENX", "other", keys[prng_below(prng, 3)] }, 3);
    else if (what < 20)
        write_words(wire, (const char *[]){ readers[reader].name, "none", member }, 3);
    else if (what < 300)
        write_words(wire, (const char *[]){ "ZADD", "z", "CH", score, member }, 5);
    else if (what < 400)
        write_words(wire, (const char *[]){ "HSET", "h", member, score }, 4);
    else
        write_words(wire, (const char *[]){ readers[reader].name, key, member }, 3);
}

/* All at once, or each in a turn of its own: nothing is looked up ahead for one alone. */
static void ask_all(struct buffer *answers, bool is_at_once)
{
    struct prng prng;
    struct buffer wire = { 0 };
    prng_init(&prng, 7);
    write_fill(&wire, &prng);
    world_feed(world, world->me, buffer_bytes(&wire));
    world_heard(world, world->me);
    buffer_clear(&wire);
    for (int i = 0; i < REQUESTS; i++) {
        write_request(&wire, &prng);
        if (is_at_once && i + 1 < REQUESTS) continue;
        world_feed(world, world->me, buffer_bytes(&wire));
        buffer_append_text(answers, world_heard(world, world->me));
        buffer_clear(&wire);
    }
    buffer_fini(&wire);
}

START_TEST(a_batch_is_answered_as_its_requests_one_by_one)
{
    struct buffer at_once = { 0 }, one_by_one = { 0 };
    ask_all(&at_once, true);
    tear_down();
    set_up();
    ask_all(&one_by_one, false);
    ck_assert_uint_gt(at_once.size, REQUESTS);
    ck_assert(bytes_equal(buffer_bytes(&at_once), buffer_bytes(&one_by_one)));
    buffer_fini(&at_once);
    buffer_fini(&one_by_one);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { a_batch_is_answered_as_its_requests_one_by_one };
    return run_tests("members", tests, COUNT_OF(tests), set_up, tear_down);
}
