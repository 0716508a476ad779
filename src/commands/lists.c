/* Lists: pushed to, popped from, read and edited. Moving and waiting stand in lists_move.c. */
#include "commands/lists.h"
#include "base/number_list.h"
#include "commands/rows.h"

/* --- shared ------------------------------------------------------------------------------ */

bool list_end_parse(struct call *call, uint32_t index, bool *is_head)
{
    *is_head = call_arg_is(call, index, "left");
    if (*is_head || call_arg_is(call, index, "right")) return true;
    reply_syntax_error(call);
    return false;
}

size_t list_push(struct call *call, const struct key *key, struct entry *entry, bool is_head,
                 const struct bytes *texts, size_t count)
{
    struct quicklist *list = entry == NULL ? quicklist_create() : entry_list(entry);
    quicklist_push(&list, list_rules(call), is_head, texts, count);
    size_t total = quicklist_count(list);
    if (entry == NULL)
        keyspace_put_value(call->keyspace, call->access, key, VALUE_LIST, list, PUT_PLAIN);
    else
        call_edited(call, key, entry, list);
    call_changed_many(call, count);
    call_notify(call, NOTIFY_LIST, is_head ? "lpush" : "rpush", key);
    return total;
}

/* A list that ends is not taken apart here: that is up to whoever frees it. */
void list_cut(struct call *call, const struct key *key, struct entry *entry, size_t index,
              size_t count, const char *event)
{
    struct quicklist *list = entry_list(entry);
    bool is_over = count == quicklist_count(list);
    if (!is_over) {
        quicklist_remove(&list, list_rules(call), index, count);
        call_edited(call, key, entry, list);
    }
    call_changed_many(call, count);
    call_notify(call, NOTIFY_LIST, event, key);
    if (is_over) call_emptied(call, key);
}

size_t list_end_index(const struct quicklist *list, bool is_head, size_t count)
{
    return is_head ? 0 : quicklist_count(list) - count;
}

void list_reply_range(struct call *call, const struct quicklist *list, size_t index, size_t count,
                      bool is_backward)
{
    struct quicklist_cursor cursor;
    struct listpack_item item;
    reply_array(call, count);
    if (count == 0) return;
    quicklist_cursor_init(&cursor, list, is_backward ? index + count - 1 : index, is_backward);
    for (; count > 0; count--) {
        bool is_there = quicklist_next(&cursor, &item);
        ensure(is_there);
        list_reply_item(call, &item);
    }
    quicklist_cursor_fini(&cursor);
}

/* The element at an index as clients count, negative ones from the end; false: there is none. */
static bool find_index(const struct quicklist *list, int64_t asked, size_t *index)
{
    size_t count = quicklist_count(list);
    if (asked < 0) asked += (int64_t)count;
    *index = (size_t)asked;
    return asked >= 0 && (size_t)asked < count;
}

/* From and to, both included, as clients give them; how many that are. */
static size_t clip_range(const struct quicklist *list, int64_t from, int64_t to, size_t *index)
{
    int64_t count = (int64_t)quicklist_count(list);
    if (from < 0) from = MAX(from + count, 0);
    if (to < 0) to += count;
    if (to >= count) to = count - 1;
    *index = (size_t)from;
    return from > to ? 0 : (size_t)(to - from) + 1;
}

/* --- pushing and popping ----------------------------------------------------------------- */

static void push(struct call *call, bool is_head, bool creates)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_LIST, &entry)) return;
    if (entry == NULL && !creates) {
        reply_integer(call, 0);
        return;
    }
    size_t total = list_push(call, &key, entry, is_head, call->argv + 2, call->argc - 2);
    reply_integer(call, (int64_t)total);
}

static void lpush(struct call *call)
{
    push(call, true, true);
}

static void rpush(struct call *call)
{
    push(call, false, true);
}

static void lpushx(struct call *call)
{
    push(call, true, false);
}

static void rpushx(struct call *call)
{
    push(call, false, false);
}

static void pop_one(struct call *call, const struct key *key, struct entry *entry, bool is_head)
{
    struct quicklist_cursor cursor;
    struct listpack_item item;
    struct quicklist *list = entry_list(entry);
    size_t index = list_end_index(list, is_head, 1);
    quicklist_cursor_init(&cursor, list, index, false);
    bool is_there = quicklist_next(&cursor, &item);
    ensure(is_there);
    list_reply_item(call, &item);
    quicklist_cursor_fini(&cursor);
    list_cut(call, key, entry, index, 1, list_pop_event(is_head));
}

static void pop(struct call *call, bool is_head)
{
    int64_t count = 1;
    bool is_counted = call->argc > 2;
    if (call->argc > 3) {
        reply_wrong_arity(call);
        return;
    }
    if (is_counted && (!number_parse(call_arg(call, 2), &count) || count < 0)) {
        reply_error(call, "ERR value is out of range, must be positive");
        return;
    }
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_LIST, &entry)) return;
    if (entry == NULL) {
        if (is_counted)
            reply_null_array(call);
        else
            reply_null(call);
        return;
    }
    if (!is_counted) {
        pop_one(call, &key, entry, is_head);
        return;
    }
    struct quicklist *list = entry_list(entry);
    size_t taken = (size_t)MIN((uint64_t)count, (uint64_t)quicklist_count(list));
    size_t index = list_end_index(list, is_head, taken);
    list_reply_range(call, list, index, taken, !is_head);
    if (taken > 0) list_cut(call, &key, entry, index, taken, list_pop_event(is_head));
}

static void lpop(struct call *call)
{
    pop(call, true);
}

static void rpop(struct call *call)
{
    pop(call, false);
}

/* --- reading ----------------------------------------------------------------------------- */

static void llen(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_read(call, &key, VALUE_LIST, &entry)) return;
    reply_integer(call, entry == NULL ? 0 : (int64_t)quicklist_count(entry_list(entry)));
}

static void lindex(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    int64_t asked;
    size_t index;
    if (!call_find_for_read(call, &key, VALUE_LIST, &entry)) return;
    if (entry == NULL) {
        reply_null(call);
        return;
    }
    if (!call_integer(call, 2, &asked)) return;
    const struct quicklist *list = entry_list(entry);
    if (!find_index(list, asked, &index)) {
        reply_null(call);
        return;
    }
    struct quicklist_cursor cursor;
    struct listpack_item item;
    quicklist_cursor_init(&cursor, list, index, false);
    bool is_there = quicklist_next(&cursor, &item);
    ensure(is_there);
    list_reply_item(call, &item);
    quicklist_cursor_fini(&cursor);
}

static void lrange(struct call *call)
{
    int64_t from, to;
    size_t index;
    if (!call_integer(call, 2, &from) || !call_integer(call, 3, &to)) return;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_read(call, &key, VALUE_LIST, &entry)) return;
    if (entry == NULL) {
        reply_array(call, 0);
        return;
    }
    const struct quicklist *list = entry_list(entry);
    size_t count = clip_range(list, from, to, &index);
    list_reply_range(call, list, index, count, false);
}

/* What is looked for, made ready to be compared with many elements. */
struct wanted {
    struct bytes text;
    int64_t integer;
    bool is_integer;
};

static struct wanted wanted_of(struct bytes text)
{
    struct wanted wanted = { .text = text };
    wanted.is_integer = number_parse(text, &wanted.integer);
    return wanted;
}

static inline bool is_wanted(const struct wanted *wanted, const struct listpack_item *item)
{
    if (item->is_integer) return wanted->is_integer && wanted->integer == item->integer;
    return bytes_equal_inline(wanted->text, item->text);
}

struct search {
    struct wanted wanted;
    int64_t rank;    /* negative: from the tail */
    int64_t matches; /* wanted; 0: all */
    int64_t looks;   /* at so many elements; 0: at all */
    bool is_counted;
};

/* An integer that has an opposite. */
static bool signed_parse(struct call *call, uint32_t index, int64_t *value)
{
    if (!call_integer(call, index, value)) return false;
    if (*value != INT64_MIN) return true;
    reply_error(call, "ERR value is out of range, value must between -9223372036854775807 and "
                      "9223372036854775807");
    return false;
}

static bool search_parse(struct call *call, struct search *search)
{
    *search = (struct search){ .rank = 1, .matches = 1, .wanted = wanted_of(call_arg(call, 2)) };
    for (uint32_t at = 3; at < call->argc; at += 2) {
        bool is_rank = call_arg_is(call, at, "rank");
        bool is_count = call_arg_is(call, at, "count");
        if ((!is_rank && !is_count && !call_arg_is(call, at, "maxlen")) || at + 1 == call->argc) {
            reply_syntax_error(call);
            return false;
        }
        int64_t value;
        bool is_number = number_parse(call_arg(call, at + 1), &value);
        if (!is_rank && (!is_number || value < 0)) {
            reply_error(call,
                        is_count ? "ERR COUNT can't be negative" : "ERR MAXLEN can't be negative");
            return false;
        }
        if (is_rank) {
            if (!signed_parse(call, at + 1, &search->rank)) return false;
        } else if (is_count) {
            search->matches = value;
            search->is_counted = true;
        } else {
            search->looks = value;
        }
        if (search->rank == 0) {
            reply_error(call, "ERR RANK can't be zero: use 1 to start from the first match, 2 from "
                              "the second ... or use negative to start from the end of the list");
            return false;
        }
    }
    return true;
}

static void search_run(const struct quicklist *list, const struct search *search,
                       struct number_list *found)
{
    bool is_backward = search->rank < 0;
    uint64_t skipped = (uint64_t)(is_backward ? -search->rank : search->rank) - 1;
    size_t count = quicklist_count(list);
    size_t looks = search->looks == 0 ? count : MIN(count, (size_t)search->looks);
    struct quicklist_cursor cursor;
    struct listpack_item item;
    quicklist_cursor_init(&cursor, list, is_backward ? count - 1 : 0, is_backward);
    for (size_t i = 0; i < looks && quicklist_next(&cursor, &item); i++) {
        if (!is_wanted(&search->wanted, &item)) continue;
        if (skipped > 0) {
            skipped--;
            continue;
        }
        number_list_add(found, is_backward ? count - 1 - i : i);
        if (search->matches > 0 && found->count == (size_t)search->matches) break;
    }
    quicklist_cursor_fini(&cursor);
}

static void lpos(struct call *call)
{
    struct search search;
    struct number_list found = { 0 };
    if (!search_parse(call, &search)) return;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_read(call, &key, VALUE_LIST, &entry)) return;
    if (entry != NULL) search_run(entry_list(entry), &search, &found);
    if (search.is_counted) reply_array(call, found.count);
    for (size_t i = 0; i < found.count; i++) reply_integer(call, (int64_t)found.items[i]);
    if (!search.is_counted && found.count == 0) reply_null(call);
    number_list_fini(&found);
}

/* --- editing ----------------------------------------------------------------------------- */

/* The first element that is this text; SIZE_MAX: none. */
static size_t index_of(const struct quicklist *list, struct bytes text)
{
    struct search search = { .wanted = wanted_of(text), .rank = 1, .matches = 1 };
    struct number_list found = { 0 };
    search_run(list, &search, &found);
    size_t index = found.count == 0 ? SIZE_MAX : found.items[0];
    number_list_fini(&found);
    return index;
}

/* The list under the key, in the form that it has when this joins it; whether it does or not, as
 * OBJECT ENCODING tells of Valkey's. */
static struct quicklist *list_expecting(struct call *call, struct entry *entry, struct bytes text)
{
    struct quicklist *list = entry_list(entry);
    quicklist_expect(&list, list_rules(call), text.size, 1);
    entry_value_set(entry, list);
    return list;
}

static void linsert(struct call *call)
{
    bool is_after = call_arg_is(call, 2, "after");
    if (!is_after && !call_arg_is(call, 2, "before")) {
        reply_syntax_error(call);
        return;
    }
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_LIST, &entry)) return;
    if (entry == NULL) {
        reply_integer(call, 0);
        return;
    }
    struct quicklist *list = list_expecting(call, entry, call_arg(call, 4));
    size_t index = index_of(list, call_arg(call, 3));
    if (index == SIZE_MAX) {
        reply_integer(call, -1);
        return;
    }
    quicklist_insert(&list, list_rules(call), index, is_after, call_arg(call, 4));
    call_edited(call, &key, entry, list);
    call_notify(call, NOTIFY_LIST, "linsert", &key);
    reply_integer(call, (int64_t)quicklist_count(list));
}

static void lset(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    int64_t asked;
    size_t index;
    if (!call_find_for_write(call, &key, VALUE_LIST, &entry)) return;
    if (entry == NULL) {
        reply_error(call, "ERR no such key");
        return;
    }
    if (!call_integer(call, 2, &asked)) return;
    struct quicklist *list = list_expecting(call, entry, call_arg(call, 3));
    if (!find_index(list, asked, &index)) {
        reply_error(call, "ERR index out of range");
        return;
    }
    quicklist_replace(&list, list_rules(call), index, call_arg(call, 3));
    call_edited(call, &key, entry, list);
    call_notify(call, NOTIFY_LIST, "lset", &key);
    reply_ok(call);
}

static void lrem(struct call *call)
{
    int64_t count;
    if (!signed_parse(call, 2, &count)) return;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_LIST, &entry)) return;
    if (entry == NULL) {
        reply_integer(call, 0);
        return;
    }
    struct quicklist *list = entry_list(entry);
    size_t most = count == 0 ? SIZE_MAX : count < 0 ? -(size_t)count : (size_t)count;
    size_t removed =
        quicklist_remove_equal(&list, list_rules(call), call_arg(call, 3), most, count < 0);
    if (removed > 0) {
        bool is_over = quicklist_count(list) == 0;
        call_edited(call, &key, entry, list);
        call_changed_many(call, removed);
        call_notify(call, NOTIFY_LIST, "lrem", &key);
        if (is_over) call_emptied(call, &key);
    }
    reply_integer(call, (int64_t)removed);
}

static void ltrim(struct call *call)
{
    int64_t from, to;
    size_t index;
    if (!call_integer(call, 2, &from) || !call_integer(call, 3, &to)) return;
    struct key key = call_key(call, 1);
    struct entry *entry;
    if (!call_find_for_write(call, &key, VALUE_LIST, &entry)) return;
    reply_ok(call);
    if (entry == NULL) return;
    struct quicklist *list = entry_list(entry);
    size_t total = quicklist_count(list);
    size_t kept = clip_range(list, from, to, &index);
    if (kept == 0) {
        list_cut(call, &key, entry, 0, total, "ltrim");
        return;
    }
    quicklist_remove(&list, list_rules(call), index + kept, total - index - kept);
    quicklist_remove(&list, list_rules(call), 0, index);
    call_edited(call, &key, entry, list);
    call_changed_many(call, total - kept);
    call_notify(call, NOTIFY_LIST, "ltrim", &key);
    /* Told and watched as a change, but nobody need repeat it. */
    if (kept == total) call_propagate_nothing(call);
}

/* clang-format off */
const struct command list_commands[] = {
    { .name = "lindex", .run = lindex, .arity = 3, .flags = CMD_READ, .acl = ACL_LIST,
      .keys = KEY_AT(1), .group = GROUP_LIST, .args = "key index:integer", .since = "1.0.0",
      .complexity = "O(N) where N is the number of elements to traverse to get to the "
          "element at index. This makes asking for the first or the last element of the "
          "list O(1).", .summary = "Returns an element from a list by its index." },
    { .name = "linsert", .run = linsert, .arity = 5, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_LIST, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_LIST,
      .args = "key where(BEFORE|AFTER) pivot element", .since = "2.2.0",
      .complexity = "O(N) where N is the number of elements to traverse before seeing the "
          "value pivot. This means that inserting somewhere on the left end on the list "
          "(head) can be considered O(1) and inserting somewhere on the right end (tail) "
          "is O(N).", .summary = "Inserts an element before or after another element in a list." },
    { .name = "llen", .run = llen, .arity = 2, .flags = CMD_READ | CMD_FAST, .acl = ACL_LIST,
      .keys = KEY_AT(1), .key_flags = KEY_RO, .group = GROUP_LIST, .args = "key", .since = "1.0.0",
      .complexity = "O(1)", .summary = "Returns the length of a list." },
    { .name = "lpop", .run = lpop, .arity = -2, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_LIST,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE, .group = GROUP_LIST,
      .args = "key [count:integer@6.2.0]", .since = "1.0.0",
      .complexity = "O(N) where N is the number of elements returned",
      .summary = "Returns and removes one or more elements from the beginning of a list. "
          "Deletes the list if the last element was popped.",
      .history = "6.2.0 Added the `count` argument." },
    { .name = "lpos", .run = lpos, .arity = -3, .flags = CMD_READ, .acl = ACL_LIST,
      .keys = KEY_AT(1), .group = GROUP_LIST,
      .args = "key element [RANK=rank:integer] [COUNT=num-matches:integer] "
          "[MAXLEN=len:integer]", .since = "6.0.6",
      .complexity = "O(N) where N is the number of elements in the list, for the average "
          "case. When searching for elements near the head or the tail of the list, or "
          "when the MAXLEN option is provided, the command may run in constant time.",
      .summary = "Returns the index of matching elements in a list." },
    { .name = "lpush", .run = lpush, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_LIST, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_LIST,
      .args = "key element...", .since = "1.0.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the "
          "command is called with multiple arguments.",
      .summary = "Prepends one or more elements to a list. Creates the key if it doesn't "
          "exist.", .history = "2.4.0 Accepts multiple `element` arguments." },
    { .name = "lpushx", .run = lpushx, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_LIST, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_LIST,
      .args = "key element...", .since = "2.2.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the "
          "command is called with multiple arguments.",
      .summary = "Prepends one or more elements to a list only when the list exists.",
      .history = "4.0.0 Accepts multiple `element` arguments." },
    { .name = "lrange", .run = lrange, .arity = 4, .flags = CMD_READ, .acl = ACL_LIST,
      .keys = KEY_AT(1), .group = GROUP_LIST, .args = "key start:integer stop:integer",
      .since = "1.0.0",
      .complexity = "O(S+N) where S is the distance of start offset from HEAD for small "
          "lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of "
          "elements in the specified range.",
      .summary = "Returns a range of elements from a list." },
    { .name = "lrem", .run = lrem, .arity = 4, .flags = CMD_WRITE, .acl = ACL_LIST,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE, .group = GROUP_LIST,
      .args = "key count:integer element", .since = "1.0.0",
      .complexity = "O(N+M) where N is the length of the list and M is the number of "
          "elements removed.",
      .summary = "Removes elements from a list. Deletes the list if the last element was "
          "removed." },
    { .name = "lset", .run = lset, .arity = 4, .flags = CMD_WRITE | CMD_DENY_OOM, .acl = ACL_LIST,
      .keys = KEY_AT(1), .group = GROUP_LIST, .args = "key index:integer element",
      .since = "1.0.0",
      .complexity = "O(N) where N is the length of the list. Setting either the first or "
          "the last element of the list is O(1).",
      .summary = "Sets the value of an element in a list by its index." },
    { .name = "ltrim", .run = ltrim, .arity = 4, .flags = CMD_WRITE, .acl = ACL_LIST,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_DELETE, .group = GROUP_LIST,
      .args = "key start:integer stop:integer", .since = "1.0.0",
      .complexity = "O(N) where N is the number of elements to be removed by the operation.",
      .summary = "Removes elements from both ends of a list. Deletes the list if all "
          "elements were trimmed." },
    { .name = "rpop", .run = rpop, .arity = -2, .flags = CMD_WRITE | CMD_FAST, .acl = ACL_LIST,
      .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE, .group = GROUP_LIST,
      .args = "key [count:integer@6.2.0]", .since = "1.0.0",
      .complexity = "O(N) where N is the number of elements returned",
      .summary = "Returns and removes one or more elements from the end of a list. "
          "Deletes the list if the last element was popped.",
      .history = "6.2.0 Added the `count` argument." },
    { .name = "rpush", .run = rpush, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_LIST, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_LIST,
      .args = "key element...", .since = "1.0.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the "
          "command is called with multiple arguments.",
      .summary = "Appends one or more elements to a list. Creates the key if it doesn't exist.",
      .history = "2.4.0 Accepts multiple `element` arguments." },
    { .name = "rpushx", .run = rpushx, .arity = -3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_LIST, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT, .group = GROUP_LIST,
      .args = "key element...", .since = "2.2.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the "
          "command is called with multiple arguments.",
      .summary = "Appends one or more elements to a list only when the list exists.",
      .history = "4.0.0 Accepts multiple `element` arguments." },
    { 0 },
};
/* clang-format on */
