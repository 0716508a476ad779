/* Large pages: what the system allows, and asking for them. */
#ifndef EIR_OS_PAGES_H
#define EIR_OS_PAGES_H

#include "base/units.h"

enum pages_policy {
    PAGES_NEVER,   /* the system gives none */
    PAGES_ASKED,   /* to who asks */
    PAGES_UNASKED, /* to everybody, asked or not */
};
enum pages_policy pages_policy(void);

/* Asks for large pages behind this region, or takes the wish back. A wish: without a free large
 * page the region gets small ones. A page that a snapshot's child shares is not copied whole when
 * we write into it: the kernel splits it first. */
void pages_advise(void *region, size_t bytes, bool wants_large);

/* From now on this process gets none that it did not ask for; false: this kernel cannot tell the
 * two apart (6.18 and later can). */
bool pages_refuse_unasked(void);
/* None at all. */
void pages_refuse_all(void);

#endif
