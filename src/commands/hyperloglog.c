/* PFADD, PFCOUNT, PFMERGE on strings that hold a HyperLogLog. */
#include "types/hyperloglog.h"
#include "commands/rows.h"
#include "engine/call.h"

static void reply_invalid(struct call *call)
{
    reply_error(call, "WRONGTYPE Key is not a valid HyperLogLog string value.");
}

static void reply_corrupt(struct call *call)
{
    reply_error(call, "INVALIDOBJ Corrupted HLL object detected");
}

/* The text behind a key; *entry is NULL when it is absent; false when it holds something else:
 * answered. */
static bool check(struct call *call, struct entry *entry, struct scratch *scratch,
                  struct bytes *text)
{
    if (!call_is_string(call, entry)) return false;
    if (entry == NULL) return true;
    *text = entry_string(entry, scratch);
    bool is_valid = hll_is_valid(*text);
    if (!is_valid) reply_invalid(call);
    return is_valid;
}

static bool find_for_write(struct call *call, const struct key *key, struct entry **entry,
                           struct scratch *scratch, struct bytes *text)
{
    *entry = keyspace_find_for_write(call->keyspace, call->access, key);
    return check(call, *entry, scratch, text);
}

static size_t sparse_size_max(const struct call *call)
{
    return keyspace_value_rules(call->keyspace)->hll_sparse_max_bytes;
}

/* ---- changing one ---- */

/* A copy that is changed and put back; only a dense one is changed where it stands. */
static void put_back(struct call *call, const struct key *key, struct buffer *text)
{
    struct put put = { .keeps_expiry = true, .is_edited = true };
    keyspace_put_string(call->keyspace, call->access, key, buffer_bytes(text), &put);
}

/* The first element from `index` on that changes something, argc when none does; 0: corrupt. */
static uint32_t find_change(const struct call *call, struct bytes text, uint32_t index)
{
    for (; index < call->argc; index++) {
        switch (hll_would_change(text, hll_place_of(call_arg(call, index)))) {
        case HLL_SAME: break;
        case HLL_CHANGED: return index;
        case HLL_CORRUPT: return 0;
        }
    }
    return index;
}

static void add_dense(struct call *call, const struct key *key, uint32_t index)
{
    char *text = keyspace_open_string(call->keyspace, call->access, key, HLL_DENSE_SIZE);
    for (; index < call->argc; index++) hll_dense_raise(text, hll_place_of(call_arg(call, index)));
    hll_count_forget(text);
}

/* False: corrupt, and nothing was changed. */
static bool add_sparse(struct call *call, const struct key *key, struct bytes text, uint32_t index)
{
    struct buffer copy = { 0 };
    bool is_sound = true;
    if (text.size > 0)
        buffer_append(&copy, text);
    else
        hll_create(&copy);
    for (; index < call->argc && is_sound; index++) {
        struct hll_place place = hll_place_of(call_arg(call, index));
        is_sound = hll_raise(&copy, sparse_size_max(call), place) != HLL_CORRUPT;
    }
    hll_count_forget(copy.data);
    if (is_sound) put_back(call, key, &copy);
    buffer_fini(&copy);
    return is_sound;
}

static void pfadd(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct scratch scratch;
    struct bytes text = BYTES_EMPTY;
    uint32_t index = 2;
    if (!find_for_write(call, &key, &entry, &scratch, &text)) return;
    if (entry != NULL) index = find_change(call, text, index);
    if (entry != NULL && index == call->argc) {
        reply_integer(call, 0);
        return;
    }
    bool is_dense = entry != NULL && hll_is_dense(text);
    if (is_dense) add_dense(call, &key, index);
    if (index == 0 || (!is_dense && !add_sparse(call, &key, text, index))) {
        reply_corrupt(call);
        return;
    }
    call_notify(call, NOTIFY_STRING, "pfadd", &key);
    reply_integer(call, 1);
}

/* ---- PFCOUNT ---- */

/* All registers of the keys from `first` on; those that are absent have none. False: answered. */
static bool merge_keys(struct call *call, uint32_t first, uint8_t *registers, bool *is_any_dense)
{
    for (uint32_t i = first; i < call->argc; i++) {
        struct key key = call_key(call, i);
        struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
        struct scratch scratch;
        struct bytes text;
        if (!check(call, entry, &scratch, &text)) return false;
        if (entry == NULL) continue;
        if (hll_is_dense(text)) *is_any_dense = true;
        if (!hll_merge(text, registers)) {
            reply_corrupt(call);
            return false;
        }
    }
    return true;
}

/* The count is kept in the value: a change, though of nothing that is seen. A primary makes it,
 * and tells its replicas to do the same; they make none of their own. */
static void keep_count(struct call *call, const struct key *key, uint64_t count)
{
    enum session_kind kind = call->session->kind;
    bool is_told = kind == SESSION_PRIMARY || kind == SESSION_LOADING;
    if (!is_told && !call->access->may_expire) return;
    const struct entry *entry = keyspace_peek(call->keyspace, call->access, key);
    char *text = keyspace_open_string(call->keyspace, call->access, key, entry_string_size(entry));
    hll_count_keep(text, count);
}

static void count_one(struct call *call)
{
    struct key key = call_key(call, 1);
    struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
    struct scratch scratch;
    struct bytes text;
    uint64_t count = 0;
    if (!check(call, entry, &scratch, &text)) return;
    if (entry != NULL && !hll_count_kept(text, &count)) {
        uint8_t registers[HLL_REGISTERS] = { 0 };
        if (!hll_merge(text, registers)) {
            reply_corrupt(call);
            return;
        }
        count = hll_count(registers);
        keep_count(call, &key, count);
    }
    reply_integer(call, (int64_t)count);
}

static void pfcount(struct call *call)
{
    if (call->argc == 2) {
        count_one(call);
        return;
    }
    uint8_t registers[HLL_REGISTERS] = { 0 };
    bool is_any_dense;
    if (merge_keys(call, 1, registers, &is_any_dense))
        reply_integer(call, (int64_t)hll_count(registers));
}

/* ---- PFMERGE ---- */

static void pfmerge(struct call *call)
{
    uint8_t registers[HLL_REGISTERS] = { 0 };
    bool is_dense = false;
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct scratch scratch;
    struct bytes text;
    struct buffer merged = { 0 };
    if (!merge_keys(call, 1, registers, &is_dense)) return;
    if (!find_for_write(call, &key, &entry, &scratch, &text)) return;
    hll_create(&merged);
    if (entry != NULL) {
        buffer_clear(&merged);
        buffer_append(&merged, text);
    }
    bool is_sound = !is_dense || hll_to_dense(&merged);
    if (is_sound) is_sound = hll_raise_all(&merged, sparse_size_max(call), registers);
    if (is_sound) {
        hll_count_forget(merged.data);
        put_back(call, &key, &merged);
        call_notify(call, NOTIFY_STRING, "pfadd", &key);
        reply_ok(call);
    } else {
        reply_corrupt(call);
    }
    buffer_fini(&merged);
}

/* ---- PFDEBUG ---- */

/* The key's value; false when it was answered. */
static bool debug_find(struct call *call, struct key *key, struct scratch *scratch,
                       struct bytes *text)
{
    struct entry *entry;
    *key = call_key(call, 2);
    if (!find_for_write(call, key, &entry, scratch, text)) return false;
    if (entry == NULL) reply_error(call, "ERR The specified key does not exist");
    return entry != NULL;
}

/* False: corrupt. */
static bool debug_make_dense(struct call *call, const struct key *key, struct bytes text)
{
    struct buffer copy = { 0 };
    buffer_append(&copy, text);
    bool is_sound = hll_to_dense(&copy);
    if (is_sound) put_back(call, key, &copy);
    buffer_fini(&copy);
    if (!is_sound) reply_corrupt(call);
    return is_sound;
}

static void debug_registers(struct call *call, const struct key *key, struct bytes text)
{
    uint8_t registers[HLL_REGISTERS] = { 0 };
    if (!hll_merge(text, registers)) {
        reply_corrupt(call);
        return;
    }
    if (!hll_is_dense(text) && !debug_make_dense(call, key, text)) return;
    reply_array(call, HLL_REGISTERS);
    for (size_t i = 0; i < HLL_REGISTERS; i++) reply_integer(call, registers[i]);
}

static void debug_decode(struct call *call, struct bytes text)
{
    struct buffer words = { 0 };
    if (hll_is_dense(text)) {
        reply_error(call, "ERR HLL encoding is not sparse");
        return;
    }
    hll_describe(text, &words);
    reply_bytes(call, buffer_bytes(&words));
    buffer_fini(&words);
}

/* There is one way to count here: the switch is answered and does nothing. */
static void debug_simd(struct call *call)
{
    if (call_arg_is(call, 2, "on"))
        reply_simple(call, "enabled");
    else if (call_arg_is(call, 2, "off"))
        reply_simple(call, "disabled");
    else
        reply_error(call, "ERR Argument must be ON or OFF");
}

static void pfdebug(struct call *call)
{
    struct key key;
    struct scratch scratch;
    struct bytes text;
    if (call_arg_is(call, 1, "simd")) {
        debug_simd(call);
        return;
    }
    if (!debug_find(call, &key, &scratch, &text)) return;
    if (call_arg_is(call, 1, "getreg")) {
        debug_registers(call, &key, text);
    } else if (call_arg_is(call, 1, "decode")) {
        debug_decode(call, text);
    } else if (call_arg_is(call, 1, "encoding")) {
        reply_simple(call, hll_is_dense(text) ? "dense" : "sparse");
    } else if (call_arg_is(call, 1, "todense")) {
        bool is_dense = hll_is_dense(text);
        if (is_dense || debug_make_dense(call, &key, text)) reply_integer(call, !is_dense);
    } else {
        struct bytes word = call_arg(call, 1);
        reply_error_format(call, "ERR Unknown PFDEBUG subcommand '%.*s'", (int)word.size,
                           word.data);
    }
}

/* ---- PFSELFTEST ---- */

/* Elements 0, 1, 2 ... until there are so many: the estimate must stay within six standard errors
 * (1.04 / sqrt(16384)), and both encodings must agree. */
#define SELFTEST_ELEMENTS 100000

static bool selftest(const struct call *call, struct buffer *sparse, struct buffer *dense)
{
    hll_create(sparse);
    hll_create(dense);
    if (!hll_to_dense(dense)) return false;
    for (uint64_t i = 0, next = 1; i < SELFTEST_ELEMENTS; i++) {
        struct hll_place place = hll_place_of(bytes_of(&i, sizeof(i)));
        if (hll_raise(sparse, sparse_size_max(call), place) == HLL_CORRUPT) return false;
        hll_dense_raise(dense->data, place);
        if (i + 1 != next) continue;
        next *= 10;
        uint8_t first[HLL_REGISTERS] = { 0 }, second[HLL_REGISTERS] = { 0 };
        if (!hll_merge(buffer_bytes(sparse), first)) return false;
        if (!hll_merge(buffer_bytes(dense), second)) return false;
        if (memcmp(first, second, sizeof(first)) != 0) return false;
        double count = (double)hll_count(first), wanted = (double)(i + 1);
        double allowed = 1 + wanted * 6 * 1.04 / 128;
        if (count > wanted + allowed || count < wanted - allowed) return false;
    }
    return true;
}

static void pfselftest(struct call *call)
{
    struct buffer sparse = { 0 }, dense = { 0 };
    if (selftest(call, &sparse, &dense))
        reply_ok(call);
    else
        reply_error(call, "ERR TESTFAILED a HyperLogLog does not count what was added");
    buffer_fini(&sparse);
    buffer_fini(&dense);
}

/* clang-format off */
const struct command hyperloglog_commands[] = {
    { .name = "pfadd", .run = pfadd, .arity = -2, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_FAST,
      .acl = ACL_HYPERLOGLOG, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_INSERT,
      .group = GROUP_HYPERLOGLOG, .args = "key [element...]", .since = "2.8.9",
      .complexity = "O(1) to add every element.",
      .summary = "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist." },
    { .name = "pfcount", .run = pfcount, .arity = -2, .flags = CMD_READ | CMD_MAY_REPLICATE,
      .acl = ACL_HYPERLOGLOG,
      .keys = KEYS(SPEC_RANGE(1, -1, 1, .flags = KEY_RW | KEY_ACCESS,
                        .notes = "RW because it may change the internal representation of the "
                            "key, and propagate to replicas")),
      .group = GROUP_HYPERLOGLOG, .args = "key...", .since = "2.8.9",
      .complexity = "O(1) with a very small average constant time when called with a "
          "single key. O(N) with N being the number of keys, and much bigger constant "
          "times, when called with multiple keys.",
      .summary = "Returns the approximated cardinality of the set(s) observed by the "
          "HyperLogLog key(s)." },
    { .name = "pfmerge", .run = pfmerge, .arity = -2, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_HYPERLOGLOG,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_INSERT),
                        SPEC_RANGE(2, -1, 1, .flags = KEY_RO | KEY_ACCESS)),
      .group = GROUP_HYPERLOGLOG, .args = "destkey:key [sourcekey:key#1...]", .since = "2.8.9",
      .complexity = "O(N) to merge N HyperLogLogs, but with high constant times.",
      .summary = "Merges one or more HyperLogLog values into a single key." },
    { .name = "pfdebug", .run = pfdebug, .arity = 3, .flags = CMD_WRITE | CMD_DENY_OOM | CMD_ADMIN,
      .acl = ACL_HYPERLOGLOG, .keys = KEY_AT(2), .key_flags = KEY_RW | KEY_ACCESS,
      .group = GROUP_HYPERLOGLOG, .args = "subcommand key", .since = "2.8.9", .complexity = "N/A",
      .summary = "Internal commands for debugging HyperLogLog values.", .doc_flags = DOC_SYSTEM },
    { .name = "pfselftest", .run = pfselftest, .arity = 1, .flags = CMD_ADMIN,
      .acl = ACL_HYPERLOGLOG, .group = GROUP_HYPERLOGLOG, .since = "2.8.9", .complexity = "N/A",
      .summary = "An internal command for testing HyperLogLog values.", .doc_flags = DOC_SYSTEM },
    { 0 },
};
/* clang-format on */
