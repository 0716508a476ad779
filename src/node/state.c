/* Small facts about the node that many of its files ask for. */
#include "node/parts.h"

bool node_is_replica(const struct node *node)
{
    struct replica_view view;
    replica_look(node->replica, &view);
    return view.state != REPLICA_IDLE;
}

bool node_is_loading(const struct node *node)
{
    return node->load.file != NULL;
}

bool node_has_keys(const struct node *node)
{
    return !keyspace_is_empty(node->keyspace);
}
