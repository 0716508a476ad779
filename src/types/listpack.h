/* Listpack elements: short texts and integers behind each other, walked in both directions.
 *
 * A *body* is the elements alone. Whoever owns one keeps its size and count: a pack (pack.h), a
 * node of a list or of a stream. The format of snapshots puts a frame around a body:
 *
 *   | total bytes 4 | count 2 | body ... | ff |       both little-endian; count 65535: unknown
 *
 * An element is a head (kind and size, or a small integer), data, and a tail that holds the size
 * of both in 7-bit groups, to be read backwards. A text that is a canonical integer is kept as
 * one. (Valkey's RDB format, listpack.) */
#ifndef EIR_TYPES_LISTPACK_H
#define EIR_TYPES_LISTPACK_H

#include "base/buffer.h"
#include "types/string.h"

#define LISTPACK_FRAME      7 /* bytes of the frame */
#define LISTPACK_FRAME_HEAD 6

/* An element that is read. */
struct listpack_item {
    struct bytes text; /* borrowed; not of an integer */
    int64_t integer;
    bool is_integer;
};

/* Its text; an integer is printed into the scratch. */
struct bytes listpack_text(const struct listpack_item *item, struct scratch *scratch);
/* The same element? The text's own integer need not be known. */
bool listpack_item_equals(const struct listpack_item *item, struct bytes text);

/* The element at this place of a sound body; returns the place behind it. */
size_t listpack_read(struct bytes body, size_t at, struct listpack_item *item);
/* The place behind the element at `at`. */
size_t listpack_after(struct bytes body, size_t at);
/* The place of the element before `at`, which is not 0. */
size_t listpack_before(struct bytes body, size_t at);
/* The place of the element of this index; negative ones count from the end. The caller knows that
 * there is one. */
size_t listpack_at(struct bytes body, int64_t index, size_t count);
/* The first element from `at` on that is this text, looking at one and passing over `skip` each
 * time (1: at the fields of field and value); body.size when there is none. */
size_t listpack_find(struct bytes body, size_t at, size_t skip, struct bytes text);
size_t listpack_count(struct bytes body);

/* An element that is to be written: its pieces. */
struct listpack_code {
    uint8_t head[10]; /* with the whole of an integer */
    uint8_t head_size;
    uint8_t tail[5];
    uint8_t tail_size;
    struct bytes data; /* borrowed */
    size_t size;       /* of all */
};
void listpack_encode(struct bytes text, struct listpack_code *code);
void listpack_encode_integer(int64_t value, struct listpack_code *code);
/* Writes code->size bytes; returns the place behind them. */
char *listpack_write(char *into, const struct listpack_code *code);
void listpack_append(struct buffer *body, struct bytes text);
void listpack_append_integer(struct buffer *body, int64_t value);

/* Bytes from outside that claim to be a framed listpack: every head, size and tail is checked, and
 * the count. False: they are none. */
bool listpack_open(struct bytes framed, struct bytes *body, size_t *count);
/* The frame's head in front of a body of so many elements; behind it comes 0xff. */
void listpack_frame(char head[LISTPACK_FRAME_HEAD], size_t body_size, size_t count);

#endif
