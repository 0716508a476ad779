/* Building the table of commands and finding rows in it. */
#include "engine/table.h"
#include "base/ensure.h"
#include "base/histogram.h"
#include "base/memory.h"
#include "engine/words.h"

#define PLACES_AT_START 1024

void command_table_init(struct command_table *table)
{
    *table = (struct command_table){ .place_mask = PLACES_AT_START - 1 };
    table->places = memory_alloc_zero(PLACES_AT_START * sizeof(*table->places));
}

void command_statistics_reset(struct command_statistics *statistics)
{
    if (statistics->latencies != NULL) histogram_destroy(statistics->latencies);
    *statistics = (struct command_statistics){ .latencies = NULL };
}

static void entry_fini(struct command_entry *entry)
{
    for (uint32_t i = 0; i < entry->sub_count; i++) entry_fini(&entry->subs[i]);
    command_statistics_reset(&entry->statistics);
    memory_free(entry->subs);
    memory_free(entry->name);
}

void command_table_fini(struct command_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        entry_fini(table->entries[i]);
        memory_free(table->entries[i]);
    }
    for (uint32_t i = 0; i < table->renamed_count; i++) {
        struct command_renamed *renamed = &table->renamed[i];
        memory_free(renamed->name);
        if (renamed->name != NULL) continue;
        entry_fini(renamed->entry);
        memory_free(renamed->entry);
    }
    memory_free(table->renamed);
    memory_free(table->entries);
    memory_free(table->places);
}

/* --- what derives from a row ------------------------------------------------------------- */

static uint32_t categories_of(const struct command *row)
{
    uint32_t acl = row->acl;
    if (row->flags & CMD_WRITE) acl |= ACL_WRITE;
    if (row->flags & CMD_READ && !(acl & ACL_SCRIPTING)) acl |= ACL_READ;
    if (row->flags & CMD_ADMIN) acl |= ACL_ADMIN | ACL_DANGEROUS;
    if (row->flags & CMD_PUBSUB) acl |= ACL_PUBSUB;
    if (row->flags & CMD_BLOCKING) acl |= ACL_BLOCKING;
    return acl | (row->flags & CMD_FAST ? ACL_FAST : ACL_SLOW);
}

static bool is_plain_range(const struct key_spec *spec)
{
    return spec->begin == KEY_BEGIN_INDEX && spec->find == KEY_FIND_RANGE;
}

/* What COMMAND INFO calls first key, last key and step: the plain ranges taken together, as long
 * as they join. Anything else makes the keys movable. */
static void derive_range(struct command_entry *entry)
{
    int first = 0, last = 0, step = 0;
    for (const struct key_spec *spec = entry->command->keys; spec->begin != KEY_SPEC_END; spec++) {
        if (!is_plain_range(spec) || key_spec_flags(entry->command, spec) & KEY_INCOMPLETE) {
            entry->flags |= CMD_MOVABLE_KEYS;
            if (!is_plain_range(spec)) continue;
        }
        int until = spec->last < 0 ? spec->last : spec->start + spec->last;
        if (first == 0) {
            first = spec->start;
            step = spec->step;
            last = until;
        } else if (spec->start == last + 1 && spec->step == step) {
            last = until;
        } else {
            first = MIN(first, spec->start);
            last = last < 0 ? last : until < 0 ? until : MAX(last, until);
        }
    }
    entry->key_first = (int16_t)first;
    entry->key_last = (int16_t)last;
    entry->key_step = (int16_t)step;
}

static void derive_keys(struct command_entry *entry)
{
    const struct command *row = entry->command;
    /* A function that only knows the flags better (SET ... GET) changes no place. */
    bool is_exact = row->keys != NULL && key_spec_flags(row, row->keys) & KEY_VARIABLE_FLAGS;
    bool is_elsewhere = row->find_keys != NULL && !is_exact;
    entry->key_shape = is_elsewhere ? KEYS_OTHER : KEYS_ABSENT;
    if (row->keys == NULL) return;

    derive_range(entry);
    const struct key_spec *spec = row->keys;
    bool is_only = spec[1].begin == KEY_SPEC_END;
    if (is_elsewhere || !is_only || !is_plain_range(spec) || spec->limit > 1) {
        entry->key_shape = KEYS_OTHER;
    } else {
        entry->key_shape = spec->last == 0 ? KEYS_ONE : KEYS_RANGE;
    }
}

#define ROW_NEVER                                                                                  \
    (CMD_ADMIN | CMD_PUBSUB | CMD_BLOCKING | CMD_MOVABLE_KEYS | CMD_NO_AUTH | CMD_NO_MULTI |       \
     CMD_ASKING | CMD_MAY_REPLICATE | CMD_NOT_QUEUED | CMD_IS_EXEC | CMD_IS_MIGRATE)

/* See engine_run_plain. */
static bool row_is_plain(const struct command_entry *entry)
{
    if (entry->sub_count > 0 || entry->key_shape != KEYS_ONE || entry->key_first <= 0) return false;
    if (!(entry->flags & (CMD_READ | CMD_WRITE)) || entry->flags & ROW_NEVER) return false;
    /* Measured together with its neighbours, so none that may take long. */
    const char *complexity = entry->command->complexity;
    return entry->flags & CMD_FAST || (complexity != NULL && strncmp(complexity, "O(1)", 4) == 0);
}

static void entry_init(struct command_entry *entry, const struct command *row,
                       struct command_entry *parent)
{
    size_t size = strlen(row->name);
    ensure(size > 0);
    ensure(size <= COMMAND_NAME_MAX);
    *entry = (struct command_entry){ .command = row, .parent = parent, .flags = row->flags };
    entry->acl = categories_of(row);
    words_load(bytes_text(row->name), entry->words);
    entry->word_size = size;
    derive_keys(entry);
    entry->is_plain = row_is_plain(entry);

    struct buffer name = { 0 };
    if (parent != NULL) buffer_printf(&name, "%s|", parent->name);
    buffer_append_text(&name, row->name);
    entry->name = buffer_take(&name, &size);

    if (row->subcommands == NULL) return;
    while (row->subcommands[entry->sub_count].name != NULL) entry->sub_count++;
    entry->subs = memory_alloc_zero(entry->sub_count * sizeof(*entry->subs));
    for (uint32_t i = 0; i < entry->sub_count; i++)
        entry_init(&entry->subs[i], &row->subcommands[i], entry);
}

/* --- the places -------------------------------------------------------------------------- */

static void places_put(struct command_table *table, struct command_entry *entry)
{
    uint32_t at = words_hash(entry->words) & table->place_mask;
    while (table->places[at] != NULL) {
        ensure(!words_equal(table->places[at]->words, entry->words)); /* registered twice */
        at = (at + 1) & table->place_mask;
    }
    table->places[at] = entry;
}

static void places_grow(struct command_table *table)
{
    memory_free(table->places);
    table->place_mask = table->place_mask * 2 + 1;
    table->places = memory_alloc_zero((table->place_mask + 1) * sizeof(*table->places));
    for (uint32_t i = 0; i < table->count; i++) places_put(table, table->entries[i]);
}

void command_table_add(struct command_table *table, const struct command *row)
{
    if (table->count == table->capacity) {
        table->capacity = MAX(64, table->capacity * 2);
        table->entries = memory_realloc(table->entries, table->capacity * sizeof(*table->entries));
    }
    ensure(table->renamed_count == 0); /* a renamed one would come back to its place */
    struct command_entry *entry = memory_alloc(sizeof(*entry));
    entry_init(entry, row, NULL);
    /* A quarter full at most: nearly every name is found at its first place. */
    if ((table->count + 1) * 4 > table->place_mask) places_grow(table);
    table->entries[table->count++] = entry;
    places_put(table, entry);
}

static inline bool entry_is(const struct command_entry *entry, const uint64_t words[3], size_t size)
{
    return words_equal(entry->words, words) && entry->word_size == size;
}

static struct command_entry *find_placed(const struct command_table *table, struct bytes name)
{
    uint64_t words[3];
    if (name.size == 0 || name.size > COMMAND_NAME_MAX) return NULL;
    words_load(name, words);
    for (uint32_t at = words_hash(words) & table->place_mask; table->places[at] != NULL;
         at = (at + 1) & table->place_mask) {
        if (entry_is(table->places[at], words, name.size)) return table->places[at];
    }
    return NULL;
}

static struct command_renamed *find_renamed(const struct command_table *table, struct bytes name)
{
    for (uint32_t i = 0; i < table->renamed_count; i++) {
        struct command_renamed *renamed = &table->renamed[i];
        if (renamed->name != NULL && bytes_equal_nocase(bytes_text(renamed->name), name))
            return renamed;
    }
    return NULL;
}

struct command_entry *command_table_find(const struct command_table *table, struct bytes name)
{
    struct command_entry *entry = find_placed(table, name);
    if (entry != NULL || table->renamed_count == 0) return entry;
    struct command_renamed *renamed = find_renamed(table, name);
    return renamed == NULL ? NULL : renamed->entry;
}

struct command_entry *command_table_find_streamed(const struct command_table *table,
                                                  struct bytes name)
{
    struct command_entry *entry = command_table_find(table, name);
    for (uint32_t i = 0; i < table->renamed_count && entry == NULL; i++)
        if (bytes_is_word(name, table->renamed[i].entry->command->name))
            entry = table->renamed[i].entry;
    return entry;
}

/* --- rename-command ---------------------------------------------------------------------- */

static void places_remove(struct command_table *table, const struct command_entry *entry)
{
    memset(table->places, 0, (table->place_mask + 1) * sizeof(*table->places));
    for (uint32_t i = 0; i < table->count; i++) {
        bool is_placed = table->entries[i] != entry;
        for (uint32_t k = 0; k < table->renamed_count && is_placed; k++)
            is_placed = table->renamed[k].entry != table->entries[i];
        if (is_placed) places_put(table, table->entries[i]);
    }
}

/* Out of the list that COMMAND shows; who renamed it owns it now. */
static void entries_remove(struct command_table *table, const struct command_entry *entry)
{
    uint32_t at = 0;
    while (table->entries[at] != entry) at++;
    table->count--;
    memmove(&table->entries[at], &table->entries[at + 1],
            (table->count - at) * sizeof(*table->entries));
}

enum err command_table_rename(struct command_table *table, struct bytes from, struct bytes to)
{
    struct command_entry *entry = command_table_find(table, from);
    if (entry == NULL) return ERR_NOT_FOUND;
    if (to.size > 0 && command_table_find(table, to) != NULL) return ERR_EXISTS;

    struct command_renamed *renamed = find_renamed(table, from);
    if (renamed == NULL) {
        places_remove(table, entry);
        size_t size = (table->renamed_count + 1) * sizeof(*table->renamed);
        table->renamed = memory_realloc(table->renamed, size);
        renamed = &table->renamed[table->renamed_count++];
        *renamed = (struct command_renamed){ .entry = entry };
    }
    memory_free(renamed->name);
    renamed->name = to.size == 0 ? NULL : bytes_copy_text(to);
    if (renamed->name == NULL) entries_remove(table, entry);
    return ERR_NONE;
}

struct command_entry *command_entry_find_sub(const struct command_entry *parent, struct bytes name)
{
    uint64_t words[3];
    if (name.size == 0 || name.size > COMMAND_NAME_MAX) return NULL;
    words_load(name, words);
    for (uint32_t i = 0; i < parent->sub_count; i++)
        if (entry_is(&parent->subs[i], words, name.size)) return &parent->subs[i];
    return NULL;
}

struct command_entry *command_table_find_full(const struct command_table *table, struct bytes name)
{
    ptrdiff_t bar = bytes_index_of(name, '|');
    if (bar < 0) return command_table_find(table, name);
    struct command_entry *parent = command_table_find(table, bytes_of(name.data, (size_t)bar));
    if (parent == NULL) return NULL;
    return command_entry_find_sub(parent, bytes_from(name, (size_t)bar + 1));
}
