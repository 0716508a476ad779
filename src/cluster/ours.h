/* What is ours on the `vars` line of nodes.conf: pairs of a name and a value without spaces, which
 * a Valkey node skips. */
#ifndef EIR_CLUSTER_OURS_H
#define EIR_CLUSTER_OURS_H

#include "base/buffer.h"
#include "base/err.h"

struct cluster;

/* Appends " name value" for every durable field of ours that is set. */
void ours_write(const struct cluster *cluster, struct buffer *into);
/* Takes one pair of the line, after the nodes of the file are known and before formation_init and
 * its siblings run. A name that is not ours is skipped; false when a value of ours is malformed. */
NODISCARD bool ours_read(struct cluster *cluster, struct bytes name, struct bytes value);

#endif
