/* Replies as a server writes them, in the forms of RESP2 or RESP3, straight into an output.
 *
 * Whoever writes says what the reply is (a map, a double, a null); which bytes that gives under
 * the client's protocol is decided here and nowhere else. */
#ifndef EIR_RESP_REPLY_H
#define EIR_RESP_REPLY_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/output.h"

/* Where replies go. A plain value: one lives in each session, others are made for scripts. */
struct resp_writer {
    struct output *output; /* borrowed */
    int protocol;          /* 2 or 3 */
};

void resp_ok(struct resp_writer *writer);
/* "+text"; CR and LF in the text become spaces. */
void resp_simple(struct resp_writer *writer, const char *text);
void resp_simple_bytes(struct resp_writer *writer, struct bytes text);
/* "-text": the text starts with its code ("ERR syntax error"); CR and LF become spaces. */
void resp_error(struct resp_writer *writer, const char *text);
void resp_error_bytes(struct resp_writer *writer, struct bytes text);
void resp_error_format(struct resp_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void resp_integer(struct resp_writer *writer, int64_t value);
void resp_bool(struct resp_writer *writer, bool value);     /* RESP2: 1 or 0 */
void resp_double(struct resp_writer *writer, double value); /* RESP2: bulk */
/* As above, with digits of one's own. */
void resp_double_text(struct resp_writer *writer, struct bytes digits);
void resp_null(struct resp_writer *writer);
void resp_null_array(struct resp_writer *writer); /* RESP3: the same as null */

void resp_bulk(struct resp_writer *writer, struct bytes value);
void resp_bulk_text(struct resp_writer *writer, const char *text);
void resp_bulk_integer(struct resp_writer *writer, int64_t value);
void resp_bulk_double(struct resp_writer *writer, double value);
void resp_bulk_format(struct resp_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A large bulk whose payload somebody else counts: sent, not copied. */
void resp_bulk_shared(struct resp_writer *writer, struct shared *shared, struct bytes value);
/* Decimal digits; RESP2: bulk. */
void resp_big_number(struct resp_writer *writer, struct bytes digits);
/* `format` is three characters, "txt" or "mkd"; RESP2: bulk. */
void resp_verbatim(struct resp_writer *writer, const char *format, struct bytes text);

/* Headers: as many items (for maps: pairs) must follow. RESP2 knows arrays only. */
void resp_array(struct resp_writer *writer, size_t count);
void resp_map(struct resp_writer *writer, size_t pair_count);
void resp_set(struct resp_writer *writer, size_t count);
void resp_push(struct resp_writer *writer, size_t count);
/* Attributes precede the reply that they describe; a RESP2 writer must leave them out. */
void resp_attribute(struct resp_writer *writer, size_t pair_count);

/* A header whose count is known only after its items: take a mark, write the items, close it.
 * Marks nest like brackets. */
struct output_mark resp_begin(struct resp_writer *writer);
void resp_end_array(struct resp_writer *writer, struct output_mark mark, size_t count);
void resp_end_map(struct resp_writer *writer, struct output_mark mark, size_t pair_count);
void resp_end_set(struct resp_writer *writer, struct output_mark mark, size_t count);

/* A request, as clients, replicas and append logs write it: an array of bulk strings. */
void resp_write_command(struct buffer *into, size_t argc, const struct bytes *argv);
void resp_output_command(struct output *output, size_t argc, const struct bytes *argv);
/* The same from terminated words, the last one NULL: for handshakes. */
void resp_write_words(struct buffer *into, ...) __attribute__((sentinel));

#endif
