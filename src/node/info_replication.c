/* INFO's sections Replication, Cluster and Cluster Info. */
#include "node/info.h"
#include "node/parts.h"

static void print_sync(const struct node *node, const struct replica_view *view,
                       struct buffer *into)
{
    int64_t total = view->transfer_size ? (int64_t)view->transfer_size : 0;
    int64_t read = (int64_t)view->transfer_read;
    info_int(into, "master_sync_total_bytes", total);
    info_int(into, "master_sync_read_bytes", read);
    info_int(into, "master_sync_left_bytes", total - read);
    buffer_printf(into, "master_sync_perc:%.2f\r\n",
                  total ? (double)read * 100.0 / (double)total : 0.0);
    info_int(into, "master_sync_last_io_seconds_ago",
             (node->clock.now_ms - view->transfer_last_ms) / 1000);
}

static void print_following(const struct node *node, const struct replica_view *view,
                            struct buffer *into)
{
    const struct lineage *lineage = backlog_lineage(node->backlog);
    bool is_up = view->state == REPLICA_CONNECTED;
    info_text(into, "master_host", view->host);
    info_int(into, "master_port", view->port);
    info_text(into, "master_link_status", is_up ? "up" : "down");
    info_int(into, "master_last_io_seconds_ago",
             is_up ? (node->clock.now_ms - view->last_io_ms) / 1000 : -1);
    info_int(into, "master_sync_in_progress", view->state == REPLICA_TRANSFER);
    info_int(into, "slave_read_repl_offset", view->offset_received);
    info_int(into, "slave_repl_offset", lineage->offset);
    info_int(into, "replicas_repl_buffer_size", 0);
    info_int(into, "replicas_repl_buffer_peak", 0);
    if (view->state == REPLICA_TRANSFER) print_sync(node, view, into);
    if (!is_up)
        info_int(into, "master_link_down_since_seconds",
                 view->link_down_ms ? (node->clock.now_ms - view->link_down_ms) / 1000 : -1);
    info_int(into, "slave_priority", node->config->replica_priority);
    info_int(into, "slave_read_only", node->config->replica_read_only);
    info_int(into, "replica_announced", node->config->replica_announced);
}

struct replica_printer {
    struct buffer *into;
    size_t count;
    bool prints;
};

static void print_replica(void *context, const struct follower_view *view)
{
    struct replica_printer *printer = context;
    if (printer->prints)
        buffer_printf(printer->into,
                      "slave%zu:ip=%s,port=%u,state=%s,offset=%lld,lag=%lld,type=replica\r\n",
                      printer->count, view->ip, view->port, follower_state_text(view->state),
                      (long long)view->offset, (long long)MAX(view->lag_ms, 0) / 1000);
    printer->count++;
}

static void print_replicas(struct node *node, struct buffer *into)
{
    struct replica_printer printer = { .into = into };
    primary_each(node->primary, node->clock.now_ms, print_replica, &printer);
    info_int(into, "connected_slaves", (int64_t)printer.count);
    if (node->config->min_replicas_to_write > 0 && node->config->min_replicas_max_lag_s > 0)
        info_int(into, "min_slaves_good_slaves",
                 primary_count_good(node->primary, node->clock.now_ms));
    printer = (struct replica_printer){ .into = into, .prints = true };
    primary_each(node->primary, node->clock.now_ms, print_replica, &printer);
}

void info_replication(struct node *node, struct buffer *into)
{
    struct replica_view view;
    replica_look(node->replica, &view);
    bool is_replica = view.state != REPLICA_IDLE;
    info_text(into, "role", is_replica ? "slave" : "master");
    if (is_replica) print_following(node, &view, into);
    print_replicas(node, into);

    const struct lineage *lineage = backlog_lineage(node->backlog);
    info_int(into, "replicas_waiting_psync", 0);
    info_text(into, "master_failover_state", failover_state_text(node));
    buffer_printf(into, "master_replid:%.40s\r\nmaster_replid2:%.40s\r\n", lineage->id,
                  lineage->former_id);
    const struct info_figure figures[] = {
        { "master_repl_offset", lineage->offset },
        { "second_repl_offset", lineage->former_end },
        { "repl_backlog_active", backlog_is_started(node->backlog) },
        { "repl_backlog_size", (int64_t)backlog_size_max(node->backlog) },
        { "repl_backlog_first_byte_offset",
          backlog_is_started(node->backlog) ? backlog_first_offset(node->backlog) : 0 },
        { "repl_backlog_histlen", (int64_t)backlog_held(node->backlog) },
    };
    info_figures(into, figures, COUNT_OF(figures));
}

void info_cluster(struct node *node, struct buffer *into)
{
    info_int(into, "cluster_enabled", node->cluster != NULL);
}

void info_cluster_info(struct node *node, struct buffer *into)
{
    if (node->cluster != NULL) cluster_print_info(node, into);
}
