/* What a turn hands out: the list of effects, and lines for the event ring and the log. */
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"
#include <stdarg.h>
#include <stdio.h>

void node_effects_init(struct node_effects *effects)
{
    *effects = (struct node_effects){ .items = NULL };
}

void node_effects_clear(struct node_effects *effects)
{
    effects->count = 0;
}

void node_effects_fini(struct node_effects *effects)
{
    memory_free(effects->items);
    *effects = (struct node_effects){ .items = NULL };
}

struct node_effect *node_add_effect(struct node *node, enum node_effect_type type)
{
    struct node_effects *effects = node->effects;
    ensure(effects != NULL);
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? effects->capacity * 2 : 64;
        effects->items =
            memory_realloc(effects->items, effects->capacity * sizeof(struct node_effect));
    }
    struct node_effect *effect = &effects->items[effects->count++];
    /* Not the host name: it is 256 bytes that most effects do not use. */
    memset(effect, 0, offsetof(struct node_effect, host));
    effect->host[0] = 0;
    effect->port = 0;
    effect->token = 0;
    effect->count = 0;
    effect->garbage = NULL;
    effect->write = NULL;
    effect->type = type;
    return effect;
}

static void log_at(int level, const char *text)
{
    switch (level) {
    case LOG_LEVEL_DEBUG: log_debug("%s", text); break;
    case LOG_LEVEL_VERBOSE: log_verbose("%s", text); break;
    case LOG_LEVEL_NOTICE: log_notice("%s", text); break;
    default: log_warning("%s", text); break;
    }
}

void node_trace(struct node *node, int level, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_at(level, text);
    if (level < LOG_LEVEL_NOTICE) return;
    struct trace_event *event = &node->events[node->event_count++ % TRACE_EVENTS];
    memory_free(event->text);
    *event = (struct trace_event){ .wall_ms = node->clock.wall_ms, .text = memory_copy_text(text) };
}

void node_free_later(struct node *node, void *garbage, void (*garbage_free)(void *garbage))
{
    if (garbage == NULL) return;
    if (node->effects == NULL) {
        garbage_free(garbage); /* before the first turn, or after the last */
        return;
    }
    struct node_effect *effect = node_add_effect(node, NODE_FREE);
    effect->garbage = garbage;
    effect->garbage_free = garbage_free;
}
