/* Payloads of MESSAGE_EIR: bytes to plain structs and back.
 *
 * A reader takes a cursor over the payload; every take checks what is left first, and a whole
 * payload must be used up: trailing bytes are malformed, so that a later version has to bring a
 * type of its own instead of a field that this one would misread.
 *
 *   NACK     | epoch 8 | wait 4 | reason 1 |
 *   OFFSET   | primary 40 | offset 8 | eligible 1 |          also LINEAGE, HAND_OVER
 *   CASTS    | n 4 | n x (candidate 40, primary 40, epoch 8) |
 *   FORMATION| phase 1 | name size 1 | name | shards 4 | replicas 4 | set 8 |
 *            | round 4 | refused n 4 | n x 8 | heard n 4 | n x (id 40, ip 46, ports 3 x 2) |
 *            | members n 4 | n x (id 40, locked 1, host 46) | */
#include "cluster/eir_messages.h"
#include "base/ensure.h"
#include "base/memory.h"

#define CAST_SIZE   (2 * NODE_ID_SIZE + 8)
#define HEARD_SIZE  (NODE_ID_SIZE + ADDRESS_IP_SIZE + 6)
#define MEMBER_SIZE (NODE_ID_SIZE + 1 + ADDRESS_IP_SIZE)

static void put_number(struct buffer *into, uint64_t value, size_t size)
{
    ensure(size <= 8);
    for (size_t i = size; i > 0; i--) buffer_append_byte(into, (char)(value >> (8 * (i - 1))));
}

static void put_id(struct buffer *into, const struct node_id *id)
{
    ensure(!node_id_is_none(id));
    buffer_append(into, bytes_of(id->hex, NODE_ID_SIZE));
}

struct cursor {
    struct bytes left;
    bool failed;
};

/* NULL, and the cursor fails, when fewer bytes are left. */
static const char *take(struct cursor *cursor, size_t size)
{
    if (cursor->failed || cursor->left.size < size) {
        cursor->failed = true;
        return NULL;
    }
    const char *data = cursor->left.data;
    cursor->left = bytes_from(cursor->left, size);
    return data;
}

static uint64_t take_number(struct cursor *cursor, size_t size)
{
    ensure(size <= 8);
    const char *data = take(cursor, size);
    uint64_t value = 0;
    for (size_t i = 0; data != NULL && i < size; i++) value = value << 8 | (uint8_t)data[i];
    return value;
}

static bool take_bool(struct cursor *cursor)
{
    uint64_t value = take_number(cursor, 1);
    if (value > 1) cursor->failed = true;
    return value == 1;
}

static void take_id(struct cursor *cursor, struct node_id *id)
{
    const char *data = take(cursor, NODE_ID_SIZE);
    if (data == NULL) return;
    if (!node_id_parse(bytes_of(data, NODE_ID_SIZE), id)) cursor->failed = true;
}

/* Zero padded text with at least one zero; what follows the first zero must be zero too. */
static void take_ip(struct cursor *cursor, char ip[ADDRESS_IP_SIZE])
{
    const char *data = take(cursor, ADDRESS_IP_SIZE);
    if (data == NULL) return;
    size_t size = strnlen(data, ADDRESS_IP_SIZE);
    if (size == ADDRESS_IP_SIZE) cursor->failed = true;
    for (size_t i = 0; i < size; i++) {
        /* It comes to stand in nodes.conf: nothing there may look like a separator. */
        bool is_plain = data[i] > ' ' && data[i] < 0x7f && data[i] != ',' && data[i] != '=';
        if (!is_plain) cursor->failed = true;
    }
    for (size_t i = size; i < ADDRESS_IP_SIZE; i++) {
        if (data[i] != 0) cursor->failed = true;
    }
    if (!cursor->failed) memcpy(ip, data, ADDRESS_IP_SIZE);
}

/* How many rows follow: never more than `max`, nor than the bytes that are left can hold. */
static uint32_t take_count(struct cursor *cursor, size_t max, size_t row_size)
{
    ensure(row_size > 0);
    uint64_t count = take_number(cursor, 4);
    if (count > max || count > cursor->left.size / row_size) cursor->failed = true;
    return cursor->failed ? 0 : (uint32_t)count;
}

static enum err cursor_end(const struct cursor *cursor)
{
    return cursor->failed || cursor->left.size != 0 ? ERR_MALFORMED : ERR_NONE;
}

void eir_nack_write(const struct eir_nack *nack, struct buffer *into)
{
    ensure(nack->reason != 0);
    put_number(into, nack->epoch, 8);
    put_number(into, nack->wait_ms, 4);
    put_number(into, nack->reason, 1);
}

enum err eir_nack_read(struct bytes payload, struct eir_nack *nack)
{
    struct cursor cursor = { .left = payload };
    *nack = (struct eir_nack){ 0 };
    nack->epoch = take_number(&cursor, 8);
    nack->wait_ms = (uint32_t)take_number(&cursor, 4);
    nack->reason = (uint8_t)take_number(&cursor, 1);
    if (nack->reason == 0) cursor.failed = true; /* that would be a vote */
    return cursor_end(&cursor);
}

void eir_offset_write(const struct eir_offset *offset, struct buffer *into)
{
    put_id(into, &offset->primary);
    put_number(into, offset->offset, 8);
    put_number(into, offset->is_eligible, 1);
}

enum err eir_offset_read(struct bytes payload, struct eir_offset *offset)
{
    struct cursor cursor = { .left = payload };
    *offset = (struct eir_offset){ 0 };
    take_id(&cursor, &offset->primary);
    offset->offset = take_number(&cursor, 8);
    offset->is_eligible = take_bool(&cursor);
    return cursor_end(&cursor);
}

void eir_casts_write(const struct eir_cast *casts, uint32_t count, struct buffer *into)
{
    ensure(count <= EIR_CASTS_MAX);
    put_number(into, count, 4);
    for (uint32_t i = 0; i < count; i++) {
        put_id(into, &casts[i].candidate);
        put_id(into, &casts[i].primary);
        put_number(into, casts[i].epoch, 8);
    }
}

enum err eir_casts_read(struct bytes payload, struct eir_cast **casts, uint32_t *count)
{
    struct cursor cursor = { .left = payload };
    *casts = NULL;
    *count = take_count(&cursor, EIR_CASTS_MAX, CAST_SIZE);
    if (*count > 0) *casts = memory_alloc_zero(*count * sizeof(**casts));
    for (uint32_t i = 0; i < *count; i++) {
        take_id(&cursor, &(*casts)[i].candidate);
        take_id(&cursor, &(*casts)[i].primary);
        (*casts)[i].epoch = take_number(&cursor, 8);
    }
    enum err err = cursor_end(&cursor);
    if (!err) return ERR_NONE;
    memory_free(*casts);
    *casts = NULL;
    *count = 0;
    return err;
}

void formation_message_write(const struct formation_message *message, struct buffer *into)
{
    ensure(message->phase < FORMATION_PHASE_COUNT);
    ensure(message->refused_count <= FORMATION_REFUSED_MAX);
    ensure(message->heard_count <= FORMATION_MEMBERS_MAX);
    ensure(message->member_count <= FORMATION_MEMBERS_MAX);

    put_number(into, message->phase, 1);
    put_number(into, strlen(message->name), 1);
    buffer_append(into, bytes_text(message->name));
    put_number(into, message->shards, 4);
    put_number(into, message->replicas_per_shard, 4);
    put_number(into, message->set, 8);
    put_number(into, message->round, 4);
    put_number(into, message->refused_count, 4);
    for (uint32_t i = 0; i < message->refused_count; i++) put_number(into, message->refused[i], 8);
    put_number(into, message->heard_count, 4);
    for (uint32_t i = 0; i < message->heard_count; i++) {
        const struct formation_heard *heard = &message->heard[i];
        put_id(into, &heard->id);
        buffer_append(into, bytes_of(heard->address.ip, ADDRESS_IP_SIZE));
        put_number(into, heard->address.port, 2);
        put_number(into, heard->address.port_other, 2);
        put_number(into, heard->address.bus_port, 2);
    }
    put_number(into, message->member_count, 4);
    for (uint32_t i = 0; i < message->member_count; i++) {
        put_id(into, &message->members[i].id);
        put_number(into, message->members[i].has_locked, 1);
        buffer_append(into, bytes_of(message->members[i].host, ADDRESS_IP_SIZE));
    }
}

static void read_heard(struct cursor *cursor, struct formation_message *message)
{
    uint32_t count = take_count(cursor, FORMATION_MEMBERS_MAX, HEARD_SIZE);
    if (count == 0) return;
    message->heard = memory_alloc_zero(count * sizeof(*message->heard));
    message->heard_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct formation_heard *heard = &message->heard[i];
        take_id(cursor, &heard->id);
        take_ip(cursor, heard->address.ip);
        heard->address.port = (uint16_t)take_number(cursor, 2);
        heard->address.port_other = (uint16_t)take_number(cursor, 2);
        heard->address.bus_port = (uint16_t)take_number(cursor, 2);
    }
}

static void read_members(struct cursor *cursor, struct formation_message *message)
{
    uint32_t count = take_count(cursor, FORMATION_MEMBERS_MAX, MEMBER_SIZE);
    if (count == 0) return;
    message->members = memory_alloc_zero(count * sizeof(*message->members));
    message->member_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct formation_member *member = &message->members[i];
        take_id(cursor, &member->id);
        member->has_locked = take_bool(cursor);
        take_ip(cursor, member->host);
        if (i > 0 && node_id_compare(&member[-1].id, &member->id) >= 0) cursor->failed = true;
    }
}

static void read_head(struct cursor *cursor, struct formation_message *message)
{
    message->phase = (uint8_t)take_number(cursor, 1);
    if (message->phase >= FORMATION_PHASE_COUNT) cursor->failed = true;
    size_t size = (size_t)take_number(cursor, 1);
    const char *name = take(cursor, size);
    if (name != NULL && memchr(name, 0, size) != NULL) cursor->failed = true;
    if (name != NULL) memcpy(message->name, name, size);
    message->shards = (uint32_t)take_number(cursor, 4);
    message->replicas_per_shard = (uint32_t)take_number(cursor, 4);
    message->set = take_number(cursor, 8);
    message->round = (uint32_t)take_number(cursor, 4);
    message->refused_count = take_count(cursor, FORMATION_REFUSED_MAX, 8);
    for (uint32_t i = 0; i < message->refused_count; i++) {
        message->refused[i] = take_number(cursor, 8);
    }
}

enum err formation_message_read(struct bytes payload, struct formation_message *message)
{
    struct cursor cursor = { .left = payload };
    *message = (struct formation_message){ 0 };
    read_head(&cursor, message);
    read_heard(&cursor, message);
    read_members(&cursor, message);
    if (message->member_count > 0 && message->set == 0) cursor.failed = true;

    enum err err = cursor_end(&cursor);
    if (err) formation_message_fini(message);
    return err;
}

void formation_message_fini(struct formation_message *message)
{
    ensure(message->heard_count == 0 || message->heard != NULL);
    ensure(message->member_count == 0 || message->members != NULL);
    memory_free(message->heard);
    memory_free(message->members);
    *message = (struct formation_message){ 0 };
}
