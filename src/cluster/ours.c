/* What is ours on the `vars` line of nodes.conf.
 *
 *   eir-cluster-id  16 hex digits: the cluster that this node was formed into or adopted
 *   eir-lock        the set that this node has locked or was formed into (agreement.c)
 *   eir-refused     sets that it will never lock
 *   eir-lineage     the data that its slots are made of (lineage.c)
 *   eir-votes       votes whose candidates may still win (vote.c) */
#include "cluster/internal.h"
#include "cluster/ours.h"

static void write_id(const struct cluster *cluster, struct buffer *into)
{
    if (cluster->cluster_id == 0) return;
    buffer_printf(into, "%016llx", (unsigned long long)cluster->cluster_id);
}

static bool read_id(struct cluster *cluster, struct bytes text)
{
    uint64_t id = 0;
    for (size_t i = 0; i < text.size; i++) {
        char digit = text.data[i];
        bool is_digit = digit >= '0' && digit <= '9';
        if (!is_digit && (digit < 'a' || digit > 'f')) return false;
        id = id << 4 | (uint64_t)(is_digit ? digit - '0' : digit - 'a' + 10);
    }
    cluster->cluster_id = id;
    return text.size == 16 && id != 0;
}

static const struct field {
    const char *name;
    void (*write)(const struct cluster *cluster, struct buffer *into);
    bool (*read)(struct cluster *cluster, struct bytes text);
} fields[] = {
    { "eir-cluster-id", write_id, read_id },
    { "eir-lock", formation_write_lock, formation_read_lock },
    { "eir-refused", formation_write_refused, formation_read_refused },
    { "eir-lineage", lineage_write_record, lineage_read_record },
    { "eir-votes", vote_write_casts, vote_read_casts },
};

void ours_write(const struct cluster *cluster, struct buffer *into)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    struct buffer value;
    buffer_init(&value);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        buffer_clear(&value);
        fields[i].write(cluster, &value);
        if (value.size == 0) continue;
        buffer_printf(into, " %s ", fields[i].name);
        buffer_append(into, buffer_bytes(&value));
    }
    buffer_fini(&value);
}

bool ours_read(struct cluster *cluster, struct bytes name, struct bytes value)
{
    ensure(cluster->magic == CLUSTER_MAGIC);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (bytes_equal(name, bytes_text(fields[i].name))) return fields[i].read(cluster, value);
    }
    return true;
}
