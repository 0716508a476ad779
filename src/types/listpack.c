/* The codec of listpack elements. A sound body is trusted: what comes from outside passes
 * listpack_open first. */
#include "types/listpack.h"

#include "base/ensure.h"

/* First bytes; see the table in listpack.h's source, Valkey's RDB format. */
enum listpack_head {
    HEAD_TEXT_6 = 0x80,     /* 10xxxxxx: size in the byte */
    HEAD_INTEGER_13 = 0xc0, /* 110xxxxx and a byte */
    HEAD_TEXT_12 = 0xe0,    /* 1110xxxx and a byte */
    HEAD_TEXT_32 = 0xf0,
    HEAD_INTEGER_16 = 0xf1,
    HEAD_INTEGER_24 = 0xf2,
    HEAD_INTEGER_32 = 0xf3,
    HEAD_INTEGER_64 = 0xf4,
};

/* ---- reading ---- */

struct part {
    size_t head_size;
    size_t data_size; /* of a text, behind the head */
};

static uint64_t little(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

/* Sizes of the element whose first bytes these are; false when no element starts so, or when the
 * head does not end within `available` bytes. */
static inline bool part_of(const uint8_t *head, size_t available, struct part *part)
{
    uint8_t first = head[0];
    part->data_size = 0;
    if (first < HEAD_TEXT_6) {
        part->head_size = 1;
    } else if (first < HEAD_INTEGER_13) {
        part->head_size = 1;
        part->data_size = first & 0x3f;
    } else if (first < HEAD_TEXT_12) {
        part->head_size = 2;
    } else if (first < HEAD_TEXT_32) {
        part->head_size = 2;
        if (available < 2) return false;
        part->data_size = (size_t)(first & 0x0f) << 8 | head[1];
    } else if (first == HEAD_TEXT_32) {
        part->head_size = 5;
        if (available < 5) return false;
        part->data_size = little(head + 1, 4);
    } else if (first <= HEAD_INTEGER_32) {
        part->head_size = (size_t)(first - HEAD_INTEGER_16) + 3;
    } else if (first == HEAD_INTEGER_64) {
        part->head_size = 9;
    } else {
        return false;
    }
    return available >= part->head_size;
}

static inline bool head_is_text(uint8_t first)
{
    return (first & 0xc0) == HEAD_TEXT_6 || (first & 0xf0) == HEAD_TEXT_12 || first == HEAD_TEXT_32;
}

/* How many bytes the tail takes for an element of this size. */
static inline size_t tail_size_of(size_t size)
{
    if (size <= 127) return 1;
    if (size < 16383) return 2;
    if (size < 2097151) return 3;
    if (size < 268435455) return 4;
    return 5;
}

static int64_t sign_extend(uint64_t value, unsigned bits)
{
    uint64_t sign = (uint64_t)1 << (bits - 1);
    return (int64_t)((value ^ sign) - sign);
}

static int64_t integer_of(const uint8_t *head)
{
    uint8_t first = head[0];
    if (first < HEAD_TEXT_6) return first;
    if (first < HEAD_TEXT_12) return sign_extend((uint64_t)(first & 0x1f) << 8 | head[1], 13);
    if (first == HEAD_INTEGER_64) return (int64_t)little(head + 1, 8);
    size_t size = (size_t)(first - HEAD_INTEGER_16) + 2;
    return sign_extend(little(head + 1, size), (unsigned)size * 8);
}

size_t listpack_read(struct bytes body, size_t at, struct listpack_item *item)
{
    const uint8_t *head = (const uint8_t *)body.data + at;
    struct part part;
    bool is_sound = at < body.size && part_of(head, body.size - at, &part);
    ensure(is_sound);
    item->is_integer = !head_is_text(head[0]);
    if (item->is_integer)
        item->integer = integer_of(head);
    else
        item->text = bytes_of(head + part.head_size, part.data_size);
    size_t size = part.head_size + part.data_size;
    return at + size + tail_size_of(size);
}

size_t listpack_after(struct bytes body, size_t at)
{
    struct part part;
    bool is_sound =
        at < body.size && part_of((const uint8_t *)body.data + at, body.size - at, &part);
    ensure(is_sound);
    size_t size = part.head_size + part.data_size;
    return at + size + tail_size_of(size);
}

size_t listpack_before(struct bytes body, size_t at)
{
    ensure(at > 0);
    ensure(at <= body.size);
    const uint8_t *bytes = (const uint8_t *)body.data;
    size_t size = 0;
    unsigned shift = 0;
    size_t place = at;
    for (;;) {
        uint8_t group = bytes[--place];
        size |= (size_t)(group & 0x7f) << shift;
        if (!(group & 0x80)) break;
        shift += 7;
        ensure(place > 0);
        ensure(shift < 35);
    }
    ensure(size <= place);
    return place - size;
}

size_t listpack_at(struct bytes body, int64_t index, size_t count)
{
    ensure(index < 0 ? (uint64_t)-index <= count : (uint64_t)index < count);
    size_t ahead = index < 0 ? count - (size_t)-index : (size_t)index;
    if (ahead <= count / 2) {
        size_t at = 0;
        while (ahead-- > 0) at = listpack_after(body, at);
        return at;
    }
    size_t at = body.size;
    for (size_t back = count - ahead; back > 0; back--) at = listpack_before(body, at);
    return at;
}

struct bytes listpack_text(const struct listpack_item *item, struct scratch *scratch)
{
    if (!item->is_integer) return item->text;
    return bytes_of(scratch->text, number_print(item->integer, scratch->text));
}

bool listpack_item_equals(const struct listpack_item *item, struct bytes text)
{
    if (!item->is_integer) return bytes_equal_inline(item->text, text);
    int64_t value;
    return number_parse(text, &value) && value == item->integer;
}

/* What is looked for is compared as it would stand there: integers by value, texts by bytes. */
size_t listpack_find(struct bytes body, size_t at, size_t skip, struct bytes text)
{
    int64_t integer = 0;
    bool is_integer = text.size <= 20 && number_parse(text, &integer);
    while (at < body.size) {
        const uint8_t *head = (const uint8_t *)body.data + at;
        struct part part;
        bool is_sound = part_of(head, body.size - at, &part);
        ensure(is_sound);
        if (!head_is_text(head[0])) {
            if (is_integer && integer_of(head) == integer) return at;
        } else if (!is_integer &&
                   bytes_equal_inline(bytes_of(head + part.head_size, part.data_size), text)) {
            return at;
        }
        size_t size = part.head_size + part.data_size;
        at += size + tail_size_of(size);
        for (size_t i = 0; i < skip && at < body.size; i++) at = listpack_after(body, at);
    }
    return body.size;
}

size_t listpack_count(struct bytes body)
{
    size_t count = 0;
    for (size_t at = 0; at < body.size; at = listpack_after(body, at)) count++;
    return count;
}

/* ---- writing ---- */

static void code_finish(struct listpack_code *code)
{
    size_t size = code->head_size + code->data.size;
    code->tail_size = (uint8_t)tail_size_of(size);
    for (unsigned i = 0; i < code->tail_size; i++) {
        unsigned shift = 7u * (code->tail_size - 1u - i);
        code->tail[i] = (uint8_t)((size >> shift & 0x7f) | (i == 0 ? 0 : 0x80));
    }
    code->size = size + code->tail_size;
}

void listpack_encode_integer(int64_t value, struct listpack_code *code)
{
    uint8_t *head = code->head;
    code->data = BYTES_EMPTY;
    if (value >= 0 && value <= 127) {
        head[0] = (uint8_t)value;
        code->head_size = 1;
    } else if (value >= -4096 && value <= 4095) {
        head[0] = (uint8_t)(HEAD_INTEGER_13 | ((uint64_t)value >> 8 & 0x1f));
        head[1] = (uint8_t)value;
        code->head_size = 2;
    } else {
        unsigned size = value >= INT16_MIN && value <= INT16_MAX   ? 2
                        : value >= -8388608 && value <= 8388607    ? 3
                        : value >= INT32_MIN && value <= INT32_MAX ? 4
                                                                   : 8;
        head[0] = (uint8_t)(size == 8 ? HEAD_INTEGER_64 : HEAD_INTEGER_16 + size - 2);
        for (unsigned i = 0; i < size; i++) head[1 + i] = (uint8_t)((uint64_t)value >> 8 * i);
        code->head_size = (uint8_t)(1 + size);
    }
    code_finish(code);
}

void listpack_encode(struct bytes text, struct listpack_code *code)
{
    int64_t value;
    if (text.size <= 20 && number_parse(text, &value)) {
        listpack_encode_integer(value, code);
        return;
    }
    ensure(text.size <= UINT32_MAX);
    uint8_t *head = code->head;
    if (text.size < 64) {
        head[0] = (uint8_t)(HEAD_TEXT_6 | text.size);
        code->head_size = 1;
    } else if (text.size < 4096) {
        head[0] = (uint8_t)(HEAD_TEXT_12 | text.size >> 8);
        head[1] = (uint8_t)text.size;
        code->head_size = 2;
    } else {
        head[0] = HEAD_TEXT_32;
        for (unsigned i = 0; i < 4; i++) head[1 + i] = (uint8_t)(text.size >> 8 * i);
        code->head_size = 5;
    }
    code->data = text;
    code_finish(code);
}

char *listpack_write(char *into, const struct listpack_code *code)
{
    memcpy(into, code->head, code->head_size);
    into += code->head_size;
    if (code->data.size > 0) memcpy(into, code->data.data, code->data.size);
    into += code->data.size;
    memcpy(into, code->tail, code->tail_size);
    return into + code->tail_size;
}

static void append_code(struct buffer *body, const struct listpack_code *code)
{
    listpack_write(buffer_reserve(body, code->size), code);
    body->size += code->size;
}

void listpack_append(struct buffer *body, struct bytes text)
{
    struct listpack_code code;
    listpack_encode(text, &code);
    append_code(body, &code);
}

void listpack_append_integer(struct buffer *body, int64_t value)
{
    struct listpack_code code;
    listpack_encode_integer(value, &code);
    append_code(body, &code);
}

/* ---- the frame ---- */

/* The tail is read as listpack_before reads it: it must lead back to the element's first byte. */
static bool tail_is_sound(struct bytes body, size_t at, size_t after, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)body.data;
    size_t told = 0;
    unsigned shift = 0;
    for (size_t place = after; place > at + size;) {
        uint8_t group = bytes[--place];
        bool is_first = place == at + size;
        if (is_first != !(group & 0x80)) return false;
        told |= (size_t)(group & 0x7f) << shift;
        shift += 7;
    }
    return told == size;
}

bool listpack_open(struct bytes framed, struct bytes *body, size_t *count)
{
    if (framed.size < LISTPACK_FRAME) return false;
    const uint8_t *bytes = (const uint8_t *)framed.data;
    if (little(bytes, 4) != framed.size || bytes[framed.size - 1] != 0xff) return false;
    uint64_t told = little(bytes + 4, 2);
    *body = bytes_of(bytes + LISTPACK_FRAME_HEAD, framed.size - LISTPACK_FRAME);
    *count = 0;
    for (size_t at = 0; at < body->size; (*count)++) {
        struct part part;
        if (!part_of((const uint8_t *)body->data + at, body->size - at, &part)) return false;
        size_t size = part.head_size + part.data_size;
        size_t tail = tail_size_of(size);
        if (size > body->size - at || tail > body->size - at - size) return false;
        if (!tail_is_sound(*body, at, at + size + tail, size)) return false;
        at += size + tail;
    }
    return told == UINT16_MAX || told == *count;
}

void listpack_frame(char head[LISTPACK_FRAME_HEAD], size_t body_size, size_t count)
{
    size_t total = body_size + LISTPACK_FRAME;
    ensure(total <= UINT32_MAX);
    for (unsigned i = 0; i < 4; i++) head[i] = (char)(total >> 8 * i);
    uint16_t told = (uint16_t)MIN(count, UINT16_MAX);
    head[4] = (char)told;
    head[5] = (char)(told >> 8);
}
