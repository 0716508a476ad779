/* DEBUG subcommands that show how something is kept: tables, packs, long lists, strings. */
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"
#include "persist/dump.h"
#include "types/hash.h"
#include "types/quicklist.h"
#include "types/set.h"
#include "types/zset.h"
#include <stdio.h>

static const struct entry *find_entry(struct call *call)
{
    struct access access = { .wall_ms = call->wall_ms };
    struct key key = call_key(call, 2);
    const struct entry *entry = keyspace_peek(call->keyspace, &access, &key);
    if (entry == NULL) reply_error(call, "ERR no such key");
    return entry;
}

static bool has_encoding(const struct entry *entry, const char *name)
{
    return strcmp(entry_encoding(entry), name) == 0;
}

/* ---- OBJECT ------------------------------------------------------------------------------- */

/* What it takes in a snapshot, without type and footer. */
static size_t serialized_size(const struct node *node, const struct entry *entry)
{
    struct buffer payload = { 0 };
    enum err err = dump_write(entry, node->config->rdbcompression, &payload);
    size_t size = err || payload.size < 11 ? 0 : payload.size - 11;
    buffer_fini(&payload);
    return size;
}

static void print_list(const struct node *node, const struct quicklist *list, bool is_fast,
                       struct buffer *into)
{
    const struct config *config = node->config;
    size_t nodes = quicklist_node_count(list);
    buffer_printf(into,
                  " ql_nodes:%zu ql_avg_node:%.2f ql_listpack_max:%lld "
                  "ql_compressed:%d",
                  nodes, (double)quicklist_count(list) / (double)MAX(nodes, (size_t)1),
                  (long long)config->list_max_listpack_size, config->list_compress_depth != 0);
    if (is_fast) return;
    size_t size = 0;
    struct quicklist_walk walk = { 0 };
    while (quicklist_walk_next(list, &walk))
        size += walk.body.size + (walk.is_plain ? 0 : LISTPACK_FRAME);
    buffer_printf(into, " ql_uncompressed_size:%zu", size);
}

void debug_object(struct call *call)
{
    const struct node *node = node_of(call);
    const struct entry *entry = find_entry(call);
    if (entry == NULL) return;
    bool is_fast = call_arg_is(call, 3, "fast");
    uint64_t idle_s = keyspace_idle_seconds(node->keyspace, entry, call->wall_ms);
    uint64_t clock_s = (uint64_t)(call->wall_ms / 1000) - idle_s;
    struct buffer text = { 0 };
    buffer_printf(&text, "Value at:%p refcount:1 encoding:%s", (const void *)entry,
                  entry_encoding(entry));
    if (!is_fast) buffer_printf(&text, " serializedlength:%zu", serialized_size(node, entry));
    buffer_printf(&text, " lru:%llu lru_seconds_idle:%llu",
                  (unsigned long long)(clock_s & 0xffffff), (unsigned long long)idle_s);
    if (has_encoding(entry, "quicklist")) print_list(node, entry_value(entry), is_fast, &text);
    resp_simple_bytes(call->writer, buffer_bytes(&text));
    buffer_fini(&text);
}

/* ---- HTSTATS ------------------------------------------------------------------------------ */

static void print_shape(const struct table_shape *shape, bool is_full, struct buffer *into)
{
    if (shape->entries == 0 && shape->buckets == 0) return;
    buffer_printf(into,
                  "Hash table 0 stats (main hash table):\n table size: %zu\n"
                  " number of entries: %zu\n rehashing index: -1\n",
                  shape->places, shape->entries);
    if (!is_full) return;
    double buckets = (double)MAX(shape->buckets, (size_t)1);
    buffer_printf(into,
                  " top-level buckets: %zu\n child buckets: %zu\n max chain length: %zu\n"
                  " avg chain length: %f\n chain length distribution:\n",
                  shape->buckets, shape->chained, shape->longest, (double)shape->chained / buckets);
    for (size_t i = 0; i < TABLE_SHAPE_CHAINS; i++) {
        if (shape->of_chain[i] == 0) continue;
        buffer_printf(into, "   %zu: %zu (%.2f%%)\n", i, shape->of_chain[i],
                      (double)shape->of_chain[i] / buckets * 100);
    }
}

/* Keys with an expiry have no table of their own: of those there is only the number. */
void debug_htstats(struct call *call)
{
    int64_t db;
    if (!call_integer(call, 2, &db)) return;
    if (db < 0 || db >= keyspace_database_count(call->keyspace)) {
        reply_error(call, "ERR Out of range database");
        return;
    }
    bool is_full = call_arg_is(call, 3, "full");
    struct table_shape shape = { 0 };
    struct keyspace_database_stats stats;
    keyspace_database_measure(call->keyspace, (uint32_t)db, is_full, &shape);
    keyspace_database_stats_read(call->keyspace, (uint32_t)db, call->wall_ms, &stats);
    struct buffer text = { 0 };
    buffer_append_text(&text, "[Dictionary HT]\n");
    if (stats.keys > 0) print_shape(&shape, is_full, &text);
    buffer_append_text(&text, "[Expires HT]\n");
    if (stats.volatile_keys > 0)
        buffer_printf(&text, " number of entries: %zu\n rehashing index: -1\n",
                      stats.volatile_keys);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

void debug_htstats_key(struct call *call)
{
    const struct entry *entry = find_entry(call);
    if (entry == NULL) return;
    const struct table *table = entry_type(entry) == VALUE_STRING
                                    ? NULL
                                    : value_table(entry_type(entry), entry_value(entry));
    if (table == NULL) {
        reply_error(call, "ERR The value stored at the specified key is not represented using an "
                          "hash table");
        return;
    }
    bool is_full = call_arg_is(call, 3, "full");
    struct table_shape shape = { 0 };
    table_measure(table, is_full, &shape);
    struct buffer text = { 0 };
    print_shape(&shape, is_full, &text);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

/* ---- LISTPACK, QUICKLIST: to the log ------------------------------------------------------ */

static void log_body(struct bytes body)
{
    size_t at = 0;
    for (size_t index = 0; at < body.size; index++) {
        struct listpack_item item;
        struct scratch scratch;
        size_t next = listpack_read(body, at, &item);
        struct bytes text = listpack_text(&item, &scratch);
        log_warning("  %zu: at %zu, %zu bytes, %s %.*s", index, at, next - at,
                    item.is_integer ? "integer" : "text", (int)MIN(text.size, (size_t)40),
                    text.data);
        at = next;
    }
}

static void log_list(const struct quicklist *list, bool is_full)
{
    struct quicklist_walk walk = { 0 };
    for (size_t index = 0; quicklist_walk_next(list, &walk); index++) {
        log_warning(" node %zu: %s, %zu elements, %zu bytes", index,
                    walk.is_plain ? "plain" : "packed", walk.count, walk.body.size);
        if (is_full && !walk.is_plain) log_body(walk.body);
    }
}

void debug_listpack(struct call *call)
{
    const struct entry *entry = find_entry(call);
    if (entry == NULL) return;
    if (!has_encoding(entry, "listpack")) {
        reply_error(call, "ERR Not a listpack encoded object.");
        return;
    }
    const void *value = entry_value(entry);
    log_warning("DEBUG LISTPACK: %s", value_type_name(entry_type(entry)));
    switch (entry_type(entry)) {
    case VALUE_LIST: log_list(value, true); break;
    case VALUE_SET: log_body(set_raw(value)); break;
    case VALUE_HASH: log_body(hash_body(value)); break;
    case VALUE_ZSET: log_body(zset_small_body(value)); break;
    default: break;
    }
    reply_simple(call, "Listpack structure printed on stdout");
}

void debug_quicklist(struct call *call)
{
    const struct entry *entry = find_entry(call);
    if (entry == NULL) return;
    int64_t detail = 0;
    if (call->argc > 3) (void)!number_parse(call_arg(call, 3), &detail);
    if (!has_encoding(entry, "quicklist")) {
        reply_error(call, "ERR Not a quicklist encoded object.");
        return;
    }
    log_warning("DEBUG QUICKLIST: %zu elements", quicklist_count(entry_value(entry)));
    log_list(entry_value(entry), detail != 0);
    reply_simple(call, "Quicklist structure printed on stdout");
}

/* ---- sizes -------------------------------------------------------------------------------- */

/* A key and its string stand in one block: what is spare there is spare for both. */
void debug_sdslen(struct call *call)
{
    const struct entry *entry = find_entry(call);
    if (entry == NULL) return;
    if (entry_type(entry) != VALUE_STRING || entry_is_integer(entry)) {
        reply_error(call, "ERR Not an sds encoded string.");
        return;
    }
    char text[256];
    size_t key_size = entry_key(entry).size, size = entry_string_size(entry);
    size_t memory = entry_memory(entry, 0);
    snprintf(text, sizeof(text),
             "key_sds_len:%zu key_sds_avail:0 obj_alloc:%zu val_sds_len:%zu val_sds_avail:%zu "
             "val_alloc:0",
             key_size, memory, size, memory > key_size + size ? memory - key_size - size : 0);
    reply_simple(call, text);
}

void debug_structsize(struct call *call)
{
    char text[256];
    snprintf(text, sizeof(text), "bits:%zu session:%zu link:%zu table_line:%zu value_rules:%zu ",
             sizeof(void *) * 8, sizeof(struct session), sizeof(struct link),
             sizeof(struct table_cell) * 8, sizeof(struct value_rules));
    reply_simple(call, text);
}

/* ---- CLIENT-EVICTION ---------------------------------------------------------------------- */

static size_t bucket_start(size_t bucket)
{
    return bucket == 0 ? 0 : (size_t)1 << (bucket + CLIENT_BUCKET_FIRST);
}

static void print_bucket(const struct node *node, size_t bucket, struct buffer *into)
{
    size_t memory = 0, count = 0;
    const struct list *list = &node->client_memory.buckets[bucket];
    for (struct list_link *at = list->head.next; at != &list->head; at = at->next) {
        memory += CONTAINER_OF(at, struct link, memory_link)->memory_counted;
        count++;
    }
    if (bucket + 1 == CLIENT_BUCKET_COUNT)
        buffer_printf(into, "bucket %10zu+            : tot-mem: %10zu, clients: %zu\n",
                      bucket_start(bucket), memory, count);
    else
        buffer_printf(into, "bucket %10zu - %10zu: tot-mem: %10zu, clients: %zu\n",
                      bucket_start(bucket), bucket_start(bucket + 1) - 1, memory, count);
}

void debug_client_eviction(struct call *call)
{
    const struct node *node = node_of(call);
    if (node->config->maxmemory_clients_bytes == 0) {
        reply_error(call, "ERR maxmemory-clients is disabled.");
        return;
    }
    struct buffer text = { 0 };
    for (size_t i = 0; i < CLIENT_BUCKET_COUNT; i++) print_bucket(node, i, &text);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}
