/* Intrusive doubly linked lists: the link lives in the element, the list owns nothing. */
#ifndef EIR_BASE_LIST_H
#define EIR_BASE_LIST_H

#include "base/units.h"

struct list_link {
    struct list_link *previous;
    struct list_link *next;
};

/* The list itself is a link that closes the circle. */
struct list {
    struct list_link head;
};

static inline void list_init(struct list *list)
{
    list->head.previous = list->head.next = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline void list_insert_before(struct list_link *place, struct list_link *link)
{
    link->previous = place->previous;
    link->next = place;
    place->previous->next = link;
    place->previous = link;
}

static inline void list_append(struct list *list, struct list_link *link)
{
    list_insert_before(&list->head, link);
}

static inline void list_prepend(struct list *list, struct list_link *link)
{
    list_insert_before(list->head.next, link);
}

/* Afterwards the link points at itself: removing it twice is harmless. */
static inline void list_remove(struct list_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->previous = link->next = link;
}

static inline bool list_link_is_in(const struct list_link *link)
{
    return link->next != NULL && link->next != link;
}

static inline void list_link_init(struct list_link *link)
{
    link->previous = link->next = link;
}

/* The first element or NULL. */
#define LIST_FIRST(list, type, member)                                                             \
    (list_is_empty(list) ? NULL : CONTAINER_OF((list)->head.next, type, member))

/* Every element, in order; the one at hand may be removed, others may not. */
#define LIST_EACH(list, type, name, member)                                                        \
    for (struct list_link *name##_at = (list)->head.next, *name##_next = name##_at->next;          \
         name##_at != &(list)->head; name##_at = name##_next, name##_next = name##_at->next)       \
        for (type *name = CONTAINER_OF(name##_at, type, member); name != NULL; name = NULL)

#endif
