/* Writing keys: strings, objects, expiry, deletion, renaming. All of it through the gate. */
#include "base/ensure.h"
#include "base/table_inline.h"
#include "keyspace/internal.h"

/* The value of a key that gets another one. */
static inline void discard_before(struct keyspace *keyspace, const struct key *key,
                                  struct entry *before)
{
    if (entry_has_items(before))
        database_items_gone(keyspace_database(keyspace, key->db), key, before);
    gate_discard_value(keyspace, before);
}

/* The access clock of a key that is written over. */
static inline uint32_t put_clock(const struct keyspace *keyspace, const struct access *access,
                                 const struct entry *before)
{
    bool is_kept = keyspace->clock == KEYSPACE_CLOCK_LFU || access->keeps_clock;
    return is_kept ? entry_clock_inline(before) : gate_new_clock(keyspace, access->wall_ms);
}

/* The key, which lives in this cell or nowhere, holds this content from now on. What it held before
 * is freed, its memory used again when the new entry is of the same size class: then an overwrite
 * allocates nothing. */
static struct entry *put_content(struct keyspace *keyspace, const struct access *access,
                                 const struct key *key, struct table_cell *cell,
                                 const struct content *content, const struct put *put)
{
    struct entry *before = cell == NULL ? NULL : table_cell_entry(cell);
    time_ms expiry_before_ms = EXPIRY_NONE;
    time_ms expiry_ms = put->keeps_expiry || put->expiry_ms == 0 ? EXPIRY_NONE : put->expiry_ms;
    uint32_t clock = gate_new_clock(keyspace, access->wall_ms);
    if (before != NULL) {
        clock = put_clock(keyspace, access, before);
        discard_before(keyspace, key, before);
        expiry_before_ms = entry_expiry_inline(before);
        if (put->keeps_expiry) expiry_ms = expiry_before_ms;
    } else if (!access->may_expire && !access->ignores_expiry) {
        /* An expired key that this node may not delete is overwritten all the same. */
        cell = gate_cell(keyspace, key);
        if (cell != NULL) {
            before = table_cell_entry(cell);
            discard_before(keyspace, key, before);
            expiry_before_ms = entry_expiry_inline(before);
        }
    }
    struct entry *entry = entry_create(before, key->bytes, content, expiry_ms, clock);
    gate_put(keyspace, access, key, cell, entry, expiry_before_ms);
    return entry;
}

struct entry *keyspace_put_string(struct keyspace *keyspace, const struct access *access,
                                  const struct key *key, struct bytes text, const struct put *put)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    struct content content = content_of_text(text, put);
    bool has_expiry = put->expiry_ms != 0 && put->expiry_ms != EXPIRY_NONE;
    if (cell != NULL && !has_expiry) {
        struct entry *entry = table_cell_entry(cell);
        if (entry_overwrite(entry, &content, put_clock(keyspace, access, entry))) {
            gate_tell(keyspace, access, key, CHANGE_OVERWRITTEN);
            return entry;
        }
    }
    return put_content(keyspace, access, key, cell, &content, put);
}

struct entry *keyspace_put_integer(struct keyspace *keyspace, const struct access *access,
                                   const struct key *key, int64_t value)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    struct entry *entry = cell == NULL ? NULL : table_cell_entry(cell);
    if (entry != NULL && entry_type(entry) == VALUE_STRING && entry_is_integer(entry)) {
        memcpy((char *)entry + entry_value_at(entry), &value, sizeof(value));
        gate_touch(keyspace, access, entry);
        gate_tell(keyspace, access, key, CHANGE_MODIFIED);
        return entry;
    }
    struct content content = { .type = VALUE_STRING, .form = FORM_INTEGER, .integer = value };
    return put_content(keyspace, access, key, cell, &content,
                       &(struct put){ .keeps_expiry = true });
}

struct entry *keyspace_put_value(struct keyspace *keyspace, const struct access *access,
                                 const struct key *key, enum value_type type, void *value,
                                 const struct put *put)
{
    struct content content = { .type = type, .form = FORM_POINTER, .pointer = value };
    if (type == VALUE_HASH) content.is_edited = hash_volatile_count(value) > 0;
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    return put_content(keyspace, access, key, cell, &content, put);
}

/* The string for writing, `*size` bytes of it, or as many as it has. */
static char *open_text(struct keyspace *keyspace, const struct access *access,
                       const struct key *key, struct table_cell *cell, size_t size)
{
    char *text;
    struct entry *entry = entry_open_text(table_cell_entry(cell), size, &text);
    table_cell_set_entry(cell, entry);
    gate_touch(keyspace, access, entry);
    gate_tell(keyspace, access, key, CHANGE_MODIFIED);
    return text;
}

char *keyspace_open_string(struct keyspace *keyspace, const struct access *access,
                           const struct key *key, size_t size)
{
    ensure(size <= STRING_SIZE_MAX);
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    if (cell != NULL) return open_text(keyspace, access, key, cell, size);

    struct content content = content_of_text(bytes_of(NULL, size), PUT_EDITED);
    struct entry *entry = put_content(keyspace, access, key, cell, &content, PUT_PLAIN);
    char *text;
    struct entry *same = entry_open_text(entry, size, &text);
    ensure(same == entry); /* it has that size already */
    return text;
}

size_t keyspace_append(struct keyspace *keyspace, const struct access *access,
                       const struct key *key, struct bytes more)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    if (cell == NULL) {
        keyspace_put_string(keyspace, access, key, more, PUT_PLAIN);
        return more.size;
    }
    size_t before = entry_string_size(table_cell_entry(cell));
    ensure(more.size <= STRING_SIZE_MAX - before);
    char *text = open_text(keyspace, access, key, cell, before + more.size);
    if (more.size > 0) memcpy(text + before, more.data, more.size);
    return before + more.size;
}

bool keyspace_delete_as(struct keyspace *keyspace, const struct access *access,
                        const struct key *key, enum change_kind kind)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    /* What has expired is not a replica's to delete by itself, but it may be told to. */
    if (cell == NULL && !access->may_expire) cell = gate_cell(keyspace, key);
    if (cell == NULL) return false;
    if (kind == CHANGE_EXPIRED) keyspace->stats.expired++;
    if (kind == CHANGE_EVICTED) keyspace->stats.evicted++;
    struct entry *entry = gate_take(keyspace, key, cell);
    gate_tell(keyspace, access, key, kind); /* the key may lie in the entry itself */
    gate_discard_value(keyspace, entry);
    entry_free_shell(entry);
    return true;
}

bool keyspace_delete(struct keyspace *keyspace, const struct access *access, const struct key *key)
{
    return keyspace_delete_as(keyspace, access, key, CHANGE_DELETED);
}

/* An entry made for `key` takes its place over whatever is there. */
static void put_entry(struct keyspace *keyspace, const struct access *access, const struct key *key,
                      struct entry *entry)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    if (cell == NULL) cell = gate_cell(keyspace, key); /* expired, and not ours to delete */
    time_ms expiry_before_ms = EXPIRY_NONE;
    if (cell != NULL) {
        struct entry *before = table_cell_entry(cell);
        expiry_before_ms = entry_expiry_inline(before);
        discard_before(keyspace, key, before);
        entry_free_shell(before);
    }
    gate_put(keyspace, access, key, cell, entry, expiry_before_ms);
}

bool keyspace_rename(struct keyspace *keyspace, const struct access *access, const struct key *from,
                     const struct key *to)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, from);
    if (cell == NULL) return false;
    if (from->db == to->db && bytes_equal(from->bytes, to->bytes)) return true;

    struct content content = entry_content(table_cell_entry(cell)); /* the object moves along */
    struct entry *entry = gate_take(keyspace, from, cell);
    gate_tell(keyspace, access, from, CHANGE_DELETED);
    struct entry *moved = entry_create(NULL, to->bytes, &content, entry_expiry_inline(entry),
                                       entry_clock_inline(entry));
    entry_free_shell(entry);
    put_entry(keyspace, access, to, moved);
    keyspace->dirty--; /* one change, though two are told */
    return true;
}

bool keyspace_copy(struct keyspace *keyspace, const struct access *access, const struct key *from,
                   const struct key *to)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, from);
    if (cell == NULL) return false;
    if (from->db == to->db && bytes_equal(from->bytes, to->bytes)) return true;

    struct entry *entry = table_cell_entry(cell);
    struct content content = entry_content(entry);
    if (content.form == FORM_POINTER) content.pointer = value_copy(content.type, content.pointer);
    struct entry *copy = entry_create(NULL, to->bytes, &content, entry_expiry_inline(entry),
                                      gate_new_clock(keyspace, access->wall_ms));
    put_entry(keyspace, access, to, copy);
    return true;
}

struct entry *keyspace_set_expiry(struct keyspace *keyspace, const struct access *access,
                                  const struct key *key, time_ms expiry_ms)
{
    struct table_cell *cell = gate_live_cell(keyspace, access, key);
    if (cell == NULL) return NULL;
    struct entry *entry = table_cell_entry(cell);
    time_ms before_ms = entry_expiry_inline(entry);
    if (before_ms == EXPIRY_NONE && expiry_ms == EXPIRY_NONE) return entry;

    entry = entry_set_expiry(entry, expiry_ms);
    table_cell_set_entry(cell, entry);
    database_expiry_changed(keyspace_database(keyspace, key->db), key, cell, before_ms, expiry_ms);
    gate_tell(keyspace, access, key, CHANGE_EXPIRY);
    return entry;
}
