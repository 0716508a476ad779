/* Sets: the three forms, and how one becomes another.
 *
 * The pointer's low bits say what it points at. A table's members are slab entries: the size in
 * one byte, or 255 and four bytes, and the text. With the table's 10.3 bytes a member of 16
 * bytes takes 34.3. */
#include "types/set.h"

#include "base/buffer.h"
#include "base/ensure.h"
#include "base/slabs.h"
#include "base/table_inline.h"
#include "types/intset.h"
#include "types/pack.h"
#include "types/value_kind.h"

/* ---- the pointer ---- */

#define FORM_MASK ((uintptr_t)3)

struct large {
    struct table *table; /* owned, with the members */
    struct hash_key hash_key;
};

enum set_form set_form(const struct set *set)
{
    return (enum set_form)((uintptr_t)set & FORM_MASK);
}

static struct set *tagged(void *object, enum set_form form)
{
    ensure(((uintptr_t)object & FORM_MASK) == 0);
    return (struct set *)((uintptr_t)object | form);
}

static void *untagged(const struct set *set, enum set_form form)
{
    ensure(set_form(set) == form);
    return (void *)((uintptr_t)set ^ form);
}

static struct intset *intset_of(const struct set *set)
{
    return untagged(set, SET_INTSET);
}

static struct pack *pack_of(const struct set *set)
{
    return untagged(set, SET_PACK);
}

static struct large *large_of(const struct set *set)
{
    return untagged(set, SET_TABLE);
}

/* ---- members of a table ---- */

#define MEMBER_WIDE 255

struct member {
    uint8_t size;
    char text[];
};

static inline struct bytes member_text(const void *entry)
{
    const struct member *member = entry;
    if (member->size < MEMBER_WIDE) return bytes_of(member->text, member->size);
    uint32_t size;
    memcpy(&size, member->text, sizeof(size));
    return bytes_of(member->text + sizeof(size), size);
}

static size_t member_size(size_t text_size)
{
    return sizeof(struct member) + (text_size < MEMBER_WIDE ? 0 : sizeof(uint32_t)) + text_size;
}

static struct member *member_create(struct bytes text)
{
    ensure(text.size <= UINT32_MAX);
    struct member *member = slabs_alloc(member_size(text.size));
    char *into = member->text;
    if (text.size < MEMBER_WIDE) {
        member->size = (uint8_t)text.size;
    } else {
        uint32_t size = (uint32_t)text.size;
        member->size = MEMBER_WIDE;
        memcpy(into, &size, sizeof(size));
        into += sizeof(size);
    }
    if (text.size > 0) memcpy(into, text.data, text.size);
    return member;
}

static void member_destroy(void *context, void *entry)
{
    (void)context;
    slabs_free(entry, member_size(member_text(entry).size));
}

static struct table_rules table_rules_of(const struct large *large)
{
    return (struct table_rules){ member_text, large->hash_key };
}

static struct table_cell *large_find(const struct large *large, struct bytes member)
{
    uint64_t hash = hash_bytes(&large->hash_key, member);
    return table_find_inline(large->table, hash, member, member_text);
}

static bool large_add(struct large *large, struct bytes member)
{
    uint64_t hash = hash_bytes(&large->hash_key, member);
    if (table_find_inline(large->table, hash, member, member_text) != NULL) return false;
    struct table_rules rules = table_rules_of(large);
    table_insert(&large->table, &rules, hash, member_create(member));
    return true;
}

static bool large_remove(struct large *large, struct bytes member)
{
    uint64_t hash = hash_bytes(&large->hash_key, member);
    struct table_cell *cell = table_find_inline(large->table, hash, member, member_text);
    if (cell == NULL) return false;
    struct table_rules rules = table_rules_of(large);
    void *entry = table_cell_entry(cell);
    table_remove(&large->table, &rules, hash, cell);
    member_destroy(NULL, entry);
    return true;
}

/* ---- making one ---- */

static struct set *large_create(const struct hash_key *hash_key)
{
    struct large *large = slabs_alloc(sizeof(*large));
    *large = (struct large){ .hash_key = *hash_key };
    return tagged(large, SET_TABLE);
}

struct set *set_create_empty(void)
{
    return tagged(intset_create(), SET_INTSET);
}

struct set *set_create(const struct value_rules *rules, struct bytes first, size_t expected)
{
    int64_t value;
    if (expected <= rules->set_max_intset_entries && number_parse(first, &value))
        return set_create_empty();
    if (expected <= rules->set_max_listpack_entries) return tagged(pack_create(), SET_PACK);
    return large_create(&rules->hash_key);
}

void set_destroy(struct set *set)
{
    if (set_form(set) == SET_INTSET) {
        intset_destroy(intset_of(set));
    } else if (set_form(set) == SET_PACK) {
        pack_destroy(pack_of(set));
    } else {
        struct large *large = large_of(set);
        table_destroy(large->table, member_destroy, NULL);
        slabs_free(large, sizeof(*large));
    }
}

/* Each member is made anew from the text of the old one; the hash decides its place. */
static struct set *large_copy(const struct large *large)
{
    struct set *copy = large_create(&large->hash_key);
    struct large *into = large_of(copy);
    struct table_rules rules = table_rules_of(into);
    struct table_walk walk = { 0 };
    const struct table_cell *cell;
    while ((cell = table_walk_next(large->table, &walk)) != NULL) {
        struct bytes text = member_text(table_cell_entry(cell));
        uint64_t hash = hash_bytes(&into->hash_key, text);
        table_insert(&into->table, &rules, hash, member_create(text));
    }
    return copy;
}

struct set *set_copy(const struct set *set)
{
    if (set_form(set) == SET_INTSET) return tagged(intset_copy(intset_of(set)), SET_INTSET);
    if (set_form(set) == SET_PACK) return tagged(pack_copy(pack_of(set)), SET_PACK);
    return large_copy(large_of(set));
}

/* ---- asking ---- */

size_t set_count(const struct set *set)
{
    if (set_form(set) == SET_INTSET) return intset_count(intset_of(set));
    if (set_form(set) == SET_PACK) return pack_count(pack_of(set));
    return table_count(large_of(set)->table);
}

static bool pack_has(const struct pack *pack, struct bytes member)
{
    struct bytes body = pack_body(pack);
    return listpack_find(body, 0, 0, member) < body.size;
}

bool set_has(const struct set *set, struct bytes member)
{
    int64_t value;
    size_t index;
    if (set_form(set) == SET_TABLE) return large_find(large_of(set), member) != NULL;
    if (set_form(set) == SET_PACK) return pack_has(pack_of(set), member);
    return number_parse(member, &value) && intset_find(intset_of(set), value, &index);
}

/* ---- walking ---- */

static struct bytes print(int64_t value, struct scratch *scratch)
{
    return bytes_of(scratch->text, number_print(value, scratch->text));
}

bool set_walk_next(const struct set *set, struct set_walk *walk, struct scratch *scratch,
                   struct bytes *member)
{
    if (set_form(set) == SET_TABLE) {
        const struct table_cell *cell = table_walk_next(large_of(set)->table, &walk->table);
        if (cell == NULL) return false;
        *member = member_text(table_cell_entry(cell));
        return true;
    }
    if (set_form(set) == SET_PACK) {
        struct listpack_item item;
        struct bytes body = pack_body(pack_of(set));
        if (walk->at == body.size) return false;
        walk->at = listpack_read(body, walk->at, &item);
        *member = listpack_text(&item, scratch);
        return true;
    }
    const struct intset *integers = intset_of(set);
    if (walk->at == intset_count(integers)) return false;
    *member = print(intset_at(integers, walk->at++), scratch);
    return true;
}

struct bytes set_random(const struct set *set, struct prng *prng, struct scratch *scratch)
{
    if (set_form(set) == SET_TABLE)
        return member_text(table_cell_entry(table_random(large_of(set)->table, prng)));
    size_t count = set_count(set);
    ensure(count > 0);
    size_t index = (size_t)prng_below(prng, count);
    if (set_form(set) == SET_INTSET) return print(intset_at(intset_of(set), index), scratch);
    struct listpack_item item;
    struct bytes body = pack_body(pack_of(set));
    listpack_read(body, listpack_at(body, (int64_t)index, count), &item);
    return listpack_text(&item, scratch);
}

struct scan {
    set_visit visit;
    void *context;
};

static void scan_cell(void *context, const struct table_cell *cell)
{
    const struct scan *scan = context;
    scan->visit(scan->context, member_text(table_cell_entry(cell)));
}

uint64_t set_scan(const struct set *set, uint64_t cursor, set_visit visit, void *context)
{
    struct scan scan = { visit, context };
    if (set_form(set) == SET_TABLE)
        return table_scan(large_of(set)->table, cursor, scan_cell, &scan);
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (set_walk_next(set, &walk, &scratch, &member)) visit(context, member);
    return 0;
}

/* ---- changing forms ---- */

static void become_table(struct set **place, const struct value_rules *rules)
{
    struct set *set = large_create(&rules->hash_key);
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (set_walk_next(*place, &walk, &scratch, &member)) {
        bool is_new = large_add(large_of(set), member);
        ensure(is_new);
    }
    set_destroy(*place);
    *place = set;
}

static void become_pack(struct set **place)
{
    const struct intset *integers = intset_of(*place);
    size_t count = intset_count(integers);
    struct buffer body = { 0 };
    for (size_t i = 0; i < count; i++) listpack_append_integer(&body, intset_at(integers, i));
    struct pack *pack = pack_create_from(buffer_bytes(&body), count);
    buffer_fini(&body);
    set_destroy(*place);
    *place = tagged(pack, SET_PACK);
}

void set_expect(struct set **set, const struct value_rules *rules, size_t count)
{
    bool is_too_much = (set_form(*set) == SET_PACK && count > rules->set_max_listpack_entries) ||
                       (set_form(*set) == SET_INTSET && count > rules->set_max_intset_entries);
    if (is_too_much) become_table(set, rules);
}

/* An integer set into which a text comes: does a pack take it? */
static bool fits_pack(const struct intset *integers, const struct value_rules *rules,
                      struct bytes member)
{
    size_t count = intset_count(integers);
    return count < rules->set_max_listpack_entries && count < PACK_COUNT_MAX &&
           member.size <= rules->set_max_listpack_value &&
           !intset_is_longer(integers, rules->set_max_listpack_value);
}

static bool intset_take(struct set **place, const struct value_rules *rules, int64_t value)
{
    struct intset *integers = intset_of(*place);
    if (!intset_add(&integers, value)) return false;
    *place = tagged(integers, SET_INTSET);
    if (intset_count(integers) > rules->set_max_intset_entries) become_table(place, rules);
    return true;
}

bool set_add(struct set **place, const struct value_rules *rules, struct bytes member)
{
    int64_t value;
    if (set_form(*place) == SET_INTSET) {
        if (number_parse(member, &value)) return intset_take(place, rules, value);
        if (fits_pack(intset_of(*place), rules, member))
            become_pack(place);
        else
            become_table(place, rules);
    }
    if (set_form(*place) == SET_TABLE) return large_add(large_of(*place), member);

    struct pack *pack = pack_of(*place);
    if (pack_has(pack, member)) return false;
    if (member.size > rules->set_max_listpack_value ||
        pack_count(pack) >= rules->set_max_listpack_entries ||
        !pack_has_room(pack, 1, member.size)) {
        become_table(place, rules);
        return large_add(large_of(*place), member);
    }
    pack_insert(&pack, pack_body(pack).size, member);
    *place = tagged(pack, SET_PACK);
    return true;
}

bool set_remove(struct set **place, struct bytes member)
{
    if (set_form(*place) == SET_TABLE) return large_remove(large_of(*place), member);
    if (set_form(*place) == SET_PACK) {
        struct pack *pack = pack_of(*place);
        size_t at = listpack_find(pack_body(pack), 0, 0, member);
        if (at == pack_body(pack).size) return false;
        pack_remove(&pack, at, 1);
        *place = tagged(pack, SET_PACK);
        return true;
    }
    int64_t value;
    struct intset *integers = intset_of(*place);
    if (!number_parse(member, &value) || !intset_remove(&integers, value)) return false;
    *place = tagged(integers, SET_INTSET);
    return true;
}

void set_settle(struct set **place, const struct value_rules *rules)
{
    if (set_form(*place) == SET_INTSET) return;
    if (set_count(*place) > rules->set_max_intset_entries) return;
    struct intset *integers = intset_create();
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    while (set_walk_next(*place, &walk, &scratch, &member)) {
        int64_t value;
        if (!number_parse(member, &value)) {
            intset_destroy(integers);
            return;
        }
        intset_add(&integers, value);
    }
    set_destroy(*place);
    *place = tagged(integers, SET_INTSET);
}

/* ---- snapshots ---- */

struct bytes set_raw(const struct set *set)
{
    if (set_form(set) == SET_INTSET) return intset_raw(intset_of(set));
    return pack_body(pack_of(set));
}

struct set *set_create_from_intset(struct bytes raw, const struct value_rules *rules)
{
    if (!intset_is_sound(raw)) return NULL;
    struct set *set = tagged(intset_create_from(raw), SET_INTSET);
    if (set_count(set) == 0) {
        set_destroy(set);
        return NULL;
    }
    if (set_count(set) > rules->set_max_intset_entries) become_table(&set, rules);
    return set;
}

/* Into a table first: it tells duplicates in constant time each. And into a body of our own
 * encoding, for others may hold as text what we would look for as an integer. */
struct set *set_create_from_listpack(struct bytes framed, const struct value_rules *rules)
{
    struct bytes body;
    size_t count, longest = 0;
    if (!listpack_open(framed, &body, &count) || count == 0) return NULL;
    struct set *set = large_create(&rules->hash_key);
    struct buffer own = { 0 };
    bool is_sound = true;
    for (size_t at = 0; at < body.size && is_sound;) {
        struct listpack_item item;
        struct scratch scratch;
        at = listpack_read(body, at, &item);
        struct bytes text = listpack_text(&item, &scratch);
        longest = MAX(longest, text.size);
        listpack_append(&own, text);
        is_sound = large_add(large_of(set), text);
    }
    bool is_small = count <= rules->set_max_listpack_entries && count <= PACK_COUNT_MAX &&
                    longest <= rules->set_max_listpack_value && own.size <= PACK_SIZE_MAX;
    if (!is_sound || is_small) {
        set_destroy(set);
        set = is_sound ? tagged(pack_create_from(buffer_bytes(&own), count), SET_PACK) : NULL;
    }
    buffer_fini(&own);
    return set;
}

/* ---- the kind ---- */

static void kind_destroy(void *value)
{
    set_destroy(value);
}

static void *kind_copy(const void *value)
{
    return set_copy(value);
}

static size_t large_memory(const struct large *large, size_t samples)
{
    size_t count = table_count(large->table), seen = 0, bytes = 0;
    struct table_walk walk = { 0 };
    const struct table_cell *cell;
    while ((samples == 0 || seen < samples) &&
           (cell = table_walk_next(large->table, &walk)) != NULL) {
        bytes += slabs_class(member_size(member_text(table_cell_entry(cell)).size));
        seen++;
    }
    if (seen > 0) bytes = (size_t)((double)bytes / (double)seen * (double)count);
    return slabs_class(sizeof(*large)) + table_memory(large->table) + bytes;
}

static size_t kind_memory(const void *value, size_t samples)
{
    if (set_form(value) == SET_INTSET) return intset_memory(intset_of(value));
    if (set_form(value) == SET_PACK) return pack_memory(pack_of(value));
    return large_memory(large_of(value), samples);
}

static size_t kind_free_effort(const void *value)
{
    return set_form(value) == SET_TABLE ? set_count(value) : 1;
}

static const char *kind_encoding(const void *value)
{
    static const char *const names[] = { "intset", "listpack", "hashtable" };
    return names[set_form(value)];
}

static const struct table *kind_table(const void *value)
{
    return set_form(value) == SET_TABLE ? large_of(value)->table : NULL;
}

const struct value_kind set_kind = {
    .name = "set",
    .destroy = kind_destroy,
    .copy = kind_copy,
    .memory = kind_memory,
    .free_effort = kind_free_effort,
    .encoding = kind_encoding,
    .table = kind_table,
};
