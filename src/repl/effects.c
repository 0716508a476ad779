/* The list of effects that a step fills. */
#include "repl/effects.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "repl/internal.h"

#include <stdarg.h>
#include <stdio.h>

#define TRACE_SIZE_MAX 256

void repl_effects_init(struct repl_effects *effects)
{
    *effects = (struct repl_effects){ 0 };
}

void repl_effects_clear(struct repl_effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) memory_free(effects->items[i].text);
    effects->count = 0;
}

void repl_effects_fini(struct repl_effects *effects)
{
    repl_effects_clear(effects);
    memory_free(effects->items);
    *effects = (struct repl_effects){ 0 };
}

struct repl_effect *repl_effect_add(struct repl_effects *effects, enum repl_effect_type type)
{
    ensure(effects->count <= effects->capacity);
    if (effects->count == effects->capacity) {
        effects->capacity = MAX((size_t)16, effects->capacity * 2);
        effects->items =
            memory_realloc(effects->items, effects->capacity * sizeof(*effects->items));
    }
    struct repl_effect *effect = &effects->items[effects->count++];
    *effect = (struct repl_effect){ .type = type };
    return effect;
}

void repl_effect_link(struct repl_effects *effects, enum repl_effect_type type, uint64_t link)
{
    repl_effect_add(effects, type)->link = link;
}

void repl_trace(struct repl_effects *effects, enum log_level level, const char *format, ...)
{
    char text[TRACE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ensure(size >= 0);

    struct repl_effect *effect = repl_effect_add(effects, REPL_TRACE);
    effect->level = level;
    effect->text = memory_copy_text(text);
}
