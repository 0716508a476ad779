/* Looking at the nodes as an operator would: by commands, at once. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

const char *deep_ask(struct deep *deep, unsigned who, const char *command)
{
    struct deep_node *shell = &deep->nodes[who];
    buffer_clear(&deep->answer);
    if (node_shell_runs(shell)) {
        struct endpoint_names names = { .remote_ip = "127.0.0.1", .local_ip = "127.0.0.1" };
        struct node_clock clock = node_shell_clock(deep, shell);
        connection_number number = node_accept(shell->node, CONNECTION_CLIENT, &names, clock);
        char line[256];
        int size = snprintf(line, sizeof(line), "%s\r\n", command);
        struct node_input input = { .type = NODE_RECEIVED,
                                    .connection = number,
                                    .bytes = bytes_of(line, (size_t)size) };
        node_shell_turn(deep, shell, &input, 1);
        /* Without a wire the answer stays in the output of the connection. */
        if (node_shell_runs(shell)) {
            const struct output *output = node_output(shell->node, number);
            if (output != NULL) output_copy(output, &deep->answer);
            input = (struct node_input){ .type = NODE_CLOSED, .connection = number };
            node_shell_turn(deep, shell, &input, 1);
        }
    }
    buffer_append_byte(&deep->answer, 0);
    return deep->answer.data;
}

/* Each node's line "who ip:port flags ... slots", without what differs from node to node. */
static void print_owners(struct deep *deep, unsigned who, struct buffer *into)
{
    char nodes[8192];
    snprintf(nodes, sizeof(nodes), "%s", deep_ask(deep, who, "CLUSTER SLOTS"));
    buffer_append_text(into, nodes);
}

static uint64_t owners_digest(struct deep *deep, unsigned who)
{
    /* First and last slots with the owner's id; the replicas behind it may be listed in any
     * order, so that only lines of ranges and the first id after each count. */
    struct buffer text = { 0 };
    print_owners(deep, who, &text);
    buffer_append_byte(&text, 0);
    uint64_t digest = 0;
    int numbers = 0;
    for (char *line = strtok(text.data, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        if (line[0] == '*') {
            numbers = strcmp(line, "*4") == 0 && numbers >= 2 ? numbers : 0;
        } else if (line[0] == ':' && numbers < 2) {
            digest = digest * 31 + crc64(0, bytes_text(line));
            numbers++;
        } else if (strlen(line) == 40 && numbers == 2) {
            digest = digest * 31 + crc64(0, bytes_text(line));
            numbers++;
        }
    }
    buffer_fini(&text);
    return digest;
}

bool deep_is_healthy(struct deep *deep)
{
    uint64_t expected = 0;
    unsigned primaries = 0;
    for (unsigned who = 0; who < deep->node_count; who++) {
        if (!node_shell_runs(&deep->nodes[who])) return false;
        if (strstr(deep_ask(deep, who, "CLUSTER INFO"), "cluster_state:ok") == NULL) return false;
        const char *replication = deep_ask(deep, who, "INFO replication");
        if (strstr(replication, "role:slave") != NULL) {
            if (strstr(replication, "master_link_status:up") == NULL) return false;
        } else if (strstr(replication, "connected_slaves:0") == NULL) {
            primaries++;
            if (strstr(replication, "state=online") == NULL) return false;
        }
        uint64_t digest = owners_digest(deep, who);
        if (who > 0 && digest != expected) return false;
        expected = digest;
    }
    return deep->options.replicas == 0 || primaries == deep->options.shards;
}

unsigned deep_owner_of(struct deep *deep, unsigned slot)
{
    char command[64];
    snprintf(command, sizeof(command), "CLUSTER SLOT-STATS SLOTSRANGE %u %u", slot, slot);
    for (unsigned who = 0; who < deep->node_count; who++) {
        const char *replication = deep_ask(deep, who, "INFO replication");
        if (strstr(replication, "role:master") == NULL) continue;
        if (strncmp(deep_ask(deep, who, command), "*1", 2) == 0) return who;
    }
    return UINT32_MAX;
}
