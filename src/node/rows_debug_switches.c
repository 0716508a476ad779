/* DEBUG subcommands that switch something on and off, or set it.
 *
 * Some of Valkey's switches are about what there is not here, or what nobody can tell apart; they
 * are taken and change nothing, so that a test which sets one goes on to what it is about. A switch
 * that a test would rely on and that is not built is refused as unknown. */
#include "base/memory.h"
#include "node/parts.h"

#define PEAK_NEVER ((time_ms)1 << 50)

static struct debug_switches *switches_of(struct call *call)
{
    return &node_of(call)->debug;
}

static void apply(struct call *call, uint32_t areas)
{
    options_apply(node_of(call), areas);
    reply_ok(call);
}

static void set_active_expire(struct call *call, bool is_on)
{
    switches_of(call)->skips_expire_cycle = !is_on;
    reply_ok(call);
}

static void set_pauses_cron(struct call *call, bool is_on)
{
    switches_of(call)->pauses_cron = is_on;
    reply_ok(call);
}

static void set_skips_checksums(struct call *call, bool is_on)
{
    switches_of(call)->skips_checksums = is_on;
    apply(call, 0);
}

static void set_output_is_list(struct call *call, bool is_on)
{
    switches_of(call)->counts_output_as_list = is_on;
    apply(call, 0);
}

static void set_closes_on_drop(struct call *call, bool is_on)
{
    switches_of(call)->closes_on_drop = is_on;
    reply_ok(call);
}

static void set_skips_random_ping(struct call *call, bool is_on)
{
    switches_of(call)->skips_random_ping = is_on;
    apply(call, CONFIG_AREA_CLUSTER);
}

static void set_skips_reconnection(struct call *call, bool is_on)
{
    switches_of(call)->skips_reconnection = is_on;
    apply(call, CONFIG_AREA_CLUSTER);
}

/* As Valkey reads them: a word that is no number is 0, and whatever is not 0 is 1. */
bool debug_switch(struct call *call)
{
    static const struct {
        const char *name;
        void (*set)(struct call *call, bool is_on); /* NULL: taken, and nothing changes */
    } switches[] = {
        { "set-active-expire", set_active_expire },
        { "pause-cron", set_pauses_cron },
        { "set-skip-checksum-validation", set_skips_checksums },
        { "client-enforce-reply-list", set_output_is_list },
        { "close-cluster-link-on-packet-drop", set_closes_on_drop },
        { "disable-cluster-random-ping", set_skips_random_ping },
        { "disable-cluster-reconnection", set_skips_reconnection },
        { "aof-flush-sleep", NULL },            /* there is no AOF */
        { "set-disable-deny-scripts", NULL },   /* nor are there scripts */
        { "dict-resizing", NULL },              /* no table ever resizes as a whole */
        { "hashtable-can-abort-shrink", NULL }, /* so no shrinking can be given up */
        { "force-free-primary-async", NULL },   /* a link is freed when its turn ends, always */
    };
    if (call->argc != 3) return false;
    int64_t value = 0;
    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        if (!call_arg_is(call, 1, switches[i].name)) continue;
        if (!number_parse(call_arg(call, 2), &value)) value = 0;
        if (switches[i].set != NULL)
            switches[i].set(call, value != 0);
        else
            reply_ok(call);
        return true;
    }
    return false;
}

void debug_list_threshold(struct call *call)
{
    int64_t size;
    if (!number_parse_memory(call_arg(call, 2), &size) || size < 0 || size >= 4 * (int64_t)GIB) {
        reply_error(call, "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
        return;
    }
    switches_of(call)->list_plain_min = (size_t)size;
    apply(call, CONFIG_AREA_ENCODING);
}

void debug_replybuffer(struct call *call)
{
    int64_t ms;
    if (call_arg_is(call, 2, "resizing")) { /* no buffer of replies is resized by the cron */
        reply_ok(call);
        return;
    }
    if (!call_arg_is(call, 2, "peak-reset-time")) {
        debug_refuse(call);
        return;
    }
    if (call_arg_is(call, 3, "never"))
        ms = PEAK_NEVER;
    else if (call_arg_is(call, 3, "reset"))
        ms = 0;
    else if (!call_integer(call, 3, &ms))
        return;
    switches_of(call)->peak_kept_ms = MIN(MAX(ms, 0), PEAK_NEVER);
    reply_ok(call);
}

/* ---- the bus ------------------------------------------------------------------------------ */

void debug_packet_filter(struct call *call)
{
    int64_t type;
    if (!call_integer(call, 2, &type)) return;
    switches_of(call)->drops_messages = type != -1;
    switches_of(call)->dropped_type = type;
    reply_ok(call);
}

void debug_clusterlink(struct call *call)
{
    struct node *node = node_of(call);
    struct bytes name = call_arg(call, 4);
    if (!call_arg_is(call, 2, "kill")) {
        debug_refuse(call);
        return;
    }
    if (node->cluster == NULL) {
        reply_error(call, "ERR Debug option only available for cluster mode enabled setup!");
        return;
    }
    struct node_id id;
    ptrdiff_t index = -1;
    if (node_id_parse(name, &id)) index = cluster_peer_find(node->cluster, &id);
    if (index < 0) {
        reply_error_format(call, "ERR Unknown node %.*s", (int)MIN(name.size, (size_t)128),
                           name.data);
        return;
    }
    if (index == 0) {
        reply_error(call, "ERR Cannot free cluster link(s) to myself");
        return;
    }
    bool is_to = call_arg_is(call, 3, "to"), is_from = call_arg_is(call, 3, "from");
    if (call_arg_is(call, 3, "all")) is_to = is_from = true;
    if (!is_to && !is_from) {
        debug_refuse(call);
        return;
    }
    reply_ok(call); /* before the core hears of it: it may want to say something of its own */
    bus_kill(node, &id, is_to, is_from);
}
