/* Names to addresses, off the loop's thread. */
#ifndef EIR_OS_RESOLVE_H
#define EIR_OS_RESOLVE_H

#include "base/units.h"

#define RESOLVE_ADDRESSES_MAX 16
#define RESOLVE_IP_SIZE 46

struct resolver;

struct resolved {
    uint32_t token;
    size_t count; /* 0: the name is not known */
    char addresses[RESOLVE_ADDRESSES_MAX][RESOLVE_IP_SIZE];
};

/* `wake` is called from another thread when an answer waits. */
struct resolver *resolver_create(void (*wake)(void *context), void *context);
void resolver_destroy(struct resolver *resolver);
void resolver_ask(struct resolver *resolver, uint32_t token, const char *host);
/* The next answer, in any order; false when none waits. */
bool resolver_take(struct resolver *resolver, struct resolved *answer);

#endif
