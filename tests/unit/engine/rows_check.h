/* Rows against a running Valkey: what COMMAND INFO and COMMAND DOCS derive from ours must be what
 * the peer answered (tests/data/commands), set by set and word by word. */
#ifndef EIR_TESTS_UNIT_ENGINE_ROWS_CHECK_H
#define EIR_TESTS_UNIT_ENGINE_ROWS_CHECK_H

#include "resp/read.h"
#include "unit/engine/world.h"
#include <stdio.h>
#include <stdlib.h>

/* The form of the data files: see from_peer.py. */
static void render(struct buffer *into, const struct resp_value *value);

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void render_set(struct buffer *into, const struct resp_value *set)
{
    char *texts[64];
    ck_assert_uint_le(set->count, COUNT_OF(texts));
    for (size_t i = 0; i < set->count; i++) {
        struct buffer text = { 0 };
        size_t size;
        render(&text, &set->items[i]);
        texts[i] = buffer_take(&text, &size);
    }
    qsort(texts, set->count, sizeof(texts[0]), compare_texts);
    buffer_append_byte(into, '{');
    for (size_t i = 0; i < set->count; i++) {
        buffer_printf(into, "%s%s", i > 0 ? ", " : "", texts[i]);
        memory_free(texts[i]);
    }
    buffer_append_byte(into, '}');
}

static void render(struct buffer *into, const struct resp_value *value)
{
    bool is_map = value->type == RESP_MAP;
    switch (value->type) {
    case RESP_NULL: buffer_append_byte(into, '_'); return;
    case RESP_INTEGER: buffer_append_int(into, value->integer); return;
    case RESP_SIMPLE: buffer_printf(into, "+%s", value->text.data); return;
    case RESP_BULK: buffer_printf(into, "\"%s\"", value->text.data); return;
    case RESP_SET: render_set(into, value); return;
    default: break;
    }
    ck_assert(is_map || value->type == RESP_ARRAY);
    buffer_append_byte(into, is_map ? '(' : '[');
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0) buffer_append_text(into, is_map && i % 2 == 1 ? ": " : ", ");
        render(into, &value->items[i]);
    }
    buffer_append_byte(into, is_map ? ')' : ']');
}

/* --- the data file ----------------------------------------------------------------------- */

struct facts {
    char *text; /* owned */
    size_t size;
};

static struct facts facts_read(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/commands/%s", TESTS_DATA, name);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    struct buffer text = { 0 };
    for (;;) {
        char *at = buffer_reserve(&text, 64 * KIB);
        size_t got = fread(at, 1, 64 * KIB, file);
        text.size += got;
        if (got == 0) break;
    }
    fclose(file);
    struct facts facts;
    facts.text = buffer_take(&text, &facts.size);
    return facts;
}

/* The peer's line about this command, or an empty one. */
static struct bytes facts_find(const struct facts *facts, const char *name)
{
    struct bytes rest = bytes_of(facts->text, facts->size);
    size_t name_size = strlen(name);
    while (rest.size > 0) {
        ptrdiff_t end = bytes_index_of(rest, '\n');
        struct bytes line = bytes_of(rest.data, end < 0 ? rest.size : (size_t)end);
        if (line.size > name_size && line.data[name_size] == '\t' &&
            memcmp(line.data, name, name_size) == 0)
            return bytes_from(line, name_size + 1);
        rest = bytes_from(rest, MIN(line.size + 1, rest.size));
    }
    return BYTES_EMPTY;
}

/* --- asking ours ------------------------------------------------------------------------- */

static struct resp_value *ask_value(struct world *world, const char *line)
{
    struct resp_reader *reader = resp_reader_create(&RESP_LIMITS_DEFAULT);
    struct resp_value *value;
    world_ask(world, line);
    resp_reader_feed(reader, bytes_of(world->text.data, world->text.size - 1));
    ck_assert_int_eq(resp_reader_next(reader, &value), RESP_READY);
    resp_reader_destroy(reader);
    return value;
}

static void check_line(const struct facts *facts, const char *name, struct buffer *ours)
{
    struct bytes theirs = facts_find(facts, name);
    ck_assert_msg(theirs.size > 0, "the peer has no command %s", name);
    buffer_append_byte(ours, '\0');
    char *expected = bytes_copy_text(theirs);
    ck_assert_msg(strcmp(ours->data, expected) == 0, "%s\nours:   %s\ntheirs: %s", name, ours->data,
                  expected);
    memory_free(expected);
    buffer_clear(ours);
}

static size_t check_info(const struct facts *facts, const struct resp_value *row)
{
    struct buffer text = { 0 };
    const struct resp_value *subs = &row->items[9];
    ck_assert_uint_eq(row->count, 10);
    buffer_append_byte(&text, '[');
    for (size_t i = 0; i < 9; i++) {
        render(&text, &row->items[i]);
        buffer_append_text(&text, ", ");
    }
    /* Containers that are not complete yet: what exists is compared, one by one. */
    struct bytes theirs = facts_find(facts, row->items[0].text.data);
    ck_assert_msg(theirs.size >= text.size && memcmp(theirs.data, text.data, text.size) == 0,
                  "%s\nours:   %.*s\ntheirs: %.*s", row->items[0].text.data, (int)text.size,
                  text.data, (int)theirs.size, theirs.data);
    buffer_fini(&text);
    size_t count = 1;
    for (size_t i = 0; i < subs->count; i++) count += check_info(facts, &subs->items[i]);
    return count;
}

static size_t check_docs(const struct facts *facts, const char *name, struct resp_value *doc)
{
    struct buffer text = { 0 };
    size_t count = 1;
    for (size_t i = 0; i < doc->count; i += 2) {
        if (strcmp(doc->items[i].text.data, "subcommands") != 0) continue;
        struct resp_value *subs = &doc->items[i + 1];
        for (size_t k = 0; k < subs->count; k += 2)
            count += check_docs(facts, subs->items[k].text.data, &subs->items[k + 1]);
        ck_assert_uint_eq(i + 2, doc->count); /* it is the last one */
        doc->count = i;
        render(&text, doc);
        doc->count = i + 2;
        struct bytes theirs = facts_find(facts, name);
        size_t shared = text.size - 1; /* without ")" */
        ck_assert_msg(theirs.size > shared && memcmp(theirs.data, text.data, shared) == 0, "%s",
                      name);
        buffer_fini(&text);
        return count;
    }
    render(&text, doc);
    check_line(facts, name, &text);
    buffer_fini(&text);
    return count;
}

/* Holds every registered row against the peer's facts. */
static void rows_check_info(struct world *world)
{
    struct facts facts = facts_read("info.txt");
    world_ask(world, "HELLO 3");
    struct resp_value *rows = ask_value(world, "COMMAND");
    for (size_t i = 0; i < rows->count; i++) check_info(&facts, &rows->items[i]);
    ck_assert_uint_gt(rows->count, 20);
    resp_value_destroy(rows);
    memory_free(facts.text);
}

static void rows_check_docs(struct world *world)
{
    struct facts facts = facts_read("docs.txt");
    world_ask(world, "HELLO 3");
    struct resp_value *docs = ask_value(world, "COMMAND DOCS");
    for (size_t i = 0; i < docs->count; i += 2)
        check_docs(&facts, docs->items[i].text.data, &docs->items[i + 1]);
    ck_assert_uint_gt(docs->count, 20);
    resp_value_destroy(docs);
    memory_free(facts.text);
}

#endif
