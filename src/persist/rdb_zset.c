/* Sorted sets in the format: four numbers to read, two to write.
 *
 *   3   count, then (member, score as text with a length of one byte)
 *   5   count, then (member, score as 8 bytes), from the highest to the lowest
 *   12  ziplist, and 17  listpack of member, score, member, score ... in their order */
#include "persist/rdb_zset.h"
#include "base/ensure.h"
#include "persist/ziplist.h"
#include "types/listpack.h"
#include "types/zset.h"

#include <math.h>

static enum rdb_token take_count(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    enum rdb_token token = rdb_take_length(cursor, &decoder->left);
    if (token != RDB_OK) return token;
    decoder->value.type = VALUE_ZSET;
    decoder->is_done = decoder->left == 0;
    if (decoder->is_done) return RDB_OK;
    decoder->value.object = zset_create();
    decoder->phase = 1;
    return RDB_OK;
}

/* A score of number 3: a size, or one of three values that have no text. */
static enum rdb_token take_score_text(struct rdb_cursor *cursor, double *score)
{
    uint8_t size;
    struct bytes text;
    enum rdb_token token = rdb_take_byte(cursor, &size);
    if (token != RDB_OK) return token;
    if (size >= 253) {
        *score = size == 253 ? NAN : size == 254 ? INFINITY : -INFINITY;
        return RDB_OK;
    }
    token = rdb_take_bytes(cursor, size, &text);
    if (token == RDB_OK && !number_parse_double(text, score))
        return rdb_bad(cursor, ERR_MALFORMED, "a score that is no number");
    return token;
}

static enum rdb_token take_score(struct rdb_cursor *cursor, double *score)
{
    uint64_t bits;
    enum rdb_token token = rdb_take_little(cursor, sizeof(bits), &bits);
    if (token == RDB_OK) memcpy(score, &bits, sizeof(*score));
    return token;
}

static enum rdb_token pair_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                enum rdb_token (*score_of)(struct rdb_cursor *, double *))
{
    struct bytes member;
    double score;
    struct zset_place place;
    if (decoder->phase == 0) return take_count(decoder, cursor);
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &member);
    if (token == RDB_OK) token = score_of(cursor, &score);
    if (token != RDB_OK) return token;
    if (isnan(score)) return rdb_bad(cursor, ERR_MALFORMED, "a score that is no number");

    struct zset *zset = decoder->value.object;
    if (zset_find(zset, member, &place))
        return rdb_bad(cursor, ERR_MALFORMED, "a member of a sorted set twice");
    zset_insert(&zset, decoder->rules, &place, member, score);
    decoder->value.object = zset;
    ensure(decoder->left > 0);
    decoder->is_done = --decoder->left == 0;
    return RDB_OK;
}

enum rdb_token rdb_zset_text_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return pair_step(decoder, cursor, take_score_text);
}

enum rdb_token rdb_zset_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return pair_step(decoder, cursor, take_score);
}

static enum rdb_token adopt_body(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                 struct bytes body, size_t count)
{
    decoder->value.type = VALUE_ZSET;
    decoder->is_done = count == 0;
    if (decoder->is_done) return RDB_OK;
    struct zset *zset = zset_create_from(body, count, decoder->rules);
    if (zset == NULL) return rdb_bad(cursor, ERR_MALFORMED, "a list that is no sorted set");
    decoder->value.object = zset;
    decoder->is_done = true;
    return RDB_OK;
}

enum rdb_token rdb_zset_listpack_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes packed, body;
    size_t count;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &packed);
    if (token != RDB_OK) return token;
    if (!listpack_open(packed, &body, &count))
        return rdb_bad(cursor, ERR_MALFORMED, "a listpack that is none");
    return adopt_body(decoder, cursor, body, count);
}

enum rdb_token rdb_zset_ziplist_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes packed;
    size_t count;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &packed);
    if (token != RDB_OK) return token;
    buffer_clear(&decoder->second);
    if (!ziplist_open(packed, &decoder->second, &count))
        return rdb_bad(cursor, ERR_MALFORMED, "a ziplist that is none");
    return adopt_body(decoder, cursor, buffer_bytes(&decoder->second), count);
}

/* ---- writing ---- */

uint8_t rdb_zset_number(const struct entry *entry)
{
    return zset_is_small(entry_value(entry)) ? 17 : 5;
}

void rdb_zset_put(struct rdb_writer *writer, const struct entry *entry)
{
    const struct zset *zset = entry_value(entry);
    if (zset_is_small(zset)) {
        rdb_put_listpack(writer, zset_small_body(zset), 2 * zset_count(zset));
        return;
    }
    struct zset_cursor cursor;
    struct zset_item item;
    rdb_put_length(writer, zset_count(zset));
    zset_seek_rank(zset, zset_count(zset), &cursor);
    while (zset_previous(&cursor, &item)) {
        uint64_t bits;
        memcpy(&bits, &item.score, sizeof(bits));
        rdb_put_string(writer, item.member);
        rdb_put_little(writer, bits, sizeof(bits));
    }
}
