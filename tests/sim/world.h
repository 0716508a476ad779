/* The inside of the simulated world: what its files share. Tests include sim.h instead.
 *
 *   story.c history.c     what happens to the world
 *   check.c               what must hold in it
 *   check_failover.c      how long slots may be without an owner
 *   world.c               create, the event loop
 *   node.c data.c         one process: steps, effects, disk; its data and its writers
 *   net.c                 links
 *   queue.c               events in order of time
 */
#ifndef EIR_TESTS_SIM_WORLD_H
#define EIR_TESTS_SIM_WORLD_H

#include "sim/model.h"

/* world.c */
void sim_put(struct sim *sim, enum sim_event_type type, uint32_t node, time_us at_us,
             uint64_t number);
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_hash(struct sim *sim, uint64_t word);
void sim_note(struct sim *sim, struct sim_node *node, const char *text); /* into its trace */
void sim_disturb(struct sim *sim, struct sim_node *node);
struct sim_node *sim_node(struct sim *sim, sim_who who);

/* node.c */
time_ms node_local_ms(const struct sim *sim, const struct sim_node *node);
time_ms node_wall_ms(const struct sim *sim, const struct sim_node *node);
void node_start(struct sim *sim, struct sim_node *node);
/* The process is gone; `is_silent`: the machine too. */
void node_die(struct sim *sim, struct sim_node *node, bool is_silent);
void node_freeze(struct sim *sim, struct sim_node *node, time_ms duration_ms);
void node_thaw(struct sim *sim, struct sim_node *node);
/* Hands the input to the core, now or when the node runs again. Takes the message. */
void node_pump(struct sim *sim, struct sim_node *node);
void node_input(struct sim *sim, struct sim_node *node, struct sim_input input);
void node_on_timer(struct sim *sim, struct sim_node *node, time_us at_us);
void node_tell_facts(struct sim *sim, struct sim_node *node);
bool node_order(struct sim *sim, struct sim_node *node, struct cluster_order *order,
                struct cluster_answer *answer);
void node_set_ip(struct sim *sim, struct sim_node *node, uint32_t ip_number);
void node_refresh(struct sim *sim, struct sim_node *node); /* status */

/* data.c */
void data_start(struct sim *sim, struct sim_node *node, bool keeps_data);
void data_tick(struct sim *sim, struct sim_node *node);
void data_follow(struct sim *sim, struct sim_node *node, const struct node_id *id,
                 const struct address *address);
void data_lead(struct sim *sim, struct sim_node *node);
void data_drain(struct sim *sim, struct sim_node *node);
bool data_may_write(struct sim *sim, struct sim_node *node);
void data_drained(struct sim *sim, struct sim_node *node);
void data_flush(struct sim *sim, struct sim_node *node);
void data_facts(const struct sim *sim, const struct sim_node *node, struct cluster_facts *facts);

/* net.c */
uint32_t net_parse_ip(const char *ip); /* UINT32_MAX: not one of ours */
void net_print_ip(uint32_t number, char *ip);
bool net_reaches(const struct sim *sim, uint32_t from, uint32_t to);
void net_connect(struct sim *sim, struct sim_node *node, link_number number,
                 const struct address *address);
void net_send(struct sim *sim, struct sim_node *node, link_number number,
              struct cluster_message *message);
void net_close(struct sim *sim, struct sim_node *node, link_number number);
void net_on_connect(struct sim *sim, struct sim_link *link);
void net_on_connected(struct sim *sim, struct sim_link *link);
void net_on_packet(struct sim *sim, struct packet *packet);
void net_process_died(struct sim *sim, struct sim_node *node, bool is_silent);
void net_release(struct sim *sim); /* cuts changed: what was held goes on */
/* Breaks one link of the node, chosen by `choice`; a deaf side does not notice. */
void net_break(struct sim *sim, struct sim_node *node, uint64_t choice, bool is_half_open);
void net_forget(struct sim *sim, struct sim_node *node, link_number number);
void net_packet_free(struct packet *packet);
struct sim_link *net_link_of(struct sim *sim, struct sim_node *node, link_number number,
                             unsigned *side); /* NULL when the core knows no such link */
/* One user less: frees a link that is gone. NULL is allowed. */
void net_release_link(struct sim_link *link);
void net_fini(struct sim *sim);

/* check.c */
void check_init(struct sim *sim);
void check_fini(struct sim *sim);
void check_sent(struct sim *sim, struct sim_node *from, struct sim_node *to,
                const struct cluster_message *message);
void check_saved(struct sim *sim, struct sim_node *node);
void check_started(struct sim *sim, struct sim_node *node);
void check_forgiven(struct sim *sim, struct sim_node *node); /* its disk or id is gone */
void check_write(struct sim *sim, struct sim_node *node, unsigned sample, uint64_t epoch);
void check_promoted(struct sim *sim, struct sim_node *node, uint32_t old_primary);
/* `node` throws its data away for those of `source`. */
void check_synced(struct sim *sim, const struct sim_node *node, const struct sim_node *source);
void check_second(struct sim *sim);

/* check_failover.c */
void check_died(struct sim *sim, struct sim_node *node, bool is_silent); /* with its core */
void check_link_reset(struct sim_node *dead);
void check_vacancies(struct sim *sim);

#endif
