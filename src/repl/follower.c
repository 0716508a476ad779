/* One connection that may become a replica's: where it stands, and what it is given. */
#include "base/ensure.h"
#include "base/memory.h"
#include "repl/internal.h"

static const unsigned follower_may_become[] = {
    [FOLLOWER_CLIENT] = 1u << FOLLOWER_WAITING | 1u << FOLLOWER_ONLINE,
    [FOLLOWER_WAITING] = 1u << FOLLOWER_SENDING | 1u << FOLLOWER_LEAVING,
    [FOLLOWER_SENDING] = 1u << FOLLOWER_ONLINE | 1u << FOLLOWER_LEAVING,
    [FOLLOWER_ONLINE] = 1u << FOLLOWER_LEAVING,
    [FOLLOWER_LEAVING] = 0,
};

void follower_move(struct follower *follower, enum follower_state next)
{
    ensure(follower->magic == FOLLOWER_MAGIC);
    ensure(follower_may_become[follower->state] & 1u << next);
    follower->state = next;
}

const char *follower_state_text(enum follower_state state)
{
    static const char *const texts[] = {
        [FOLLOWER_CLIENT] = "client",     [FOLLOWER_WAITING] = "wait_bgsave",
        [FOLLOWER_SENDING] = "send_bulk", [FOLLOWER_ONLINE] = "online",
        [FOLLOWER_LEAVING] = "leaving",
    };
    ensure(state < COUNT_OF(texts));
    return texts[state];
}

struct follower *primary_follower_create(struct primary *primary, uint64_t link,
                                         struct output *output, const char *ip)
{
    ensure(output != NULL);
    struct follower *follower = memory_alloc_zero(sizeof(*follower));
    follower->magic = FOLLOWER_MAGIC;
    follower->link = link;
    follower->output = output;
    list_link_init(&follower->in_followers);
    (void)bytes_to_text(bytes_text(ip), follower->ip, sizeof(follower->ip));
    follower->durable_offset = -1;
    follower->acked_ms = -1;
    follower->soft_since_ms = -1;
    return follower;
}

bool follower_is_replica(const struct follower *follower)
{
    return follower->state != FOLLOWER_CLIENT;
}

bool follower_is_fed(const struct follower *follower)
{
    return follower->state == FOLLOWER_ONLINE && !follower->is_stream_held;
}

void follower_write(struct follower *follower, struct bytes bytes)
{
    output_append(follower->output, bytes);
    follower->given += bytes.size;
}

void follower_write_shared(struct follower *follower, struct shared *shared, struct bytes bytes)
{
    output_append_shared(follower->output, shared, bytes);
    follower->given += bytes.size;
}

void follower_hand_out(struct primary *primary, struct follower *follower,
                       struct repl_effects *effects)
{
    ensure(follower_is_fed(follower));
    size_t size = backlog_cursor_hand_out(primary->backlog, &follower->cursor, follower->output);
    follower->given += size;
    if (size > 0) repl_effect_link(effects, REPL_SEND, follower->link);
}

uint64_t follower_pending(const struct primary *primary, const struct follower *follower)
{
    uint64_t pending = follower->output->size;
    if (follower->cursor.block != NULL) {
        int64_t offset = backlog_lineage(primary->backlog)->offset;
        ensure(offset >= follower->cursor.offset);
        pending += (uint64_t)(offset - follower->cursor.offset);
    }
    return pending;
}

void follower_drop(struct primary *primary, struct follower *follower, bool is_after_send,
                   struct repl_effects *effects)
{
    ensure(list_link_is_in(&follower->in_followers));
    ensure(primary->follower_count > 0);
    follower_move(follower, FOLLOWER_LEAVING);
    list_remove(&follower->in_followers);
    primary->follower_count--;
    backlog_cursor_clear(primary->backlog, &follower->cursor);

    struct repl_effect *close = repl_effect_add(effects, REPL_CLOSE);
    close->link = follower->link;
    close->is_after_send = is_after_send;
    repl_effect_add(effects, REPL_CHANGED);
}

void primary_heard(struct primary *primary, struct follower *follower, time_ms now_ms)
{
    ensure(follower->magic == FOLLOWER_MAGIC);
    if (follower->acked_ms >= 0) follower->acked_ms = now_ms;
}

void follower_look(const struct follower *follower, time_ms now_ms, struct follower_view *view)
{
    ensure(follower->magic == FOLLOWER_MAGIC);
    *view = (struct follower_view){
        .link = follower->link,
        .state = follower->state,
        .ip = follower->ip,
        .port = follower->port,
        .offset = follower->acked_offset,
        .durable_offset = follower->durable_offset,
        .lag_ms = follower->acked_ms < 0 ? -1 : now_ms - follower->acked_ms,
        .node_id = follower->node_id,
    };
}
