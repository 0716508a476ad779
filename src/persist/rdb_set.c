/* Sets in snapshots: member by member, as the block of an integer set, as a listpack.
 *
 * A set that comes member by member is built as if SADD had been called, so it takes the form
 * that the rules of this process want, whatever it had where it was written; but one of more
 * members than an integer set may have stays a table, as in Valkey. */
#include "persist/rdb_set.h"
#include "base/ensure.h"
#include "types/listpack.h"
#include "types/set.h"

static enum rdb_token finish(struct rdb_decoder *decoder, struct set *set)
{
    decoder->value.object = set;
    decoder->is_done = true;
    return RDB_OK;
}

static enum rdb_token begin_members(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    enum rdb_token token = rdb_take_length(cursor, &decoder->left);
    if (token != RDB_OK) return token;
    decoder->phase = 1;
    decoder->value.type = VALUE_SET;
    decoder->is_done = decoder->left == 0;
    return RDB_OK;
}

enum rdb_token rdb_set_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes member;
    if (decoder->phase == 0) return begin_members(decoder, cursor);
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &member);
    if (token != RDB_OK) return token;

    struct set *set = decoder->value.object;
    if (set == NULL) {
        bool is_long = decoder->left > decoder->rules->set_max_intset_entries;
        set = set_create(decoder->rules, member, is_long ? SIZE_MAX : (size_t)decoder->left);
    }
    bool is_new = set_add(&set, decoder->rules, member);
    decoder->value.object = set;
    if (!is_new) return rdb_bad(cursor, ERR_MALFORMED, "a set with the same member twice");
    if (--decoder->left > 0) return RDB_OK;
    set_settle(&set, decoder->rules);
    return finish(decoder, set);
}

typedef struct set *(*read_packed)(struct bytes raw, const struct value_rules *rules);

static enum rdb_token take_packed(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                  read_packed unpack, const char *why)
{
    struct bytes raw;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &raw);
    if (token != RDB_OK) return token;
    struct set *set = unpack(raw, decoder->rules);
    if (set == NULL) return rdb_bad(cursor, ERR_MALFORMED, why);
    decoder->value.type = VALUE_SET;
    return finish(decoder, set);
}

enum rdb_token rdb_set_intset_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return take_packed(decoder, cursor, set_create_from_intset, "an integer set that is none");
}

enum rdb_token rdb_set_listpack_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return take_packed(decoder, cursor, set_create_from_listpack, "a set whose listpack is none");
}

/* ---- writing ---- */

enum { NUMBER_TABLE = 2, NUMBER_INTSET = 11, NUMBER_LISTPACK = 20 };

uint8_t rdb_set_number(const struct entry *entry)
{
    static const uint8_t numbers[] = {
        [SET_INTSET] = NUMBER_INTSET,
        [SET_PACK] = NUMBER_LISTPACK,
        [SET_TABLE] = NUMBER_TABLE,
    };
    return numbers[set_form(entry_value(entry))];
}

void rdb_set_put(struct rdb_writer *writer, const struct entry *entry)
{
    const struct set *set = entry_value(entry);
    if (set_form(set) == SET_INTSET) {
        rdb_put_string(writer, set_raw(set));
        return;
    }
    if (set_form(set) == SET_PACK) {
        rdb_put_listpack(writer, set_raw(set), set_count(set));
        return;
    }
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    rdb_put_length(writer, set_count(set));
    while (set_walk_next(set, &walk, &scratch, &member)) rdb_put_string(writer, member);
}
