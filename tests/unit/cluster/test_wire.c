/* The bus codec against packets captured from Valkey nodes (tests/data/bus), against messages of
 * our own, and against bytes that lie. */
#include "cluster/wire.h"

#include "base/memory.h"
#include "base/prng.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define BUS_VECTORS TESTS_DATA "/bus"
#define ID_A        "00112233445566778899aabbccddeeff00112233"
#define ID_B        "ffeeddccbbaa99887766554433221100ffeeddcc"

static struct node_id id_of(const char *hex)
{
    struct node_id id;
    ck_assert(node_id_parse(bytes_text(hex), &id));
    return id;
}

/* Reads hex text, line ends ignored. */
static void load_hex(const char *path, struct buffer *into)
{
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    int digit_high = -1;
    for (int c; (c = fgetc(file)) != EOF;) {
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) continue;
        if (digit_high < 0) {
            digit_high = digit;
        } else {
            buffer_append_byte(into, (char)(digit_high * 16 + digit));
            digit_high = -1;
        }
    }
    fclose(file);
}

static void load_vector(const char *name, struct buffer *into)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.hex", BUS_VECTORS, name);
    load_hex(path, into);
}

static struct cluster_message *decode_vector(const char *name)
{
    struct buffer buffer = { 0 };
    load_vector(name, &buffer);
    struct cluster_message *message;
    size_t used;
    ck_assert_msg(wire_decode(buffer_bytes(&buffer), &message, &used) == WIRE_MESSAGE, "%s", name);
    ck_assert_uint_eq(used, buffer.size);
    buffer_fini(&buffer);
    return message;
}

static void check_same_bytes(const char *name, struct bytes expected,
                             const struct cluster_message *message)
{
    struct buffer again = { 0 };
    wire_encode(message, &again);
    ck_assert_msg(again.size == expected.size, "%s: %zu bytes became %zu", name, expected.size,
                  again.size);
    for (size_t i = 0; i < again.size; i++)
        ck_assert_msg(again.data[i] == expected.data[i], "%s: byte %zu", name, i);
    buffer_fini(&again);
}

/* EIR_BUS_VECTORS names another folder of captured packets to check beside our own. */
static const char *vector_folder(void)
{
    const char *folder = getenv("EIR_BUS_VECTORS");
    return folder != NULL ? folder : BUS_VECTORS;
}

START_TEST(every_captured_packet_decodes_and_encodes_to_the_same_bytes)
{
    DIR *folder = opendir(vector_folder());
    ck_assert_ptr_nonnull(folder);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strstr(entry->d_name, ".hex") == NULL) continue;
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s", vector_folder(), entry->d_name);
        struct buffer buffer = { 0 };
        load_hex(path, &buffer);
        struct cluster_message *message;
        size_t used;
        enum wire_result result = wire_decode(buffer_bytes(&buffer), &message, &used);
        ck_assert_msg(result == WIRE_MESSAGE, "%s", entry->d_name);
        ck_assert_uint_eq(used, buffer.size);
        check_same_bytes(entry->d_name, buffer_bytes(&buffer), message);

        struct cluster_message *copy = message_clone(message);
        message_destroy(message);
        check_same_bytes(entry->d_name, buffer_bytes(&buffer), copy);
        message_destroy(copy);
        buffer_fini(&buffer);
        count++;
    }
    closedir(folder);
    ck_assert_uint_ge(count, 20);
}
END_TEST

START_TEST(a_ping_says_what_its_sender_announced)
{
    struct cluster_message *message = decode_vector("ping-with-hostname");
    ck_assert_int_eq(message->type, MESSAGE_PONG);
    ck_assert_str_eq(message->extensions->hostname, "host-zero.example");
    ck_assert_uint_eq(message->address.port, 17400);
    ck_assert_uint_eq(message->address.bus_port, 19400);
    ck_assert_uint_eq(message->flags & NODE_PRIMARY, NODE_PRIMARY);
    ck_assert_uint_eq(message->message_flags, MESSAGE_HAS_EXTENSIONS);
    ck_assert(!node_id_is_none(&message->extensions->shard_id));
    ck_assert(!message->eir.is_present);
    message_destroy(message);

    message = decode_vector("ping-with-port");
    ck_assert_uint_eq(message->extensions->client_port, 7003);
    ck_assert_uint_eq(message->extensions->client_tls_port, 7103);
    message_destroy(message);

    message = decode_vector("ping-with-forgotten");
    ck_assert_uint_ge(message->extensions->forgotten_count, 1);
    ck_assert_uint_le(message->extensions->forgotten[0].ttl_s, 60);
    message_destroy(message);
}
END_TEST

START_TEST(update_fail_and_publish_carry_their_subject)
{
    struct cluster_message *message = decode_vector("update");
    ck_assert_int_eq(message->type, MESSAGE_UPDATE);
    ck_assert_uint_ge(slot_set_count(message->subject_slots), 5461);
    ck_assert_uint_gt(message->subject_epoch, 0);
    message_destroy(message);

    message = decode_vector("fail");
    ck_assert_int_eq(message->type, MESSAGE_FAIL);
    ck_assert(!node_id_is_none(&message->subject));
    message_destroy(message);

    message = decode_vector("publish-light");
    ck_assert(message->is_light);
    ck_assert(bytes_equal(message->channel, BYTES("chan")));
    ck_assert(bytes_equal(message->payload, BYTES("hello-bus")));
    message_destroy(message);
}
END_TEST

static struct cluster_message *full_message(enum message_type type)
{
    struct cluster_message *message = message_create(type);
    message->sender = id_of(ID_A);
    message->current_epoch = 1ull << 40;
    message->config_epoch = 7;
    message->offset = 0x0102030405060708;
    message->address.port = 7001;
    message->address.bus_port = 17001;
    message->flags = NODE_PRIMARY | NODE_MYSELF;
    struct slot_set slots = { { 0 } };
    slot_set_add(&slots, 16383);
    message->slots = slot_map_create(&slots);
    return message;
}

static struct cluster_message *encode_and_decode(struct cluster_message *message)
{
    struct buffer buffer = { 0 };
    wire_encode(message, &buffer);
    message_destroy(message);
    struct cluster_message *again;
    size_t used;
    ck_assert_int_eq(wire_decode(buffer_bytes(&buffer), &again, &used), WIRE_MESSAGE);
    ck_assert_uint_eq(used, buffer.size);
    buffer_fini(&buffer);
    return again;
}

START_TEST(our_own_header_travels_in_the_reserved_bytes)
{
    struct eir_header eir = { .is_present = true,
                              .capabilities = 0x8001,
                              .flags = EIR_PROMISE,
                              .incarnation = 0xdeadbeefcafef00d,
                              .cluster_id = 99,
                              .sequence = 5,
                              .echo = 0xfffffffe };
    struct cluster_message *message = full_message(MESSAGE_PONG);
    message->eir = eir;
    struct buffer buffer = { 0 };
    wire_encode(message, &buffer);
    ck_assert_uint_eq(buffer.size, WIRE_HEADER_SIZE);
    ck_assert_mem_eq(buffer.data + 2216, "Ei\1", 3);
    buffer_fini(&buffer);

    message = encode_and_decode(message);
    ck_assert(message->eir.is_present);
    ck_assert_uint_eq(message->eir.capabilities, eir.capabilities);
    ck_assert_uint_eq(message->eir.flags, eir.flags);
    ck_assert_uint_eq(message->eir.incarnation, eir.incarnation);
    ck_assert_uint_eq(message->eir.cluster_id, eir.cluster_id);
    ck_assert_uint_eq(message->eir.sequence, eir.sequence);
    ck_assert_uint_eq(message->eir.echo, eir.echo);
    message_destroy(message);
}
END_TEST

START_TEST(our_own_message_has_a_type_and_a_payload)
{
    struct cluster_message *message = full_message(MESSAGE_EIR);
    message->eir_type = 4;
    message_set_body(message, BYTES_EMPTY, BYTES("some\0payload"));
    message = encode_and_decode(message);
    ck_assert_int_eq(message->type, MESSAGE_EIR);
    ck_assert_uint_eq(message->eir_type, 4);
    ck_assert(bytes_equal(message->payload, BYTES("some\0payload")));
    ck_assert_uint_eq(message->current_epoch, 1ull << 40);
    ck_assert_uint_eq(message->offset, 0x0102030405060708);
    ck_assert(slot_set_has(slot_map_set(message->slots), 16383));
    message_destroy(message);
}
END_TEST

START_TEST(a_module_message_goes_through_in_both_forms)
{
    for (int light = 0; light < 2; light++) {
        struct cluster_message *message = full_message(MESSAGE_MODULE);
        message->is_light = light;
        message->module_id = 0x1122334455667788;
        message->module_type = 7;
        message_set_body(message, BYTES_EMPTY, BYTES("hello-module"));
        message = encode_and_decode(message);
        ck_assert_uint_eq(message->module_id, 0x1122334455667788);
        ck_assert_uint_eq(message->module_type, 7);
        ck_assert(bytes_equal(message->payload, BYTES("hello-module")));
        message_destroy(message);
    }
}
END_TEST

START_TEST(publications_may_be_larger_than_anything_else)
{
    struct buffer payload = { 0 };
    memset(buffer_reserve(&payload, WIRE_MESSAGE_MAX), 'x', WIRE_MESSAGE_MAX);
    payload.size = WIRE_MESSAGE_MAX;
    for (int is_light = 0; is_light < 2; is_light++) {
        struct cluster_message *message = message_create(MESSAGE_PUBLISH);
        message->is_light = is_light;
        memset(message->sender.hex, 'a', NODE_ID_SIZE);
        message_set_body(message, BYTES("news"), buffer_bytes(&payload));
        struct buffer packet = { 0 };
        wire_encode(message, &packet);
        message_destroy(message);
        size_t used;
        ck_assert_int_eq(wire_decode(buffer_bytes(&packet), &message, &used), WIRE_MESSAGE);
        ck_assert_uint_eq(message->payload.size, payload.size);
        message_destroy(message);
        /* The same length on another type is nonsense. */
        packet.data[13] = MESSAGE_UPDATE;
        ck_assert_int_eq(wire_decode(buffer_bytes(&packet), &message, &used), WIRE_CLOSE);
        buffer_fini(&packet);
    }
    buffer_fini(&payload);
}
END_TEST

START_TEST(a_shared_message_lives_until_its_last_owner_lets_go)
{
    struct cluster_message *message = full_message(MESSAGE_PING);
    struct cluster_message *other = message_share(message);
    message_destroy(message);
    ck_assert_uint_eq(other->config_epoch, 7);
    message_destroy(other);
    message_destroy(NULL);
}
END_TEST

static void put16(struct buffer *buffer, size_t at, unsigned value)
{
    buffer->data[at] = (char)(value >> 8);
    buffer->data[at + 1] = (char)value;
}

static enum wire_result result_of(const struct buffer *buffer)
{
    struct cluster_message *message;
    size_t used;
    enum wire_result result = wire_decode(buffer_bytes(buffer), &message, &used);
    message_destroy(message);
    return result;
}

START_TEST(a_wrong_frame_closes_the_link)
{
    struct buffer good = { 0 };
    load_vector("ping-primary", &good);

    good.data[0] = 'X';
    ck_assert_int_eq(result_of(&good), WIRE_CLOSE);
    good.data[0] = 'R';
    put16(&good, 8, 0);
    ck_assert_int_eq(result_of(&good), WIRE_CLOSE);
    put16(&good, 8, 1);
    put16(&good, 4, 0x7fff); /* over the limit: nobody waits for two gigabytes */
    ck_assert_int_eq(result_of(&good), WIRE_CLOSE);
    put16(&good, 4, 0);
    put16(&good, 6, WIRE_HEADER_SIZE - 1);
    ck_assert_int_eq(result_of(&good), WIRE_CLOSE);
    put16(&good, 6, (unsigned)good.size);
    ck_assert_int_eq(result_of(&good), WIRE_MESSAGE);
    buffer_fini(&good);
}
END_TEST

START_TEST(a_part_of_a_message_asks_for_the_rest)
{
    struct buffer good = { 0 };
    load_vector("ping-primary", &good);
    size_t whole = good.size;
    for (size_t size = 0; size < whole; size++) {
        struct cluster_message *message;
        size_t used;
        ck_assert_int_eq(wire_decode(bytes_of(good.data, size), &message, &used), WIRE_MORE);
        ck_assert_uint_eq(used, size < WIRE_LIGHT_SIZE ? WIRE_LIGHT_SIZE : whole);
    }
    ck_assert_int_eq(result_of(&good), WIRE_MESSAGE);
    buffer_fini(&good);
}
END_TEST

START_TEST(wrong_contents_are_skipped_and_an_unknown_type_too)
{
    struct buffer good = { 0 };
    load_vector("ping-primary", &good);

    put16(&good, 12, 77);
    ck_assert_int_eq(result_of(&good), WIRE_IGNORED);
    put16(&good, 12, MESSAGE_FAIL);
    ck_assert_int_eq(result_of(&good), WIRE_IGNORED);
    put16(&good, 12, MESSAGE_PING);
    unsigned count = (unsigned char)good.data[15];
    put16(&good, 14, count + 1);
    ck_assert_int_eq(result_of(&good), WIRE_IGNORED);
    put16(&good, 14, 0xffff);
    ck_assert_int_eq(result_of(&good), WIRE_IGNORED);
    put16(&good, 14, count);
    put16(&good, 2214, 9);
    ck_assert_int_eq(result_of(&good), WIRE_IGNORED);
    put16(&good, 2214, 0);
    ck_assert_int_eq(result_of(&good), WIRE_IGNORED);
    buffer_fini(&good);
}
END_TEST

START_TEST(a_text_that_would_break_a_line_is_refused)
{
    struct buffer good = { 0 };
    load_vector("ping-with-hostname", &good);
    char *text = memmem(good.data, good.size, "host-zero.example", 17);
    ck_assert_ptr_nonnull(text);
    for (const char *bad = "\n ,=@\"\x7f\x80"; *bad != 0; bad++) {
        text[4] = *bad;
        ck_assert_int_eq(result_of(&good), WIRE_IGNORED);
    }
    text[4] = '_';
    ck_assert_int_eq(result_of(&good), WIRE_MESSAGE);
    buffer_fini(&good);
}
END_TEST

START_TEST(an_unknown_extension_is_skipped_by_its_length)
{
    struct buffer good = { 0 };
    load_vector("ping-with-hostname", &good);
    char *text = memmem(good.data, good.size, "host-zero.example", 17);
    put16(&good, (size_t)(text - good.data) - 4, 4242);
    struct cluster_message *message;
    size_t used;
    ck_assert_int_eq(wire_decode(buffer_bytes(&good), &message, &used), WIRE_MESSAGE);
    ck_assert_str_eq(message->extensions->hostname, "");
    ck_assert(!node_id_is_none(&message->extensions->shard_id));
    message_destroy(message);
    buffer_fini(&good);
}
END_TEST

/* Ten thousand damaged packets: whatever comes out has been checked, nothing is read outside
 * (the sanitizers watch), and what still decodes can be encoded. */
START_TEST(damaged_packets_never_crash)
{
    static const char *const names[] = { "ping-with-forgotten", "update",
                                         "publish-light",       "fail",
                                         "ping-gossip-pfail",   "ping-with-port" };
    struct prng prng;
    prng_init(&prng, 42);
    for (unsigned i = 0; i < 10000; i++) {
        struct buffer buffer = { 0 };
        load_vector(names[i % COUNT_OF(names)], &buffer);
        for (uint64_t hits = 1 + prng_below(&prng, 4); hits > 0; hits--)
            buffer.data[prng_below(&prng, buffer.size)] = (char)prng_next(&prng);
        struct cluster_message *message;
        size_t used;
        /* An exact block, so that reading behind the end is seen. */
        size_t size = prng_chance(&prng, 1, 4) ? prng_below(&prng, buffer.size) : buffer.size;
        char *block = memory_alloc(size + 1);
        memcpy(block, buffer.data, size);
        if (wire_decode(bytes_of(block, size), &message, &used) == WIRE_MESSAGE) {
            ck_assert_uint_le(used, size);
            buffer_clear(&buffer);
            wire_encode(message, &buffer);
        }
        message_destroy(message);
        memory_free(block);
        buffer_fini(&buffer);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("wire");
    tcase_add_test(tcase, every_captured_packet_decodes_and_encodes_to_the_same_bytes);
    tcase_add_test(tcase, a_ping_says_what_its_sender_announced);
    tcase_add_test(tcase, update_fail_and_publish_carry_their_subject);
    tcase_add_test(tcase, our_own_header_travels_in_the_reserved_bytes);
    tcase_add_test(tcase, our_own_message_has_a_type_and_a_payload);
    tcase_add_test(tcase, a_module_message_goes_through_in_both_forms);
    tcase_add_test(tcase, publications_may_be_larger_than_anything_else);
    tcase_add_test(tcase, a_shared_message_lives_until_its_last_owner_lets_go);
    tcase_add_test(tcase, a_wrong_frame_closes_the_link);
    tcase_add_test(tcase, a_part_of_a_message_asks_for_the_rest);
    tcase_add_test(tcase, wrong_contents_are_skipped_and_an_unknown_type_too);
    tcase_add_test(tcase, a_text_that_would_break_a_line_is_refused);
    tcase_add_test(tcase, an_unknown_extension_is_skipped_by_its_length);
    tcase_add_test(tcase, damaged_packets_never_crash);
    Suite *suite = suite_create("wire");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
