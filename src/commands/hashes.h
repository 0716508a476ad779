/* What the files of the hash commands share: finding, editing, and the words FIELDS n field ... */
#ifndef EIR_COMMANDS_HASHES_H
#define EIR_COMMANDS_HASHES_H

#include "engine/call.h"
#include "types/hash.h"

/* Which fields this call sees. */
static inline time_ms hash_now(const struct call *call)
{
    return call->access->ignores_expiry ? HASH_SEES_ALL : call->wall_ms;
}

/* The hash behind the key, NULL when it is absent; false when it holds something else: answered. */
static inline bool call_hash_for_read(struct call *call, uint32_t index, const struct hash **hash)
{
    struct key key = call_key(call, index);
    struct entry *entry;
    if (!call_find_for_read(call, &key, VALUE_HASH, &entry)) return false;
    *hash = entry == NULL ? NULL : entry_value(entry);
    return true;
}

static inline void reply_hash_value(struct call *call, const struct hash_item *item)
{
    if (item->shared == NULL)
        reply_bytes(call, item->value);
    else
        resp_bulk_shared(call->writer, item->shared, item->value);
}

/* ---- editing ---- */

struct hash_edit {
    struct key key;
    struct entry *entry; /* NULL: the key is new */
    struct hash *hash;   /* NULL until it is opened */
    const struct value_rules *rules;
    time_ms now_ms; /* as hash_now */
};

/* Of the key at argument 1; false when it holds something else: answered. */
bool hash_edit_begin(struct call *call, struct hash_edit *edit);
/* A new hash, if the key is absent. */
void hash_edit_open(struct hash_edit *edit);
/* Are there fields with a time? Then a command goes on as what came of it. */
bool hash_edit_has_times(const struct hash_edit *edit);
/* Something was changed: said to all whom it concerns. The row's own events come behind it. */
void hash_edit_told(struct call *call, struct hash_edit *edit);
/* At last: a hash without fields goes. */
void hash_edit_end(struct call *call, struct hash_edit *edit);

/* ---- FIELDS n field ... ---- */

/* Some fields among the arguments. */
struct field_words {
    uint32_t at;    /* the first */
    uint32_t count; /* of fields */
    uint32_t step;  /* 2: each has a value behind it */
};

static inline struct bytes field_word(const struct call *call, const struct field_words *words,
                                      uint32_t index)
{
    return call_arg(call, words->at + index * words->step);
}

/* The first word FIELDS from `at` on, argc when there is none. */
uint32_t fields_word_find(const struct call *call, uint32_t at);
/* The number and the fields behind the word at `at`, up to the end of the command; false when
 * `error` or another one was answered. */
bool field_words_parse(struct call *call, uint32_t at, uint32_t step, const char *error,
                       struct field_words *words);
extern const char fields_error[];

/* Propagates `name` key ... FIELDS n field ...: words between key and FIELDS as given. */
struct field_list {
    struct bytes *argv; /* owned */
    uint32_t count;     /* of fields */
    uint32_t head;      /* words before them */
};
void field_list_init(struct field_list *list, uint32_t head, uint32_t fields_max);
void field_list_add(struct field_list *list, struct bytes field);
void field_list_fini(struct field_list *list);
/* Fields that got a time which has passed are gone: counts them and propagates HDEL key field ...;
 * the list has a head of 2. Nothing when it is empty. */
void propagate_expired(struct call *call, struct bytes key, struct field_list *list);
/* NAME key [time] FIELDS n field ...; the list has a head of 4, or 5 with a time. */
void propagate_fields(struct call *call, struct bytes name, struct bytes key, struct bytes time,
                      struct field_list *list);

#endif
