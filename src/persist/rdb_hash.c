/* Hashes in snapshots: field by field, with times or without, as a listpack, and in the two packed
 * forms of older versions.
 *
 * A hash that comes field by field is built as if HSET had been called, so it takes the form that
 * the rules of this process want. Packed forms become listpack bodies; a field may be in one once
 * only, which large ones are asked while their table is built. */
#include "persist/rdb_hash.h"
#include "base/ensure.h"
#include "persist/ziplist.h"
#include "types/hash.h"
#include "types/listpack.h"

static const char twice[] = "a hash with the same field twice";

static enum rdb_token begin_fields(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    enum rdb_token token = rdb_take_length(cursor, &decoder->left);
    if (token != RDB_OK) return token;
    decoder->phase = 1;
    decoder->value.type = VALUE_HASH;
    decoder->is_done = decoder->left == 0;
    return RDB_OK;
}

static enum rdb_token take_fields(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                  bool has_times)
{
    struct bytes field, value;
    uint64_t time = (uint64_t)HASH_EXPIRY_NONE;
    if (decoder->phase == 0) return begin_fields(decoder, cursor);
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &field);
    if (token == RDB_OK) token = rdb_take_string(cursor, &decoder->second, &value);
    if (token == RDB_OK && has_times) token = rdb_take_little(cursor, sizeof(time), &time);
    if (token != RDB_OK) return token;
    time_ms expiry_ms = (time_ms)time;
    if (expiry_ms < HASH_EXPIRY_NONE)
        return rdb_bad(cursor, ERR_MALFORMED, "a field that ends before the beginning of time");

    struct hash *hash = decoder->value.object;
    if (hash == NULL) {
        hash = hash_create();
        if (decoder->left > decoder->rules->hash_max_listpack_entries)
            hash_expect(&hash, decoder->rules, SIZE_MAX);
    }
    enum hash_put_result result =
        hash_put(&hash, decoder->rules, field, value, HASH_SEES_ALL, expiry_ms);
    decoder->value.object = hash;
    if (result != HASH_ADDED) return rdb_bad(cursor, ERR_MALFORMED, twice);
    decoder->is_done = --decoder->left == 0;
    return RDB_OK;
}

enum rdb_token rdb_hash_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return take_fields(decoder, cursor, false);
}

enum rdb_token rdb_hash_times_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return take_fields(decoder, cursor, true);
}

/* ---- packed ---- */

static enum rdb_token finish_packed(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                    struct bytes body, size_t count)
{
    if (count % 2 != 0) return rdb_bad(cursor, ERR_MALFORMED, "a hash with half a field");
    decoder->value.type = VALUE_HASH;
    decoder->is_done = true;
    if (count == 0) return RDB_OK;
    decoder->value.object = hash_create_from(body, count, decoder->rules);
    if (decoder->value.object == NULL) return rdb_bad(cursor, ERR_MALFORMED, twice);
    return RDB_OK;
}

enum rdb_token rdb_hash_listpack_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes framed, body;
    size_t count;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &framed);
    if (token != RDB_OK) return token;
    if (!listpack_open(framed, &body, &count))
        return rdb_bad(cursor, ERR_MALFORMED, "a hash whose listpack is none");
    return finish_packed(decoder, cursor, body, count);
}

enum rdb_token rdb_hash_ziplist_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes ziplist;
    size_t count;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &ziplist);
    if (token != RDB_OK) return token;
    buffer_clear(&decoder->second);
    if (!ziplist_open(ziplist, &decoder->second, &count))
        return rdb_bad(cursor, ERR_MALFORMED, "a hash whose ziplist is none");
    return finish_packed(decoder, cursor, buffer_bytes(&decoder->second), count);
}

/* ---- zipmaps ----
 *
 *   | count 1 | size, field, size, free 1, value, free bytes ... | ff |
 *
 * A size is one byte below 254, or 254 and four bytes. The count is exact below 254. */

#define ZIPMAP_WIDE  254
#define ZIPMAP_END   255
#define ZIPMAP_COUNT 254 /* from here on unknown */

static bool zipmap_size(struct bytes map, size_t *at, size_t *size)
{
    const uint8_t *bytes = (const uint8_t *)map.data;
    if (*at >= map.size || bytes[*at] == ZIPMAP_END) return false;
    *size = bytes[(*at)++];
    if (*size < ZIPMAP_WIDE) return true;
    if (map.size - *at < 4) return false;
    *size = 0;
    for (unsigned i = 4; i-- > 0;) *size = *size << 8 | bytes[*at + i];
    *at += 4;
    return true;
}

static bool zipmap_text(struct bytes map, size_t *at, size_t size, struct bytes *text)
{
    if (map.size - *at < size) return false;
    *text = bytes_of(map.data + *at, size);
    *at += size;
    return true;
}

static bool zipmap_pair(struct bytes map, size_t *at, struct buffer *body)
{
    struct bytes field, value;
    size_t size;
    if (!zipmap_size(map, at, &size) || !zipmap_text(map, at, size, &field)) return false;
    if (!zipmap_size(map, at, &size) || *at == map.size) return false;
    size_t free = (uint8_t)map.data[(*at)++];
    if (!zipmap_text(map, at, size, &value) || map.size - *at < free) return false;
    *at += free;
    listpack_append(body, field);
    listpack_append(body, value);
    return true;
}

static bool zipmap_open(struct bytes map, struct buffer *body, size_t *count)
{
    size_t at = 1;
    *count = 0;
    if (map.size < 2) return false;
    while (at < map.size && (uint8_t)map.data[at] != ZIPMAP_END) {
        if (!zipmap_pair(map, &at, body)) return false;
        *count += 2;
    }
    uint8_t told = (uint8_t)map.data[0];
    return at + 1 == map.size && (told >= ZIPMAP_COUNT || told == *count / 2);
}

enum rdb_token rdb_hash_zipmap_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes map;
    size_t count;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &map);
    if (token != RDB_OK) return token;
    buffer_clear(&decoder->second);
    if (!zipmap_open(map, &decoder->second, &count))
        return rdb_bad(cursor, ERR_MALFORMED, "a hash whose zipmap is none");
    return finish_packed(decoder, cursor, buffer_bytes(&decoder->second), count);
}

/* ---- writing ---- */

enum { NUMBER_TABLE = 4, NUMBER_LISTPACK = 16, NUMBER_TIMES = 22 };

uint8_t rdb_hash_number(const struct entry *entry)
{
    const struct hash *hash = entry_value(entry);
    if (hash_is_small(hash)) return NUMBER_LISTPACK;
    return hash_volatile_count(hash) > 0 ? NUMBER_TIMES : NUMBER_TABLE;
}

void rdb_hash_put(struct rdb_writer *writer, const struct entry *entry)
{
    const struct hash *hash = entry_value(entry);
    if (hash_is_small(hash)) {
        rdb_put_listpack(writer, hash_body(hash), 2 * hash_count(hash));
        return;
    }
    bool has_times = hash_volatile_count(hash) > 0;
    struct hash_walk walk = { 0 };
    struct hash_item item;
    rdb_put_length(writer, hash_count(hash));
    while (hash_walk_next(hash, &walk, HASH_SEES_ALL, &item)) {
        rdb_put_string(writer, item.field);
        rdb_put_string(writer, item.value);
        if (has_times) rdb_put_little(writer, (uint64_t)item.expiry_ms, sizeof(item.expiry_ms));
    }
}
