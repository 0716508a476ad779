/* BITFIELD: strings as arrays of small integers.
 *
 * All operations are parsed before the first one runs, so that a mistake in the last one leaves
 * the key as it was. The string is opened for writing at the first operation that changes it:
 * what changes nothing is no write. */
#include "base/memory.h"
#include "commands/rows.h"
#include "commands/sizes.h"
#include "types/bits.h"

enum operation_kind { OPERATION_GET, OPERATION_SET, OPERATION_INCREMENT };

struct operation {
    enum operation_kind kind;
    enum bits_overflow overflow;
    struct bits_field field;
    uint64_t offset;
    int64_t value; /* to be set or added */
};

struct operations {
    struct operation *items; /* owned */
    uint32_t count;
    size_t size_written; /* bytes that the writing ones need; 0: there are none */
};

static bool overflow_parse(struct call *call, uint32_t index, enum bits_overflow *overflow)
{
    if (call_arg_is(call, index, "wrap")) {
        *overflow = BITS_WRAP;
    } else if (call_arg_is(call, index, "sat")) {
        *overflow = BITS_SATURATE;
    } else if (call_arg_is(call, index, "fail")) {
        *overflow = BITS_FAIL;
    } else {
        reply_error(call, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* GET field offset, SET and INCRBY field offset value. The answer is how many arguments it took,
 * 0 after an error. */
static uint32_t operation_parse(struct call *call, uint32_t at, struct operation *operation)
{
    uint32_t left = call->argc - at;
    if (call_arg_is(call, at, "get") && left > 2) {
        operation->kind = OPERATION_GET;
    } else if (call_arg_is(call, at, "set") && left > 3) {
        operation->kind = OPERATION_SET;
    } else if (call_arg_is(call, at, "incrby") && left > 3) {
        operation->kind = OPERATION_INCREMENT;
    } else {
        reply_syntax_error(call);
        return 0;
    }
    if (!bits_field_parse(call_arg(call, at + 1), &operation->field)) {
        reply_error(call, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is "
                          "not supported but i64 is.");
        return 0;
    }
    if (!bit_offset_parse(call, at + 2, operation->field.width, &operation->offset)) return 0;
    if (operation->kind == OPERATION_GET) return 3;
    return call_integer(call, at + 3, &operation->value) ? 4 : 0;
}

static bool parse_into(struct call *call, struct operations *operations)
{
    enum bits_overflow overflow = BITS_WRAP;
    for (uint32_t at = 2; at < call->argc;) {
        if (call_arg_is(call, at, "overflow") && at + 1 < call->argc) {
            if (!overflow_parse(call, at + 1, &overflow)) return false;
            at += 2;
            continue;
        }
        struct operation *operation = &operations->items[operations->count++];
        *operation = (struct operation){ .overflow = overflow };
        uint32_t taken = operation_parse(call, at, operation);
        if (taken == 0) return false;
        at += taken;
        if (operation->kind == OPERATION_GET) continue;
        size_t size = (size_t)((operation->offset + operation->field.width + 7) / 8);
        operations->size_written = MAX(operations->size_written, size);
    }
    return true;
}

/* False: answered, nothing is owned. */
static bool operations_parse(struct call *call, struct operations *operations)
{
    /* The shortest operation takes three arguments. */
    *operations =
        (struct operations){ .items = memory_alloc(call->argc * sizeof(struct operation)) };
    if (parse_into(call, operations)) return true;
    memory_free(operations->items);
    return false;
}

/* --- running ----------------------------------------------------------------------------- */

struct target {
    struct call *call;
    struct key key;
    struct bytes text; /* what is there now */
    char *open;        /* the same, for writing; NULL: not opened yet */
    size_t size;       /* that it has when it is opened */
    bool is_grown;     /* the key is new or longer: then every write counts as a change */
    uint64_t changes;
};

static void target_open(struct target *target)
{
    struct call *call = target->call;
    if (target->open != NULL) return;
    target->open = keyspace_open_string(call->keyspace, call->access, &target->key, target->size);
    target->text = bytes_of(target->open, target->size);
}

static void operation_run(struct target *target, const struct operation *operation)
{
    int64_t before = bits_field_read(target->text, operation->offset, operation->field);
    int64_t after = before;
    bool fits = true;
    if (operation->kind == OPERATION_SET)
        fits = bits_field_fit(operation->field, operation->overflow, operation->value, &after);
    else if (operation->kind == OPERATION_INCREMENT)
        fits =
            bits_field_add(operation->field, operation->overflow, before, operation->value, &after);
    if (!fits) {
        reply_null(target->call);
        return;
    }
    reply_integer(target->call, operation->kind == OPERATION_INCREMENT ? after : before);
    if (operation->kind == OPERATION_GET || (after == before && !target->is_grown)) return;
    target_open(target);
    bits_field_write(target->open, operation->offset, operation->field, after);
    target->changes++;
}

static void operations_run(struct call *call, const struct operations *operations)
{
    struct target target = { .call = call, .key = call_key(call, 1) };
    struct scratch scratch;
    struct entry *entry;
    bool is_found = operations->size_written > 0 ? call_string_for_write(call, &target.key, &entry)
                                                 : call_string_for_read(call, &target.key, &entry);
    if (!is_found) return;
    if (entry != NULL) target.text = entry_string(entry, &scratch);
    target.size = MAX(operations->size_written, target.text.size);
    target.is_grown = target.size > target.text.size;
    if (target.is_grown) target_open(&target);

    reply_array(call, operations->count);
    for (uint32_t i = 0; i < operations->count; i++) operation_run(&target, &operations->items[i]);
    if (target.changes > 0) call_notify(call, NOTIFY_STRING, "setbit", &target.key);
    if (target.changes > 1) keyspace_dirty_add(call->keyspace, target.changes - 1);
}

static void bitfield(struct call *call)
{
    struct operations operations;
    if (!operations_parse(call, &operations)) return;
    operations_run(call, &operations);
    memory_free(operations.items);
}

static void bitfield_ro(struct call *call)
{
    struct operations operations;
    if (!operations_parse(call, &operations)) return;
    if (operations.size_written > 0)
        reply_error(call, "ERR BITFIELD_RO only supports the GET subcommand");
    else
        operations_run(call, &operations);
    memory_free(operations.items);
}

/* Only reading operations make it a command that only reads. */
static bool bitfield_find_keys(const struct bytes *argv, uint32_t argc, struct key_places *places)
{
    bool is_reading = true;
    uint32_t at = 2;
    while (is_reading && at < argc) {
        bool is_overflow = bytes_is_word(argv[at], "overflow") && argc - at > 1;
        is_reading = is_overflow || (bytes_is_word(argv[at], "get") && argc - at > 2);
        at += is_overflow ? 2 : 3;
    }
    key_places_add(places, 1, is_reading ? KEY_RO | KEY_ACCESS : KEY_RW | KEY_ACCESS | KEY_UPDATE);
    return true;
}

/* clang-format off */
const struct command bitfield_commands[] = {
    { .name = "bitfield", .run = bitfield, .find_keys = bitfield_find_keys, .arity = -2,
      .flags = CMD_WRITE | CMD_DENY_OOM, .acl = ACL_BITMAP,
      .keys = KEYS(SPEC_AT(1, .flags = KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS,
                        .notes = "This command allows both access and modification of the key")),
      .group = GROUP_BITMAP,
      .args = "key [operation(GET=get-block{encoding offset:integer}|"
          "write{[OVERFLOW=overflow-block(WRAP|SAT|FAIL)] "
          "write-operation(SET=set-block{encoding offset:integer value:integer}|"
          "INCRBY=incrby-block{encoding offset:integer increment:integer})})...]",
      .since = "3.2.0", .complexity = "O(1) for each subcommand specified",
      .summary = "Performs arbitrary bitfield integer operations on strings." },
    { .name = "bitfield_ro", .run = bitfield_ro, .arity = -2, .flags = CMD_READ | CMD_FAST,
      .acl = ACL_BITMAP, .keys = KEY_AT(1), .group = GROUP_BITMAP,
      .args = "key [GET=get-block{encoding offset:integer}+...]", .since = "6.0.0",
      .complexity = "O(1) for each subcommand specified",
      .summary = "Performs arbitrary read-only bitfield integer operations on strings." },
    { 0 },
};
/* clang-format on */
