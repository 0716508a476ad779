/* The kinds of value a key may hold, and what every kind can do: be freed, be measured, say its
 * encoding. A value that stands in the key's entry itself (small strings, integers) has no
 * object; all others are one pointer, which the functions here take apart by its kind. */
#ifndef EIR_TYPES_VALUE_H
#define EIR_TYPES_VALUE_H

#include "base/bytes.h"
#include "base/hash.h"

/* The numbers are also those of the entry's header: at most eight. */
enum value_type {
    VALUE_STRING,
    VALUE_LIST,
    VALUE_SET,
    VALUE_ZSET,
    VALUE_HASH,
    VALUE_STREAM,
    VALUE_TYPE_COUNT
};

/* What all collections of a keyspace are built by. The limits say how large one may be before it
 * leaves its small form; they are the options of these names. */
struct value_rules {
    struct hash_key hash_key; /* of the tables in them: random bits of this process */

    size_t hash_max_listpack_entries;
    size_t hash_max_listpack_value;
    size_t set_max_intset_entries;
    size_t set_max_listpack_entries;
    size_t set_max_listpack_value;
    size_t zset_max_listpack_entries;
    size_t zset_max_listpack_value;
    int list_max_listpack_size; /* of a node: elements, or -1 to -5 for 4 to 64 KiB */
    size_t list_plain_min;      /* an element of that size is a node of its own; 0: no such rule */
    unsigned list_compress_depth; /* nodes at both ends that stay as they are; 0: all do */
    size_t hll_sparse_max_bytes;
    size_t stream_node_max_bytes;   /* 0: no limit */
    size_t stream_node_max_entries; /* 0: no limit */
};

/* What TYPE answers: "string", "list" ... Static storage. */
const char *value_type_name(enum value_type type);
/* The opposite, in any case; false for a word that is no type. */
bool value_type_parse(struct bytes name, enum value_type *type);

/* Frees the object, on any thread. */
void value_destroy(enum value_type type, void *value);
/* A deep copy, owned by the caller. */
void *value_copy(enum value_type type, const void *value);
/* Bytes it takes in memory; collections look at `samples` elements and scale, 0 means at all. */
size_t value_memory(enum value_type type, const void *value, size_t samples);
/* About how many allocations freeing it must give back: over a few dozen it goes off-thread. */
size_t value_free_effort(enum value_type type, const void *value);
/* The table that its elements stand in, borrowed; NULL while it has a form without one. */
const struct table *value_table(enum value_type type, const void *value);
/* What OBJECT ENCODING answers: "listpack", "quicklist" ... Static storage. */
const char *value_encoding(enum value_type type, const void *value);

#endif
