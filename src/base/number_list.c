/* A list of numbers that grows by doubling, and never shrinks: it is filled again each turn. */
#include "base/number_list.h"

#include "base/memory.h"

void number_list_fini(struct number_list *list)
{
    memory_free(list->items);
    *list = (struct number_list){ .items = NULL };
}

void number_list_add(struct number_list *list, uint64_t number)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->items = memory_realloc(list->items, list->capacity * sizeof(*list->items));
    }
    list->items[list->count++] = number;
}
