/* nodes.conf: what is printed is read back the same, what Valkey wrote is accepted, what is
 * corrupt is refused with its line. */
#include "cluster/conf.h"

#include "base/memory.h"
#include "base/prng.h"

#include <check.h>
#include <stdlib.h>

#define ID_A  "0123456789abcdef0123456789abcdef01234567"
#define ID_B  "1123456789abcdef0123456789abcdef01234567"
#define SHARD "2123456789abcdef0123456789abcdef01234567"
#define VARS  "vars currentEpoch 5 lastVoteEpoch 3\n"
#define MYSELF(rest)                                                                               \
    ID_A " 127.0.0.1:7000@17000,,tls-port=0,shard-id=" SHARD                                       \
         " myself,master - 0 0 1 connected" rest "\n"
#define OTHER(rest)                                                                                \
    ID_B " 127.0.0.1:7001@17001,,tls-port=0,shard-id=" SHARD " master - 0 1795343625873 2 "        \
         "disconnected" rest "\n"

static struct conf conf;
static char why[CONF_WHY_SIZE];

static void setup(void)
{
    conf_init(&conf);
}

static void teardown(void)
{
    conf_fini(&conf);
}

static void check_parses(const char *text)
{
    enum err err = conf_parse(bytes_text(text), &conf, why);
    ck_assert_msg(err == ERR_NONE, "%s", why);
}

static void check_refused(const char *text, const char *reason)
{
    struct conf other;
    conf_init(&other);
    ck_assert_int_eq(conf_parse(bytes_text(text), &other, why), ERR_MALFORMED);
    ck_assert_msg(strstr(why, reason) != NULL, "'%s' instead of '%s'", why, reason);
    conf_fini(&other);
}

static void check_prints(const char *expected)
{
    struct buffer buffer = { 0 };
    conf_print(&conf, &buffer);
    buffer_append_byte(&buffer, 0);
    ck_assert_str_eq(buffer.data, expected);
    buffer_fini(&buffer);
}

START_TEST(a_file_is_printed_as_it_was_read)
{
    static const char text[] = MYSELF(" 0-10 12 [7->-" ID_B "] [900-<-" ID_B "]") OTHER(
        " 11 13-16383") "3123456789abcdef0123456789abcdef01234567 fe80::1:7002@17002,host.example,"
                        "availability-zone=zone-a,client-tls-port=7103,client-tcp-port=7003,client-"
                        "ipv6=fd00::3,"
                        "client-ipv4=10.1.2.3,tcp-port=6999,nodename=node_c,shard-id=" SHARD
                        " slave,fail?,nofailover " ID_A " 1795343625873 0 1 connected\n"
                        "4123456789abcdef0123456789abcdef01234567 :0@0,,tls-port=0 noflags - 0 0 0 "
                        "disconnected\n"
                        "vars currentEpoch 18446744073709551615 lastVoteEpoch 3 eir-cluster 0a0b "
                        "eir-later x,y\n";
    check_parses(text);
    check_prints(text);
    ck_assert_uint_eq(conf.node_count, 4);
    ck_assert_uint_eq(conf.open_slot_count, 2);
    ck_assert(conf.open_slots[1].is_importing);
    ck_assert_str_eq(conf.nodes[2].address.ip, "fe80::1");
    ck_assert_uint_eq(conf.nodes[2].address.port, 7002);
    ck_assert(conf.nodes[2].port_other_is_tcp);
    ck_assert_uint_eq(conf.nodes[2].flags, NODE_REPLICA | NODE_PFAIL | NODE_NOFAILOVER);
    ck_assert_str_eq(conf_find_var(&conf, "eir-cluster"), "0a0b");
    ck_assert_ptr_null(conf_find_var(&conf, "eir-unheard"));
}
END_TEST

START_TEST(an_empty_file_is_a_new_node)
{
    ck_assert_int_eq(conf_parse(BYTES_EMPTY, &conf, why), ERR_NOT_FOUND);
    ck_assert_int_eq(conf_parse(BYTES("  \r\n\n"), &conf, why), ERR_NOT_FOUND);
}
END_TEST

START_TEST(lines_come_in_any_order_with_blanks_between_them)
{
    check_parses("\r\n" VARS "\n" OTHER("  5 ") "  " MYSELF(" 1\r"));
    ck_assert_uint_eq(conf.myself, 1);
    ck_assert_uint_eq(conf.current_epoch, 5);
    ck_assert(slot_set_has(&conf.nodes[0].slots, 5));
    ck_assert(slot_set_has(&conf.nodes[1].slots, 1));
}
END_TEST

START_TEST(a_missing_line_of_variables_takes_the_highest_epoch_of_the_nodes)
{
    check_parses(MYSELF("") OTHER(""));
    ck_assert_uint_eq(conf.current_epoch, 2);
    ck_assert_uint_eq(conf.last_vote_epoch, 0);
}
END_TEST

START_TEST(a_missing_last_line_end_is_accepted)
{
    check_parses(MYSELF(" 3") "vars currentEpoch 9 lastVoteEpoch 4");
    ck_assert_uint_eq(conf.current_epoch, 9);
    ck_assert_uint_eq(conf.last_vote_epoch, 4);
}
END_TEST

START_TEST(addresses_of_older_versions_are_accepted)
{
    check_parses(ID_A " 127.0.0.1:7000 myself,master - 0 0 1 connected\n" ID_B
                      " 10.0.0.1:7001@7777 slave " ID_A " 0 0 1 connected\n" VARS);
    ck_assert_uint_eq(conf.nodes[0].address.bus_port, 17000);
    ck_assert_uint_eq(conf.nodes[1].address.bus_port, 7777);
    ck_assert(node_id_is_none(&conf.nodes[0].shard_id));
    ck_assert_str_eq(conf.nodes[1].hostname, "");
}
END_TEST

START_TEST(a_slot_claimed_twice_stays_with_the_first_line)
{
    check_parses(MYSELF(" 0-10") OTHER(" 5-20") VARS);
    ck_assert_uint_eq(slot_set_count(&conf.nodes[0].slots), 11);
    ck_assert_uint_eq(slot_set_count(&conf.nodes[1].slots), 10);
}
END_TEST

START_TEST(variables_of_a_later_valkey_are_skipped)
{
    check_parses(MYSELF("") "vars newThing 1 currentEpoch 7 lastVoteEpoch 7\n");
    check_prints(MYSELF("") "vars currentEpoch 7 lastVoteEpoch 7\n");
}
END_TEST

START_TEST(what_is_corrupt_is_refused_with_its_line_and_reason)
{
    check_refused("hello\n", "line 1: bad node id 'hello'");
    check_refused(OTHER("") VARS, "no node is 'myself'");
    check_refused(MYSELF("") ID_B " :1@2,, myself,master - 0 0 1 connected\n", "second node");
    check_refused(MYSELF("") OTHER("") OTHER(""), "node named twice '" ID_B);
    check_refused(ID_A " :1@2,,foo=1 myself,master - 0 0 1 connected\n", "bad field 'foo=1'");
    check_refused(ID_A " :1@2,,shard-id=zz myself,master - 0 0 1 connected\n", "bad field");
    check_refused(ID_A " :1@2,, myself,boss - 0 0 1 connected\n", "unknown flag 'boss'");
    check_refused(ID_A " :1@2,, myself,master x 0 0 1 connected\n", "bad primary 'x'");
    check_refused(ID_A " :1@2,, myself,master - 0 0 1\n", "line ends");
    check_refused(ID_A " :1@2,, myself,master - 0 0 x connected\n", "bad number 'x'");
    check_refused(ID_A " :1@2,, myself,master - 0 0 -1 connected\n", "bad number '-1'");
    check_refused(ID_A " :1@2,, myself,master - -1 0 1 connected\n", "bad time '-1'");
    check_refused(ID_A " host myself,master - 0 0 1 connected\n", "without a port");
    check_refused(ID_A " :x@2 myself,master - 0 0 1 connected\n", "bad port");
    check_refused(ID_A " :1@99999 myself,master - 0 0 1 connected\n", "bad bus port");
    check_refused(MYSELF(" 0-16384"), "bad slot '0-16384'");
    check_refused(MYSELF(" -1"), "bad slot");
    check_refused(MYSELF(" abc"), "bad slot");
    check_refused(MYSELF(" [5->-zz]"), "bad open slot");
    check_refused(MYSELF("") "vars currentEpoch\n", "without a value");
    check_refused(MYSELF("") "vars currentEpoch x lastVoteEpoch 1\n", "line 2: bad number 'x'");
    check_refused(MYSELF("") "vars eir-a 1 eir-a 2\n", "variable named twice 'eir-a'");
}
END_TEST

START_TEST(damaged_files_never_crash_and_what_is_accepted_prints_and_reads_again)
{
    static const char text[] = MYSELF(" 0-10 12 [7->-" ID_B "]")
        OTHER(" 11 13-16383") "vars currentEpoch 5 lastVoteEpoch 3 eir-cluster 0a0b\n";
    static const char bytes[] = " ,:@=-[]<>\n\r09azfm?\"";
    struct prng prng;
    prng_init(&prng, 7);
    unsigned accepted = 0;
    for (unsigned i = 0; i < 20000; i++) {
        struct bytes part = bytes_of(text, sizeof(text) - 1 - prng_below(&prng, 3) * 20);
        char *block = memory_alloc(part.size);
        memcpy(block, part.data, part.size);
        for (uint64_t hits = prng_below(&prng, 3); hits > 0; hits--)
            block[prng_below(&prng, part.size)] = bytes[prng_below(&prng, sizeof(bytes) - 1)];
        struct conf first, second;
        conf_init(&first);
        conf_init(&second);
        if (conf_parse(bytes_of(block, part.size), &first, why) == ERR_NONE) {
            struct buffer printed = { 0 };
            conf_print(&first, &printed);
            ck_assert_int_eq(conf_parse(buffer_bytes(&printed), &second, why), ERR_NONE);
            buffer_fini(&printed);
            accepted++;
        } else {
            ck_assert_str_ne(why, "");
        }
        conf_fini(&first);
        conf_fini(&second);
        memory_free(block);
    }
    ck_assert_uint_gt(accepted, 1000);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("conf");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_file_is_printed_as_it_was_read);
    tcase_add_test(tcase, an_empty_file_is_a_new_node);
    tcase_add_test(tcase, lines_come_in_any_order_with_blanks_between_them);
    tcase_add_test(tcase, a_missing_line_of_variables_takes_the_highest_epoch_of_the_nodes);
    tcase_add_test(tcase, a_missing_last_line_end_is_accepted);
    tcase_add_test(tcase, addresses_of_older_versions_are_accepted);
    tcase_add_test(tcase, a_slot_claimed_twice_stays_with_the_first_line);
    tcase_add_test(tcase, variables_of_a_later_valkey_are_skipped);
    tcase_add_test(tcase, what_is_corrupt_is_refused_with_its_line_and_reason);
    tcase_add_test(tcase, damaged_files_never_crash_and_what_is_accepted_prints_and_reads_again);
    Suite *suite = suite_create("conf");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
