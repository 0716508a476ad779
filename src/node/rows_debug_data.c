/* DEBUG subcommands about data and the protocol: what tests fill, compare and expect with. */
#include "base/digest.h"
#include "base/log.h"
#include "node/parts.h"
#include "node/value_digest.h"

#define POPULATE_VALUE_MAX (512 * MIB)

/* ---- POPULATE ----------------------------------------------------------------------------- */

static bool call_count(struct call *call, uint32_t index, int64_t *value)
{
    bool is_right = number_parse(call_arg(call, index), value) && *value >= 0;
    if (!is_right) reply_error(call, "ERR value is out of range, must be positive");
    return is_right;
}

/* Keys that are there stay. Nothing is propagated, and slots are not looked at. */
static void populate(struct call *call, int64_t count, struct bytes prefix, size_t size)
{
    struct access access = { .wall_ms = call->wall_ms };
    struct buffer name = { 0 }, value = { 0 };
    for (int64_t i = 0; i < count; i++) {
        buffer_clear(&name);
        buffer_append(&name, prefix);
        buffer_printf(&name, ":%lld", (long long)i);
        struct key key =
            keyspace_key(call->keyspace, (uint32_t)call->session->db, buffer_bytes(&name));
        if (keyspace_peek(call->keyspace, &access, &key) != NULL) continue;
        buffer_clear(&value);
        buffer_printf(&value, "value:%lld", (long long)i);
        if (size > 0) {
            size_t filled = MIN(value.size, size);
            value.size = filled;
            memset(buffer_reserve(&value, size - filled), 0, size - filled);
            value.size = size;
        }
        keyspace_put_string(call->keyspace, &access, &key, buffer_bytes(&value), PUT_PLAIN);
    }
    buffer_fini(&name);
    buffer_fini(&value);
}

void debug_populate(struct call *call)
{
    int64_t count, size = 0;
    if (!call_count(call, 2, &count)) return;
    if (call->argc == 5 && !call_count(call, 4, &size)) return;
    if (size > (int64_t)POPULATE_VALUE_MAX) {
        reply_error(call, "ERR value is out of range, must be positive");
        return;
    }
    populate(call, count, call->argc > 3 ? call_arg(call, 3) : BYTES("key"), (size_t)size);
    call_propagate_nothing(call);
    reply_ok(call);
}

/* ---- DIGEST ------------------------------------------------------------------------------- */

/* Of one key: where it is, its value, and whether it ends. */
static void digest_entry(const struct entry *entry, uint32_t db, time_ms wall_ms,
                         uint8_t digest[SHA1_SIZE])
{
    struct buffer text = { 0 };
    value_digest(entry, wall_ms, digest);
    buffer_append(&text, bytes_of(&db, sizeof(db)));
    buffer_append(&text, entry_key(entry));
    buffer_append(&text, bytes_of(digest, SHA1_SIZE));
    if (entry_expiry_ms(entry) != EXPIRY_NONE) buffer_append_text(&text, "!!expire!!");
    sha1(buffer_bytes(&text), digest);
    buffer_fini(&text);
}

static void reply_digest(struct call *call, const uint8_t digest[SHA1_SIZE])
{
    char hex[SHA1_SIZE * 2 + 1];
    digest_hex(digest, SHA1_SIZE, hex);
    hex[SHA1_SIZE * 2] = '\0';
    reply_simple(call, hex);
}

/* The same for the same data, whatever the order of its keys: each has a part of its own, and
 * these are put together by exclusive or. */
void debug_digest(struct call *call)
{
    uint8_t all[SHA1_SIZE] = { 0 };
    struct keyspace_walk walk;
    keyspace_walk_init(&walk);
    const struct entry *entry;
    while ((entry = keyspace_walk_next(call->keyspace, &walk)) != NULL) {
        uint8_t digest[SHA1_SIZE];
        digest_entry(entry, walk.db, call->wall_ms, digest);
        for (size_t i = 0; i < SHA1_SIZE; i++) all[i] ^= digest[i];
    }
    reply_digest(call, all);
}

void debug_digest_value(struct call *call)
{
    struct access access = { .wall_ms = call->wall_ms };
    reply_array(call, call->argc - 2);
    for (uint32_t i = 2; i < call->argc; i++) {
        uint8_t digest[SHA1_SIZE] = { 0 };
        struct key key = call_key(call, i);
        const struct entry *entry = keyspace_peek(call->keyspace, &access, &key);
        if (entry != NULL) value_digest(entry, call->wall_ms, digest);
        reply_digest(call, digest);
    }
}

/* ---- PROTOCOL, ERROR, LOG ----------------------------------------------------------------- */

static void protocol_map(struct call *call)
{
    reply_map(call, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(call, i);
        reply_bool(call, i == 1);
    }
}

static void protocol_items(struct call *call)
{
    for (int i = 0; i < 3; i++) reply_integer(call, i);
}

static void protocol_string(struct call *call)
{
    reply_text(call, "Hello World");
}

static void protocol_integer(struct call *call)
{
    reply_integer(call, 12345);
}

static void protocol_double(struct call *call)
{
    reply_double(call, 3.141);
}

static void protocol_big_number(struct call *call)
{
    resp_big_number(call->writer, BYTES("1234567999999999999999999999999999999"));
}

static void protocol_null(struct call *call)
{
    reply_null(call);
}

static void protocol_array(struct call *call)
{
    reply_array(call, 3);
    protocol_items(call);
}

static void protocol_set(struct call *call)
{
    reply_set(call, 3);
    protocol_items(call);
}

static void protocol_verbatim(struct call *call)
{
    reply_verbatim(call, BYTES("This is a verbatim\nstring"));
}

static void protocol_true(struct call *call)
{
    reply_bool(call, true);
}

static void protocol_false(struct call *call)
{
    reply_bool(call, false);
}

static void protocol_attribute(struct call *call)
{
    if (call->writer->protocol == 3) {
        resp_attribute(call->writer, 1);
        reply_text(call, "key-popularity");
        reply_array(call, 2);
        reply_text(call, "key:123");
        reply_integer(call, 90);
    }
    reply_text(call, "Some real reply following the attribute");
}

static void protocol_push(struct call *call)
{
    if (call->writer->protocol == 2) {
        reply_error(call, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_text(call, "Some real reply following the push reply");
    reply_push(call, 2);
    reply_text(call, "server-cpu-usage");
    reply_integer(call, 42);
}

void debug_protocol(struct call *call)
{
    static const struct {
        const char *name;
        void (*reply)(struct call *call);
    } kinds[] = {
        { "string", protocol_string },     { "integer", protocol_integer },
        { "double", protocol_double },     { "bignum", protocol_big_number },
        { "null", protocol_null },         { "array", protocol_array },
        { "set", protocol_set },           { "map", protocol_map },
        { "attrib", protocol_attribute },  { "push", protocol_push },
        { "verbatim", protocol_verbatim }, { "true", protocol_true },
        { "false", protocol_false },
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!call_arg_is(call, 2, kinds[i].name)) continue;
        kinds[i].reply(call);
        return;
    }
    reply_error(call, "ERR Wrong protocol type name. Please use one of the following: "
                      "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|"
                      "true|false");
}

/* What it says is a reply like others: it is no failure of ours, and no counter tells of it. */
void debug_error(struct call *call)
{
    resp_error_bytes(call->writer, call_arg(call, 2));
}

void debug_log(struct call *call)
{
    struct bytes text = call_arg(call, 2);
    log_warning("DEBUG LOG: %.*s", (int)MIN(text.size, (size_t)1024), text.data);
    reply_ok(call);
}
