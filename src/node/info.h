/* The sections of INFO and the small printers that they share. */
#ifndef EIR_NODE_INFO_H
#define EIR_NODE_INFO_H

#include "base/buffer.h"

struct node;

struct info_figure {
    const char *name;
    int64_t value;
};

void info_int(struct buffer *into, const char *name, int64_t value);
void info_text(struct buffer *into, const char *name, const char *value);
void info_figures(struct buffer *into, const struct info_figure *figures, size_t count);

/* info_server.c: what this process is and uses */
void info_server(struct node *node, struct buffer *into);
void info_memory(struct node *node, struct buffer *into);
void info_tls(struct node *node, struct buffer *into);
void info_engines(struct node *node, struct buffer *into);
void info_cpu(struct node *node, struct buffer *into);
void info_modules(struct node *node, struct buffer *into);

/* info_activity.c: what it does */
void info_clients(struct node *node, struct buffer *into);
void info_persistence(struct node *node, struct buffer *into);
void info_stats(struct node *node, struct buffer *into);
void info_commandstats(struct node *node, struct buffer *into);
void info_latencystats(struct node *node, struct buffer *into);
void info_errorstats(struct node *node, struct buffer *into);
void info_keyspace(struct node *node, struct buffer *into);

/* info_replication.c: whom it follows and feeds */
void info_replication(struct node *node, struct buffer *into);
void info_cluster(struct node *node, struct buffer *into);
void info_cluster_info(struct node *node, struct buffer *into);

#endif
