/* Names of files that a pattern with * ? [] stands for, in order, as `include` wants them. */
#include "base/glob.h"
#include "base/memory.h"
#include "node/config_internal.h"
#include <stdlib.h>

#define NAMES_MAX 4096 /* of files and directories that one pattern may reach */

static void names_add(struct config_names *names, const char *name)
{
    if (names->count == NAMES_MAX) return;
    names->items = memory_realloc(names->items, (names->count + 1) * sizeof(*names->items));
    names->items[names->count++] = memory_copy_text(name);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct listing {
    struct config_names *names;
    struct bytes pattern;
};

/* A name that begins with a dot is meant only by a pattern that does. */
static void listing_visit(void *context, const char *name)
{
    struct listing *listing = context;
    bool is_hidden = name[0] == '.' && listing->pattern.data[0] != '.';
    bool is_place = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    if (!is_hidden && !is_place && glob_matches(listing->pattern, bytes_text(name)))
        names_add(listing->names, name);
}

/* Goes down one part of the path after the other; `before` is what is settled, with its '/'. */
static void expand(struct config_names *names, struct disk *disk, struct bytes before,
                   struct bytes path)
{
    ptrdiff_t slash = bytes_index_of(path, '/');
    struct bytes part = slash < 0 ? path : bytes_of(path.data, (size_t)slash);
    struct bytes rest = slash < 0 ? BYTES_EMPTY : bytes_from(path, (size_t)slash + 1);
    struct buffer name = { 0 };
    buffer_append(&name, before);

    struct config_names found = { 0 };
    if (config_is_pattern(part)) {
        struct listing listing = { .names = &found, .pattern = part };
        if (before.size == 0) buffer_append_byte(&name, '.');
        if (before.size > 1) name.size--; /* the slash at the end, but for the root's */
        buffer_append_byte(&name, '\0');
        enum err err = disk_list(disk, name.data, listing_visit, &listing);
        if (err) config_names_fini(&found); /* what is no directory holds nothing */
        if (found.count > 0) qsort(found.items, found.count, sizeof(*found.items), name_compare);
    } else {
        char *copy = bytes_copy_text(part);
        names_add(&found, copy);
        memory_free(copy);
    }
    for (size_t i = 0; i < found.count; i++) {
        buffer_clear(&name);
        buffer_append(&name, before);
        buffer_append_text(&name, found.items[i]);
        if (slash >= 0) {
            buffer_append_byte(&name, '/');
            expand(names, disk, buffer_bytes(&name), rest);
        } else {
            buffer_append_byte(&name, '\0');
            names_add(names, name.data);
        }
    }
    config_names_fini(&found);
    buffer_fini(&name);
}

bool config_names_expand(struct config_names *names, struct disk *disk, struct bytes path)
{
    if (config_is_pattern(path)) {
        expand(names, disk, BYTES_EMPTY, path);
        return true;
    }
    char *copy = bytes_copy_text(path);
    names_add(names, copy);
    memory_free(copy);
    return false;
}

void config_names_fini(struct config_names *names)
{
    for (size_t i = 0; i < names->count; i++) memory_free(names->items[i]);
    memory_free(names->items);
    *names = (struct config_names){ 0 };
}
