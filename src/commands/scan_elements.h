/* What HSCAN, SSCAN and ZSCAN share: their options and the frame of their reply. */
#ifndef EIR_COMMANDS_SCAN_ELEMENTS_H
#define EIR_COMMANDS_SCAN_ELEMENTS_H

#include "engine/call.h"

struct scan_options {
    uint64_t cursor;
    int64_t count;
    struct bytes pattern; /* data NULL: everything matches */
    bool is_without;      /* NOVALUES, NOSCORES */
};

/* Both answer what is wrong and return false then. The cursor is looked at before the key is, the
 * options only where there is something to scan. `without` is the family's own word, or NULL. */
bool scan_cursor_parse(struct call *call, uint32_t index, struct scan_options *options);
bool scan_options_parse(struct call *call, uint32_t first, const char *without,
                        struct scan_options *options);

/* The cursor stands before the elements and is known after them. */
struct scan_reply {
    struct output_mark start;
    struct output_mark elements;
};
void scan_reply_begin(struct call *call, struct scan_reply *reply);
void scan_reply_end(struct call *call, struct scan_reply *reply, uint64_t cursor, size_t found);
void scan_reply_empty(struct call *call);

#endif
