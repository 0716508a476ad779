/* Well-formed nonsense: messages whose every field is drawn by chance, from known and unknown ids,
 * on every kind of link. Nothing may break an invariant; afterwards the healthy nodes agree again.
 */
#include "unit/cluster/toy_net.h"

#include <check.h>

#define NODES 6

static struct node_id any_id(struct toy *toy, struct prng *prng)
{
    struct node_id id;
    unsigned choice = (unsigned)prng_below(prng, NODES + 2);
    if (choice < NODES) return toy_id(toy, (int)choice);
    if (choice == NODES)
        memset(&id, 0, sizeof(id));
    else
        prng_hex(prng, id.hex, NODE_ID_SIZE);
    return id;
}

static uint64_t any_epoch(struct prng *prng)
{
    switch (prng_below(prng, 4)) {
    case 0: return UINT64_MAX - prng_below(prng, 3);
    case 1: return 0;
    default: return prng_below(prng, 40);
    }
}

static struct address any_address(struct toy *toy, struct prng *prng)
{
    (void)toy;
    struct address address = { .port = (uint16_t)prng_next(prng) };
    unsigned other = (unsigned)prng_below(prng, NODES + 1);
    address.bus_port = other < NODES ? (uint16_t)(17000 + other) : 0;
    if (prng_chance(prng, 2, 3)) bytes_to_text(BYTES("127.0.0.1"), address.ip, sizeof(address.ip));
    return address;
}

static void any_slots(struct prng *prng, struct slot_set *slots)
{
    for (unsigned count = (unsigned)prng_below(prng, 4); count > 0; count--) {
        unsigned first = (unsigned)prng_below(prng, SLOT_COUNT);
        unsigned last = first + (unsigned)prng_below(prng, SLOT_COUNT - first);
        for (unsigned slot = first; slot <= last; slot++) slot_set_add(slots, slot);
    }
}

static void any_gossip(struct toy *toy, struct prng *prng, struct cluster_message *message)
{
    message->gossip_count = (uint32_t)prng_below(prng, 40);
    message->gossip = memory_alloc_zero((message->gossip_count + 1) * sizeof(struct gossip));
    for (uint32_t i = 0; i < message->gossip_count; i++)
        message->gossip[i] = (struct gossip){ .id = any_id(toy, prng),
                                              .ping_sent_s = (uint32_t)prng_next(prng),
                                              .pong_received_s = (uint32_t)prng_next(prng),
                                              .address = any_address(toy, prng),
                                              .flags = (uint16_t)prng_next(prng) };
}

static void any_extensions(struct toy *toy, struct prng *prng, struct cluster_message *message)
{
    struct extensions *extensions = memory_alloc_zero(sizeof(*extensions));
    message->extensions = extensions;
    extensions->shard_id = any_id(toy, prng);
    extensions->forgotten_count = (uint32_t)prng_below(prng, 2);
    extensions->forgotten = memory_alloc_zero(sizeof(struct forgotten));
    extensions->forgotten[0] =
        (struct forgotten){ .id = any_id(toy, prng), .ttl_s = prng_below(prng, 3) };
    if (prng_chance(prng, 1, 2)) snprintf(extensions->hostname, 9, "host");
}

static struct cluster_message *any_message(struct toy *toy, struct prng *prng)
{
    struct cluster_message *message =
        message_create((enum message_type)prng_below(prng, MESSAGE_TYPE_COUNT));
    message->sender = any_id(toy, prng);
    message->primary_id = any_id(toy, prng);
    if (prng_chance(prng, 1, 2)) memset(&message->primary_id, 0, NODE_ID_SIZE);
    message->current_epoch = any_epoch(prng);
    message->config_epoch = any_epoch(prng);
    message->offset = prng_next(prng);
    struct slot_set slots = { { 0 } };
    any_slots(prng, &slots);
    message->slots = slot_map_create(&slots);
    message->address = any_address(toy, prng);
    message->flags = (uint16_t)prng_next(prng);
    message->message_flags = (uint8_t)prng_next(prng);
    message->eir = (struct eir_header){ .is_present = prng_chance(prng, 3, 4),
                                        .capabilities = 15,
                                        .flags = (uint8_t)prng_next(prng),
                                        .incarnation = prng_below(prng, 3),
                                        .cluster_id = prng_chance(prng, 1, 8),
                                        .sequence = (uint32_t)prng_below(prng, 100),
                                        .echo = (uint32_t)prng_below(prng, 100) };
    if (message->type <= MESSAGE_MEET) any_gossip(toy, prng, message);
    if (message->type <= MESSAGE_MEET && prng_chance(prng, 1, 2))
        any_extensions(toy, prng, message);
    message->subject = any_id(toy, prng);
    message->subject_epoch = any_epoch(prng);
    if (message->type == MESSAGE_UPDATE) {
        message->subject_slots = memory_alloc_zero(sizeof(struct slot_set));
        any_slots(prng, message->subject_slots);
    }
    message->eir_type = (uint8_t)prng_below(prng, 9);
    bool is_light_type = message->type == MESSAGE_PUBLISH || message->type == MESSAGE_PUBLISHSHARD;
    message->is_light = is_light_type && prng_chance(prng, 1, 2);
    char body[64];
    struct node_id id = any_id(toy, prng);
    memcpy(body, id.hex, NODE_ID_SIZE);
    for (size_t i = NODE_ID_SIZE; i < sizeof(body); i++) body[i] = (char)prng_next(prng);
    message_set_body(message, BYTES_EMPTY, bytes_of(body, 38 + prng_below(prng, 26)));
    return message;
}

/* Not for the nodes of the toy, whose disks and data side no message may spoil: for node 0 only. */
static void shower(struct toy *toy, struct prng *prng, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct cluster_message *message = any_message(toy, prng);
        struct cluster_event event = { .type = CLUSTER_RECEIVED, .message = message };
        event.link = prng_below(prng, toy->nodes[0].next_inbound + 4);
        toy_step(toy, 0, event);
        message_destroy(message);
        if (prng_chance(prng, 1, 10)) toy_run(toy, (time_ms)prng_below(prng, 300));
        if (prng_chance(prng, 1, 50)) {
            struct buffer text = { 0 };
            cluster_conf_write(toy->nodes[0].core, &text);
            buffer_fini(&text);
        }
    }
}

START_TEST(nonsense_breaks_no_invariant)
{
    struct toy *toy = toy_create(NODES, (uint64_t)_i + 1);
    toy_form(toy, 3);
    struct prng prng;
    prng_init(&prng, (uint64_t)_i + 77);
    shower(toy, &prng, 3000);
    /* What it wrote can be read again. */
    toy_crash(toy, 0);
    toy_restart(toy, 0);
    toy_run(toy, 1000);
    toy_destroy(toy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    TCase *tcase = tcase_create("hostile");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, nonsense_breaks_no_invariant, 0, 12);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
