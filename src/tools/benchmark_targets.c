/* Finding the servers: by the options, and in a cluster by what its nodes say. */
#include "tools/benchmark_targets.h"

#include "base/memory.h"
#include "os/connect.h"
#include "resp/reply.h"
#include <ctype.h>
#include <stdio.h>

static bool say_unreachable(const struct socket_address *address, enum err err)
{
    char why[64];
    snprintf(why, sizeof(why), "%s", err_text(err));
    why[0] = (char)toupper((unsigned char)why[0]);
    if (address->is_unix)
        fprintf(stderr, "Could not connect to server at %s: %s\n", address->ip, why);
    else
        fprintf(stderr, "Could not connect to server at %s:%u: %s\n", address->ip, address->port,
                why);
    return false;
}

static bool say_refused(const struct socket_address *address, const char *why)
{
    fprintf(stderr, "Node %s:%u replied with error:\n%s\n", address->ip, address->port, why);
    return false;
}

static void add_greeting(struct targets *targets, size_t argc, const struct bytes *argv)
{
    resp_write_command(&targets->greeting, argc, argv);
    targets->greeting_count++;
}

static void write_greeting(struct targets *targets)
{
    const struct benchmark_options *options = targets->options;
    if (options->password != NULL) {
        struct bytes argv[3] = { BYTES("AUTH") };
        size_t argc = 1;
        if (options->user != NULL) argv[argc++] = bytes_text(options->user);
        argv[argc++] = bytes_text(options->password);
        add_greeting(targets, argc, argv);
    }
    if (options->speaks_resp3)
        add_greeting(targets, 2, (struct bytes[]){ BYTES("HELLO"), BYTES("3") });
    if (options->database > 0) {
        struct buffer number = { 0 };
        buffer_append_int(&number, options->database);
        add_greeting(targets, 2, (struct bytes[]){ BYTES("SELECT"), buffer_bytes(&number) });
        buffer_fini(&number);
    }
    if (options->is_tracking)
        add_greeting(targets, 3,
                     (struct bytes[]){ BYTES("CLIENT"), BYTES("TRACKING"), BYTES("ON") });
    if (strcmp(options->replica_mode, "no") != 0)
        add_greeting(targets, 1, (struct bytes[]){ BYTES("READONLY") });
}

/* A connection that has been greeted. */
static bool open_link(const struct targets *targets, struct benchmark_link *link,
                      const struct socket_address *address)
{
    enum err err = benchmark_link_open(link, address);
    if (err) return say_unreachable(address, err);
    if (targets->greeting_count == 0) return true;
    struct resp_value *value =
        benchmark_link_send(link, buffer_bytes(&targets->greeting), targets->greeting_count);
    bool is_good = value != NULL && value->type != RESP_ERROR;
    if (!is_good)
        say_refused(address, value != NULL ? value->text.data : "the connection was closed");
    resp_value_destroy(value);
    if (!is_good) benchmark_link_close(link);
    return is_good;
}

/* --- Configuration --- */

static char *read_parameter(struct benchmark_link *link, const char *name)
{
    struct resp_value *value = benchmark_link_ask(link, "CONFIG", "GET", name, NULL);
    char *text = NULL;
    if (value != NULL && value->count == 2 && value->items[1].text.data != NULL)
        text = bytes_copy_text(value->items[1].text);
    resp_value_destroy(value);
    return text != NULL ? text : memory_copy_text("");
}

static bool read_configuration(struct targets *targets)
{
    targets->nodes = memory_alloc_zero(targets->count * sizeof(*targets->nodes));
    for (size_t i = 0; i < targets->count; i++) {
        struct benchmark_link link;
        if (!open_link(targets, &link, &targets->list[i].address)) return false;
        targets->nodes[i].save = read_parameter(&link, "save");
        targets->nodes[i].appendonly = read_parameter(&link, "appendonly");
        benchmark_link_close(&link);
    }
    return true;
}

/* --- Clusters --- */

static bool is_wanted(const struct targets *targets, const struct cluster_node *node)
{
    const char *mode = targets->options->replica_mode;
    return strcmp(mode, "all") == 0 || node->is_replica == (strcmp(mode, "yes") == 0);
}

static void take_nodes(struct targets *targets, const struct cluster_map *map)
{
    targets->list = memory_alloc_zero((map->count + 1) * sizeof(*targets->list));
    for (size_t i = 0; i < map->count; i++) {
        const struct cluster_node *node = &map->nodes[i];
        if (!node->is_replica) targets->primary_count++;
        if (!is_wanted(targets, node)) continue;
        targets->list[targets->count++] =
            (struct load_target){ .address = node->address,
                                  .tags = cluster_node_tags(node, targets->all_tags) };
    }
}

static void print_nodes(const struct cluster_map *map)
{
    size_t primaries = 0;
    for (size_t i = 0; i < map->count; i++) primaries += !map->nodes[i].is_replica;
    printf("Cluster has %zu primary nodes:\n\n", primaries);
    for (size_t i = 0; i < map->count; i++)
        printf("Node %zu(%s): %s %s:%u\n", i, map->nodes[i].is_replica ? "Replica" : "Primary",
               map->nodes[i].id, map->nodes[i].address.ip, map->nodes[i].address.port);
    printf("\n");
}

static bool read_map(const struct targets *targets, const struct socket_address *address,
                     struct cluster_map *map)
{
    struct benchmark_link link;
    char failure[200];
    if (!open_link(targets, &link, address)) return false;
    bool is_good = cluster_map_read(map, &link, address, failure, sizeof(failure));
    benchmark_link_close(&link);
    return is_good || say_refused(address, failure);
}

static bool find_nodes(struct targets *targets, const struct socket_address *seed)
{
    struct cluster_map map;
    if (!read_map(targets, seed, &map)) return false;
    targets->all_tags = cluster_tags_create();
    take_nodes(targets, &map);
    if (!targets->options->is_json && !targets->options->is_csv) print_nodes(&map);
    cluster_map_fini(&map);
    if (targets->count > 0) return true;
    fprintf(stderr, "The cluster has no replicas to read from\n");
    return false;
}

void targets_refresh(struct targets *targets)
{
    struct cluster_map map;
    if (!read_map(targets, &targets->list[0].address, &map)) return;
    for (size_t i = 0; i < targets->count; i++) {
        struct load_target *target = &targets->list[i];
        const struct cluster_node *node = cluster_map_find(&map, &target->address);
        if (node == NULL) continue;
        struct request_tags *fresh = cluster_node_tags(node, targets->all_tags);
        if (fresh->count == 0) { /* it has nothing left: better a redirection than silence */
            request_tags_destroy(fresh);
            continue;
        }
        targets->worn =
            memory_realloc(targets->worn, (targets->worn_count + 1) * sizeof(*targets->worn));
        targets->worn[targets->worn_count++] = (struct request_tags *)target->tags;
        __atomic_store_n(&target->tags, fresh, __ATOMIC_RELEASE);
    }
    cluster_map_fini(&map);
}

/* --- All of it --- */

bool targets_init(struct targets *targets, const struct benchmark_options *options)
{
    *targets = (struct targets){ .options = options };
    write_greeting(targets);
    struct socket_address address = { .port = (uint16_t)options->port };
    if (options->socket_path != NULL) {
        address.is_unix = true;
        if (!bytes_to_text(bytes_text(options->socket_path), address.ip, sizeof(address.ip)))
            return say_unreachable(&address, ERR_INVALID);
    } else if (connect_resolve(options->host, address.ip, sizeof(address.ip)) != ERR_NONE) {
        bytes_to_text(bytes_text(options->host), address.ip, sizeof(address.ip));
        return say_unreachable(&address, ERR_NOT_FOUND);
    }
    if (options->is_cluster) {
        if (!find_nodes(targets, &address)) return false;
    } else {
        targets->list = memory_alloc_zero(sizeof(*targets->list));
        targets->list[targets->count++].address = address;
    }
    return read_configuration(targets);
}

void targets_fini(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        request_tags_destroy((struct request_tags *)targets->list[i].tags);
        if (targets->nodes == NULL) continue;
        memory_free((char *)targets->nodes[i].save);
        memory_free((char *)targets->nodes[i].appendonly);
    }
    for (size_t i = 0; i < targets->worn_count; i++) request_tags_destroy(targets->worn[i]);
    memory_free(targets->worn);
    memory_free(targets->nodes);
    memory_free(targets->list);
    memory_free(targets->all_tags);
    buffer_fini(&targets->greeting);
}

bool targets_order(struct targets *targets, struct bytes request)
{
    for (size_t i = 0; i < targets->count; i++) {
        struct benchmark_link link;
        if (!open_link(targets, &link, &targets->list[i].address)) return false;
        struct resp_value *value = benchmark_link_send(&link, request, 1);
        bool is_good = value != NULL && value->type != RESP_ERROR;
        if (!is_good)
            fprintf(stderr, "Error from server: %s\n",
                    value != NULL ? value->text.data : "the connection was closed");
        resp_value_destroy(value);
        benchmark_link_close(&link);
        if (!is_good) return false;
    }
    return true;
}
