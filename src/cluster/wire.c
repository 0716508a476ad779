/* The codec of the bus: every length and every text is checked here, once, before memory is taken.
 *
 * Full header, all numbers big-endian:
 *
 *   0      4       8    10    12    14     16       24      32      40      80       2128
 *   | RCmb | total | ver | port | type | count | current | config | offset | sender | slots |
 *   |      | length|  1  |      |      | gossip|  epoch  | epoch  |        | id     | bitmap|
 *
 *   2128         2168        2214      2216       2246    2248    2250    2252    2253    2256
 *   | primary id | ip (text) | count   | ours, or | other | bus   | flags | state | m.    | data
 *   |            |           | of ext. | zero     | port  | port  |       |       | flags | ...
 *
 * Ours are the 30 bytes that Valkey keeps at zero; all zero means that they are absent:
 *
 *   2216   2218      2219    2220           2222          2230         2238       2242   2246
 *   | "Ei" | version | flags | capabilities | incarnation | cluster id | sequence | echo |
 *
 * A light message has bytes 0-15 only, bit 15 of its type set, and its data at 16. A message of
 * our own (type 0x4569, "Ei") has the full header and then:
 *
 *   2256       2257       2260     2264
 *   | eir type | zero (3) | length | payload
 */
#include "cluster/wire.h"

#include "base/ensure.h"
#include "base/memory.h"

#define WIRE_VERSION     1
#define WIRE_LIGHT_BIT   0x8000
#define WIRE_TYPE_EIR    0x4569
#define WIRE_GOSSIP_SIZE 104
#define WIRE_EIR_VERSION 1

enum wire_offset {
    AT_LENGTH = 4,
    AT_VERSION = 8,
    AT_PORT = 10,
    AT_TYPE = 12,
    AT_COUNT = 14,
    AT_CURRENT_EPOCH = 16,
    AT_CONFIG_EPOCH = 24,
    AT_OFFSET = 32,
    AT_SENDER = 40,
    AT_SLOTS = 80,
    AT_PRIMARY = 2128,
    AT_IP = 2168,
    AT_EXTENSION_COUNT = 2214,
    AT_EIR = 2216,
    AT_PORT_OTHER = 2246,
    AT_BUS_PORT = 2248,
    AT_FLAGS = 2250,
    AT_STATE = 2252,
    AT_MESSAGE_FLAGS = 2253,
};

enum extension_type {
    EXTENSION_HOSTNAME = 0,
    EXTENSION_NODENAME = 1,
    EXTENSION_FORGOTTEN = 2,
    EXTENSION_SHARD_ID = 3,
    EXTENSION_CLIENT_IPV4 = 4,
    EXTENSION_CLIENT_IPV6 = 5,
    EXTENSION_CLIENT_PORT = 6,
    EXTENSION_CLIENT_TLS_PORT = 7,
    EXTENSION_ZONE = 8,
};

#define EXTENSION_HEADER_SIZE    8
#define EXTENSION_FORGOTTEN_SIZE 56
#define EXTENSION_SHARD_ID_SIZE  48
#define EXTENSION_PORT_SIZE      16

static uint16_t load16(const char *at)
{
    uint16_t value;
    memcpy(&value, at, 2);
    return __builtin_bswap16(value);
}

static uint32_t load32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, 4);
    return __builtin_bswap32(value);
}

static uint64_t load64(const char *at)
{
    uint64_t value;
    memcpy(&value, at, 8);
    return __builtin_bswap64(value);
}

static void store16(char *at, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(at, &value, 2);
}

static void store32(char *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

static void store64(char *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, 8);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "load and store swap bytes");

/* 40 hex characters, or all zero where an id may be absent. */
static bool load_id(const char *at, bool may_be_absent, struct node_id *id)
{
    if (node_id_parse(bytes_of(at, NODE_ID_SIZE), id)) return true;
    *id = (struct node_id){ 0 };
    return may_be_absent && memcmp(at, id->hex, NODE_ID_SIZE) == 0;
}

/* A zero-terminated text that fits and that cannot break a line of nodes.conf or CLUSTER NODES:
 * what a peer says there is printed without quotes. */
static bool load_text(const char *at, size_t size, char *text, size_t capacity)
{
    const char *end = memchr(at, 0, size);
    if (end == NULL || (size_t)(end - at) >= capacity) return false;
    for (const char *p = at; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= ' ' || c >= 0x7f || strchr(",=@\"'\\", c) != NULL) return false;
    }
    memset(text, 0, capacity);
    memcpy(text, at, (size_t)(end - at));
    return true;
}

static bool text_is_empty(const char *text)
{
    return text[0] == 0;
}

/* ---- Decoding ---------------------------------------------------------------------------- */

static bool type_of_number(uint16_t number, enum message_type *type)
{
    if (number == WIRE_TYPE_EIR)
        *type = MESSAGE_EIR;
    else if (number < MESSAGE_EIR)
        *type = (enum message_type)number;
    else
        return false;
    return true;
}

static bool type_may_be_light(enum message_type type)
{
    return type == MESSAGE_PUBLISH || type == MESSAGE_PUBLISHSHARD || type == MESSAGE_MODULE;
}

static void decode_eir(const char *at, struct eir_header *eir)
{
    *eir = (struct eir_header){ 0 };
    if (at[0] != 'E' || at[1] != 'i' || at[2] < WIRE_EIR_VERSION) return;
    eir->is_present = true;
    eir->flags = (uint8_t)at[3];
    eir->capabilities = load16(at + 4);
    eir->incarnation = load64(at + 6);
    eir->cluster_id = load64(at + 14);
    eir->sequence = load32(at + 22);
    eir->echo = load32(at + 26);
}

static bool decode_header(const char *at, struct cluster_message *message)
{
    if (!load_id(at + AT_SENDER, false, &message->sender)) return false;
    if (!load_id(at + AT_PRIMARY, true, &message->primary_id)) return false;
    if (!load_text(at + AT_IP, ADDRESS_IP_SIZE, message->address.ip, ADDRESS_IP_SIZE)) return false;
    message->current_epoch = load64(at + AT_CURRENT_EPOCH);
    message->config_epoch = load64(at + AT_CONFIG_EPOCH);
    message->offset = load64(at + AT_OFFSET);
    struct slot_set slots;
    memcpy(slots.bits, at + AT_SLOTS, sizeof(slots.bits));
    message->slots = slot_map_create(&slots);
    message->address.port = load16(at + AT_PORT);
    message->address.port_other = load16(at + AT_PORT_OTHER);
    message->address.bus_port = load16(at + AT_BUS_PORT);
    message->flags = load16(at + AT_FLAGS);
    message->cluster_is_down = at[AT_STATE] != 0;
    message->message_flags = (uint8_t)at[AT_MESSAGE_FLAGS];
    decode_eir(at + AT_EIR, &message->eir);
    return true;
}

static bool decode_gossip_entry(const char *at, struct gossip *gossip)
{
    if (!load_id(at, false, &gossip->id)) return false;
    if (!load_text(at + 48, ADDRESS_IP_SIZE, gossip->address.ip, ADDRESS_IP_SIZE)) return false;
    gossip->ping_sent_s = load32(at + 40);
    gossip->pong_received_s = load32(at + 44);
    gossip->address.port = load16(at + 94);
    gossip->address.bus_port = load16(at + 96);
    gossip->flags = load16(at + 98);
    gossip->address.port_other = load16(at + 100);
    return true;
}

static bool decode_port(struct bytes data, uint16_t *port)
{
    if (data.size != EXTENSION_PORT_SIZE - EXTENSION_HEADER_SIZE) return false;
    *port = load16(data.data);
    return true;
}

static bool decode_forgotten(struct bytes data, struct extensions *extensions)
{
    if (data.size != EXTENSION_FORGOTTEN_SIZE - EXTENSION_HEADER_SIZE) return false;
    struct forgotten *entry = &extensions->forgotten[extensions->forgotten_count];
    if (!load_id(data.data, false, &entry->id)) return false;
    entry->ttl_s = load64(data.data + NODE_ID_SIZE);
    extensions->forgotten_count++;
    return true;
}

static bool decode_shard_id(struct bytes data, struct extensions *extensions)
{
    return data.size == EXTENSION_SHARD_ID_SIZE - EXTENSION_HEADER_SIZE &&
           load_id(data.data, false, &extensions->shard_id);
}

#define DECODE_TEXT(field) load_text(data.data, data.size, (field), sizeof(field))

static bool decode_extension(uint16_t type, struct bytes data, struct extensions *extensions)
{
    switch (type) {
    case EXTENSION_HOSTNAME: return DECODE_TEXT(extensions->hostname);
    case EXTENSION_NODENAME: return DECODE_TEXT(extensions->nodename);
    case EXTENSION_FORGOTTEN: return decode_forgotten(data, extensions);
    case EXTENSION_SHARD_ID: return decode_shard_id(data, extensions);
    case EXTENSION_CLIENT_IPV4: return DECODE_TEXT(extensions->client_ipv4);
    case EXTENSION_CLIENT_IPV6: return DECODE_TEXT(extensions->client_ipv6);
    case EXTENSION_CLIENT_PORT: return decode_port(data, &extensions->client_port);
    case EXTENSION_CLIENT_TLS_PORT: return decode_port(data, &extensions->client_tls_port);
    case EXTENSION_ZONE: return DECODE_TEXT(extensions->zone);
    default: return true; /* of a later version: skipped by its length */
    }
}

#undef DECODE_TEXT

/* Checks that `count` extensions fill `data` exactly and counts the forgotten nodes among them,
 * so that memory is taken only for what is there. */
static bool measure_extensions(struct bytes data, unsigned count, size_t *forgotten_count)
{
    *forgotten_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (data.size < EXTENSION_HEADER_SIZE) return false;
        uint32_t size = load32(data.data);
        if (size < EXTENSION_HEADER_SIZE || size % 8 != 0 || size > data.size) return false;
        if (load16(data.data + 4) == EXTENSION_FORGOTTEN) (*forgotten_count)++;
        data = bytes_from(data, size);
    }
    return data.size == 0;
}

static bool decode_extensions(struct bytes data, unsigned count, struct cluster_message *message)
{
    size_t forgotten_count;
    if (!measure_extensions(data, count, &forgotten_count)) return false;
    if (count == 0) return true;

    struct extensions *extensions = memory_alloc_zero(sizeof(*extensions));
    message->extensions = extensions;
    if (forgotten_count > 0)
        extensions->forgotten = memory_alloc(forgotten_count * sizeof(*extensions->forgotten));
    for (unsigned i = 0; i < count; i++) {
        uint32_t size = load32(data.data);
        struct bytes content =
            bytes_of(data.data + EXTENSION_HEADER_SIZE, size - EXTENSION_HEADER_SIZE);
        if (!decode_extension(load16(data.data + 4), content, extensions)) return false;
        data = bytes_from(data, size);
    }
    ensure(extensions->forgotten_count == forgotten_count);
    return true;
}

static bool decode_ping(struct bytes header, struct bytes data, struct cluster_message *message)
{
    unsigned count = load16(header.data + AT_COUNT);
    if (data.size < (size_t)count * WIRE_GOSSIP_SIZE) return false;

    if (count > 0) message->gossip = memory_alloc_zero(count * sizeof(*message->gossip));
    for (unsigned i = 0; i < count; i++) {
        if (!decode_gossip_entry(data.data, &message->gossip[i])) return false;
        message->gossip_count++;
        data = bytes_from(data, WIRE_GOSSIP_SIZE);
    }
    return decode_extensions(data, load16(header.data + AT_EXTENSION_COUNT), message);
}

static bool decode_fail(struct bytes header, struct bytes data, struct cluster_message *message)
{
    (void)header;
    return data.size == NODE_ID_SIZE && load_id(data.data, false, &message->subject);
}

static bool decode_publish(struct bytes header, struct bytes data, struct cluster_message *message)
{
    (void)header;
    if (data.size < 8) return false;
    uint64_t channel_size = load32(data.data);
    uint64_t payload_size = load32(data.data + 4);
    data = bytes_from(data, 8);
    if (channel_size + payload_size != data.size) return false;
    message_set_body(message, bytes_of(data.data, channel_size), bytes_from(data, channel_size));
    return true;
}

static bool decode_empty(struct bytes header, struct bytes data, struct cluster_message *message)
{
    (void)header;
    (void)message;
    return data.size == 0;
}

static bool decode_update(struct bytes header, struct bytes data, struct cluster_message *message)
{
    (void)header;
    if (data.size != 8 + NODE_ID_SIZE + sizeof(struct slot_set)) return false;
    if (!load_id(data.data + 8, false, &message->subject)) return false;
    message->subject_epoch = load64(data.data);
    message->subject_slots = memory_alloc(sizeof(*message->subject_slots));
    memcpy(message->subject_slots->bits, data.data + 8 + NODE_ID_SIZE, sizeof(struct slot_set));
    return true;
}

static bool decode_module(struct bytes header, struct bytes data, struct cluster_message *message)
{
    (void)header;
    if (data.size < 13 || load32(data.data + 8) != data.size - 13) return false;
    message->module_id = load64(data.data);
    message->module_type = (uint8_t)data.data[12];
    message_set_body(message, BYTES_EMPTY, bytes_from(data, 13));
    return true;
}

static bool decode_own(struct bytes header, struct bytes data, struct cluster_message *message)
{
    (void)header;
    if (data.size < 8 || load32(data.data + 4) != data.size - 8) return false;
    message->eir_type = (uint8_t)data.data[0];
    message_set_body(message, BYTES_EMPTY, bytes_from(data, 8));
    return true;
}

typedef bool (*decode_function)(struct bytes header, struct bytes data,
                                struct cluster_message *message);

static const decode_function decoders[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_PING] = decode_ping,
    [MESSAGE_PONG] = decode_ping,
    [MESSAGE_MEET] = decode_ping,
    [MESSAGE_FAIL] = decode_fail,
    [MESSAGE_PUBLISH] = decode_publish,
    [MESSAGE_AUTH_REQUEST] = decode_empty,
    [MESSAGE_AUTH_ACK] = decode_empty,
    [MESSAGE_UPDATE] = decode_update,
    [MESSAGE_MFSTART] = decode_empty,
    [MESSAGE_MODULE] = decode_module,
    [MESSAGE_PUBLISHSHARD] = decode_publish,
    [MESSAGE_EIR] = decode_own,
};

/* Only for a whole message whose frame is right. NULL when its contents are not. */
static struct cluster_message *decode_whole(struct bytes input)
{
    uint16_t number = load16(input.data + AT_TYPE);
    bool is_light = number & WIRE_LIGHT_BIT;
    size_t header_size = is_light ? WIRE_LIGHT_SIZE : WIRE_HEADER_SIZE;
    ensure(input.size >= header_size);

    enum message_type type;
    if (!type_of_number(number & ~WIRE_LIGHT_BIT, &type)) return NULL;
    if (is_light && !type_may_be_light(type)) return NULL;

    struct cluster_message *message = message_create(type);
    message->is_light = is_light;
    bool is_valid = is_light || decode_header(input.data, message);
    if (is_valid)
        is_valid = decoders[type](bytes_of(input.data, header_size), bytes_from(input, header_size),
                                  message);
    if (is_valid) return message;
    message_destroy(message);
    return NULL;
}

/* What has arrived of a wrong signature is enough to close: garbage is not waited for. */
static bool signature_is_right(struct bytes input)
{
    return memcmp(input.data, "RCmb", MIN(input.size, 4)) == 0;
}

static size_t size_max_of(unsigned type)
{
    bool is_publication = type == MESSAGE_PUBLISH || type == MESSAGE_PUBLISHSHARD;
    return is_publication ? WIRE_PUBLICATION_MAX : WIRE_MESSAGE_MAX;
}

enum wire_result wire_decode(struct bytes input, struct cluster_message **message, size_t *used)
{
    *message = NULL;
    *used = WIRE_LIGHT_SIZE;
    if (input.size == 0) return WIRE_MORE;
    if (!signature_is_right(input)) return WIRE_CLOSE;
    if (input.size < WIRE_LIGHT_SIZE) return WIRE_MORE;
    if (load16(input.data + AT_VERSION) != WIRE_VERSION) return WIRE_CLOSE;

    unsigned type = load16(input.data + AT_TYPE);
    bool is_light = type & WIRE_LIGHT_BIT;
    size_t total = load32(input.data + AT_LENGTH);
    if (total < (is_light ? WIRE_LIGHT_SIZE : WIRE_HEADER_SIZE)) return WIRE_CLOSE;
    if (total > size_max_of(type & ~(unsigned)WIRE_LIGHT_BIT)) return WIRE_CLOSE;
    *used = total;
    if (input.size < total) return WIRE_MORE;

    *message = decode_whole(bytes_of(input.data, total));
    return *message != NULL ? WIRE_MESSAGE : WIRE_IGNORED;
}

/* ---- Encoding ---------------------------------------------------------------------------- */

/* `size` zero bytes at the end of the buffer. The pointer is good until the next append. */
static char *append_zero(struct buffer *into, size_t size)
{
    char *at = buffer_reserve(into, size);
    memset(at, 0, size);
    into->size += size;
    return at;
}

static void encode_eir(const struct eir_header *eir, char *at)
{
    if (!eir->is_present) return;
    at[0] = 'E';
    at[1] = 'i';
    at[2] = WIRE_EIR_VERSION;
    at[3] = (char)eir->flags;
    store16(at + 4, eir->capabilities);
    store64(at + 6, eir->incarnation);
    store64(at + 14, eir->cluster_id);
    store32(at + 22, eir->sequence);
    store32(at + 26, eir->echo);
}

static uint16_t type_number(const struct cluster_message *message)
{
    uint16_t number = message->type == MESSAGE_EIR ? WIRE_TYPE_EIR : (uint16_t)message->type;
    return message->is_light ? number | WIRE_LIGHT_BIT : number;
}

static void encode_header(const struct cluster_message *message, struct buffer *into)
{
    ensure(!message->is_light || type_may_be_light(message->type));
    char *at = append_zero(into, message->is_light ? WIRE_LIGHT_SIZE : WIRE_HEADER_SIZE);
    memcpy(at, "RCmb", 4);
    store16(at + AT_VERSION, WIRE_VERSION);
    store16(at + AT_TYPE, type_number(message));
    if (message->is_light) return;

    ensure(!node_id_is_none(&message->sender));
    ensure(message->gossip_count <= UINT16_MAX);
    store16(at + AT_PORT, message->address.port);
    store16(at + AT_COUNT, (uint16_t)message->gossip_count);
    store64(at + AT_CURRENT_EPOCH, message->current_epoch);
    store64(at + AT_CONFIG_EPOCH, message->config_epoch);
    store64(at + AT_OFFSET, message->offset);
    memcpy(at + AT_SENDER, message->sender.hex, NODE_ID_SIZE);
    if (message->slots != NULL)
        memcpy(at + AT_SLOTS, message->slots->set.bits, sizeof(message->slots->set.bits));
    memcpy(at + AT_PRIMARY, message->primary_id.hex, NODE_ID_SIZE);
    memcpy(at + AT_IP, message->address.ip, ADDRESS_IP_SIZE);
    encode_eir(&message->eir, at + AT_EIR);
    store16(at + AT_PORT_OTHER, message->address.port_other);
    store16(at + AT_BUS_PORT, message->address.bus_port);
    store16(at + AT_FLAGS, message->flags);
    at[AT_STATE] = message->cluster_is_down ? 1 : 0;
    at[AT_MESSAGE_FLAGS] = (char)message->message_flags;
}

static void encode_gossip_entry(const struct gossip *gossip, struct buffer *into)
{
    char *at = append_zero(into, WIRE_GOSSIP_SIZE);
    memcpy(at, gossip->id.hex, NODE_ID_SIZE);
    store32(at + 40, gossip->ping_sent_s);
    store32(at + 44, gossip->pong_received_s);
    memcpy(at + 48, gossip->address.ip, ADDRESS_IP_SIZE);
    store16(at + 94, gossip->address.port);
    store16(at + 96, gossip->address.bus_port);
    store16(at + 98, gossip->flags);
    store16(at + 100, gossip->address.port_other);
}

/* Appends an extension of `size` bytes in all and returns its data. */
static char *append_extension(struct buffer *into, enum extension_type type, size_t size)
{
    ensure(size % 8 == 0);
    char *at = append_zero(into, size);
    store32(at, (uint32_t)size);
    store16(at + 4, type);
    return at + EXTENSION_HEADER_SIZE;
}

static unsigned encode_text(struct buffer *into, enum extension_type type, const char *text)
{
    if (text_is_empty(text)) return 0;
    size_t length = strlen(text);
    size_t padded = (length + 1 + 7) / 8 * 8; /* at least one terminating zero */
    memcpy(append_extension(into, type, EXTENSION_HEADER_SIZE + padded), text, length);
    return 1;
}

static unsigned encode_port(struct buffer *into, enum extension_type type, uint16_t port)
{
    if (port == 0) return 0;
    store16(append_extension(into, type, EXTENSION_PORT_SIZE), port);
    return 1;
}

static unsigned encode_forgotten(struct buffer *into, const struct extensions *extensions)
{
    for (uint32_t i = 0; i < extensions->forgotten_count; i++) {
        char *at = append_extension(into, EXTENSION_FORGOTTEN, EXTENSION_FORGOTTEN_SIZE);
        memcpy(at, extensions->forgotten[i].id.hex, NODE_ID_SIZE);
        store64(at + NODE_ID_SIZE, extensions->forgotten[i].ttl_s);
    }
    return extensions->forgotten_count;
}

static unsigned encode_shard_id(struct buffer *into, const struct extensions *extensions)
{
    if (node_id_is_none(&extensions->shard_id)) return 0;
    memcpy(append_extension(into, EXTENSION_SHARD_ID, EXTENSION_SHARD_ID_SIZE),
           extensions->shard_id.hex, NODE_ID_SIZE);
    return 1;
}

/* In the order in which Valkey writes them; returns how many. */
static unsigned encode_extensions(const struct extensions *extensions, struct buffer *into)
{
    unsigned count = 0;
    count += encode_text(into, EXTENSION_HOSTNAME, extensions->hostname);
    count += encode_text(into, EXTENSION_NODENAME, extensions->nodename);
    count += encode_text(into, EXTENSION_CLIENT_IPV4, extensions->client_ipv4);
    count += encode_text(into, EXTENSION_CLIENT_IPV6, extensions->client_ipv6);
    count += encode_port(into, EXTENSION_CLIENT_PORT, extensions->client_port);
    count += encode_port(into, EXTENSION_CLIENT_TLS_PORT, extensions->client_tls_port);
    count += encode_text(into, EXTENSION_ZONE, extensions->zone);
    count += encode_forgotten(into, extensions);
    count += encode_shard_id(into, extensions);
    return count;
}

static void encode_ping(const struct cluster_message *message, struct buffer *into)
{
    size_t start = into->size - WIRE_HEADER_SIZE;
    for (uint32_t i = 0; i < message->gossip_count; i++)
        encode_gossip_entry(&message->gossip[i], into);
    if (message->extensions == NULL) return;
    unsigned count = encode_extensions(message->extensions, into);
    ensure(count <= UINT16_MAX);
    store16(into->data + start + AT_EXTENSION_COUNT, (uint16_t)count);
}

static void encode_fail(const struct cluster_message *message, struct buffer *into)
{
    buffer_append(into, bytes_of(message->subject.hex, NODE_ID_SIZE));
}

static void encode_publish(const struct cluster_message *message, struct buffer *into)
{
    char *at = append_zero(into, 8);
    store32(at, (uint32_t)message->channel.size);
    store32(at + 4, (uint32_t)message->payload.size);
    buffer_append(into, message->channel);
    buffer_append(into, message->payload);
}

static void encode_nothing(const struct cluster_message *message, struct buffer *into)
{
    (void)message;
    (void)into;
}

static void encode_update(const struct cluster_message *message, struct buffer *into)
{
    ensure(message->subject_slots != NULL);
    store64(append_zero(into, 8), message->subject_epoch);
    buffer_append(into, bytes_of(message->subject.hex, NODE_ID_SIZE));
    buffer_append(into, bytes_of(message->subject_slots->bits, sizeof(struct slot_set)));
}

static void encode_module(const struct cluster_message *message, struct buffer *into)
{
    char *at = append_zero(into, 13);
    store64(at, message->module_id);
    store32(at + 8, (uint32_t)message->payload.size);
    at[12] = (char)message->module_type;
    buffer_append(into, message->payload);
}

static void encode_own(const struct cluster_message *message, struct buffer *into)
{
    char *at = append_zero(into, 8);
    at[0] = (char)message->eir_type;
    store32(at + 4, (uint32_t)message->payload.size);
    buffer_append(into, message->payload);
}

typedef void (*encode_function)(const struct cluster_message *message, struct buffer *into);

static const encode_function encoders[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_PING] = encode_ping,
    [MESSAGE_PONG] = encode_ping,
    [MESSAGE_MEET] = encode_ping,
    [MESSAGE_FAIL] = encode_fail,
    [MESSAGE_PUBLISH] = encode_publish,
    [MESSAGE_AUTH_REQUEST] = encode_nothing,
    [MESSAGE_AUTH_ACK] = encode_nothing,
    [MESSAGE_UPDATE] = encode_update,
    [MESSAGE_MFSTART] = encode_nothing,
    [MESSAGE_MODULE] = encode_module,
    [MESSAGE_PUBLISHSHARD] = encode_publish,
    [MESSAGE_EIR] = encode_own,
};

void wire_encode(const struct cluster_message *message, struct buffer *into)
{
    ensure(message->type < MESSAGE_TYPE_COUNT);
    size_t start = into->size;
    encode_header(message, into);
    encoders[message->type](message, into);

    size_t total = into->size - start;
    ensure(total <= size_max_of(message->type));
    store32(into->data + start + AT_LENGTH, (uint32_t)total);
}
