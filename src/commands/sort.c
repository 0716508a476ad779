/* SORT and SORT_RO: elements of a list, a set or a sorted set in the order of numbers or texts,
 * their own or those that keys made from them hold; answered or stored. */
#include "commands/sort.h"

#include "base/ensure.h"
#include "commands/patterns.h"
#include "commands/rows.h"
#include "types/quicklist.h"
#include <stdlib.h>

/* --- what is asked for --------------------------------------------------------------------- */

/* All keys that the pattern makes must be in the slot of the sorted one. */
static bool pattern_is_allowed(struct sort *sort, struct bytes pattern, const char *option)
{
    struct call *call = sort->call;
    struct key key = call_key(call, 1);
    if (!keyspace_is_clustered(call->keyspace)) return true;
    if (pattern_slot(call, pattern) == (int32_t)key.slot) return true;
    reply_error_format(call,
                       "ERR %s option of SORT denied in Cluster mode when keys formed by the "
                       "pattern may be in different slots.",
                       option);
    return false;
}

static bool parse_by(struct sort *sort, uint32_t at)
{
    sort->by = call_arg(sort->call, at);
    if (bytes_index_of(sort->by, '*') < 0) {
        sort->is_unordered = true;
        return true;
    }
    return pattern_is_allowed(sort, sort->by, "BY");
}

static bool parse_get(struct sort *sort, uint32_t at)
{
    struct bytes pattern = call_arg(sort->call, at);
    if (!bytes_equal(pattern, BYTES("#")) && !pattern_is_allowed(sort, pattern, "GET"))
        return false;
    sort->get_count++;
    return true;
}

/* One option, of which *at is moved to the last word; false when an error was answered. */
static bool parse_option(struct sort *sort, uint32_t *at, bool may_store)
{
    struct call *call = sort->call;
    uint32_t left = call->argc - *at - 1;
    if (call_arg_is(call, *at, "asc")) {
        sort->is_descending = false;
    } else if (call_arg_is(call, *at, "desc")) {
        sort->is_descending = true;
    } else if (call_arg_is(call, *at, "alpha")) {
        sort->is_alpha = true;
    } else if (call_arg_is(call, *at, "limit") && left >= 2) {
        if (!call_integer(call, *at + 1, &sort->offset)) return false;
        if (!call_integer(call, *at + 2, &sort->count)) return false;
        *at += 2;
    } else if (call_arg_is(call, *at, "store") && left >= 1 && may_store) {
        sort->store = ++*at;
    } else if (call_arg_is(call, *at, "by") && left >= 1) {
        return parse_by(sort, ++*at);
    } else if (call_arg_is(call, *at, "get") && left >= 1) {
        return parse_get(sort, ++*at);
    } else {
        reply_syntax_error(call);
        return false;
    }
    return true;
}

static bool parse(struct sort *sort, bool may_store)
{
    for (uint32_t at = 2; at < sort->call->argc; at++)
        if (!parse_option(sort, &at, may_store)) return false;
    return true;
}

/* The next GET pattern behind this argument: the options are known to be sound. */
static struct bytes next_get(const struct call *call, uint32_t *at)
{
    for (;;) {
        ensure(*at < call->argc);
        bool is_get = call_arg_is(call, *at, "get");
        if (call_arg_is(call, *at, "limit"))
            *at += 3;
        else if (is_get || call_arg_is(call, *at, "by") || call_arg_is(call, *at, "store"))
            *at += 2;
        else
            *at += 1;
        if (is_get) return call_arg(call, *at - 1);
    }
}

static void range_of(const struct sort *sort, size_t count, size_t *start, size_t *end)
{
    *start = (size_t)MIN((uint64_t)MAX(sort->offset, 0), (uint64_t)count);
    *end = count;
    if (sort->count >= 0) *end = *start + (size_t)MIN((uint64_t)sort->count, count - *start);
}

/* --- order --------------------------------------------------------------------------------- */

static int by_place(const struct sort_item *a, const struct sort_item *b)
{
    return (a->index > b->index) - (a->index < b->index);
}

/* Equal numbers are ordered by the elements themselves. */
static int by_number(const struct sort_item *a, const struct sort_item *b)
{
    if (a->weight != b->weight) return a->weight < b->weight ? -1 : 1;
    return bytes_compare(a->text, b->text);
}

/* What was not found is before everything else. */
static int by_text(const struct sort_item *a, const struct sort_item *b)
{
    if (a->by.data == NULL || b->by.data == NULL)
        return (a->by.data != NULL) - (b->by.data != NULL);
    return bytes_compare(a->by, b->by);
}

static int number_up(const void *a, const void *b)
{
    int order = by_number(a, b);
    return order != 0 ? order : by_place(a, b);
}

static int number_down(const void *a, const void *b)
{
    int order = by_number(b, a);
    return order != 0 ? order : by_place(a, b);
}

static int text_up(const void *a, const void *b)
{
    int order = by_text(a, b);
    return order != 0 ? order : by_place(a, b);
}

static int text_down(const void *a, const void *b)
{
    int order = by_text(b, a);
    return order != 0 ? order : by_place(a, b);
}

#define NOT_FOUND SIZE_MAX /* a size, until the texts have their place */

static void weigh_texts(struct sort *sort, struct sort_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        struct sort_found found;
        struct sort_item *item = &items->items[i];
        item->by = item->text;
        if (sort->by.data == NULL) continue;
        if (sort_pattern_find(sort, sort->by, item->text, &found, &item->by))
            buffer_append(&items->by_texts, item->by);
        else
            item->by = bytes_of(NULL, NOT_FOUND);
    }
    if (sort->by.data == NULL) return;
    const char *at = items->by_texts.data;
    for (size_t i = 0; i < items->count; i++) {
        struct bytes *by = &items->items[i].by;
        bool is_found = by->size != NOT_FOUND;
        *by = is_found ? bytes_of(by->size == 0 ? "" : at, by->size) : (struct bytes){ 0 };
        at = is_found && by->size > 0 ? at + by->size : at;
    }
}

/* As numbers; what is not found weighs nothing. False when one is no number. */
static bool weigh_numbers(struct sort *sort, struct sort_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        struct sort_found found;
        struct sort_item *item = &items->items[i];
        struct bytes text = item->text;
        if (sort->by.data != NULL &&
            !sort_pattern_find(sort, sort->by, item->text, &found, &text)) {
            item->weight = 0;
            continue;
        }
        if (!number_parse_double(text, &item->weight)) return false;
    }
    return true;
}

static bool order(struct sort *sort, struct sort_items *items)
{
    if (sort->is_unordered || items->count == 0) return true;
    if (sort->is_alpha) {
        weigh_texts(sort, items);
        qsort(items->items, items->count, sizeof(items->items[0]),
              sort->is_descending ? text_down : text_up);
        return true;
    }
    if (!weigh_numbers(sort, items)) return false;
    qsort(items->items, items->count, sizeof(items->items[0]),
          sort->is_descending ? number_down : number_up);
    return true;
}

/* --- what comes out ------------------------------------------------------------------------ */

static void reply_items(struct sort *sort, const struct sort_items *items, size_t start, size_t end)
{
    struct call *call = sort->call;
    reply_array(call, (end - start) * MAX(sort->get_count, 1u));
    for (size_t i = start; i < end; i++) {
        struct bytes element = items->items[i].text;
        if (sort->get_count == 0) reply_bytes(call, element);
        uint32_t at = 2;
        for (uint32_t get = 0; get < sort->get_count; get++) {
            struct sort_found found;
            struct bytes text;
            if (sort_pattern_find(sort, next_get(call, &at), element, &found, &text))
                reply_bytes(call, text);
            else
                reply_null(call);
        }
    }
}

/* What was not found is stored as an empty text. */
static struct quicklist *list_of(struct sort *sort, const struct sort_items *items, size_t start,
                                 size_t end)
{
    const struct value_rules *rules = keyspace_value_rules(sort->call->keyspace);
    struct quicklist *list = quicklist_create();
    for (size_t i = start; i < end; i++) {
        struct bytes element = items->items[i].text;
        if (sort->get_count == 0) quicklist_push(&list, rules, false, &element, 1);
        uint32_t at = 2;
        for (uint32_t get = 0; get < sort->get_count; get++) {
            struct sort_found found;
            struct bytes text;
            if (!sort_pattern_find(sort, next_get(sort->call, &at), element, &found, &text))
                text = BYTES_EMPTY;
            quicklist_push(&list, rules, false, &text, 1);
        }
    }
    return list;
}

static void store_items(struct sort *sort, const struct sort_items *items, size_t start, size_t end)
{
    struct call *call = sort->call;
    struct key key = call_key(call, sort->store);
    struct quicklist *list = list_of(sort, items, start, end);
    size_t count = quicklist_count(list);
    if (count > 0) {
        keyspace_put_value(call->keyspace, call->access, &key, VALUE_LIST, list, PUT_PLAIN);
        call_notify(call, NOTIFY_LIST, "sortstore", &key);
    } else {
        quicklist_destroy(list);
        if (keyspace_delete(call->keyspace, call->access, &key))
            call_notify(call, NOTIFY_GENERIC, "del", &key);
    }
    reply_integer(call, (int64_t)count);
}

static void run(struct sort *sort, const struct entry *entry, size_t count)
{
    struct sort_items items;
    size_t start, end;
    range_of(sort, count, &start, &end);
    size_t first = sort->is_unordered ? start : 0;
    sort_load(sort, entry, first, sort->is_unordered ? end : count, &items);
    if (!order(sort, &items))
        reply_error(sort->call, "ERR One or more scores can't be converted into double");
    else if (sort->store > 0)
        store_items(sort, &items, start - first, end - first);
    else
        reply_items(sort, &items, start - first, end - first);
    sort_items_fini(&items);
}

/* A set in a table has no order: to be stored, and the same on a replica, it gets one. */
static void order_stored_set(struct sort *sort, const struct entry *entry)
{
    if (entry == NULL || entry_type(entry) != VALUE_SET) return;
    if (!sort->is_unordered || sort->store == 0) return;
    sort->is_unordered = false;
    sort->is_alpha = true;
    sort->by = (struct bytes){ 0 };
}

static void sort_any(struct call *call, bool may_store)
{
    struct sort sort = { .call = call, .count = -1 };
    size_t count;
    if (!parse(&sort, may_store)) return;
    struct key key = call_key(call, 1);
    const struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
    order_stored_set(&sort, entry);
    if (!sort_count(entry, &count))
        reply_wrong_type(call);
    else
        run(&sort, entry, count);
    buffer_fini(&sort.name);
}

static void sort(struct call *call)
{
    sort_any(call, true);
}

/* The last STORE counts. */
static bool sort_find_keys(const struct bytes *argv, uint32_t argc, struct key_places *places)
{
    uint32_t store = 0;
    for (uint32_t at = 2; at < argc; at++) {
        uint32_t left = argc - at - 1;
        if (bytes_is_word(argv[at], "limit") && left >= 2)
            at += 2;
        else if ((bytes_is_word(argv[at], "get") || bytes_is_word(argv[at], "by")) && left >= 1)
            at++;
        else if (bytes_is_word(argv[at], "store") && left >= 1)
            store = ++at;
    }
    key_places_add(places, 1, KEY_RO | KEY_ACCESS);
    if (store > 0) key_places_add(places, store, KEY_OW | KEY_UPDATE);
    return true;
}

static void sort_ro(struct call *call)
{
    sort_any(call, false);
}

#define BY_NOTES                                                                                   \
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from "   \
    "the content of the key we sort"

#define STORE_NOTES                                                                                \
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear "       \
    "anywhere in the argument array"

/* clang-format off */
const struct command sort_commands[] = {
    { .name = "sort", .run = sort, .find_keys = sort_find_keys, .arity = -2,
      .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_DANGEROUS | ACL_LIST | ACL_SET | ACL_SORTED_SET,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RO | KEY_ACCESS),
                        SPEC_UNKNOWN(.flags = KEY_RO | KEY_ACCESS,
                        .notes = BY_NOTES),
                        SPEC_UNKNOWN(.flags = KEY_OW | KEY_UPDATE,
                        .notes = STORE_NOTES)),
      .group = GROUP_GENERIC,
      .args = "key [BY=by-pattern:pattern#1/pattern] [LIMIT=limit{offset:integer "
          "count:integer}] [GET=get-pattern:pattern#1/pattern+...] [order(ASC|DESC)] "
          "[sorting:ALPHA] [STORE=destination:key#2]", .since = "1.0.0",
      .complexity = "O(N+M*log(M)) where N is the number of elements in the list or set "
          "to sort, and M the number of returned elements. When the elements are not "
          "sorted, complexity is O(N).",
      .summary = "Sorts the elements in a list, a set, or a sorted set, optionally "
          "storing the result." },
    { .name = "sort_ro", .run = sort_ro, .arity = -2, .flags = CMD_READ,
      .acl = ACL_DANGEROUS | ACL_LIST | ACL_SET | ACL_SORTED_SET,
      .keys = KEYS(SPEC_AT(1),
                        SPEC_UNKNOWN(.notes = BY_NOTES)),
      .group = GROUP_GENERIC,
      .args = "key [BY=by-pattern:pattern#1/pattern] [LIMIT=limit{offset:integer "
          "count:integer}] [GET=get-pattern:pattern#1/pattern+...] [order(ASC|DESC)] "
          "[sorting:ALPHA]", .since = "7.0.0",
      .complexity = "O(N+M*log(M)) where N is the number of elements in the list or set "
          "to sort, and M the number of returned elements. When the elements are not "
          "sorted, complexity is O(N).",
      .summary = "Returns the sorted elements of a list, a set, or a sorted set." },
    { 0 },
};
/* clang-format on */
