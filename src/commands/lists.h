/* What the files of the list commands share. */
#ifndef EIR_COMMANDS_LISTS_H
#define EIR_COMMANDS_LISTS_H

#include "engine/call.h"
#include "types/quicklist.h"

static inline struct quicklist *entry_list(const struct entry *entry)
{
    return entry_value(entry);
}

static inline const struct value_rules *list_rules(const struct call *call)
{
    return keyspace_value_rules(call->keyspace);
}

/* LEFT or RIGHT, or a syntax error. */
bool list_end_parse(struct call *call, uint32_t index, bool *is_head);
/* Pushes to the list under the key, which may be absent: `entry` is NULL then. Tells the event.
 * Returns how long it is now. */
size_t list_push(struct call *call, const struct key *key, struct entry *entry, bool is_head,
                 const struct bytes *texts, size_t count);
/* Takes elements out of the list, and the key if nothing is left; tells the event. */
void list_cut(struct call *call, const struct key *key, struct entry *entry, size_t index,
              size_t count, const char *event);
/* As many elements as there are from the end on, at most; their place in the list. */
size_t list_end_index(const struct quicklist *list, bool is_head, size_t count);
/* Answers these elements, in order or from the last to the first. */
void list_reply_range(struct call *call, const struct quicklist *list, size_t index, size_t count,
                      bool is_backward);

static inline void list_reply_item(struct call *call, const struct listpack_item *item)
{
    struct scratch scratch;
    reply_bytes(call, listpack_text(item, &scratch));
}

static inline const char *list_pop_event(bool is_head)
{
    return is_head ? "lpop" : "rpop";
}

#endif
