/* Lists in snapshots: element by element, or node by node.
 *
 * Nodes are taken as they come, whatever their size: the next edit that meets one treats it as
 * full. Nodes without elements are passed over, and a list of such has none. */
#include "persist/rdb_list.h"
#include "base/ensure.h"
#include "persist/ziplist.h"
#include "types/quicklist.h"

#define NODE_SIZE_MAX ((size_t)UINT32_MAX - 64) /* a node counts its bytes in 32 bits */

enum { CONTAINER_PLAIN = 1, CONTAINER_PACKED = 2, NUMBER_NODES = 18 };

static enum rdb_token begin(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    enum rdb_token token = rdb_take_length(cursor, &decoder->left);
    if (token != RDB_OK) return token;
    decoder->phase = 1;
    decoder->value.type = VALUE_LIST;
    decoder->is_done = decoder->left == 0;
    return RDB_OK;
}

static struct quicklist *list_of(struct rdb_decoder *decoder)
{
    if (decoder->value.object == NULL) decoder->value.object = quicklist_begin();
    return decoder->value.object;
}

/* One piece was taken. */
static enum rdb_token go_on(struct rdb_decoder *decoder)
{
    ensure(decoder->left > 0);
    if (--decoder->left > 0) return RDB_OK;
    decoder->is_done = true;
    if (decoder->value.object == NULL) return RDB_OK;
    /* A single ziplist stays long, however small it is, as in Valkey. */
    struct quicklist *list = decoder->value.object;
    if (decoder->phase > 0) quicklist_finish(&list, decoder->rules);
    decoder->value.object = list;
    return RDB_OK;
}

enum rdb_token rdb_list_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes element;
    if (decoder->phase == 0) return begin(decoder, cursor);
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &element);
    if (token != RDB_OK) return token;
    struct quicklist *list = list_of(decoder);
    quicklist_push(&list, decoder->rules, false, &element, 1);
    decoder->value.object = list;
    return go_on(decoder);
}

static enum rdb_token take_body(struct rdb_decoder *decoder, struct rdb_cursor *cursor,
                                struct bytes body, size_t count)
{
    if (body.size > NODE_SIZE_MAX)
        return rdb_bad(cursor, ERR_TOO_LARGE, "a node of a list over 4 GiB");
    if (count > 0) quicklist_append_node(list_of(decoder), decoder->rules, body, count);
    return go_on(decoder);
}

static enum rdb_token take_ziplist(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    struct bytes ziplist;
    size_t count;
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &ziplist);
    if (token != RDB_OK) return token;
    buffer_clear(&decoder->second);
    if (!ziplist_open(ziplist, &decoder->second, &count))
        return rdb_bad(cursor, ERR_MALFORMED, "a list whose ziplist is none");
    return take_body(decoder, cursor, buffer_bytes(&decoder->second), count);
}

enum rdb_token rdb_list_ziplist_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    decoder->value.type = VALUE_LIST;
    decoder->left = 1;
    return take_ziplist(decoder, cursor);
}

enum rdb_token rdb_list_ziplists_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    return decoder->phase == 0 ? begin(decoder, cursor) : take_ziplist(decoder, cursor);
}

enum rdb_token rdb_list_nodes_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    uint64_t container;
    struct bytes text;
    struct bytes body;
    size_t count;
    if (decoder->phase == 0) return begin(decoder, cursor);
    enum rdb_token token = rdb_take_length(cursor, &container);
    if (token != RDB_OK) return token;
    if (container != CONTAINER_PLAIN && container != CONTAINER_PACKED)
        return rdb_bad(cursor, ERR_MALFORMED, "a node of a list of unknown kind");
    token = rdb_take_string(cursor, &decoder->room, &text);
    if (token != RDB_OK) return token;
    if (container == CONTAINER_PLAIN) {
        /* Only long elements stand alone; the walk over a list takes an empty node for its end. */
        if (text.size == 0)
            return rdb_bad(cursor, ERR_MALFORMED, "an empty element in a node of its own");
        quicklist_append_plain(list_of(decoder), decoder->rules, text);
        return go_on(decoder);
    }
    if (!listpack_open(text, &body, &count))
        return rdb_bad(cursor, ERR_MALFORMED, "a list whose listpack is none");
    return take_body(decoder, cursor, body, count);
}

/* ---- writing ---- */

uint8_t rdb_list_number(const struct entry *entry)
{
    return NUMBER_NODES;
}

void rdb_list_put(struct rdb_writer *writer, const struct entry *entry)
{
    const struct quicklist *list = entry_value(entry);
    struct quicklist_walk walk = { 0 };
    rdb_put_length(writer, quicklist_node_count(list));
    while (quicklist_walk_next(list, &walk)) {
        rdb_put_length(writer, walk.is_plain ? CONTAINER_PLAIN : CONTAINER_PACKED);
        if (walk.is_plain)
            rdb_put_string(writer, walk.body);
        else
            rdb_put_listpack(writer, walk.body, walk.count);
    }
}
