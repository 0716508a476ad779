/* The reader of ziplists.
 *
 *   | total bytes 4 | offset of the last entry 4 | count 2 | entries ... | ff |
 *
 *   entry: | size of the entry before: 1, or fe and 4 | encoding | data |
 *
 * All little-endian but for the sizes of texts. Nobody writes this any more: an element is copied
 * into its new form once, when it is loaded. */
#include "persist/ziplist.h"

#include "types/listpack.h"

#define FRAME_HEAD    ((size_t)10)
#define COUNT_UNKNOWN 65535
#define SIZE_FOLLOWS  0xfe /* the size of the entry before does not fit in a byte */
#define END           0xff

struct element {
    size_t size; /* of the whole entry */
    struct bytes text;
    int64_t integer;
    bool is_integer;
};

static uint64_t little(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

static int64_t signed_little(const uint8_t *bytes, size_t size)
{
    uint64_t sign = (uint64_t)1 << (8 * size - 1);
    return (int64_t)((little(bytes, size) ^ sign) - sign);
}

/* The bytes of the integer behind this encoding byte: 0 when it stands in the byte itself, above 8
 * when there is no such encoding. */
static size_t integer_size(uint8_t encoding)
{
    switch (encoding) {
    case 0xc0: return 2;
    case 0xd0: return 4;
    case 0xe0: return 8;
    case 0xf0: return 3;
    case 0xfe: return 1;
    default: return encoding >= 0xf1 && encoding <= 0xfd ? 0 : SIZE_MAX;
    }
}

/* A text, whose encoding starts with 00, 01 or 10. */
static bool take_text(struct bytes rest, size_t *head, struct element *element)
{
    const uint8_t *bytes = (const uint8_t *)rest.data;
    size_t size;
    *head = bytes[0] < 0x40 ? 1 : bytes[0] < 0x80 ? 2 : 5;
    if (bytes[0] > 0x80 || rest.size < *head) return false;
    if (*head == 1)
        size = bytes[0];
    else if (*head == 2)
        size = (size_t)(bytes[0] & 0x3f) << 8 | bytes[1];
    else
        size = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
    if (size > rest.size - *head) return false;
    element->text = bytes_of(rest.data + *head, size);
    return true;
}

/* The entry that these bytes start with; `before` is the size of the one before it. */
static bool take(struct bytes rest, size_t before, struct element *element)
{
    const uint8_t *bytes = (const uint8_t *)rest.data;
    size_t told = bytes[0];
    size_t start = told < SIZE_FOLLOWS ? 1 : 5;
    if (rest.size <= start) return false;
    if (start == 5) told = little(bytes + 1, 4);
    if (told != before) return false;

    size_t head = 1;
    uint8_t encoding = bytes[start];
    *element = (struct element){ .is_integer = encoding >= 0xc0 };
    if (!element->is_integer) {
        if (!take_text(bytes_from(rest, start), &head, element)) return false;
        element->size = start + head + element->text.size;
        return true;
    }
    size_t size = integer_size(encoding);
    if (size > 8 || size > rest.size - start - head) return false;
    if (size > 0)
        element->integer = signed_little(bytes + start + head, size);
    else
        element->integer = (encoding & 0x0f) - 1;
    element->size = start + head + size;
    return true;
}

static bool take_all(struct bytes ziplist, struct buffer *body, size_t *count)
{
    const uint8_t *bytes = (const uint8_t *)ziplist.data;
    struct bytes entries = bytes_of(bytes, ziplist.size - 1); /* with the head, for the offsets */
    size_t last = FRAME_HEAD;
    size_t before = 0;
    *count = 0;
    for (size_t at = FRAME_HEAD; at < entries.size; (*count)++) {
        struct element element;
        if (!take(bytes_from(entries, at), before, &element)) return false;
        if (element.is_integer)
            listpack_append_integer(body, element.integer);
        else
            listpack_append(body, element.text);
        last = at;
        before = element.size;
        at += element.size;
    }
    uint64_t told = little(bytes + 8, 2);
    return little(bytes + 4, 4) == last && (told == COUNT_UNKNOWN || told == *count);
}

bool ziplist_open(struct bytes ziplist, struct buffer *body, size_t *count)
{
    if (ziplist.size < FRAME_HEAD + 1) return false;
    const uint8_t *bytes = (const uint8_t *)ziplist.data;
    if (little(bytes, 4) != ziplist.size || bytes[ziplist.size - 1] != END) return false;
    size_t start = body->size;
    if (take_all(ziplist, body, count)) return true;
    body->size = start;
    return false;
}
