/* DEBUG: its subcommands, and what they have switched. */
#ifndef EIR_NODE_DEBUG_H
#define EIR_NODE_DEBUG_H

#include "engine/call.h"

/* What DEBUG has switched, for tests; all zero: nothing. */
struct debug_switches {
    bool skips_expire_cycle; /* SET-ACTIVE-EXPIRE 0 */
    bool pauses_cron;
    bool skips_checksums; /* of snapshots and of RESTORE */
    bool counts_output_as_list;
    bool skips_random_ping;
    bool skips_reconnection;
    bool drops_messages; /* of the bus: of this type, -2 being all */
    bool closes_on_drop;
    int64_t dropped_type;
    time_ms peak_kept_ms;  /* of the largest reply; 0: as usual */
    size_t list_plain_min; /* value_rules; 0: none */
};

/* Subcommands of DEBUG; their number of words was checked. rows_debug_data.c */
void debug_populate(struct call *call);
void debug_digest(struct call *call);
void debug_digest_value(struct call *call);
void debug_protocol(struct call *call);
void debug_error(struct call *call);
void debug_log(struct call *call);
/* rows_debug_inside.c */
void debug_object(struct call *call);
void debug_htstats(struct call *call);
void debug_htstats_key(struct call *call);
void debug_listpack(struct call *call);
void debug_quicklist(struct call *call);
void debug_sdslen(struct call *call);
void debug_structsize(struct call *call);
void debug_client_eviction(struct call *call);
/* rows_debug_switches.c */
void debug_list_threshold(struct call *call);
void debug_replybuffer(struct call *call);
void debug_packet_filter(struct call *call);
void debug_clusterlink(struct call *call);
bool debug_switch(struct call *call); /* false: it names none */
/* rows_debug_acts.c */
void debug_reload(struct call *call);
void debug_restart(struct call *call);
void debug_recover(struct call *call);
void debug_replicate(struct call *call);
void debug_config_rewrite(struct call *call);
void debug_load_log(struct call *call);
void debug_leak(struct call *call);
void debug_stringmatch(struct call *call);
void debug_mallctl(struct call *call);
void debug_mallctl_text(struct call *call);
/* rows_debug_help.c: the list of them all, and the answer to what is not in it. */
void debug_help(struct call *call);
void debug_refuse(struct call *call);

#endif
