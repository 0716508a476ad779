/* Sessions: bytes of clients into the engine, and out of it replies, writes to replicate, and
 * messages to publish. */
#include "base/memory.h"
#include "node/parts.h"
#include <stdio.h>

/* What a client from outside is told while the default user has no password. */
#define DENIED_TEXT                                                                                \
    "-DENIED Eir is running in protected mode because protected mode is enabled and no password "  \
    "is set for the default user. In this mode connections are only accepted from the loopback "   \
    "interface. To connect from elsewhere, set requirepass, or disable protected mode with "       \
    "'CONFIG SET protected-mode no' from the loopback interface or in the configuration file.\r\n"

static void refuse_client(struct node *node, struct link *link, const char *text)
{
    output_append(&link->session->output, bytes_text(text));
    session_close(node->engine, link->session, SESSION_CLOSES_FLUSHED);
    node->connections_rejected++;
}

static bool is_loopback(const char *ip)
{
    return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0;
}

void clients_accept(struct node *node, struct link *link)
{
    char address[LINK_ADDRESS_SIZE];
    char local[LINK_ADDRESS_SIZE];
    const struct endpoint_names *names = &link->names;
    node_link_print_remote(link, address);
    node_link_print_local(link, local);
    if (names->is_unix) {
        /* As Valkey prints it, which takes path and port for an IPv6 address. */
        snprintf(address, sizeof(address), "[%.55s:0]:0", node->config->unixsocket);
        memcpy(local, address, sizeof(local));
    }
    struct session_options options = {
        .kind = SESSION_CLIENT,
        .connection = link->number,
        .host = link,
        .address = address,
        .local_address = local,
        .fd = names->fd,
        .endpoint_kind = strchr(names->remote_ip, ':') != NULL ? ENDPOINT_TCP6 : ENDPOINT_TCP4,
        .is_unix = names->is_unix,
    };
    link->session = session_create(node->engine, &options, node->clock.now_ms);
    node->connections_received++;
    node->client_count++;
    if ((int64_t)node->client_count + node->bus_link_count > node->config->maxclients) {
        refuse_client(node, link,
                      node->cluster != NULL
                          ? "-ERR max number of clients + cluster connections reached\r\n"
                          : "-ERR max number of clients reached\r\n");
        return;
    }
    if (node->config->protected_mode && node->config->requirepass[0] == 0 && !names->is_unix &&
        !is_loopback(names->remote_ip))
        refuse_client(node, link, DENIED_TEXT);
}

void clients_received(struct node *node, struct link *link, struct bytes bytes)
{
    /* A replica that loads for long sends nothing but newlines, which are no command. */
    if (link->follower != NULL) primary_heard(node->primary, link->follower, node->clock.now_ms);
    if (node->batch_count == node->batch_capacity) {
        node->batch_capacity = node->batch_capacity ? node->batch_capacity * 2 : 64;
        node->batch =
            memory_realloc(node->batch, node->batch_capacity * sizeof(struct engine_input));
    }
    node->batch[node->batch_count++] =
        (struct engine_input){ .session = link->session, .bytes = bytes };
    node->net_in += bytes.size;
    node->reads++;
}

/* Takes the connection apart; the shell has closed it, or is told to. */
static void client_forget(struct node *node, struct link *link)
{
    if (link->follower != NULL) feed_closed(node, link);
    client_memory_forget(node, link);
    session_destroy(node->engine, link->session);
    link->session = NULL;
    node->client_count--;
}

void clients_closed(struct node *node, struct link *link)
{
    client_forget(node, link);
    node_link_release(node, link);
}

void clients_close(struct node *node, struct link *link)
{
    client_forget(node, link);
    node_link_close(node, link);
}

/* A client that sends faster than it may be served feels it as a full window. */
static void client_hold_if_full(struct node *node, struct link *link)
{
    if (link->is_held || !session_is_full(link->session)) return;
    link->is_held = true;
    node_add_effect(node, NODE_HOLD)->connection = link->number;
    number_list_add(&node->held, link->number);
}

static void clients_unhold(struct node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->held.count; i++) {
        struct link *link = node_link_find(node, node->held.items[i]);
        if (link == NULL) continue;
        if (session_is_full(link->session)) {
            node->held.items[kept++] = link->number;
            continue;
        }
        link->is_held = false;
        node_add_effect(node, NODE_UNHOLD)->connection = link->number;
    }
    node->held.count = kept;
}

void clients_fini(struct node *node)
{
    for (uint32_t place = 0; place < node->link_count; place++) {
        struct link *link = node->links[place];
        if (link->number != 0 && link->session != NULL) client_forget(node, link);
    }
}

void clients_turn(struct node *node)
{
    struct engine_clock clock = { .now_ms = node->clock.now_ms, .wall_ms = node->clock.wall_ms };
    size_t count = node->batch_count;
    node->batch_count = 0;
    engine_turn(node->engine, clock, node->batch, count);
    bool is_bounded = client_memory_limit(node) > 0;
    for (size_t i = 0; i < count; i++) {
        struct link *link = node->batch[i].session->host;
        client_hold_if_full(node, link);
        if (is_bounded) client_memory_measure(node, link);
    }
    clients_unhold(node);
}

bool clients_are_heard(void *host, uint64_t *offset)
{
    const struct node *node = host;
    *offset = (uint64_t)backlog_lineage(node->backlog)->offset;
    return backlog_is_started(node->backlog);
}

void clients_propagate(struct node *node)
{
    size_t count = engine_propagation_count(node->engine);
    for (size_t i = 0; i < count; i++) {
        struct propagation element = engine_propagation_at(node->engine, i);
        backlog_append_record(node->backlog, element.db, element.command);
        if (element.session != NULL)
            element.session->write_offset = (uint64_t)backlog_lineage(node->backlog)->offset;
    }
    engine_propagation_clear(node->engine);

    count = engine_publication_count(node->engine);
    for (size_t i = 0; i < count; i++) {
        struct publication publication = engine_publication_at(node->engine, i);
        if (node->cluster != NULL)
            bus_publish(node, publication.is_sharded, publication.channel, publication.payload);
    }
    engine_publications_clear(node->engine);
}

static void take_ready(struct node *node, bool is_bounded)
{
    struct session *session;
    while ((session = engine_take_ready(node->engine)) != NULL) {
        struct link *link = node_link_find(node, session->connection);
        if (link == NULL) continue; /* a session without a connection */
        if (is_bounded && link->kind == CONNECTION_CLIENT) client_memory_measure(node, link);
        if (link->kind == CONNECTION_PRIMARY)
            follow_cut(node, link);
        else if (session->close == SESSION_CLOSES_NOW || limits_are_passed(node, link))
            clients_close(node, link);
        else if (session->close == SESSION_CLOSES_FLUSHED)
            node_link_close_flushed(node, link);
        else
            node_link_wants_send(node, link);
    }
}

void clients_take_ready(struct node *node)
{
    bool is_bounded = client_memory_limit(node) > 0;
    engine_settle(node->engine);
    take_ready(node, is_bounded);
    if (is_bounded && client_memory_evict(node)) take_ready(node, is_bounded);
}

void clients_withhold(struct node *node)
{
    struct session *session = engine_session_next(node->engine, NULL);
    while (session != NULL) {
        struct session *next = engine_session_next(node->engine, session);
        struct link *link = node_link_find(node, session->connection);
        if (link != NULL && session->kind == SESSION_CLIENT && session->write_turn == node->turn)
            clients_close(node, link);
        session = next;
    }
}

/* ---- WAIT -------------------------------------------------------------------------------- */

static unsigned wait_count(const struct node *node, const struct session *session)
{
    int64_t offset = (int64_t)session->blocked.offset;
    bool is_durable = session->blocked.wanted_local != 0; /* WAITAOF */
    return is_durable ? primary_count_durable(node->primary, offset)
                      : primary_count_acked(node->primary, offset);
}

void clients_answer_wait(struct node *node, struct session *session)
{
    unsigned count = wait_count(node, session);
    if (session->blocked.wanted_local != 0) {
        resp_array(&session->writer, 2);
        resp_integer(&session->writer, 0);
    }
    resp_integer(&session->writer, count);
    session_has_output(node->engine, session);
}

void clients_check_wait(struct node *node)
{
    LIST_EACH(&node->waiting, struct session, session, blocked.link)
    {
        if ((int64_t)wait_count(node, session) < session->blocked.wanted) continue;
        list_remove(&session->blocked.link);
        clients_answer_wait(node, session);
        session_unblock(node->engine, session);
    }
}
