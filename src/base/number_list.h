/* A list of numbers that grows: all zero is an empty one. */
#ifndef EIR_BASE_NUMBER_LIST_H
#define EIR_BASE_NUMBER_LIST_H

#include "base/units.h"

struct number_list {
    uint64_t *items; /* owned */
    size_t count;
    size_t capacity;
};

void number_list_fini(struct number_list *list);
void number_list_add(struct number_list *list, uint64_t number);

#endif
