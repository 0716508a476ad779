/* Lists: elements that move from list to list, popping from the first of several, and waiting. */
#include "base/memory.h"
#include "base/number.h"
#include "commands/lists.h"
#include "commands/rows.h"
#include "commands/timeout.h"
#include "engine/blocking.h"

/* --- moving ------------------------------------------------------------------------------ */

struct move {
    bool from_head;
    bool to_head;
};

/* The element at the end, on the heap if it is long. */
struct moved {
    char room[256];
    char *text; /* owned, or `room` */
    size_t size;
};

static void moved_take(struct moved *moved, const struct quicklist *list, bool is_head)
{
    struct quicklist_cursor cursor;
    struct listpack_item item;
    struct scratch scratch;
    quicklist_cursor_init(&cursor, list, list_end_index(list, is_head, 1), false);
    bool is_there = quicklist_next(&cursor, &item);
    ensure(is_there);
    struct bytes text = listpack_text(&item, &scratch);
    moved->size = text.size;
    moved->text = text.size <= sizeof(moved->room) ? moved->room : memory_alloc(text.size);
    if (text.size > 0) memcpy(moved->text, text.data, text.size);
    quicklist_cursor_fini(&cursor);
}

static void moved_fini(struct moved *moved)
{
    if (moved->text != moved->room) memory_free(moved->text);
}

/* In one list: taken out before it is put in, and told as if it were the other way round. */
static void rotate(struct call *call, const struct key *key, struct entry *entry,
                   const struct move *move, const struct bytes *text)
{
    struct quicklist *list = entry_list(entry);
    quicklist_rotate(&list, list_rules(call), move->from_head, move->to_head, *text);
    call_edited(call, key, entry, list);
    call_notify(call, NOTIFY_LIST, move->to_head ? "lpush" : "rpush", key);
    call_notify(call, NOTIFY_LIST, list_pop_event(move->from_head), key);
}

/* The source is a list that is there. False: the destination is none, which was answered. */
static bool run_move(struct call *call, const struct key *from, struct entry *source,
                     const struct move *move)
{
    struct key to = call_key(call, 2);
    struct entry *target;
    if (!call_find_for_write(call, &to, VALUE_LIST, &target)) return false;
    struct moved moved;
    /* The look-up may have deleted an expired key, so the source is looked up again. */
    source = keyspace_find_for_write(call->keyspace, call->access, from);
    moved_take(&moved, entry_list(source), move->from_head);
    struct bytes text = bytes_of(moved.text, moved.size);
    if (source == target) {
        rotate(call, from, source, move, &text);
    } else {
        list_push(call, &to, target, move->to_head, &text, 1);
        source = keyspace_find_for_write(call->keyspace, call->access, from);
        list_cut(call, from, source, list_end_index(entry_list(source), move->from_head, 1), 1,
                 list_pop_event(move->from_head));
    }
    reply_bytes(call, text);
    moved_fini(&moved);
    return true;
}

/* The ends stand in the arguments 3 and 4, or are those of RPOPLPUSH. */
static bool move_parse(struct call *call, bool has_ends, struct move *move)
{
    *move = (struct move){ .to_head = true };
    return !has_ends ||
           (list_end_parse(call, 3, &move->from_head) && list_end_parse(call, 4, &move->to_head));
}

static void move(struct call *call, bool has_ends)
{
    struct move move;
    if (!move_parse(call, has_ends, &move)) return;
    struct key from = call_key(call, 1);
    struct entry *source;
    if (!call_find_for_write(call, &from, VALUE_LIST, &source)) return;
    if (source == NULL)
        reply_null(call);
    else
        run_move(call, &from, source, &move);
}

static void lmove(struct call *call)
{
    move(call, true);
}

static void rpoplpush(struct call *call)
{
    move(call, false);
}

static void move_waiting(struct call *call, bool has_ends)
{
    struct move move;
    struct block_wish wish = { .key_first = 1, .key_count = 1, .type = VALUE_LIST };
    if (!move_parse(call, has_ends, &move)) return;
    if (!timeout_seconds_parse(call, call->argc - 1, &wish.deadline_ms)) return;
    struct key from = call_key(call, 1);
    struct entry *source;
    if (!call_find_for_write(call, &from, VALUE_LIST, &source)) return;
    if (source == NULL) {
        if (!call_block_on_keys(call, &wish)) reply_null(call);
        return;
    }
    if (!run_move(call, &from, source, &move)) return;
    struct bytes argv[5] = { has_ends ? BYTES("LMOVE") : BYTES("RPOPLPUSH") };
    for (uint32_t i = 1; i < call->argc - 1; i++) argv[i] = call_arg(call, i);
    call_propagate(call, call->argc - 1, argv);
}

static void blmove(struct call *call)
{
    move_waiting(call, true);
}

static void brpoplpush(struct call *call)
{
    move_waiting(call, false);
}

/* --- popping from the first list that is there --------------------------------------------- */

/* The first of these keys that is there; false when it holds no list: answered. */
static bool find_first(struct call *call, uint32_t first, uint32_t count, struct key *key,
                       struct entry **entry)
{
    *entry = NULL;
    for (uint32_t i = 0; i < count && *entry == NULL; i++) {
        *key = call_key(call, first + i);
        if (!call_find_for_write(call, key, VALUE_LIST, entry)) return false;
    }
    return true;
}

static void propagate_pop(struct call *call, const struct key *key, bool is_head, size_t count)
{
    char text[NUMBER_TEXT_MAX];
    struct bytes argv[] = { is_head ? BYTES("LPOP") : BYTES("RPOP"), key->bytes,
                            bytes_of(text, number_print_unsigned(count, text)) };
    call_propagate(call, count > 0 ? 3 : 2, argv);
}

static void pop_waiting(struct call *call, bool is_head)
{
    struct block_wish wish = { .key_first = 1, .key_count = call->argc - 2, .type = VALUE_LIST };
    struct key key;
    struct entry *entry;
    if (!timeout_seconds_parse(call, call->argc - 1, &wish.deadline_ms)) return;
    if (!find_first(call, 1, wish.key_count, &key, &entry)) return;
    if (entry == NULL) {
        if (!call_block_on_keys(call, &wish)) reply_null_array(call);
        return;
    }
    struct moved moved;
    struct quicklist *list = entry_list(entry);
    size_t index = list_end_index(list, is_head, 1);
    moved_take(&moved, list, is_head);
    reply_array(call, 2);
    reply_bytes(call, key.bytes);
    reply_bytes(call, bytes_of(moved.text, moved.size));
    moved_fini(&moved);
    list_cut(call, &key, entry, index, 1, list_pop_event(is_head));
    propagate_pop(call, &key, is_head, 0);
}

static void blpop(struct call *call)
{
    pop_waiting(call, true);
}

static void brpop(struct call *call)
{
    pop_waiting(call, false);
}

struct many {
    uint32_t key_first;
    uint32_t key_count;
    int64_t count;
    bool is_head;
};

/* numkeys at argument `at`, the keys, LEFT or RIGHT, COUNT. */
static bool many_parse(struct call *call, uint32_t at, struct many *many)
{
    int64_t key_count;
    *many = (struct many){ .key_first = at + 1, .count = 1 };
    if (!number_parse(call_arg(call, at), &key_count) || key_count <= 0) {
        reply_error(call, "ERR numkeys should be greater than 0");
        return false;
    }
    if (key_count >= call->argc - at - 1) {
        reply_syntax_error(call);
        return false;
    }
    many->key_count = (uint32_t)key_count;
    uint32_t end_at = at + 1 + many->key_count;
    if (!list_end_parse(call, end_at, &many->is_head)) return false;
    if (call->argc == end_at + 1) return true;
    if (call->argc < end_at + 3 || !call_arg_is(call, end_at + 1, "count")) {
        reply_syntax_error(call);
        return false;
    }
    if (!number_parse(call_arg(call, end_at + 2), &many->count) || many->count <= 0) {
        reply_error(call, "ERR count should be greater than 0");
        return false;
    }
    if (call->argc == end_at + 3) return true; /* what else there is, is looked at last */
    reply_syntax_error(call);
    return false;
}

static void pop_many(struct call *call, const struct many *many, struct block_wish *wish)
{
    struct key key;
    struct entry *entry;
    if (!find_first(call, many->key_first, many->key_count, &key, &entry)) return;
    if (entry == NULL) {
        if (wish == NULL || !call_block_on_keys(call, wish)) reply_null_array(call);
        return;
    }
    struct quicklist *list = entry_list(entry);
    size_t taken = (size_t)MIN((uint64_t)many->count, (uint64_t)quicklist_count(list));
    size_t index = list_end_index(list, many->is_head, taken);
    reply_array(call, 2);
    reply_bytes(call, key.bytes);
    list_reply_range(call, list, index, taken, !many->is_head);
    list_cut(call, &key, entry, index, taken, list_pop_event(many->is_head));
    propagate_pop(call, &key, many->is_head, taken);
}

static void lmpop(struct call *call)
{
    struct many many;
    if (many_parse(call, 1, &many)) pop_many(call, &many, NULL);
}

static void blmpop(struct call *call)
{
    struct many many;
    struct block_wish wish = { .type = VALUE_LIST };
    if (!timeout_seconds_parse(call, 1, &wish.deadline_ms)) return;
    if (!many_parse(call, 2, &many)) return;
    wish.key_first = many.key_first;
    wish.key_count = many.key_count;
    pop_many(call, &many, &wish);
}

/* clang-format off */
const struct command list_move_commands[] = {
    { .name = "blmove", .run = blmove, .arity = 6,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_BLOCKING, .acl = ACL_LIST,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_DELETE),
                        SPEC_AT(2, .flags = KEY_RW | KEY_INSERT)), .group = GROUP_LIST,
      .args = "source:key destination:key#1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT) "
          "timeout:double", .since = "6.2.0", .complexity = "O(1)",
      .summary = "Pops an element from a list, pushes it to another list and returns it. "
          "Blocks until an element is available otherwise. Deletes the list if the last "
          "element was moved." },
    { .name = "blmpop", .run = blmpop, .arity = -5, .flags = CMD_WRITE | CMD_BLOCKING,
      .acl = ACL_LIST, .keys = KEY_NUMKEYS(2), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_LIST,
      .args = "timeout:double numkeys:integer key... where(LEFT|RIGHT) [COUNT=count:integer]",
      .since = "7.0.0",
      .complexity = "O(N+M) where N is the number of provided keys and M is the number of "
          "elements returned.",
      .summary = "Pops the first element from one of multiple lists. Blocks until an "
          "element is available otherwise. Deletes the list if the last element was popped." },
    { .name = "blpop", .run = blpop, .arity = -3, .flags = CMD_WRITE | CMD_BLOCKING,
      .acl = ACL_LIST, .keys = KEY_RANGE(1, -2, 1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_LIST, .args = "key... timeout:double", .since = "2.0.0",
      .complexity = "O(N) where N is the number of provided keys.",
      .summary = "Removes and returns the first element in a list. Blocks until an "
          "element is available otherwise. Deletes the list if the last element was popped.",
      .history = "6.0.0 `timeout` is interpreted as a double instead of an integer." },
    { .name = "brpop", .run = brpop, .arity = -3, .flags = CMD_WRITE | CMD_BLOCKING,
      .acl = ACL_LIST, .keys = KEY_RANGE(1, -2, 1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE,
      .group = GROUP_LIST, .args = "key... timeout:double", .since = "2.0.0",
      .complexity = "O(N) where N is the number of provided keys.",
      .summary = "Removes and returns the last element in a list. Blocks until an element "
          "is available otherwise. Deletes the list if the last element was popped.",
      .history = "6.0.0 `timeout` is interpreted as a double instead of an integer." },
    { .name = "brpoplpush", .run = brpoplpush, .arity = 4,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_BLOCKING, .acl = ACL_LIST,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_DELETE),
                        SPEC_AT(2, .flags = KEY_RW | KEY_INSERT)), .group = GROUP_LIST,
      .args = "source:key destination:key#1 timeout:double", .since = "2.2.0",
      .complexity = "O(1)",
      .summary = "Pops an element from a list, pushes it to another list and returns it. "
          "Blocks until an element is available otherwise. Deletes the list if the last "
          "element was popped.",
      .history = "6.0.0 `timeout` is interpreted as a double instead of an integer." },
    { .name = "lmove", .run = lmove, .arity = 5, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_LIST,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_DELETE),
                        SPEC_AT(2, .flags = KEY_RW | KEY_INSERT)), .group = GROUP_LIST,
      .args = "source:key destination:key#1 wherefrom(LEFT|RIGHT) whereto(LEFT|RIGHT)",
      .since = "6.2.0", .complexity = "O(1)",
      .summary = "Returns an element after popping it from one list and pushing it to "
          "another. Deletes the list if the last element was moved." },
    { .name = "lmpop", .run = lmpop, .arity = -4, .flags = CMD_WRITE, .acl = ACL_LIST,
      .keys = KEY_NUMKEYS(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_DELETE, .group = GROUP_LIST,
      .args = "numkeys:integer key... where(LEFT|RIGHT) [COUNT=count:integer]", .since = "7.0.0",
      .complexity = "O(N+M) where N is the number of provided keys and M is the number of "
          "elements returned.",
      .summary = "Returns multiple elements from a list after removing them. Deletes the "
          "list if the last element was popped." },
    { .name = "rpoplpush", .run = rpoplpush, .arity = 3, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_LIST,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_DELETE),
                        SPEC_AT(2, .flags = KEY_RW | KEY_INSERT)), .group = GROUP_LIST,
      .args = "source:key destination:key#1", .since = "1.2.0", .complexity = "O(1)",
      .summary = "Returns the last element of a list after removing and pushing it to "
          "another list. Deletes the list if the last element was popped." },
    { 0 },
};
/* clang-format on */
