/* Walking over keys: SCAN, KEYS, CLUSTERSCAN. */
#include "base/digest.h"
#include "base/ensure.h"
#include "base/glob.h"
#include "base/number.h"
#include "commands/patterns.h"
#include "commands/rows.h"
#include "engine/call.h"
#include <stdio.h>

#define SCAN_COUNT_DEFAULT 10

struct scan {
    struct call *call;
    uint64_t cursor;
    int64_t count;
    struct bytes pattern; /* data NULL: every key */
    bool has_type;
    enum value_type type;
    int32_t slot; /* CLUSTERSCAN SLOT; -1: none given */
    size_t found;
    uint64_t visited; /* keys looked at, matching or not */
};

static void visit_key(void *context, const struct entry *entry)
{
    struct scan *scan = context;
    scan->visited++;
    if (scan->has_type && entry_type(entry) != scan->type) return;
    if (scan->pattern.data != NULL && !glob_matches(scan->pattern, entry_key(entry))) return;
    reply_bytes(scan->call, entry_key(entry));
    scan->found++;
}

static bool parse_pair(struct scan *scan, uint32_t at, bool has_slot)
{
    struct call *call = scan->call;
    bool has_value = at + 1 < call->argc;
    if (call_arg_is(call, at, "count") && has_value) {
        if (!call_integer(call, at + 1, &scan->count)) return false;
        if (scan->count >= 1) return true;
    } else if (call_arg_is(call, at, "match") && has_value) {
        struct bytes pattern = call_arg(call, at + 1);
        scan->pattern = bytes_equal(pattern, BYTES("*")) ? (struct bytes){ 0 } : pattern;
        return true;
    } else if (call_arg_is(call, at, "type") && has_value) {
        struct bytes name = call_arg(call, at + 1);
        scan->has_type = true;
        if (value_type_parse(name, &scan->type)) return true;
        reply_error_format(call, "ERR unknown type name '%.*s'", (int)name.size, name.data);
        return false;
    } else if (has_slot && call_arg_is(call, at, "slot") && has_value) {
        int64_t slot;
        if (number_parse(call_arg(call, at + 1), &slot) && slot >= 0 && slot < SLOT_COUNT) {
            scan->slot = (int32_t)slot;
            return true;
        }
        reply_error(call, "ERR Invalid or out of range slot");
        return false;
    } else if (call_arg_is(call, at, "novalues")) {
        reply_error(call, "ERR NOVALUES option can only be used in HSCAN");
        return false;
    } else if (call_arg_is(call, at, "noscores")) {
        reply_error(call, "ERR NOSCORES option can only be used in ZSCAN");
        return false;
    }
    reply_syntax_error(call);
    return false;
}

static bool parse_options(struct scan *scan, bool has_slot)
{
    for (uint32_t at = 2; at < scan->call->argc; at += 2)
        if (!parse_pair(scan, at, has_slot)) return false;
    return true;
}

/* The cursor stands before the keys and is known after them, so both are put in at the end. */
static void scan_keys(struct scan *scan, int32_t slot)
{
    struct call *call = scan->call;
    struct buffer head = { 0 };
    char text[NUMBER_TEXT_MAX];
    struct output_mark start = output_mark(call->writer->output);
    struct output_mark keys = resp_begin(call->writer);
    uint64_t next = keyspace_scan(call->keyspace, call->access, (uint32_t)call->session->db, slot,
                                  scan->cursor, (size_t)scan->count, visit_key, scan);
    resp_end_array(call->writer, keys, scan->found);
    size_t size = number_print_unsigned(next, text);
    buffer_printf(&head, "*2\r\n$%zu\r\n%.*s\r\n", size, (int)size, text);
    output_insert(call->writer->output, start, buffer_bytes(&head));
    buffer_fini(&head);
}

/* Valkey refuses plain negative numbers and takes whatever else strtoull takes. */
static bool cursor_read(struct bytes text, uint64_t *cursor)
{
    int64_t number;
    if (number_parse(text, &number) && number < 0) return false;
    return number_parse_loose(text, cursor);
}

static void scan(struct call *call)
{
    struct scan scan = { .call = call, .count = SCAN_COUNT_DEFAULT, .slot = -1 };
    if (!cursor_read(call_arg(call, 1), &scan.cursor)) {
        reply_error(call, "ERR invalid cursor");
        return;
    }
    if (parse_options(&scan, false)) scan_keys(&scan, pattern_slot(call, scan.pattern));
}

static void keys(struct call *call)
{
    struct scan scan = { .call = call, .pattern = call_arg(call, 1), .slot = -1 };
    if (bytes_equal(scan.pattern, BYTES("*"))) scan.pattern = (struct bytes){ 0 };
    int32_t slot = pattern_slot(call, scan.pattern);
    struct output_mark mark = resp_begin(call->writer);
    do {
        scan.cursor = keyspace_scan(call->keyspace, call->access, (uint32_t)call->session->db, slot,
                                    scan.cursor, 1000, visit_key, &scan);
    } while (scan.cursor != 0);
    resp_end_array(call->writer, mark, scan.found);
}

/* --- CLUSTERSCAN ------------------------------------------------------------------------- */

/* A cursor is "<fingerprint>-{<tag>}-<place>": the tag leads clients to the node that serves the
 * slot, the place goes on in it where the fingerprint says that it is this node's own. */
struct cursor {
    uint32_t slot;
    uint64_t place;
};

#define CURSOR_MAX 64

static struct bytes fingerprint(const struct call *call, char text[NUMBER_TEXT_MAX])
{
    return bytes_of(text, number_print_unsigned(engine_fingerprint(call->engine), text));
}

static bool cursor_parse(struct call *call, struct bytes text, struct cursor *cursor)
{
    char own[NUMBER_TEXT_MAX];
    ptrdiff_t first = bytes_index_of(text, '-');
    if (first < 0) return false;
    struct bytes rest = bytes_from(text, (size_t)first + 1);
    ptrdiff_t second = bytes_index_of(rest, '-');
    if (second < 0) return false;
    if (!number_parse_unsigned(bytes_from(rest, (size_t)second + 1), &cursor->place)) return false;
    cursor->slot = key_slot(bytes_of(rest.data, (size_t)second));
    if (!bytes_equal(bytes_of(text.data, (size_t)first), fingerprint(call, own))) cursor->place = 0;
    return true;
}

/* Any short word of this slot will do; one of three letters or digits is found after 16,384 tries
 * on average, some 50 microseconds. */
static void tag_of_slot(uint32_t slot, char tag[6])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const uint32_t base = sizeof(digits) - 1;
    for (uint32_t number = 0; number < base * base * base * base; number++) {
        size_t size = number < base * base * base ? 3 : 4;
        uint32_t left = number;
        for (size_t i = 0; i < size; i++, left /= base) tag[i] = digits[left % base];
        tag[size] = '\0';
        if (key_slot(bytes_of(tag, size)) == slot) return;
    }
    ensure_unreachable();
}

static size_t cursor_print(struct call *call, const struct cursor *cursor, char text[CURSOR_MAX])
{
    char tag[6], own[NUMBER_TEXT_MAX];
    struct bytes name = cursor->place == 0 ? BYTES("0") : fingerprint(call, own);
    tag_of_slot(cursor->slot, tag);
    int size = snprintf(text, CURSOR_MAX, "%.*s-{%s}-%llu", (int)name.size, name.data, tag,
                        (unsigned long long)cursor->place);
    ensure(size > 0 && size < CURSOR_MAX);
    return (size_t)size;
}

/* Goes through slots of this node until there are enough keys; false at the end of all slots. */
static bool scan_slots(struct scan *scan, struct cursor *cursor)
{
    struct call *call = scan->call;
    uint32_t db = (uint32_t)call->session->db;
    for (;;) {
        cursor->place = keyspace_scan(call->keyspace, call->access, db, (int32_t)cursor->slot,
                                      cursor->place, (size_t)scan->count, visit_key, scan);
        if (cursor->place != 0) return true;
        if (scan->slot >= 0 || cursor->slot == SLOT_COUNT - 1) return false;
        /* Empty slots cost nothing and are not counted as work. */
        do {
            cursor->slot++;
            if (!call_is_slot_here(call, cursor->slot)) return true;
        } while (cursor->slot < SLOT_COUNT - 1 &&
                 keyspace_slot_count(call->keyspace, db, cursor->slot) == 0);
        if (scan->visited >= (uint64_t)scan->count) return true;
    }
}

static void reply_cluster_scan(struct scan *scan, struct cursor *cursor)
{
    struct call *call = scan->call;
    struct output_mark start = output_mark(call->writer->output);
    struct output_mark keys = resp_begin(call->writer);
    bool has_more = scan_slots(scan, cursor);
    resp_end_array(call->writer, keys, scan->found);
    char text[CURSOR_MAX];
    size_t size = has_more ? cursor_print(call, cursor, text) : 1;
    if (!has_more) text[0] = '0';
    struct buffer head = { 0 };
    buffer_printf(&head, "*2\r\n$%zu\r\n%.*s\r\n", size, (int)size, text);
    output_insert(call->writer->output, start, buffer_bytes(&head));
    buffer_fini(&head);
}

static void clusterscan(struct call *call)
{
    struct scan scan = { .call = call, .count = SCAN_COUNT_DEFAULT, .slot = -1 };
    struct cursor cursor = { 0 };
    bool is_start = bytes_equal(call_arg(call, 1), BYTES("0"));
    if (!keyspace_is_clustered(call->keyspace)) {
        reply_error(call, "ERR This instance has cluster support disabled");
        return;
    }
    if (!is_start && !cursor_parse(call, call_arg(call, 1), &cursor)) {
        reply_error(call, "ERR Invalid cursor");
        return;
    }
    if (!parse_options(&scan, true)) return;
    if (is_start) {
        char text[CURSOR_MAX];
        cursor.slot = scan.slot < 0 ? 0 : (uint32_t)scan.slot;
        reply_array(call, 2);
        reply_bytes(call, bytes_of(text, cursor_print(call, &cursor, text)));
        reply_array(call, 0);
        return;
    }
    if (scan.slot >= 0 && scan.slot != (int32_t)cursor.slot) {
        reply_error(call, "ERR Cursor slot mismatch with SLOT argument");
        return;
    }
    if (call_slot_is_served(call, cursor.slot)) reply_cluster_scan(&scan, &cursor);
}

/* clang-format off */
const struct command scan_commands[] = {
    { .name = "clusterscan", .run = clusterscan, .arity = -2, .flags = CMD_READ,
      .acl = ACL_KEYSPACE, .keys = KEY_AT(1), .key_flags = KEY_IS_CHANNEL, .group = GROUP_CLUSTER,
      .args = "cursor [MATCH=match-pattern:pattern] [COUNT=count:integer] [TYPE=type] "
          "[SLOT=slot:integer]", .since = "9.1.0",
      .complexity = "O(N) where N is the number of elements returned.",
      .summary = "Iterates over the keys in the cluster.",
      .tips = "nondeterministic_output request_policy:special response_policy:special" },
    { .name = "scan", .run = scan, .arity = -2, .flags = CMD_READ, .acl = ACL_KEYSPACE,
      .group = GROUP_GENERIC,
      .args = "cursor:integer [MATCH=pattern:pattern] [COUNT=count:integer] [TYPE=type@6.0.0]",
      .since = "2.8.0",
      .complexity = "O(1) for every call. O(N) for a complete iteration, including enough "
          "command calls for the cursor to return back to 0. N is the number of elements "
          "inside the collection.", .summary = "Iterates over the key names in the database.",
      .tips = "nondeterministic_output request_policy:special response_policy:special",
      .history = "6.0.0 Added the `TYPE` subcommand." },
    { .name = "keys", .run = keys, .arity = 2, .flags = CMD_READ,
      .acl = ACL_DANGEROUS | ACL_KEYSPACE, .group = GROUP_GENERIC, .args = "pattern:pattern",
      .since = "1.0.0",
      .complexity = "O(N) with N being the number of keys in the database, under the "
          "assumption that the key names in the database and the given pattern have "
          "limited length.", .summary = "Returns all key names that match a pattern.",
      .tips = "request_policy:all_shards nondeterministic_output_order" },
    { 0 },
};
/* clang-format on */
