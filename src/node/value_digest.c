/* Digests of values: each element has one of its own. Those of a collection without an order are
 * put together by exclusive or, those of a list are chained. */
#include "node/value_digest.h"

#include "base/buffer.h"
#include "base/ensure.h"
#include "persist/dump.h"
#include "types/hash.h"
#include "types/quicklist.h"
#include "types/set.h"
#include "types/zset.h"

struct digester {
    uint8_t all[SHA1_SIZE];
    struct buffer element; /* what is being put together */
};

/* With its size, so that "a" and "bc" are not "ab" and "c". */
static void put(struct digester *digester, struct bytes text)
{
    uint64_t size = text.size;
    buffer_append(&digester->element, bytes_of(&size, sizeof(size)));
    buffer_append(&digester->element, text);
}

static void mix(struct digester *digester)
{
    uint8_t digest[SHA1_SIZE];
    sha1(buffer_bytes(&digester->element), digest);
    for (size_t i = 0; i < SHA1_SIZE; i++) digester->all[i] ^= digest[i];
    buffer_clear(&digester->element);
}

static void chain(struct digester *digester)
{
    buffer_append(&digester->element, bytes_of(digester->all, SHA1_SIZE));
    sha1(buffer_bytes(&digester->element), digester->all);
    buffer_clear(&digester->element);
}

static void digest_list(struct digester *digester, const struct quicklist *list)
{
    struct quicklist_cursor cursor;
    struct listpack_item item;
    struct scratch scratch;
    quicklist_cursor_init(&cursor, list, 0, false);
    while (quicklist_next(&cursor, &item)) {
        put(digester, listpack_text(&item, &scratch));
        chain(digester);
    }
    quicklist_cursor_fini(&cursor);
}

static void digest_set(struct digester *digester, const struct set *set)
{
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (set_walk_next(set, &walk, &scratch, &member)) {
        put(digester, member);
        mix(digester);
    }
}

static void digest_zset(struct digester *digester, const struct zset *zset)
{
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek_rank(zset, 0, &cursor);
    while (zset_next(&cursor, &item)) {
        double score = item.score + 0.0; /* no negative zero */
        put(digester, item.member);
        put(digester, bytes_of(&score, sizeof(score)));
        mix(digester);
    }
}

static void digest_hash(struct digester *digester, const struct hash *hash, time_ms wall_ms)
{
    struct hash_walk walk = { 0 };
    struct hash_item item;
    while (hash_walk_next(hash, &walk, wall_ms, &item)) {
        put(digester, item.field);
        put(digester, item.value);
        if (item.expiry_ms != HASH_EXPIRY_NONE) put(digester, BYTES("!!expire!!"));
        mix(digester);
    }
}

/* A stream has one order and, as snapshots hold it, one form. */
static void digest_payload(struct digester *digester, const struct entry *entry)
{
    enum err err = dump_write(entry, false, &digester->element);
    if (!err) chain(digester);
}

void value_digest(const struct entry *entry, time_ms wall_ms, uint8_t digest[SHA1_SIZE])
{
    struct digester digester = { .element = { 0 } };
    struct scratch scratch;
    switch (entry_type(entry)) {
    case VALUE_STRING:
        put(&digester, entry_string(entry, &scratch));
        chain(&digester);
        break;
    case VALUE_LIST: digest_list(&digester, entry_value(entry)); break;
    case VALUE_SET: digest_set(&digester, entry_value(entry)); break;
    case VALUE_ZSET: digest_zset(&digester, entry_value(entry)); break;
    case VALUE_HASH: digest_hash(&digester, entry_value(entry), wall_ms); break;
    case VALUE_STREAM: digest_payload(&digester, entry); break;
    default: ensure_unreachable();
    }
    put(&digester, bytes_text(value_type_name(entry_type(entry))));
    chain(&digester);
    memcpy(digest, digester.all, SHA1_SIZE);
    buffer_fini(&digester.element);
}
