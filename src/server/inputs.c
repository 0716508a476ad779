/* What the coming turn is told: gathered here by whoever has something to tell. */
#include "base/memory.h"
#include "server/internal.h"

struct node_input *server_add_input(struct server *server, enum node_input_type type)
{
    if (server->input_count == server->input_capacity) {
        server->input_capacity = server->input_capacity ? server->input_capacity * 2 : 64;
        server->inputs =
            memory_realloc(server->inputs, server->input_capacity * sizeof(struct node_input));
    }
    struct node_input *input = &server->inputs[server->input_count++];
    *input = (struct node_input){ .type = type };
    return input;
}
