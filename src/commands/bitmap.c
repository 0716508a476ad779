/* Strings as rows of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. */
#include "base/memory.h"
#include "commands/rows.h"
#include "commands/sizes.h"
#include "types/bits.h"

/* --- single bits ------------------------------------------------------------------------- */

static bool bit_parse(struct call *call, uint32_t index, bool *bit)
{
    struct bytes text = call_arg(call, index);
    *bit = bytes_equal(text, BYTES("1"));
    if (*bit || bytes_equal(text, BYTES("0"))) return true;
    reply_error(call, "ERR bit is not an integer or out of range");
    return false;
}

static void setbit(struct call *call)
{
    uint64_t offset;
    bool bit;
    struct key key = call_key(call, 1);
    struct entry *entry;
    struct scratch scratch;
    if (!bit_offset_parse(call, 2, 0, &offset) || !bit_parse(call, 3, &bit)) return;
    if (!call_string_for_write(call, &key, &entry)) return;

    struct bytes before = entry == NULL ? BYTES_EMPTY : entry_string(entry, &scratch);
    size_t needed = (size_t)(offset / 8) + 1;
    bool was = bits_get(before, offset);
    /* What changes nothing is no write: neither watched, told nor propagated. */
    if (was != bit || before.size < needed) {
        size_t size = MAX(needed, before.size);
        char *text = keyspace_open_string(call->keyspace, call->access, &key, size);
        unsigned mask = 0x80u >> offset % 8;
        unsigned byte = (unsigned char)text[offset / 8];
        text[offset / 8] = (char)(bit ? byte | mask : byte & ~mask);
        call_notify(call, NOTIFY_STRING, "setbit", &key);
    }
    reply_integer(call, was);
}

/* The bytes behind a key, none when it is absent; false when it is no string: answered. */
static bool text_for_read(struct call *call, uint32_t index, struct scratch *scratch,
                          struct bytes *text)
{
    struct key key = call_key(call, index);
    struct entry *entry;
    if (!call_string_for_read(call, &key, &entry)) return false;
    *text = entry == NULL ? bytes_of(NULL, 0) : entry_string(entry, scratch);
    return true;
}

static void getbit(struct call *call)
{
    uint64_t offset;
    struct scratch scratch;
    struct bytes text;
    if (!bit_offset_parse(call, 2, 0, &offset)) return;
    if (text_for_read(call, 1, &scratch, &text)) reply_integer(call, bits_get(text, offset));
}

/* --- ranges ------------------------------------------------------------------------------ */

struct bit_range {
    int64_t start, end; /* both included, negative ones count from the end */
    bool has_end;
    bool is_in_bits;
};

/* [start [end [BYTE|BIT]]] from the argument `at` on. */
static bool range_parse(struct call *call, uint32_t at, struct bit_range *range)
{
    *range = (struct bit_range){ .start = 0, .end = -1 };
    if (call->argc > at + 3) {
        reply_syntax_error(call);
        return false;
    }
    if (call->argc > at && !call_integer(call, at, &range->start)) return false;
    if (call->argc == at + 3) {
        range->is_in_bits = call_arg_is(call, at + 2, "bit");
        if (!range->is_in_bits && !call_arg_is(call, at + 2, "byte")) {
            reply_syntax_error(call);
            return false;
        }
    }
    range->has_end = call->argc > at + 1;
    return !range->has_end || call_integer(call, at + 1, &range->end);
}

static int64_t clamped(int64_t index, int64_t size)
{
    if (index < 0) index += size;
    return MAX(index, (int64_t)0);
}

/* The bits that are meant; false: none. */
static bool range_resolve(const struct bit_range *range, size_t size, uint64_t *from,
                          uint64_t *until)
{
    int64_t count = range->is_in_bits ? (int64_t)size * 8 : (int64_t)size;
    int64_t start = clamped(range->start, count);
    int64_t end = MIN(clamped(range->end, count), count - 1);
    if (start > end) return false;
    uint64_t unit = range->is_in_bits ? 1 : 8;
    *from = (uint64_t)start * unit;
    *until = ((uint64_t)end + 1) * unit;
    return true;
}

static void bitcount(struct call *call)
{
    struct bit_range range;
    struct scratch scratch;
    struct bytes text;
    uint64_t from, until;
    if (!range_parse(call, 2, &range) || !text_for_read(call, 1, &scratch, &text)) return;
    /* Two places before the beginning are both the first byte, unless they are crossed. */
    bool is_crossed = range.start < 0 && range.end < 0 && range.start > range.end;
    if (is_crossed || !range_resolve(&range, text.size, &from, &until))
        reply_integer(call, 0);
    else
        reply_integer(call, (int64_t)bits_count(text, from, until));
}

static void bitpos(struct call *call)
{
    struct bit_range range;
    struct scratch scratch;
    struct bytes text;
    uint64_t from, until;
    int64_t bit;
    if (!call_integer(call, 2, &bit)) return;
    if (bit != 0 && bit != 1) {
        reply_error(call, "ERR The bit argument must be 1 or 0.");
        return;
    }
    if (!range_parse(call, 3, &range) || !text_for_read(call, 1, &scratch, &text)) return;
    if (text.data == NULL) { /* an absent key is zeros without end */
        reply_integer(call, bit == 0 ? 0 : -1);
        return;
    }
    if (!range_resolve(&range, text.size, &from, &until)) {
        reply_integer(call, -1);
        return;
    }
    uint64_t found = bits_find(text, from, until, bit == 1);
    bool is_found = found < until || (bit == 0 && !range.has_end); /* zeros behind the end */
    reply_integer(call, is_found ? (int64_t)found : -1);
}

/* --- BITOP ------------------------------------------------------------------------------- */

struct source {
    struct bytes text;
    struct scratch scratch;
};

/* All the sources, and the size of the longest. The caller frees them. */
static struct source *sources_read(struct call *call, uint32_t first, size_t *size)
{
    struct source *sources = memory_alloc((call->argc - first) * sizeof(*sources));
    *size = 0;
    for (uint32_t i = first; i < call->argc; i++) {
        struct source *source = &sources[i - first];
        if (!text_for_read(call, i, &source->scratch, &source->text)) {
            memory_free(sources);
            return NULL;
        }
        *size = MAX(*size, source->text.size);
    }
    return sources;
}

struct combination {
    enum bits_operation operation;
    bool inverts; /* NOT: of one source only */
    uint32_t source_count;
};

static bool combination_parse(struct call *call, struct combination *combination)
{
    *combination = (struct combination){ .source_count = call->argc - 3 };
    combination->inverts = call_arg_is(call, 1, "not");
    if (combination->inverts || call_arg_is(call, 1, "and")) return true;
    combination->operation = call_arg_is(call, 1, "or") ? BITS_OR : BITS_XOR;
    return combination->operation == BITS_OR || call_arg_is(call, 1, "xor");
}

/* A piece that stays in the cache while all sources go over it. */
#define BITOP_PIECE (32 * KIB)

static void combine_all(char *into, size_t size, const struct source *sources, uint32_t longest,
                        const struct combination *combination)
{
    for (size_t at = 0; at < size; at += BITOP_PIECE) {
        size_t piece = MIN(size - at, BITOP_PIECE);
        for (uint32_t i = 0; i < combination->source_count; i++) {
            struct bytes text = sources[i].text;
            if (i == longest) continue;
            text = at < text.size ? bytes_from(text, at) : BYTES_EMPTY;
            bits_combine(into + at, piece, combination->operation, text);
        }
        if (combination->inverts) bits_invert(into + at, piece);
    }
}

/* The result starts as a copy of the longest source, whose order does not matter. It is made
 * apart, because the destination may be a source; a long one is handed over without a copy. */
static void put_combined(struct call *call, const struct key *key, const struct source *sources,
                         const struct combination *combination)
{
    uint32_t longest = 0;
    for (uint32_t i = 1; i < combination->source_count; i++)
        if (sources[i].text.size > sources[longest].text.size) longest = i;
    struct bytes text = sources[longest].text;
    struct put put = { .keeps_text = true, .is_edited = true };

    if (text.size <= STRING_INLINE_MAX) {
        char result[STRING_INLINE_MAX];
        memcpy(result, text.data, text.size);
        combine_all(result, text.size, sources, longest, combination);
        keyspace_put_string(call->keyspace, call->access, key, bytes_of(result, text.size), &put);
    } else {
        struct string *result = string_create(text);
        combine_all(string_open(&result, text.size), text.size, sources, longest, combination);
        keyspace_put_value(call->keyspace, call->access, key, VALUE_STRING, result, &put);
    }
}

static void bitop(struct call *call)
{
    struct combination combination;
    size_t size;
    if (!combination_parse(call, &combination)) {
        reply_syntax_error(call);
        return;
    }
    if (combination.inverts && combination.source_count != 1) {
        reply_error(call, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    struct source *sources = sources_read(call, 3, &size);
    if (sources == NULL) return;
    struct key key = call_key(call, 2);
    if (size > 0) {
        put_combined(call, &key, sources, &combination);
        call_notify(call, NOTIFY_STRING, "set", &key);
    } else if (keyspace_delete(call->keyspace, call->access, &key)) {
        call_notify(call, NOTIFY_GENERIC, "del", &key);
    }
    memory_free(sources);
    reply_integer(call, (int64_t)size);
}

/* clang-format off */
const struct command bitmap_commands[] = {
    { .name = "setbit", .run = setbit, .arity = 4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_BITMAP, .keys = KEY_AT(1), .key_flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
      .group = GROUP_BITMAP, .args = "key offset:integer value:integer", .since = "2.2.0",
      .complexity = "O(1)",
      .summary = "Sets or clears the bit at offset of the string value. Creates the key "
          "if it doesn't exist." },
    { .name = "getbit", .run = getbit, .arity = 3, .flags = CMD_READ | CMD_FAST, .acl = ACL_BITMAP,
      .keys = KEY_AT(1), .group = GROUP_BITMAP, .args = "key offset:integer", .since = "2.2.0",
      .complexity = "O(1)", .summary = "Returns a bit value by offset." },
    { .name = "bitcount", .run = bitcount, .arity = -2, .flags = CMD_READ, .acl = ACL_BITMAP,
      .keys = KEY_AT(1), .group = GROUP_BITMAP,
      .args = "key [range{start:integer [end-unit-block{end:integer [unit(BYTE|BIT)@7.0.0]}]}]",
      .since = "2.6.0", .complexity = "O(N)",
      .summary = "Counts the number of set bits (population counting) in a string.",
      .history = "7.0.0 Added the `BYTE|BIT` option.\n8.0.0 `end` made optional; when "
          "called without argument the command reports the last BYTE." },
    { .name = "bitpos", .run = bitpos, .arity = -3, .flags = CMD_READ, .acl = ACL_BITMAP,
      .keys = KEY_AT(1), .group = GROUP_BITMAP,
      .args = "key bit:integer [range{start:integer [end-unit-block{end:integer "
          "[unit(BYTE|BIT)@7.0.0]}]}]", .since = "2.8.7", .complexity = "O(N)",
      .summary = "Finds the first set (1) or clear (0) bit in a string.",
      .history = "7.0.0 Added the `BYTE|BIT` option." },
    { .name = "bitop", .run = bitop, .arity = -4, .flags = CMD_WRITE | CMD_DENY_OOM,
      .acl = ACL_BITMAP,
      .keys = KEYS(SPEC_AT(2, .flags = KEY_OW | KEY_UPDATE),
                        SPEC_RANGE(3, -1, 1, .flags = KEY_RO | KEY_ACCESS)), .group = GROUP_BITMAP,
      .args = "operation(AND|OR|XOR|NOT) destkey:key key#1...", .since = "2.6.0",
      .complexity = "O(N)",
      .summary = "Performs bitwise operations on multiple strings, and stores the result." },
    { 0 },
};
/* clang-format on */
