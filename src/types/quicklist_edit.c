/* Editing lists in the middle: nodes are split where an element comes into a full one, and joined
 * with their neighbours where they have become small. */
#include "base/ensure.h"
#include "base/memory.h"
#include "types/quicklist_inside.h"

static size_t place_of_index(struct node_ref ref, size_t index)
{
    struct bytes body = listnode_body(ref);
    return index == ref.count ? body.size : listpack_at(body, (int64_t)index, ref.count);
}

/* --- removing ---------------------------------------------------------------------------- */

static void remove_in_node(struct chain *chain, const struct value_rules *rules, struct place place,
                           size_t index, size_t count)
{
    struct node_ref *ref = place_ref(place);
    listnode_unpack(ref);
    size_t at = place_of_index(*ref, index);
    size_t end = place_of_index(*ref, index + count);
    listnode_open_gap(ref, at, end - at, 0, 0);
    chain_count(chain, place, -(int64_t)count);
    quicklist_settle_depth(chain, rules, place);
}

static struct place remove_node(struct chain *chain, struct place place)
{
    listnode_destroy(*place_ref(place));
    return chain_take(chain, place);
}

static void remove_in_chain(struct chain *chain, const struct value_rules *rules, size_t index,
                            size_t count)
{
    struct place place = chain_seek(chain, &index);
    for (size_t left = count; left > 0; index = 0) {
        ensure(place.chunk != NULL);
        size_t here = place_ref(place)->count;
        size_t part = MIN(left, here - index);
        bool is_chunk = index == 0 && place.at == 0 && left >= place.chunk->total;
        if (is_chunk) {
            part = place.chunk->total;
            place = chain_drop_chunk(chain, place);
        } else if (part == here) {
            place = remove_node(chain, place);
        } else {
            remove_in_node(chain, rules, place, index, part);
            place = place_next(place);
        }
        left -= part;
    }
    quicklist_settle_ends(chain, rules);
}

void quicklist_remove(struct quicklist **list, const struct value_rules *rules, size_t index,
                      size_t count)
{
    ensure(index + count <= quicklist_count(*list));
    if (is_small(*list) && count == 0) return;
    if (is_small(*list)) {
        struct pack *pack = pack_of(*list);
        size_t at = listpack_at(pack_body(pack), (int64_t)index, pack_count(pack));
        pack_remove(&pack, at, count);
        *list = list_of_pack(pack);
        return;
    }
    if (count > 0) remove_in_chain(&long_of(*list)->chain, rules, index, count);
    quicklist_settle(list, rules, true);
}

void quicklist_rotate(struct quicklist **list, const struct value_rules *rules, bool from_head,
                      bool to_head, struct bytes text)
{
    size_t index = from_head ? 0 : quicklist_count(*list) - 1;
    if (is_small(*list))
        quicklist_remove(list, rules, index, 1);
    else
        remove_in_chain(&long_of(*list)->chain, rules, index, 1);
    quicklist_push(list, rules, to_head, &text, 1);
    quicklist_settle(list, rules, true);
}

#define FOUND_NONE SIZE_MAX

/* The next element that is this text, from `at` on; or before it, looking back. */
static size_t find(struct bytes body, size_t at, bool is_backward, struct bytes text)
{
    if (!is_backward) {
        size_t found = listpack_find(body, at, 0, text);
        return found == body.size ? FOUND_NONE : found;
    }
    while (at > 0) {
        struct listpack_item item;
        at = listpack_before(body, at);
        listpack_read(body, at, &item);
        if (listpack_item_equals(&item, text)) return at;
    }
    return FOUND_NONE;
}

static size_t remove_equal_in_pack(struct pack **pack, struct bytes text, size_t count,
                                   bool from_tail)
{
    size_t removed = 0;
    size_t at = from_tail ? pack_body(*pack).size : 0;
    while (removed < count) {
        at = find(pack_body(*pack), at, from_tail, text);
        if (at == FOUND_NONE) break;
        pack_remove(pack, at, 1);
        removed++;
    }
    return removed;
}

/* Only what is compressed is looked through before it is changed. */
static bool may_have(struct node_ref ref, struct bytes text)
{
    if (ref.form != NODE_LZF) return true;
    size_t size = listnode_size(ref);
    char *body = memory_alloc(size);
    listnode_unpack_into(ref, body);
    bool is_there = find(bytes_of(body, size), 0, false, text) != FOUND_NONE;
    memory_free(body);
    return is_there;
}

/* The node may have no element left then. */
static size_t remove_equal_in_node(struct chain *chain, struct place place, struct bytes text,
                                   size_t count, bool from_tail)
{
    struct node_ref *ref = place_ref(place);
    size_t removed = 0;
    if (ref->form == NODE_PLAIN) {
        removed = bytes_equal(listnode_body(*ref), text);
        chain_count(chain, place, -(int64_t)removed);
        return removed;
    }
    if (!may_have(*ref, text)) return 0;
    listnode_unpack(ref);
    size_t at = from_tail ? listnode_size(*ref) : 0;
    while (removed < count) {
        struct bytes body = listnode_body(*ref);
        at = find(body, at, from_tail, text);
        if (at == FOUND_NONE) break;
        listnode_open_gap(ref, at, listpack_after(body, at) - at, 0, 0);
        removed++;
    }
    chain_count(chain, place, -(int64_t)removed);
    return removed;
}

static size_t remove_equal_in_chain(struct chain *chain, const struct value_rules *rules,
                                    struct bytes text, size_t count, bool from_tail)
{
    size_t removed = 0;
    struct place place = from_tail ? chain_last(chain) : chain_first(chain);
    while (place.chunk != NULL && removed < count) {
        struct place previous = place_previous(place);
        size_t here = remove_equal_in_node(chain, place, text, count - removed, from_tail);
        removed += here;
        if (place_ref(place)->count == 0) {
            place = remove_node(chain, place);
        } else {
            if (here > 0) quicklist_settle_depth(chain, rules, place);
            place = place_next(place);
        }
        if (from_tail) place = previous;
    }
    quicklist_settle_ends(chain, rules);
    return removed;
}

size_t quicklist_remove_equal(struct quicklist **list, const struct value_rules *rules,
                              struct bytes text, size_t count, bool from_tail)
{
    size_t removed;
    if (is_small(*list)) {
        struct pack *pack = pack_of(*list);
        removed = remove_equal_in_pack(&pack, text, count, from_tail);
        *list = list_of_pack(pack);
        return removed;
    }
    removed = remove_equal_in_chain(&long_of(*list)->chain, rules, text, count, from_tail);
    if (removed > 0) quicklist_settle(list, rules, true);
    return removed;
}

/* --- splitting and joining --------------------------------------------------------------- */

/* The node's elements from `index` on become a node behind it. Returns the place of the first. */
static struct place split(struct chain *chain, struct place place, size_t index)
{
    struct node_ref *ref = place_ref(place);
    listnode_unpack(ref);
    struct bytes body = listnode_body(*ref);
    size_t at = place_of_index(*ref, index);
    size_t count = ref->count - index;
    struct node_ref rest = listnode_create(bytes_from(body, at), count, 0);
    listnode_open_gap(ref, at, body.size - at, 0, 0);
    chain_count(chain, place, -(int64_t)count);
    struct place behind =
        chain_insert(chain, (struct place){ .chunk = place.chunk, .at = place.at + 1 }, rest);
    return place_previous(behind);
}

/* Joins the node with the one behind it when both fit into one. */
static void join(struct chain *chain, const struct value_rules *rules, struct place place)
{
    if (place.chunk == NULL) return;
    struct place next = place_next(place);
    if (next.chunk == NULL) return;
    struct node_ref *first = place_ref(place);
    struct node_ref *second = place_ref(next);
    if (!limits_allow_joining(rules, *first, *second)) return;
    listnode_unpack(first);
    listnode_unpack(second);
    struct bytes body = listnode_body(*second);
    char *into =
        listnode_open_gap(first, listnode_size(*first), 0, body.size, limits_capacity(rules));
    memcpy(into, body.data, body.size);
    uint32_t count = second->count;
    remove_node(chain, next);
    chain_count(chain, place, count);
}

/* The neighbours with theirs first, then the node itself, as Valkey does. */
static void join_around(struct chain *chain, const struct value_rules *rules, struct place place)
{
    struct place previous = place_previous(place);
    struct place next = place_next(place);
    if (next.chunk != NULL) join(chain, rules, next);
    if (previous.chunk != NULL) {
        struct place before = place_previous(previous);
        if (before.chunk != NULL) {
            size_t nodes = chain->node_count;
            join(chain, rules, before);
            previous = chain->node_count < nodes ? before : place_next(before);
        }
        size_t nodes = chain->node_count;
        join(chain, rules, previous);
        place = chain->node_count < nodes ? previous : place_next(previous);
    }
    join(chain, rules, place);
    quicklist_settle_depth(chain, rules, place);
    if (place_next(place).chunk != NULL) quicklist_settle_depth(chain, rules, place_next(place));
    if (place_previous(place).chunk != NULL)
        quicklist_settle_depth(chain, rules, place_previous(place));
}

/* --- inserting --------------------------------------------------------------------------- */

static void add_to_node(struct chain *chain, const struct value_rules *rules, struct place place,
                        size_t index, struct bytes text)
{
    struct node_ref *ref = place_ref(place);
    struct listpack_code code;
    listnode_unpack(ref);
    listpack_encode(text, &code);
    size_t at = place_of_index(*ref, index);
    listpack_write(listnode_open_gap(ref, at, 0, code.size, limits_capacity(rules)), &code);
    chain_count(chain, place, 1);
}

static struct node_ref node_of(const struct value_rules *rules, struct bytes text)
{
    if (limits_are_passed_by(rules, text.size)) return listnode_create_plain(text);
    struct listpack_code code;
    listpack_encode(text, &code);
    struct node_ref ref = listnode_create(BYTES_EMPTY, 1, 0);
    listpack_write(listnode_open_gap(&ref, 0, 0, code.size, code.size), &code);
    return ref;
}

static struct place insert_node(struct chain *chain, struct place place, bool is_after,
                                struct node_ref ref)
{
    return chain_insert(
        chain, (struct place){ .chunk = place.chunk, .at = place.at + (is_after ? 1 : 0) }, ref);
}

/* The node is full, and the element comes to stand inside: half of the node makes room. */
static void insert_by_split(struct chain *chain, const struct value_rules *rules,
                            struct place place, size_t index, bool is_after, struct bytes text)
{
    struct place first = split(chain, place, index + (is_after ? 1 : 0));
    struct place second = place_next(first);
    if (limits_are_passed_by(rules, text.size)) {
        insert_node(chain, first, true, node_of(rules, text));
        return;
    }
    if (is_after)
        add_to_node(chain, rules, second, 0, text);
    else
        add_to_node(chain, rules, first, place_ref(first)->count, text);
    join_around(chain, rules, is_after ? first : second);
}

static void insert_in_chain(struct chain *chain, const struct value_rules *rules, size_t index,
                            bool is_after, struct bytes text)
{
    struct place place = chain_seek(chain, &index);
    struct node_ref ref = *place_ref(place);
    struct place other = is_after ? place_next(place) : place_previous(place);
    bool is_at_edge = is_after ? index + 1 == ref.count : index == 0;
    bool is_large = limits_are_passed_by(rules, text.size);
    if (!is_large && limits_allow(rules, ref, text.size)) {
        add_to_node(chain, rules, place, index + (is_after ? 1 : 0), text);
        quicklist_settle_depth(chain, rules, place);
    } else if (!is_large && is_at_edge && other.chunk != NULL &&
               limits_allow(rules, *place_ref(other), text.size)) {
        add_to_node(chain, rules, other, is_after ? 0 : place_ref(other)->count, text);
        quicklist_settle_depth(chain, rules, other);
    } else if (is_at_edge || ref.form == NODE_PLAIN) {
        insert_node(chain, place, is_after, node_of(rules, text));
    } else {
        insert_by_split(chain, rules, place, index, is_after, text);
    }
    quicklist_settle_ends(chain, rules);
}

void quicklist_insert(struct quicklist **list, const struct value_rules *rules, size_t index,
                      bool is_after, struct bytes text)
{
    quicklist_expect(list, rules, text.size, 1);
    if (is_small(*list)) {
        struct pack *pack = pack_of(*list);
        size_t at = listpack_at(pack_body(pack), (int64_t)index, pack_count(pack));
        if (is_after) at = listpack_after(pack_body(pack), at);
        pack_insert(&pack, at, text);
        *list = list_of_pack(pack);
        return;
    }
    struct chain *chain = &long_of(*list)->chain;
    if (long_of(*list)->is_one_pack)
        add_to_node(chain, rules, chain_first(chain), index + (is_after ? 1 : 0), text);
    else
        insert_in_chain(chain, rules, index, is_after, text);
}

/* --- replacing --------------------------------------------------------------------------- */

static void replace_in_node(struct chain *chain, const struct value_rules *rules,
                            struct place place, size_t index, struct bytes text)
{
    struct node_ref *ref = place_ref(place);
    struct listpack_code code;
    listnode_unpack(ref);
    listpack_encode(text, &code);
    size_t at = place_of_index(*ref, index);
    size_t before = listpack_after(listnode_body(*ref), at) - at;
    listpack_write(listnode_open_gap(ref, at, before, code.size, limits_capacity(rules)), &code);
    quicklist_settle_depth(chain, rules, place);
}

/* A large element comes between those before it and those behind it in its node. */
static void replace_by_plain(struct chain *chain, const struct value_rules *rules,
                             struct place place, size_t index, struct bytes text)
{
    if (index + 1 < place_ref(place)->count) place = split(chain, place, index + 1);
    struct place plain = insert_node(chain, place, true, node_of(rules, text));
    place = place_previous(plain);
    if (place_ref(place)->count == 1) {
        remove_node(chain, place);
        return;
    }
    remove_in_node(chain, rules, place, index, 1);
    join_around(chain, rules, plain);
}

/* A large element becomes one that joins the node behind it, if that has room. */
static void replace_plain(struct chain *chain, const struct value_rules *rules, size_t index,
                          struct bytes text)
{
    insert_in_chain(chain, rules, index, true, text);
    remove_node(chain, chain_seek(chain, &index));
}

void quicklist_replace(struct quicklist **list, const struct value_rules *rules, size_t index,
                       struct bytes text)
{
    quicklist_expect(list, rules, text.size, 1);
    if (is_small(*list)) {
        struct pack *pack = pack_of(*list);
        pack_replace(&pack, listpack_at(pack_body(pack), (int64_t)index, pack_count(pack)), text);
        *list = list_of_pack(pack);
        return;
    }
    struct chain *chain = &long_of(*list)->chain;
    size_t inside = index;
    struct place place = chain_seek(chain, &inside);
    bool is_plain = place_ref(place)->form == NODE_PLAIN;
    bool is_large = limits_are_passed_by(rules, text.size);
    if (is_plain && is_large) {
        listnode_destroy(*place_ref(place));
        *place_ref(place) = listnode_create_plain(text);
    } else if (is_plain) {
        replace_plain(chain, rules, index, text);
    } else if (is_large) {
        replace_by_plain(chain, rules, place, inside, text);
    } else {
        replace_in_node(chain, rules, place, inside, text);
    }
    quicklist_settle_ends(chain, rules);
    quicklist_settle(list, rules, true);
}
