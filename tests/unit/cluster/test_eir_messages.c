/* What Eir nodes tell each other: there and back, and every cut or bad byte refused. */
#include "cluster/eir_messages.h"

#include <check.h>
#include <stdlib.h>

static struct node_id id_of(char digit)
{
    struct node_id id;
    memset(id.hex, digit, sizeof(id.hex));
    return id;
}

START_TEST(a_refusal_comes_back_as_it_went)
{
    struct eir_nack nack = { .epoch = 0x0102030405060708, .reason = 7, .wait_ms = 1500 };
    struct buffer payload = { 0 };
    eir_nack_write(&nack, &payload);
    ck_assert_uint_eq(payload.size, 13);
    ck_assert_int_eq(payload.data[0], 1); /* big-endian */
    struct eir_nack read;
    ck_assert_int_eq(eir_nack_read(buffer_bytes(&payload), &read), ERR_NONE);
    ck_assert_uint_eq(read.epoch, nack.epoch);
    ck_assert_uint_eq(read.reason, 7);
    ck_assert_uint_eq(read.wait_ms, 1500);
    for (size_t cut = 0; cut < payload.size; cut++)
        ck_assert_int_eq(eir_nack_read(bytes_of(payload.data, cut), &read), ERR_MALFORMED);
    buffer_append_byte(&payload, 0);
    ck_assert_int_eq(eir_nack_read(buffer_bytes(&payload), &read), ERR_MALFORMED);
    buffer_fini(&payload);
}
END_TEST

START_TEST(an_offset_comes_back_as_it_went)
{
    struct eir_offset offset = { .primary = id_of('a'), .offset = 12345, .is_eligible = true };
    struct buffer payload = { 0 };
    eir_offset_write(&offset, &payload);
    struct eir_offset read;
    ck_assert_int_eq(eir_offset_read(buffer_bytes(&payload), &read), ERR_NONE);
    ck_assert(node_id_equal(&read.primary, &offset.primary));
    ck_assert_uint_eq(read.offset, 12345);
    ck_assert(read.is_eligible);
    for (size_t cut = 0; cut < payload.size; cut++)
        ck_assert_int_eq(eir_offset_read(bytes_of(payload.data, cut), &read), ERR_MALFORMED);
    payload.data[48] = 2; /* a truth value is 0 or 1 */
    ck_assert_int_eq(eir_offset_read(buffer_bytes(&payload), &read), ERR_MALFORMED);
    payload.data[48] = 1;
    payload.data[3] = 'G'; /* not hex */
    ck_assert_int_eq(eir_offset_read(buffer_bytes(&payload), &read), ERR_MALFORMED);
    buffer_fini(&payload);
}
END_TEST

static void write_sample(struct buffer *payload)
{
    struct formation_heard heard[2] = { { .id = id_of('1') }, { .id = id_of('2') } };
    struct formation_member members[2] = { { .id = id_of('3'), .has_locked = true },
                                           { .id = id_of('4') } };
    memcpy(heard[0].address.ip, "10.0.0.1", 9);
    heard[0].address.port = 7000;
    heard[0].address.bus_port = 17000;
    memcpy(members[0].host, "fe80::1", 8);
    struct formation_message message = { .phase = FORMATION_LOCKED,
                                         .name = "shop",
                                         .shards = 3,
                                         .replicas_per_shard = 1,
                                         .set = 77,
                                         .round = 2,
                                         .refused = { 5, 6 },
                                         .refused_count = 2,
                                         .heard = heard,
                                         .heard_count = 2,
                                         .members = members,
                                         .member_count = 2 };
    formation_message_write(&message, payload);
}

START_TEST(a_stand_comes_back_as_it_went)
{
    struct buffer payload = { 0 };
    write_sample(&payload);
    struct formation_message read;
    ck_assert_int_eq(formation_message_read(buffer_bytes(&payload), &read), ERR_NONE);
    ck_assert_int_eq(read.phase, FORMATION_LOCKED);
    ck_assert_str_eq(read.name, "shop");
    ck_assert_uint_eq(read.set, 77);
    ck_assert_uint_eq(read.round, 2);
    ck_assert_uint_eq(read.refused[1], 6);
    ck_assert_uint_eq(read.heard_count, 2);
    ck_assert_str_eq(read.heard[0].address.ip, "10.0.0.1");
    ck_assert_uint_eq(read.heard[0].address.bus_port, 17000);
    ck_assert(read.members[0].has_locked);
    ck_assert_str_eq(read.members[0].host, "fe80::1");
    ck_assert(!read.members[1].has_locked);
    formation_message_fini(&read);
    buffer_fini(&payload);
}
END_TEST

START_TEST(a_stand_that_is_cut_anywhere_is_refused)
{
    struct buffer payload = { 0 };
    write_sample(&payload);
    struct formation_message read;
    for (size_t cut = 0; cut < payload.size; cut++) {
        /* In a block of its own, so that a read beyond it is seen. */
        char *copy = malloc(cut + 1);
        memcpy(copy, payload.data, cut);
        ck_assert_int_eq(formation_message_read(bytes_of(copy, cut), &read), ERR_MALFORMED);
        free(copy);
    }
    buffer_fini(&payload);
}
END_TEST

START_TEST(counts_beyond_the_bytes_that_follow_take_no_memory)
{
    struct buffer payload = { 0 };
    write_sample(&payload);
    size_t refused_at = 1 + 1 + 4 + 4 + 4 + 8 + 4;
    memset(payload.data + refused_at, 0xff, 4);
    struct formation_message read;
    ck_assert_int_eq(formation_message_read(buffer_bytes(&payload), &read), ERR_MALFORMED);
    ck_assert_ptr_null(read.heard);
    buffer_fini(&payload);
}
END_TEST

START_TEST(members_must_be_sorted_and_hosts_plain)
{
    struct formation_member members[2] = { { .id = id_of('4') }, { .id = id_of('3') } };
    struct formation_message message = { .set = 1, .members = members, .member_count = 2 };
    struct buffer payload = { 0 };
    formation_message_write(&message, &payload);
    struct formation_message read;
    ck_assert_int_eq(formation_message_read(buffer_bytes(&payload), &read), ERR_MALFORMED);
    const char *const hosts[] = { "a b", "a,b", "a=b", "a\nb", "\x7f" };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        struct formation_member one = { .id = id_of('3') };
        memcpy(one.host, hosts[i], strlen(hosts[i]));
        message.members = &one;
        message.member_count = 1;
        buffer_clear(&payload);
        formation_message_write(&message, &payload);
        ck_assert_int_eq(formation_message_read(buffer_bytes(&payload), &read), ERR_MALFORMED);
    }
    buffer_fini(&payload);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("eir_messages");
    TCase *tests = tcase_create("eir_messages");
    tcase_add_test(tests, a_refusal_comes_back_as_it_went);
    tcase_add_test(tests, an_offset_comes_back_as_it_went);
    tcase_add_test(tests, a_stand_comes_back_as_it_went);
    tcase_add_test(tests, a_stand_that_is_cut_anywhere_is_refused);
    tcase_add_test(tests, counts_beyond_the_bytes_that_follow_take_no_memory);
    tcase_add_test(tests, members_must_be_sorted_and_hosts_plain);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
