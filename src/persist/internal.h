/* What only the files of persist share: the format's numbers, its tokens in both directions, and
 * the table of value codecs. */
#ifndef EIR_PERSIST_INTERNAL_H
#define EIR_PERSIST_INTERNAL_H

#include "persist/snapshot.h"

/* First bytes of records; what is below is the type of a value. */
enum rdb_opcode {
    RDB_SLOT_IMPORT = 243,
    RDB_SLOT_INFO = 244,
    RDB_FUNCTION = 245,
    RDB_FUNCTION_OLD = 246,
    RDB_MODULE_AUX = 247,
    RDB_IDLE = 248,
    RDB_FREQUENCY = 249,
    RDB_AUX = 250,
    RDB_RESIZE = 251,
    RDB_EXPIRE_MS = 252,
    RDB_EXPIRE_S = 253,
    RDB_SELECT = 254,
    RDB_END = 255,
};

#define RDB_TYPE_STRING      0
#define RDB_TYPE_LAST        22 /* the highest value type that version 80 knows */
#define RDB_VERSION_CHECKSUM 5  /* from here on a checksum follows the end */
#define RDB_HEADER_SIZE      9
#define RDB_CHECKSUM_SIZE    8
#define RDB_STRING_MAX       STRING_SIZE_MAX
/* The longest reference of LZF makes 264 bytes from 3; nothing unpacks to more. */
#define RDB_LZF_RATIO_MAX 88

/* Is a version readable? 12-79 are foreign: readable only by the relaxed check. */
bool rdb_version_is_foreign(int version);
bool rdb_version_is_readable(int version, bool is_relaxed);

/* ---- rdb_write.c: bytes through a block to a sink, counted and summed ---- */

struct rdb_writer {
    struct sink *sink; /* borrowed */
    struct buffer block;
    struct buffer packed; /* room for compression */
    struct buffer framed; /* room for a listpack with its frame */
    bool is_compressed;
    bool has_checksum;
    uint64_t crc;
    uint64_t bytes; /* given to the sink */
    enum err err;   /* the first failure; nothing is written after it */
};

void rdb_writer_init(struct rdb_writer *writer, struct sink *sink, bool is_compressed,
                     bool has_checksum);
void rdb_writer_fini(struct rdb_writer *writer);
/* Everything to the sink. */
void rdb_flush(struct rdb_writer *writer);

void rdb_put_bytes(struct rdb_writer *writer, struct bytes bytes);
void rdb_put_byte(struct rdb_writer *writer, uint8_t byte);
/* Little-endian, `size` bytes of it. */
void rdb_put_little(struct rdb_writer *writer, uint64_t value, size_t size);
void rdb_put_length(struct rdb_writer *writer, uint64_t length);
/* In its shortest form: an integer, compressed, or as it is. */
void rdb_put_string(struct rdb_writer *writer, struct bytes text);
/* A body of so many elements, framed, as a string. */
void rdb_put_listpack(struct rdb_writer *writer, struct bytes body, size_t count);

/* ---- rdb_read.c: tokens out of bytes that may end anywhere ---- */

enum rdb_token {
    RDB_OK,
    RDB_MORE, /* cursor->needed says how many bytes there must be for another try */
    RDB_BAD,  /* cursor->err and cursor->why say why */
};

struct rdb_cursor {
    struct bytes input;
    size_t at;
    size_t needed;
    enum err err;
    const char *why; /* static words */
};

enum rdb_token rdb_bad(struct rdb_cursor *cursor, enum err err, const char *why);
enum rdb_token rdb_take_bytes(struct rdb_cursor *cursor, size_t size, struct bytes *bytes);
enum rdb_token rdb_take_byte(struct rdb_cursor *cursor, uint8_t *byte);
enum rdb_token rdb_take_little(struct rdb_cursor *cursor, size_t size, uint64_t *value);
enum rdb_token rdb_take_length(struct rdb_cursor *cursor, uint64_t *length);
/* Borrowed from the input or from `room`, until the next use of either. */
enum rdb_token rdb_take_string(struct rdb_cursor *cursor, struct buffer *room, struct bytes *text);

/* ---- rdb_values.c: one row a value type ---- */

struct rdb_value {
    enum value_type type;
    struct bytes text; /* of a string; borrowed from the input or the decoder */
    void *object;      /* of all others; owned by whoever takes it. NULL: a collection without
                          elements, which no key may hold */
};

struct rdb_decoder;

struct rdb_codec {
    const char *name;
    /* Takes the next piece, an element of a collection, say; sets is_done behind the last. NULL:
     * this build has no such type yet. */
    enum rdb_token (*step)(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
};

struct rdb_decoder {
    const struct rdb_codec *codec;
    const struct value_rules *rules; /* borrowed; what objects are built by */
    bool is_done;
    struct rdb_value value; /* the object may be built up over many steps */
    struct buffer room;
    struct buffer second; /* room for another string at the same time */
    uint64_t left;        /* the step's own: elements still to come */
    unsigned phase;       /* the step's own: 0 at the beginning */
    uint64_t inner_left;  /* the step's own: of what these consist of */
    uint64_t outer_left;  /* the step's own: of what surrounds those */
    void *parts[2];       /* the step's own: what is being filled in the object; borrowed */
};

/* NULL when no value type has this number. */
const struct rdb_codec *rdb_codec_at(uint8_t number);
void rdb_decoder_fini(struct rdb_decoder *decoder);
void rdb_decoder_begin(struct rdb_decoder *decoder, const struct rdb_codec *codec,
                       const struct value_rules *rules);
/* Drops a value that nobody took. */
void rdb_decoder_drop(struct rdb_decoder *decoder);
/* A collection without elements: files may hold one, which is passed over; DUMP never gives one. */
bool rdb_value_is_empty(const struct rdb_value *value);
/* Drops fields of a hash that have ended; true when none is left: the value is empty then. */
bool rdb_value_expire(struct rdb_value *value, time_ms wall_ms);
/* Puts the finished value, which is not empty, under the key. */
struct entry *rdb_value_put(struct rdb_value *value, struct keyspace *keyspace,
                            const struct access *access, const struct key *key,
                            const struct put *put);

/* The type number under which this version stores the entry; ERR_UNSUPPORTED when it cannot. */
NODISCARD enum err rdb_entry_number(const struct entry *entry, int version, uint8_t *number);
/* The value alone, as that number says. */
void rdb_put_value(struct rdb_writer *writer, const struct entry *entry);

/* ---- rdb_stream.c: a step for each of the forms, of which the older ones know less ---- */

enum rdb_token rdb_stream_1_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_stream_2_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_stream_3_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
uint8_t rdb_stream_number(const struct entry *entry);
void rdb_stream_put(struct rdb_writer *writer, const struct entry *entry);

#endif
