/* Finding the keys of a request: by the specs of its row, or by the row's own function. */
#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"
#include "engine/table.h"

void key_places_add(struct key_places *places, uint32_t index, uint32_t flags)
{
    if (places->count == places->capacity) {
        places->capacity = MAX(16, places->capacity * 2);
        places->items = memory_realloc(places->items, places->capacity * sizeof(*places->items));
    }
    places->items[places->count++] = (struct key_place){ .index = index, .flags = flags };
}

uint32_t key_spec_flags(const struct command *command, const struct key_spec *spec)
{
    if (spec->flags != 0) return spec->flags;
    if (command->key_flags != 0 && spec == command->keys) return command->key_flags;
    return command->flags & CMD_WRITE ? KEY_RW | KEY_UPDATE : KEY_RO | KEY_ACCESS;
}

/* The argument from which a spec counts, 0 when its word is not there. */
static uint32_t spec_begin(const struct key_spec *spec, const struct bytes *argv, uint32_t argc)
{
    if (spec->begin == KEY_BEGIN_INDEX) return (uint32_t)spec->start;
    if (spec->begin == KEY_BEGIN_UNKNOWN) return 0;
    if (spec->start >= 0) {
        for (uint32_t i = (uint32_t)spec->start; i + 1 < argc; i++)
            if (bytes_is_word(argv[i], spec->keyword)) return i + 1;
        return 0;
    }
    for (int64_t i = (int64_t)argc + spec->start; i > 0; i--)
        if (bytes_is_word(argv[i], spec->keyword)) return (uint32_t)i + 1;
    return 0;
}

/* First and last argument that the spec names; false when they cannot be. */
static bool spec_bounds(const struct key_spec *spec, uint32_t begin, const struct bytes *argv,
                        uint32_t argc, int64_t *first, int64_t *last)
{
    if (spec->find == KEY_FIND_RANGE) {
        *first = begin;
        if (spec->last >= 0)
            *last = (int64_t)begin + spec->last;
        else if (spec->limit <= 1)
            *last = (int64_t)argc + spec->last;
        else
            *last = (int64_t)begin + ((int64_t)argc - begin) / spec->limit + spec->last;
        return true;
    }
    int64_t number, at = (int64_t)begin + spec->last;
    if (at >= argc || !number_parse(argv[at], &number) || number < 0) return false;
    *first = (int64_t)begin + spec->first;
    /* Before multiplying: there cannot be more keys than arguments. */
    if (number > argc) return false;
    *last = *first + (number - 1) * spec->step;
    return true;
}

bool keys_find(const struct command_entry *entry, const struct bytes *argv, uint32_t argc,
               struct key_places *places)
{
    places->count = 0;
    const struct command *command = entry->command;
    if (command->find_keys != NULL) return command->find_keys(argv, argc, places);
    if (command->keys == NULL) return true;

    for (const struct key_spec *spec = command->keys; spec->begin != KEY_SPEC_END; spec++) {
        uint32_t begin = spec_begin(spec, argv, argc);
        if (begin == 0 || begin >= argc) continue;
        int64_t first, last;
        if (!spec_bounds(spec, begin, argv, argc, &first, &last)) return false;
        if (last >= argc) return false;
        uint32_t flags = key_spec_flags(command, spec);
        for (int64_t i = first; i <= last; i += spec->step)
            key_places_add(places, (uint32_t)i, flags);
    }
    return true;
}
