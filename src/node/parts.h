/* The files of the node, and one small door between each two of them:
 *
 *   node.c         create, the turn, deadlines
 *   effects.c      what a turn hands out, the event ring
 *   state.c        small facts
 *   links.c        connections and their numbers
 *   clients.c      sessions: bytes to the engine, replies and propagation out of it
 *   limits.c       clients that take too much or say nothing
 *   client_memory.c  what all clients take together
 *   bus.c          the cluster core: its links, its effects, its facts
 *   nodes_conf.c   its memory on the disk
 *   replication.c  what the two replication cores want, done
 *   follow.c       the following half: the stream of our primary
 *   feed.c         the feeding half: replicas of ours
 *   snapshots.c    loading, saving, the child
 *   data.c         the keyspace: flush, drop, swap, expiry
 *   permit.c       what the engine may run, slot by slot
 *   slot_stats.c   what each slot costs
 *   options.c      configuration to the options of the cores
 *   stop.c         hand over, save, exit
 *   failover.c     FAILOVER
 *   info*.c        INFO
 *   rows_*.c       commands that need the whole node */
#ifndef EIR_NODE_PARTS_H
#define EIR_NODE_PARTS_H

#include "node/internal.h"

/* ---- effects.c ---- */
struct node_effect *node_add_effect(struct node *node, enum node_effect_type type);
/* A line for the event ring and the log. */
void node_trace(struct node *node, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void node_free_later(struct node *node, void *garbage, void (*garbage_free)(void *garbage));

/* ---- state.c ---- */
bool node_is_replica(const struct node *node);
bool node_is_loading(const struct node *node);
bool node_has_keys(const struct node *node);

/* ---- links.c ---- */
void node_links_init(struct node *node);
void node_links_fini(struct node *node);
struct link *node_link_create(struct node *node, enum connection_kind kind);
struct link *node_link_find(const struct node *node, connection_number number);
/* Frees the place; sessions and followers of it must be gone. */
void node_link_release(struct node *node, struct link *link);
/* Says NODE_CLOSE and forgets it, whatever it is; cores are not told. */
void node_link_close(struct node *node, struct link *link);
void node_link_close_flushed(struct node *node, struct link *link);
/* There will be one NODE_SEND for it at the end of the turn. */
void node_link_wants_send(struct node *node, struct link *link);
/* "ip:port" of either end, as CLIENT LIST shows it. */
#define LINK_ADDRESS_SIZE 64
void node_link_print_remote(const struct link *link, char text[LINK_ADDRESS_SIZE]);
void node_link_print_local(const struct link *link, char text[LINK_ADDRESS_SIZE]);
void node_links_flush(struct node *node);

/* ---- clients.c ---- */
void clients_fini(struct node *node);
void clients_accept(struct node *node, struct link *link);
void clients_received(struct node *node, struct link *link, struct bytes bytes);
void clients_closed(struct node *node, struct link *link);
void clients_close(struct node *node, struct link *link);
/* Runs the batch of this turn and hands out what it caused. */
void clients_turn(struct node *node);
void clients_propagate(struct node *node); /* what must be replicated, into the backlog */
bool clients_are_heard(void *host, uint64_t *offset); /* engine_options.is_heard */
void clients_take_ready(struct node *node);
void clients_check_wait(struct node *node);
/* The reply of WAIT or WAITAOF as things stand now. */
void clients_answer_wait(struct node *node, struct session *session);
/* Closes everybody who wrote in this turn, unanswered. */
void clients_withhold(struct node *node);

/* ---- limits.c ---- */
/* True when more waits for the client than it may have: it must go. */
bool limits_are_passed(struct node *node, struct link *link);
void limits_cron(struct node *node);

/* ---- client_memory.c ---- */
void client_memory_init(struct node *node);
/* maxmemory-clients in bytes; 0: none. */
size_t client_memory_limit(const struct node *node);
/* Counts the client as it is now. */
void client_memory_measure(struct node *node, struct link *link);
void client_memory_forget(struct node *node, struct link *link);
/* Ends the largest clients until all of them are within the limit; false: they were. */
bool client_memory_evict(struct node *node);
void client_memory_cron(struct node *node);
struct client_peaks client_memory_peaks(const struct node *node);

/* ---- bus.c ---- */
NODISCARD enum err bus_create(struct node *node, char *why);
void bus_destroy(struct node *node);
void bus_accept(struct node *node, struct link *link);
/* Tells the core of links that were accepted since the last turn. */
void bus_take_accepted(struct node *node);
void bus_connected(struct node *node, struct link *link, const struct endpoint_names *names);
void bus_received(struct node *node, struct link *link, struct bytes bytes);
void bus_closed(struct node *node, struct link *link, enum close_cause cause);
void bus_resolved(struct node *node, const struct node_input *input);
void bus_gap(struct node *node, time_ms gap_ms);
void bus_timer(struct node *node);
/* Tells the core what the data side knows, if that changed. */
void bus_tell_facts(struct node *node);
void bus_tell_changes(struct node *node);
void bus_order(struct node *node, const struct cluster_order *order, struct cluster_answer *answer);
/* At start, once the data are loaded: a replica follows the primary that nodes.conf names. */
void bus_resume_role(struct node *node);
void bus_publish(struct node *node, bool is_sharded, struct bytes channel, struct bytes payload);

/* Closes the links to and from a node. */
void bus_kill(struct node *node, const struct node_id *id, bool to, bool from);

/* ---- nodes_conf.c ---- */
/* Durable when it returns; false: it failed, and the core has been told. */
bool nodes_conf_save(struct node *node);
/* Durable one day; a failure is told to the core then. */
void nodes_conf_save_later(struct node *node);
void nodes_conf_written(struct node *node, bool is_done);
void nodes_conf_finish(struct node *node); /* at the end: saves what is still on its way */
void nodes_conf_tidy(struct node *node);   /* at start: what was left half done goes */

/* ---- follow.c ---- */
void follow_start(struct node *node, const char *host, uint16_t port);
void follow_connected(struct node *node, struct link *link);
void follow_received(struct node *node, struct link *link, struct bytes bytes);
void follow_closed(struct node *node, struct link *link, enum close_cause cause);
void follow_cut(struct node *node, struct link *link); /* by CLIENT KILL */
void follow_timer(struct node *node);
bool follow_is_busy(const struct node *node);
/* Runs what waits of the primary's stream, as far as a turn allows. */
void follow_apply(struct node *node);
/* What the configuration says in `replicaof` (stand-alone). */
void follow_begin(struct node *node);
/* The connection to our primary when the replica core means it, or NULL. */
struct link *follow_link(const struct node *node, uint64_t repl_link);
void follow_connect(struct node *node, const struct repl_effect *effect);
/* A full sync on its way into the second keyspace. */
void follow_load_begin(struct node *node);
void follow_load_bytes(struct node *node, struct bytes bytes);
void follow_load_end(struct node *node);
void follow_load_drop(struct node *node);

/* ---- replication.c ---- */
/* Performs what the replication cores want. */
void repl_perform(struct node *node);

/* ---- feed.c ---- */
struct follower *feed_follower(struct node *node, struct session *session);
/* False: it means another node, at our address. */
bool feed_may_serve(const struct node *node, const struct follower *follower);
void feed_facts(struct node *node);
void feed_flush(struct node *node);
/* The end of a turn: what is due, then what was appended to the stream. */
void feed_turn(struct node *node);
void feed_timer(struct node *node);
void feed_closed(struct node *node, struct link *link);

/* ---- snapshots.c ---- */
NODISCARD enum err snapshots_open(struct node *node, char *why);
void snapshots_fini(struct node *node);
/* Loads a slice. */
void snapshots_load_turn(struct node *node);
void snapshots_cron(struct node *node);
/* In the foreground; false: failed (logged). */
bool snapshots_save(struct node *node);
/* Replaces the data by what the file holds; on false they are what they were. */
bool snapshots_reload(struct node *node);
/* The keys of the file come to those that are there; false: one is there already and may not be
 * replaced, or the file cannot be read. */
bool snapshots_merge(struct node *node, bool replaces);
enum snapshot_start { SNAPSHOT_STARTED, SNAPSHOT_BUSY, SNAPSHOT_SCHEDULED };
enum snapshot_start snapshots_save_in_background(struct node *node, bool may_wait);
void snapshots_child_bytes(struct node *node, struct bytes bytes);
void snapshots_forked(struct node *node, time_us duration_us);
void snapshots_child_exited(struct node *node, int code);
void snapshots_stream_start(struct node *node, uint64_t job, const struct repl_snapshot *wanted);
void snapshots_stream_stop(struct node *node, uint64_t job);
/* Feeds the child's pipe, or a sized file, as far as the receivers take it. */
void snapshots_stream_turn(struct node *node);
void snapshots_kill_child(struct node *node);
int snapshots_child_run(struct node *node, enum child_job job, struct sink *sink);
/* What a snapshot says about where it stands in the stream. */
void snapshots_describe(const struct node *node, struct snapshot_options *options);

/* ---- data.c ---- */
/* Bytes that hold no keys and values. */
size_t data_overhead(const struct node *node);
struct keyspace *data_create_keyspace(struct node *node);
void data_free_keyspace(struct node *node, struct keyspace *keyspace);
void data_flush(struct node *node);
/* Deletes the keys of slots that are not ours any more. */
void data_drop_slots(struct node *node, const struct slot_set *slots);
void data_drop_slot(struct node *node, const struct access *access, uint32_t db, unsigned slot);
/* Hands what waits to be freed to the background. */
void data_sweep(struct node *node);
void data_adopt(struct node *node, struct keyspace *keyspace);
void data_tell_skipped(struct node *node, const struct snapshot_result *result);
void data_expire(struct node *node);
time_ms data_deadline(const struct node *node);

/* ---- permit.c ---- */
void permit_init(struct node *node);
void permit_fini(struct node *node);
/* The host and port by which clients are told of a node. */
const char *permit_endpoint_host(const struct node *node, const struct cluster_peer_view *peer,
                                 bool is_ip6);
uint16_t permit_endpoint_port(const struct cluster_peer_view *peer, bool is_tls);
/* Reads views, states and the configuration again. */
void permit_refresh(struct node *node);
/* After a step of the cluster core: its state, the lease, whether it serves. */
void permit_refresh_cluster(struct node *node);
/* After a pause of the process, or a promotion: for a moment writes wait for the lease. */
void permit_await_lease(struct node *node);
/* Writes wait until then; 0: they go on. */
void permit_pause(struct node *node, time_ms until_ms);
/* What changes without an event: good replicas. */
void permit_refresh_cheap(struct node *node);

/* ---- turns.c ---- */
void turns_init(struct node *node);
void turns_fini(struct node *node);
void turns_reset(struct node *node); /* CONFIG RESETSTAT */
void turns_begin(struct node *node);
void turns_mark_commands(struct node *node);
void turns_cron(struct node *node);
uint64_t turns_rate(const struct node *node, enum turn_rate which);
void turns_print_rates(const struct node *node, struct buffer *into);
void turns_print(const struct node *node, struct buffer *into);

/* ---- options.c ---- */
void options_engine(const struct node *node, struct engine_settings *settings);
struct value_rules options_value_rules(const struct node *node); /* without the hash key */
void options_primary(const struct node *node, struct primary_options *options);
void options_replica(const struct node *node, struct replica_options *options);
/* `seeds` must hold config->cluster_seeds.count entries. */
void options_cluster(const struct node *node, struct cluster_options *options,
                     struct cluster_seed *seeds);
/* After CONFIG SET: carries the new values to whom they concern. */
void options_apply(struct node *node, uint32_t areas);
/* Listeners and the directory are the shell's: it is asked, and its answer may take the whole
 * change back. `before` is adopted; `session` waits for the reply, `error` if it fails. */
bool options_need_shell(uint32_t areas);
void options_ask_shell(struct node *node, struct session *session, uint32_t areas,
                       struct config *before, struct bytes error);
void options_applied(struct node *node, bool is_done);
void options_forget_change(struct node *node);

/* ---- failover.c ---- */
void failover_run(struct call *call);
/* In each turn: goes on when a replica has everything, or does what it has. */
void failover_turn(struct node *node);
const char *failover_state_text(const struct node *node);

/* ---- stop.c ---- */
void stop_begin(struct node *node, enum stop_kind kind, bool is_now, bool is_forced);
void stop_signal(struct node *node, int signal);
/* Without its bus listener a node looks dead to others: it must be. */
void stop_listener_lost(struct node *node);
bool stop_abort(struct node *node);
void stop_turn(struct node *node);

/* ---- cluster_replies.c ---- */
void cluster_print_info(struct node *node, struct buffer *into);
void cluster_reply_slots(struct call *call);
void cluster_reply_shards(struct call *call);
void cluster_reply_links(struct call *call);
void cluster_reply_nodes(struct call *call);
void cluster_reply_replicas(struct call *call, const struct node_id *primary);

/* ---- slot_stats.c ---- */
void cluster_reply_slot_stats(struct call *call);
void slot_stats_refresh(struct node *node); /* owners changed */

/* ---- rows ---- */
extern const struct command node_cluster_rows[];
extern const size_t node_cluster_row_count;
/* The same for a server alone, owned by the caller: all but CLUSTER KEYSLOT are refused. */
struct command *node_lone_cluster_rows_create(void);
extern const struct command node_server_rows[];
extern const size_t node_server_row_count;
extern const struct command node_replication_rows[];
extern const size_t node_replication_row_count;
extern const struct command node_config_rows[];
extern const size_t node_config_row_count;
extern const struct command node_info_rows[];
extern const size_t node_info_row_count;
extern const struct command node_memory_rows[];
extern const size_t node_memory_row_count;
extern const struct command node_debug_rows[];
extern const size_t node_debug_row_count;

/* INFO: the text of these sections, as `info.c` knows them by name. */
void info_print(struct node *node, const struct bytes *sections, size_t count, struct buffer *into);

#endif
