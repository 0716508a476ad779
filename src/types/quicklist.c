/* Lists as wholes: made, pushed to, read, walked, freed. */
#include "types/quicklist.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "types/quicklist_inside.h"
#include "types/value_kind.h"

struct quicklist *quicklist_create(void)
{
    return list_of_pack(pack_create());
}

void quicklist_destroy(struct quicklist *list)
{
    if (is_small(list)) {
        pack_destroy(pack_of(list));
        return;
    }
    chain_destroy_nodes(&long_of(list)->chain);
    memory_free_sized(list, sizeof(struct chain_list));
}

size_t quicklist_count(const struct quicklist *list)
{
    return is_small(list) ? pack_count(pack_of(list)) : long_of(list)->chain.count;
}

/* --- pushing ----------------------------------------------------------------------------- */

static void write_element(struct node_ref *ref, size_t at, struct bytes text, size_t wanted)
{
    struct listpack_code code;
    listpack_encode(text, &code);
    listpack_write(listnode_open_gap(ref, at, 0, code.size, wanted), &code);
}

static struct node_ref node_of(const struct value_rules *rules, struct bytes text)
{
    if (limits_are_passed_by(rules, text.size)) return listnode_create_plain(text);
    struct node_ref ref = listnode_create(BYTES_EMPTY, 1, 0);
    write_element(&ref, 0, text, limits_capacity(rules));
    return ref;
}

static void push_one(struct chain_list *list, const struct value_rules *rules, bool is_head,
                     struct bytes text)
{
    struct chain *chain = &list->chain;
    struct place place = is_head ? chain_first(chain) : chain_last(chain);
    bool joins = place.chunk != NULL &&
                 (list->is_one_pack || limits_allow(rules, *place_ref(place), text.size));
    if (!joins) {
        chain_insert(chain, is_head ? place : (struct place){ 0 }, node_of(rules, text));
        quicklist_settle_ends(chain, rules);
        return;
    }
    struct node_ref *ref = place_ref(place);
    listnode_unpack(ref);
    write_element(ref, is_head ? 0 : listnode_size(*ref), text, limits_capacity(rules));
    chain_count(chain, place, 1);
}

void quicklist_push(struct quicklist **list, const struct value_rules *rules, bool is_head,
                    const struct bytes *texts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) size += texts[i].size;
    quicklist_expect(list, rules, size, count);
    if (!is_small(*list)) {
        for (size_t i = 0; i < count; i++) push_one(long_of(*list), rules, is_head, texts[i]);
        return;
    }
    struct pack *pack = pack_of(*list);
    for (size_t i = 0; i < count; i++)
        pack_insert(&pack, is_head ? 0 : pack_body(pack).size, texts[i]);
    *list = list_of_pack(pack);
}

/* --- reading ----------------------------------------------------------------------------- */

static struct bytes read_node(struct node_ref ref, char **unpacked)
{
    memory_free(*unpacked);
    *unpacked = NULL;
    if (ref.form != NODE_LZF) return listnode_body(ref);
    size_t size = listnode_size(ref);
    *unpacked = memory_alloc(size);
    listnode_unpack_into(ref, *unpacked);
    return bytes_of(*unpacked, size);
}

static void enter_node(struct quicklist_cursor *cursor)
{
    struct node_ref ref = *place_ref(cursor->place);
    cursor->body = read_node(ref, &cursor->unpacked);
    cursor->is_plain = ref.form == NODE_PLAIN;
    cursor->at = cursor->is_backward ? cursor->body.size : 0;
}

void quicklist_cursor_init(struct quicklist_cursor *cursor, const struct quicklist *list,
                           size_t index, bool is_backward)
{
    size_t total = quicklist_count(list);
    *cursor = (struct quicklist_cursor){ .is_backward = is_backward };
    if (index >= total) return;
    size_t count = total;
    if (is_small(list)) {
        cursor->body = pack_body(pack_of(list));
    } else {
        cursor->place = chain_seek(&long_of(list)->chain, &index);
        enter_node(cursor);
        count = place_ref(cursor->place)->count;
    }
    if (cursor->is_plain) return;
    cursor->at = listpack_at(cursor->body, (int64_t)index, count);
    if (is_backward) cursor->at = listpack_after(cursor->body, cursor->at);
}

void quicklist_cursor_fini(struct quicklist_cursor *cursor)
{
    memory_free(cursor->unpacked);
}

static bool enter_next_node(struct quicklist_cursor *cursor)
{
    if (cursor->place.chunk == NULL) return false;
    cursor->place = cursor->is_backward ? place_previous(cursor->place) : place_next(cursor->place);
    if (cursor->place.chunk == NULL) {
        cursor->body.size = cursor->at = 0;
        return false;
    }
    enter_node(cursor);
    return true;
}

bool quicklist_next(struct quicklist_cursor *cursor, struct listpack_item *item)
{
    size_t end = cursor->is_backward ? 0 : cursor->body.size;
    if (__builtin_expect(cursor->at == end, 0) && !enter_next_node(cursor)) return false;
    if (__builtin_expect(cursor->is_plain, 0)) {
        cursor->at = cursor->is_backward ? 0 : cursor->body.size;
        *item = (struct listpack_item){ .text = cursor->body };
    } else if (cursor->is_backward) {
        cursor->at = listpack_before(cursor->body, cursor->at);
        listpack_read(cursor->body, cursor->at, item);
    } else {
        cursor->at = listpack_read(cursor->body, cursor->at, item);
    }
    return true;
}

/* --- node by node ------------------------------------------------------------------------ */

size_t quicklist_node_count(const struct quicklist *list)
{
    if (is_small(list)) return pack_count(pack_of(list)) > 0;
    return long_of(list)->chain.node_count;
}

bool quicklist_walk_next(const struct quicklist *list, struct quicklist_walk *walk)
{
    bool is_first = !walk->is_begun;
    walk->is_begun = true;
    if (is_small(list)) {
        walk->body = pack_body(pack_of(list));
        walk->count = pack_count(pack_of(list));
        return is_first && walk->count > 0;
    }
    walk->place = is_first ? chain_first(&long_of(list)->chain) : place_next(walk->place);
    if (walk->place.chunk == NULL) {
        memory_free(walk->unpacked);
        walk->unpacked = NULL;
        return false;
    }
    struct node_ref ref = *place_ref(walk->place);
    walk->is_plain = ref.form == NODE_PLAIN;
    walk->count = ref.count;
    walk->body = read_node(ref, &walk->unpacked);
    return true;
}

struct quicklist *quicklist_begin(void)
{
    return memory_alloc_zero(sizeof(struct chain_list));
}

static void append(struct quicklist *list, const struct value_rules *rules, struct node_ref ref)
{
    chain_insert(&long_of(list)->chain, (struct place){ 0 }, ref);
    quicklist_settle_ends(&long_of(list)->chain, rules);
}

void quicklist_append_node(struct quicklist *list, const struct value_rules *rules,
                           struct bytes body, size_t count)
{
    ensure(count > 0);
    append(list, rules, listnode_create(body, count, 0));
}

void quicklist_append_plain(struct quicklist *list, const struct value_rules *rules,
                            struct bytes element)
{
    append(list, rules, listnode_create_plain(element));
}

void quicklist_finish(struct quicklist **list, const struct value_rules *rules)
{
    quicklist_settle(list, rules, false);
}

/* --- the kind ---------------------------------------------------------------------------- */

static void kind_destroy(void *value)
{
    quicklist_destroy(value);
}

static void *kind_copy(const void *value)
{
    const struct quicklist *list = value;
    if (is_small(list)) return list_of_pack(pack_copy(pack_of(list)));
    struct chain_list *copy = memory_alloc_zero(sizeof(*copy));
    copy->is_one_pack = long_of(list)->is_one_pack;
    for (struct place place = chain_first(&long_of(list)->chain); place.chunk != NULL;
         place = place_next(place))
        chain_insert(&copy->chain, (struct place){ 0 }, listnode_copy(*place_ref(place)));
    return copy;
}

static size_t kind_memory(const void *value, size_t samples)
{
    const struct quicklist *list = value;
    if (is_small(list)) return pack_memory(pack_of(list));
    const struct chain *chain = &long_of(list)->chain;
    size_t size = 0, seen = 0;
    for (struct place place = chain_first(chain);
         place.chunk != NULL && (samples == 0 || seen < samples); place = place_next(place)) {
        size += listnode_memory(*place_ref(place));
        seen++;
    }
    if (seen > 0) size = (size_t)((double)size / (double)seen * (double)chain->node_count);
    return size + chain_memory(chain) + memory_class(sizeof(struct chain_list));
}

static size_t kind_free_effort(const void *value)
{
    return is_small(value) ? 1 : long_of(value)->chain.node_count + 1;
}

static const char *kind_encoding(const void *value)
{
    return is_small(value) || long_of(value)->is_one_pack ? "listpack" : "quicklist";
}

const struct value_kind list_kind = {
    .name = "list",
    .destroy = kind_destroy,
    .copy = kind_copy,
    .memory = kind_memory,
    .free_effort = kind_free_effort,
    .encoding = kind_encoding,
};
