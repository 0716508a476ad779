/* Options of the network: listeners, clients, and what they may take. */
#include "node/config_internal.h"

/* clang-format off */
static const struct config_word loop_words[] = {
    { "auto", CONFIG_LOOP_AUTO },
    { "epoll", CONFIG_LOOP_EPOLL },
    { "io_uring", CONFIG_LOOP_URING },
    { NULL, 0 },
};

static const struct config_row rows[] = {
    { .name = "bind", .kind = &config_list, CONFIG_FIELD(bind), .preset = "* -::*",
      .area = CONFIG_AREA_LISTEN,
      .text = "Addresses to listen on; * and ::* stand for all of them, and a leading - lets the "
              "server start when that one is not available." },
    { .name = "bind-source-addr", .kind = &config_text, CONFIG_FIELD(bind_source_addr),
      .preset = "", .area = CONFIG_AREA_REPLICATION,
      .text = "Local address from which connections to other nodes are opened; empty lets the "
              "system choose." },
    { .name = "port", .kind = &config_int, CONFIG_FIELD(port), .preset = "6379", .max = 65535,
      .area = CONFIG_AREA_LISTEN,
      .text = "TCP port for clients; 0 listens on none." },
    { .name = "tcp-backlog", .kind = &config_int, CONFIG_FIELD(tcp_backlog), .preset = "511",
      .max = INT32_MAX, .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_LISTEN,
      .text = "Length of the queue of connections that wait to be accepted; the system may cap "
              "it." },
    { .name = "tcp-keepalive", .kind = &config_int, CONFIG_FIELD(tcp_keepalive_s), .preset = "300",
      .max = INT32_MAX, .area = CONFIG_AREA_CLIENTS,
      .text = "Seconds of silence after which the system probes whether a client is still there; "
              "0 never probes." },
    { .name = "timeout", .kind = &config_int, CONFIG_FIELD(timeout_s), .preset = "0",
      .max = INT32_MAX, .area = CONFIG_AREA_CLIENTS,
      .text = "Seconds after which a client that says nothing is disconnected; 0 keeps it for "
              "ever." },
    { .name = "protected-mode", .kind = &config_bool, CONFIG_FIELD(protected_mode), .preset = "yes",
      .area = CONFIG_AREA_SECURITY,
      .text = "Refuses clients from other hosts while the default user has no password." },
    { .name = "mptcp", .kind = &config_bool, CONFIG_FIELD(mptcp), .preset = "no",
      .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_LISTEN,
      .text = "Lets listeners accept Multipath TCP.",
      .unused = "connections are plain TCP here" },
    { .name = "socket-mark-id", .kind = &config_int, CONFIG_FIELD(socket_mark_id), .preset = "0",
      .max = UINT32_MAX, .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_LISTEN,
      .text = "Number with which the system marks packets of this server's sockets, for routing "
              "and filtering.",
      .unused = "sockets carry no mark here" },
    { .name = "unixsocket", .kind = &config_text, CONFIG_FIELD(unixsocket), .preset = "",
      .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_LISTEN,
      .text = "Path of a socket for clients on the same host; empty opens none." },
    { .name = "unixsocketgroup", .kind = &config_text, CONFIG_FIELD(unixsocketgroup), .preset = "",
      .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_LISTEN,
      .text = "Group that the unix socket is given to; empty leaves it to the process's." },
    { .name = "unixsocketperm", .kind = &config_octal, CONFIG_FIELD(unixsocketperm), .preset = "0",
      .max = 0777, .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_LISTEN,
      .text = "Permissions of the unix socket, in octal; 0 leaves them to the umask." },
    { .name = "loop-backend", .kind = &config_enum, CONFIG_FIELD(loop_backend), .preset = "auto",
      .words = loop_words, .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_CLIENTS,
      .text = "How connections are read and written: auto takes io_uring where the kernel has it "
              "and allows it, else epoll. Valkey does not have this option." },
    { .name = "maxclients", .kind = &config_int, CONFIG_FIELD(maxclients), .preset = "10000",
      .min = 1, .max = UINT32_MAX, .area = CONFIG_AREA_CLIENTS,
      .text = "How many clients may be connected at once; more are answered with an error and "
              "closed." },
    { .name = "max-new-connections-per-cycle", .kind = &config_int,
      CONFIG_FIELD(max_new_connections_per_cycle), .preset = "10", .min = 1, .max = 1000,
      .area = CONFIG_AREA_CLIENTS,
      .text = "How many new connections one turn of the loop accepts.",
      .unused = "the loop accepts what waits within the budget of a turn" },
    { .name = "max-new-tls-connections-per-cycle", .kind = &config_int,
      CONFIG_FIELD(max_new_tls_connections_per_cycle), .preset = "1", .min = 1, .max = 1000,
      .area = CONFIG_AREA_TLS,
      .text = "How many new TLS connections one turn of the loop accepts.",
      .unused = "there is no TLS yet" },
    { .name = "client-query-buffer-limit", .kind = &config_memory,
      CONFIG_FIELD(client_query_buffer_limit_bytes), .preset = "1073741824", .min = 1048576,
      .max = INT64_MAX, .area = CONFIG_AREA_CLIENTS,
      .text = "Bytes that one client may have sent without completing a request." },
    { .name = "client-output-buffer-limit", .kind = &config_output_limit_list,
      CONFIG_FIELD(client_output_buffer_limit),
      .preset = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
      .area = CONFIG_AREA_CLIENTS,
      .text = "For each class of client (normal, replica, pubsub): bytes of waiting output at "
              "which it is disconnected at once, and bytes at which it is after that many "
              "seconds." },
    { .name = "maxmemory-clients", .kind = &config_memory_or_percent,
      CONFIG_FIELD(maxmemory_clients_bytes), .preset = "0", .max = INT64_MAX,
      .area = CONFIG_AREA_CLIENTS,
      .text = "Memory that all clients together may use before the largest are disconnected: "
              "bytes, or a percentage of maxmemory; 0 sets no limit." },
    { .name = "proto-max-bulk-len", .kind = &config_memory, CONFIG_FIELD(proto_max_bulk_len_bytes),
      .preset = "536870912", .min = 1048576, .max = INT64_MAX, .area = CONFIG_AREA_CLIENTS,
      .text = "Largest single argument that a client may send." },
    { .name = "rdma-bind", .kind = &config_list, CONFIG_FIELD(rdma_bind), .preset = "",
      .flags = CONFIG_GRAVE, .area = CONFIG_AREA_LISTEN,
      .text = "Addresses of RDMA devices to listen on.",
      .unused = "there is no RDMA here" },
    { .name = "rdma-port", .kind = &config_int, CONFIG_FIELD(rdma_port), .preset = "0",
      .max = 65535, .flags = CONFIG_GRAVE, .area = CONFIG_AREA_LISTEN,
      .text = "Port of the RDMA listener.",
      .unused = "there is no RDMA here" },
    { .name = "rdma-rx-size", .kind = &config_int, CONFIG_FIELD(rdma_rx_size_bytes),
      .preset = "1048576", .min = 65536, .max = 16777216, .flags = CONFIG_IMMUTABLE,
      .area = CONFIG_AREA_LISTEN,
      .text = "Bytes of the receive buffer of an RDMA connection.",
      .unused = "there is no RDMA here" },
    { .name = "rdma-completion-vector", .kind = &config_int, CONFIG_FIELD(rdma_completion_vector),
      .preset = "-1", .min = -1, .max = 1024, .flags = CONFIG_IMMUTABLE, .area = CONFIG_AREA_LISTEN,
      .text = "Completion vector of RDMA connections; -1 picks one by chance.",
      .unused = "there is no RDMA here" },
};
/* clang-format on */

const struct config_table config_table_network = { .rows = rows, .count = COUNT_OF(rows) };
