/* Elements of collections, taken over for SORT.
 *
 * They are copied: what they are ordered by is looked up by name, and a look-up may take out keys
 * that have expired. */
#include "base/ensure.h"
#include "base/memory.h"
#include "commands/sort.h"
#include "types/quicklist.h"
#include "types/set.h"
#include "types/zset.h"

bool sort_count(const struct entry *entry, size_t *count)
{
    *count = 0;
    if (entry == NULL) return true;
    switch (entry_type(entry)) {
    case VALUE_LIST: *count = quicklist_count(entry_value(entry)); return true;
    case VALUE_SET: *count = set_count(entry_value(entry)); return true;
    case VALUE_ZSET: *count = zset_count(entry_value(entry)); return true;
    default: return false;
    }
}

/* The place of the text is known when all are there, for their room grows. */
static void add(struct sort_items *items, struct bytes text)
{
    struct sort_item *item = &items->items[items->count];
    *item = (struct sort_item){ .text = bytes_of(NULL, text.size), .index = items->count };
    buffer_append(&items->texts, text);
    items->count++;
}

static void load_list(const struct quicklist *list, bool is_backwards, size_t start, size_t end,
                      struct sort_items *items)
{
    struct quicklist_cursor cursor;
    struct listpack_item item;
    struct scratch scratch;
    size_t index = is_backwards ? quicklist_count(list) - 1 - start : start;
    quicklist_cursor_init(&cursor, list, index, is_backwards);
    for (size_t i = start; i < end; i++) {
        bool is_there = quicklist_next(&cursor, &item);
        ensure(is_there);
        add(items, listpack_text(&item, &scratch));
    }
    quicklist_cursor_fini(&cursor);
}

static void load_set(const struct set *set, size_t start, size_t end, struct sort_items *items)
{
    struct set_walk walk = { 0 };
    struct scratch scratch;
    struct bytes member;
    for (size_t i = 0; i < end; i++) {
        bool is_there = set_walk_next(set, &walk, &scratch, &member);
        ensure(is_there);
        if (i >= start) add(items, member);
    }
}

static void load_zset(const struct zset *zset, bool is_backwards, size_t start, size_t end,
                      struct sort_items *items)
{
    struct zset_cursor cursor;
    struct zset_item item;
    zset_seek_rank(zset, is_backwards ? zset_count(zset) - start : start, &cursor);
    for (size_t i = start; i < end; i++) {
        bool is_there = is_backwards ? zset_previous(&cursor, &item) : zset_next(&cursor, &item);
        ensure(is_there);
        add(items, item.member);
    }
}

void sort_load(const struct sort *sort, const struct entry *entry, size_t start, size_t end,
               struct sort_items *items)
{
    bool is_backwards = sort->is_unordered && sort->is_descending;
    *items = (struct sort_items){ 0 };
    if (start == end) return;
    items->items = memory_alloc((end - start) * sizeof(*items->items));
    switch (entry_type(entry)) {
    case VALUE_LIST: load_list(entry_value(entry), is_backwards, start, end, items); break;
    case VALUE_SET: load_set(entry_value(entry), start, end, items); break;
    case VALUE_ZSET: load_zset(entry_value(entry), is_backwards, start, end, items); break;
    default: ensure_unreachable();
    }
    const char *at = items->texts.data;
    for (size_t i = 0; i < items->count; i++) {
        items->items[i].text.data = at;
        at += items->items[i].text.size;
    }
}

void sort_items_fini(struct sort_items *items)
{
    memory_free(items->items);
    buffer_fini(&items->texts);
    buffer_fini(&items->by_texts);
}
