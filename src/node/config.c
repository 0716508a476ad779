/* The configuration as a whole: its rows in one order, making, copying, showing. */
#include "node/config.h"

#include "base/ensure.h"
#include "base/glob.h"
#include "base/memory.h"
#include "node/config_internal.h"
#include <stdlib.h>

static const struct config_table *const tables[] = {
    &config_table_network,     &config_table_tls,      &config_table_process,
    &config_table_keyspace,    &config_table_commands, &config_table_durability,
    &config_table_replication, &config_table_cluster,
};

size_t config_row_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(tables); i++) count += tables[i]->count;
    return count;
}

const struct config_row *config_row_at(size_t index)
{
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (index < tables[i]->count) return &tables[i]->rows[index];
        index -= tables[i]->count;
    }
    ensure_unreachable();
}

size_t config_row_index(const struct config_row *row)
{
    size_t index = 0;
    while (config_row_at(index) != row) index++;
    return index;
}

const struct config_row *config_row_find(struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (size_t j = 0; j < tables[i]->count; j++) {
            const struct config_row *row = &tables[i]->rows[j];
            if (bytes_is_word(name, row->name)) return row;
            if (row->alias != NULL && bytes_is_word(name, row->alias)) return row;
        }
    return NULL;
}

void *config_field(struct config *config, const struct config_row *row)
{
    return (char *)config + row->offset;
}

const void *config_field_const(const struct config *config, const struct config_row *row)
{
    return (const char *)config + row->offset;
}

/* ---- making and copying ---- */

/* The default, into a field that is all zero. A check may refuse what only the default can be, as
 * an empty name. */
static void preset_read(const struct config_row *row, void *field)
{
    struct config_row unchecked = *row;
    unchecked.check = NULL;
    struct bytes preset = bytes_text(row->preset);
    if (row->kind == &config_primary && preset.size == 0) preset = BYTES("no one");

    struct config_line line = { 0 };
    struct buffer reason = { 0 };
    bool is_read = config_line_init(&line, row->kind->takes_many ? preset : BYTES_EMPTY);
    ensure(is_read);
    const struct bytes *words = row->kind->takes_many ? line.words : &preset;
    size_t count = row->kind->takes_many ? line.count : 1;
    is_read = row->kind->read(&unchecked, words, count, false, field, &reason);
    ensure(is_read);
    config_line_fini(&line);
    buffer_fini(&reason);
}

struct config *config_create(void)
{
    struct config *config = memory_alloc_zero(sizeof(*config));
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        preset_read(row, config_field(config, row));
    }
    config->file = memory_copy_text("");
    return config;
}

static void renames_fini(struct config_renames *renames)
{
    for (size_t i = 0; i < renames->count; i++) {
        memory_free(renames->items[i].from);
        memory_free(renames->items[i].to);
    }
    memory_free(renames->items);
}

void config_destroy(struct config *config)
{
    if (config == NULL) return;
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (row->kind->fini != NULL) row->kind->fini(config_field(config, row));
    }
    renames_fini(&config->renames);
    memory_free(config->file);
    memory_free(config);
}

static void renames_copy(const struct config_renames *from, struct config_renames *to)
{
    *to = (struct config_renames){ .count = from->count };
    if (from->count == 0) return;
    to->items = memory_alloc(from->count * sizeof(*to->items));
    for (size_t i = 0; i < from->count; i++)
        to->items[i] = (struct config_rename){ .from = memory_copy_text(from->items[i].from),
                                               .to = memory_copy_text(from->items[i].to),
                                               .line = from->items[i].line };
}

struct config *config_copy(const struct config *config)
{
    struct config *copy = memory_alloc_zero(sizeof(*copy));
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        const void *from = config_field_const(config, row);
        void *to = config_field(copy, row);
        if (row->kind->copy != NULL)
            row->kind->copy(from, to);
        else
            memcpy(to, from, row->kind->size);
    }
    renames_copy(&config->renames, &copy->renames);
    copy->file = memory_copy_text(config->file);
    return copy;
}

void config_swap(struct config *a, struct config *b)
{
    struct config swap = *a;
    *a = *b;
    *b = swap;
}

void config_directory_set(struct config *config, const char *directory)
{
    char *copy = memory_copy_text(directory);
    memory_free(config->dir);
    config->dir = copy;
}

/* ---- comparing ---- */

void config_write(const struct config *config, const struct config_row *row, struct buffer *into)
{
    row->kind->write(row, config_field_const(config, row), into);
}

static bool same_text(const struct config_row *row, const void *a, const void *b)
{
    struct buffer text_a = { 0 };
    struct buffer text_b = { 0 };
    row->kind->write(row, a, &text_a);
    row->kind->write(row, b, &text_b);
    bool is_same = bytes_equal(buffer_bytes(&text_a), buffer_bytes(&text_b));
    buffer_fini(&text_a);
    buffer_fini(&text_b);
    return is_same;
}

bool config_equal(const struct config *a, const struct config *b, const struct config_row *row)
{
    return same_text(row, config_field_const(a, row), config_field_const(b, row));
}

bool config_is_default(const struct config *config, const struct config_row *row)
{
    /* The largest field; the union aligns it for all of them. */
    union {
        struct config_output_limits limits;
        struct config_replicaof primary;
        double alignment;
    } field;
    ensure(row->kind->size <= sizeof(field));
    memset(&field, 0, sizeof(field));
    preset_read(row, &field);
    bool is_same = same_text(row, config_field_const(config, row), &field);
    if (row->kind->fini != NULL) row->kind->fini(&field);
    return is_same;
}

/* ---- CONFIG GET ---- */

struct match {
    struct bytes name;
    const struct config_row *row;
};

struct matches {
    struct match *items; /* owned */
    size_t count;
};

/* Two spellings of one option are two names; one name in two cases is one. */
static void matches_put(struct matches *matches, struct bytes name, const struct config_row *row)
{
    for (size_t i = 0; i < matches->count; i++)
        if (bytes_equal_nocase(matches->items[i].name, name)) return;
    matches->items[matches->count++] = (struct match){ .name = name, .row = row };
}

static int match_compare(const void *a, const void *b)
{
    return bytes_compare(((const struct match *)a)->name, ((const struct match *)b)->name);
}

static void matches_add_pattern(struct matches *matches, struct bytes pattern)
{
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (row->flags & CONFIG_HIDDEN) continue;
        const char *names[] = { row->name, row->alias };
        for (size_t j = 0; j < COUNT_OF(names) && names[j] != NULL; j++)
            if (glob_matches_nocase(pattern, bytes_text(names[j])))
                matches_put(matches, bytes_text(names[j]), row);
    }
}

void config_get(const struct config *config, const struct bytes *patterns, size_t count,
                void (*visit)(void *context, struct bytes name, struct bytes value), void *context)
{
    /* A name is put once, so there are never more of them than rows have names. */
    struct matches matches = { 0 };
    matches.items = memory_alloc(2 * config_row_count() * sizeof(*matches.items));
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = NULL;
        if (config_is_pattern(patterns[i]))
            matches_add_pattern(&matches, patterns[i]);
        else
            row = config_row_find(patterns[i]);
        if (row != NULL) matches_put(&matches, patterns[i], row);
    }
    qsort(matches.items, matches.count, sizeof(*matches.items), match_compare);

    struct buffer value = { 0 };
    for (size_t i = 0; i < matches.count; i++) {
        const struct config_row *row = matches.items[i].row;
        buffer_clear(&value);
        row->kind->print(row, config_field_const(config, row), &value);
        visit(context, matches.items[i].name, buffer_bytes(&value));
    }
    buffer_fini(&value);
    memory_free(matches.items);
}

bool config_print(const struct config *config, struct bytes name, struct buffer *into)
{
    const struct config_row *row = config_row_find(name);
    if (row == NULL) return false;
    row->kind->print(row, config_field_const(config, row), into);
    return true;
}

void config_put_replicaof(struct config *config, const char *host, int64_t port)
{
    char *copy = memory_copy_text(host);
    memory_free(config->replicaof.host);
    config->replicaof.host = copy;
    config->replicaof.port = port;
}
