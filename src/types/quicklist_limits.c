/* When a list changes its form, and which nodes are compressed. */
#include "base/ensure.h"
#include "base/memory.h"
#include "types/quicklist_inside.h"

#define SIZE_SAFE     8192 /* of a node when only its elements are limited */
#define SIZE_ESTIMATE 8    /* for the head and tail of an element that joins */

static size_t size_limit(const struct value_rules *rules)
{
    int fill = rules->list_max_listpack_size;
    return fill >= 0 ? SIZE_MAX : (size_t)4096 << (MIN(-fill, 5) - 1);
}

static size_t count_limit(const struct value_rules *rules)
{
    int fill = rules->list_max_listpack_size;
    return fill < 0 ? SIZE_MAX : (size_t)MAX(fill, 1);
}

bool limits_exceeded(const struct value_rules *rules, size_t size, size_t count)
{
    if (rules->list_max_listpack_size < 0) return size > size_limit(rules);
    return size > SIZE_SAFE || count > count_limit(rules);
}

bool limits_are_passed_by(const struct value_rules *rules, size_t element_size)
{
    if (rules->list_plain_min != 0 && element_size >= rules->list_plain_min) return true;
    return element_size >
           MIN(size_limit(rules), rules->list_max_listpack_size < 0 ? SIZE_MAX : SIZE_SAFE);
}

bool limits_allow(const struct value_rules *rules, struct node_ref ref, size_t element_size)
{
    if (ref.form == NODE_PLAIN || limits_are_passed_by(rules, element_size)) return false;
    size_t size = listnode_size(ref) + LISTPACK_FRAME + element_size + SIZE_ESTIMATE;
    return !limits_exceeded(rules, size, ref.count + 1u);
}

bool limits_allow_joining(const struct value_rules *rules, struct node_ref a, struct node_ref b)
{
    if (a.form == NODE_PLAIN || b.form == NODE_PLAIN) return false;
    return !limits_exceeded(rules, listnode_size(a) + listnode_size(b) + LISTPACK_FRAME,
                            (size_t)a.count + b.count);
}

size_t limits_capacity(const struct value_rules *rules)
{
    size_t allocated = rules->list_max_listpack_size < 0 ? size_limit(rules) : SIZE_SAFE;
    return allocated - 16; /* the head of a node, so that both fill a class of the allocator */
}

/* --- the two forms ----------------------------------------------------------------------- */

static void become_long(struct quicklist **list, const struct value_rules *rules, bool is_one_pack)
{
    struct pack *pack = pack_of(*list);
    struct chain_list *chain_list = memory_alloc_zero(sizeof(*chain_list));
    chain_list->is_one_pack = is_one_pack;
    if (pack_count(pack) > 0)
        chain_insert(&chain_list->chain, (struct place){ 0 },
                     listnode_create(pack_body(pack), pack_count(pack), 0));
    pack_destroy(pack);
    *list = (struct quicklist *)chain_list;
}

void quicklist_expect(struct quicklist **list, const struct value_rules *rules, size_t size,
                      size_t count)
{
    if (is_small(*list)) {
        const struct pack *pack = pack_of(*list);
        size_t framed = pack_body(pack).size + LISTPACK_FRAME;
        bool is_exceeded = limits_exceeded(rules, framed + size, pack_count(pack) + count);
        if (is_exceeded || !pack_has_room(pack, count, size))
            become_long(list, rules, !is_exceeded);
    } else if (long_of(*list)->is_one_pack) {
        const struct chain *chain = &long_of(*list)->chain;
        size_t framed = LISTPACK_FRAME;
        if (chain->node_count > 0) framed += listnode_size(*place_ref(chain_first(chain)));
        if (limits_exceeded(rules, framed + size, chain->count + count))
            long_of(*list)->is_one_pack = false;
    }
}

void quicklist_settle(struct quicklist **list, const struct value_rules *rules, bool is_shrinking)
{
    if (is_small(*list)) return;
    struct chain_list *chain_list = long_of(*list);
    struct chain *chain = &chain_list->chain;
    if (chain->node_count != 1) return;
    struct node_ref *ref = place_ref(chain_first(chain));
    size_t part = is_shrinking ? 2 : 1;
    if (ref->form == NODE_PLAIN) return;
    bool is_large = listnode_size(*ref) + LISTPACK_FRAME > size_limit(rules) / part ||
                    ref->count > count_limit(rules) / part;
    if (is_large && !chain_list->is_one_pack) return;
    chain_list->is_one_pack = true;
    if (ref->count > PACK_COUNT_MAX / part || listnode_size(*ref) > PACK_SIZE_MAX) return;

    listnode_unpack(ref);
    struct pack *pack = pack_create_from(listnode_body(*ref), ref->count);
    chain_destroy_nodes(chain);
    memory_free_sized(chain_list, sizeof(*chain_list));
    *list = list_of_pack(pack);
}

/* --- compression ------------------------------------------------------------------------- */

static bool is_inner(const struct chain *chain, unsigned depth, struct place place)
{
    if (depth == 0 || chain->node_count <= 2 * (size_t)depth) return false;
    struct place from_first = chain_first(chain);
    struct place from_last = chain_last(chain);
    for (unsigned i = 0; i < depth; i++) {
        if (from_first.chunk == place.chunk && from_first.at == place.at) return false;
        if (from_last.chunk == place.chunk && from_last.at == place.at) return false;
        from_first = place_next(from_first);
        from_last = place_previous(from_last);
    }
    return true;
}

void quicklist_settle_depth(struct chain *chain, const struct value_rules *rules,
                            struct place place)
{
    if (place.chunk == NULL) return;
    if (is_inner(chain, rules->list_compress_depth, place))
        listnode_compress(place_ref(place));
    else
        listnode_unpack(place_ref(place));
}

/* Nodes come and go at the ends only, so what is wrong is near the border. */
void quicklist_settle_ends(struct chain *chain, const struct value_rules *rules)
{
    unsigned depth = rules->list_compress_depth;
    struct place from_first = chain_first(chain);
    struct place from_last = chain_last(chain);
    if (depth == 0) {
        if (from_first.chunk == NULL) return;
        listnode_unpack(place_ref(from_first)); /* it was compressed under another option */
        listnode_unpack(place_ref(from_last));
        return;
    }
    for (unsigned i = 0; i < depth && from_first.chunk != NULL; i++) {
        listnode_unpack(place_ref(from_first));
        listnode_unpack(place_ref(from_last));
        from_first = place_next(from_first);
        from_last = place_previous(from_last);
    }
    if (chain->node_count <= 2 * (size_t)depth) return;
    listnode_compress(place_ref(from_first));
    listnode_compress(place_ref(from_last));
}
