/* The configuration as plain values: one field for every option that a configuration can hold.
 *
 * A field is named after its option, with the unit added where there is one. Whoever needs a value
 * reads the field; only config_*.c writes. Names, defaults, bounds and one sentence about each
 * option stand in the rows (config_rows_*.c); two names of one option share its field. */
#ifndef EIR_NODE_CONFIG_VALUES_H
#define EIR_NODE_CONFIG_VALUES_H

#include "base/log.h"
#include "node/config_types.h"

/* Texts are owned, terminated and never NULL: empty means not set. */
struct config {
    /* network: how clients reach this node */
    struct config_words bind;
    char *bind_source_addr;
    int64_t port;
    int64_t tcp_backlog;
    int64_t tcp_keepalive_s;
    int64_t timeout_s;
    bool protected_mode;
    bool mptcp;
    int64_t socket_mark_id;
    char *unixsocket;
    char *unixsocketgroup;
    int64_t unixsocketperm; /* 0: as the umask says */
    int64_t maxclients;
    int64_t max_new_connections_per_cycle;
    int64_t max_new_tls_connections_per_cycle;
    int64_t client_query_buffer_limit_bytes;
    struct config_output_limits client_output_buffer_limit;
    int64_t maxmemory_clients_bytes; /* negative: percent of maxmemory */
    int64_t proto_max_bulk_len_bytes;
    struct config_words rdma_bind;
    int64_t rdma_port;
    int64_t rdma_rx_size_bytes;
    int64_t rdma_completion_vector;

    /* TLS */
    enum config_tls_auth tls_auth_clients;
    enum config_tls_user tls_auth_clients_user;
    int64_t tls_auto_reload_interval_s;
    char *tls_ca_cert_dir;
    char *tls_ca_cert_file;
    char *tls_cert_file;
    char *tls_ciphers;
    char *tls_ciphersuites;
    char *tls_client_cert_file;
    char *tls_client_key_file;
    char *tls_client_key_file_pass;
    bool tls_cluster;
    char *tls_dh_params_file;
    char *tls_key_file;
    char *tls_key_file_pass;
    int64_t tls_port;
    bool tls_prefer_server_ciphers;
    char *tls_protocols;
    bool tls_replication;
    int64_t tls_session_cache_size;
    int64_t tls_session_cache_timeout_s;
    bool tls_session_caching;

    /* process: the server as a program */
    bool daemonize;
    char *pidfile;
    enum config_supervised supervised;
    enum config_loop loop_backend;
    char *dir; /* empty: the working directory at start */
    char *logfile;
    enum log_level loglevel;
    enum config_log_format log_format;
    enum config_log_time log_timestamp_format;
    bool syslog_enabled;
    char *syslog_ident;
    int syslog_facility;
    bool always_show_logo;
    bool hide_user_data_from_log;
    bool crash_log_enabled;
    bool crash_memcheck_enabled;
    bool set_proc_title;
    char *proc_title_template;
    enum config_oom oom_score_adj;
    struct config_oom_values oom_score_adj_values;
    bool disable_thp;
    bool large_pages;
    char *server_cpulist;
    char *bio_cpulist;
    char *aof_rewrite_cpulist;
    char *bgsave_cpulist;
    int64_t io_threads;
    int64_t prefetch_batch_max_size;
    int64_t hz;
    int64_t shutdown_timeout_s;
    unsigned shutdown_on_sigint;  /* enum config_shutdown */
    unsigned shutdown_on_sigterm; /* enum config_shutdown */
    char *ignore_warnings;
    char *locale_collate;
    char *availability_zone;

    /* security */
    char *requirepass; /* empty: no password */
    char *aclfile;
    enum config_channels acl_pubsub_default;
    int64_t acllog_max_len;
    enum config_who enable_debug_command;
    enum config_who enable_module_command;
    enum config_who enable_protected_configs;
    char *hash_seed;

    /* keyspace: databases, memory, expiry, encodings */
    int64_t databases;
    int64_t maxmemory_bytes; /* 0: no limit */
    enum config_policy maxmemory_policy;
    int64_t maxmemory_samples;
    int64_t maxmemory_eviction_tenacity;
    int64_t lfu_log_factor;
    int64_t lfu_decay_time_minutes;
    int64_t active_expire_effort;
    bool lazyfree_lazy_eviction;
    bool lazyfree_lazy_expire;
    bool lazyfree_lazy_server_del;
    bool lazyfree_lazy_user_del;
    bool lazyfree_lazy_user_flush;
    bool activerehashing;
    bool activedefrag;
    int64_t active_defrag_ignore_bytes;
    int64_t active_defrag_threshold_lower;
    int64_t active_defrag_threshold_upper;
    int64_t active_defrag_cycle_min;
    int64_t active_defrag_cycle_max;
    int64_t active_defrag_cycle_us;
    int64_t active_defrag_max_scan_fields;
    bool jemalloc_bg_thread;
    int64_t hash_max_listpack_entries;
    int64_t hash_max_listpack_value_bytes;
    int64_t list_max_listpack_size;
    int64_t list_compress_depth;
    int64_t set_max_intset_entries;
    int64_t set_max_listpack_entries;
    int64_t set_max_listpack_value_bytes;
    int64_t zset_max_listpack_entries;
    int64_t zset_max_listpack_value_bytes;
    int64_t hll_sparse_max_bytes;
    int64_t stream_node_max_bytes;
    int64_t stream_node_max_entries;

    /* commands: what they do and what is recorded about them */
    unsigned notify_keyspace_events; /* enum config_notify */
    int64_t tracking_table_max_keys;
    int64_t busy_reply_threshold_ms;
    bool import_mode;
    bool extended_redis_compatibility;
    int64_t commandlog_execution_slower_than_us;
    int64_t commandlog_slow_execution_max_len;
    int64_t commandlog_request_larger_than_bytes;
    int64_t commandlog_large_request_max_len;
    int64_t commandlog_reply_larger_than_bytes;
    int64_t commandlog_large_reply_max_len;
    int64_t latency_monitor_threshold_ms;
    bool latency_tracking;
    struct config_percentiles latency_tracking_info_percentiles;

    /* durability: snapshots and the append log */
    struct config_save_points save;
    char *dbfilename;
    bool rdbcompression;
    bool rdbchecksum;
    bool rdb_del_sync_files;
    bool rdb_save_incremental_fsync;
    enum config_version_check rdb_version_check;
    bool stop_writes_on_bgsave_error;
    bool appendonly;
    char *appendfilename;
    char *appenddirname;
    enum config_fsync appendfsync;
    bool no_appendfsync_on_rewrite;
    int64_t auto_aof_rewrite_percentage;
    int64_t auto_aof_rewrite_min_size_bytes;
    bool aof_load_truncated;
    bool aof_use_rdb_preamble;
    bool aof_timestamp_enabled;
    bool aof_rewrite_incremental_fsync;

    /* replication */
    struct config_replicaof replicaof;
    char *primaryuser;
    char *primaryauth;
    bool replica_serve_stale_data;
    bool replica_read_only;
    int64_t replica_priority;
    bool replica_announced;
    char *replica_announce_ip;
    int64_t replica_announce_port;
    bool replica_ignore_maxmemory;
    bool replica_ignore_disk_write_errors;
    bool replica_lazy_flush;
    enum config_propagation propagation_error_behavior;
    int64_t min_replicas_to_write;
    int64_t min_replicas_max_lag_s;
    int64_t repl_backlog_size_bytes;
    int64_t repl_backlog_ttl_s;
    bool repl_disable_tcp_nodelay;
    bool repl_diskless_sync;
    int64_t repl_diskless_sync_delay_s;
    int64_t repl_diskless_sync_max_replicas;
    enum config_load repl_diskless_load;
    bool repl_mptcp;
    int64_t repl_ping_replica_period_s;
    int64_t repl_timeout_s;
    bool dual_channel_replication_enabled;

    /* cluster */
    bool cluster_enabled;
    char *cluster_config_file;
    enum config_save_behaviour cluster_config_save_behavior;
    int64_t cluster_port;
    int64_t cluster_node_timeout_ms;
    int64_t cluster_databases;
    bool cluster_require_full_coverage;
    bool cluster_allow_reads_when_down;
    bool cluster_allow_pubsubshard_when_down;
    bool cluster_allow_replica_migration;
    int64_t cluster_migration_barrier;
    bool cluster_replica_no_failover;
    int64_t cluster_replica_validity_factor;
    int64_t cluster_manual_failover_timeout_ms;
    int64_t cluster_blacklist_ttl_s;
    int64_t cluster_link_sendbuf_limit_bytes;
    char *cluster_announce_ip;
    int64_t cluster_announce_port;
    int64_t cluster_announce_bus_port;
    int64_t cluster_announce_tls_port;
    char *cluster_announce_hostname;
    char *cluster_announce_human_nodename;
    char *cluster_announce_client_ipv4;
    char *cluster_announce_client_ipv6;
    int64_t cluster_announce_client_port;
    int64_t cluster_announce_client_tls_port;
    enum config_endpoint cluster_preferred_endpoint_type;
    bool cluster_slot_stats_enabled;
    int64_t cluster_slot_migration_log_max_len;
    int64_t slot_migration_max_failover_repl_bytes;

    /* ours: a cluster that forms itself, and help for tests */
    struct config_seeds cluster_seeds;
    int64_t cluster_shards; /* 0: this node does not form a cluster by itself */
    int64_t cluster_replicas_per_shard;
    char *cluster_name;
    bool enable_debug_assert;

    /* outside CONFIG GET and SET */
    struct config_renames renames;
    char *file; /* absolute path of the configuration file; empty: none */
};

#endif
