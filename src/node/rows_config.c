/* CONFIG: GET, SET, REWRITE, RESETSTAT. What the options mean stands in config_rows_*.c. */
#include "base/log.h"
#include "node/parts.h"

struct config_reply {
    struct call *call;
    size_t count;
};

static void reply_option(void *context, struct bytes name, struct bytes value)
{
    struct config_reply *reply = context;
    reply_bytes(reply->call, name);
    reply_bytes(reply->call, value);
    reply->count++;
}

static void run_get(struct call *call)
{
    struct config_reply reply = { .call = call };
    struct output_mark mark = resp_begin(call->writer);
    config_get(node_of(call)->config, call->argv + 2, call->argc - 2, reply_option, &reply);
    resp_end_map(call->writer, mark, reply.count);
}

static bool session_is_local(const struct session *session)
{
    return (session->flags & SESSION_UNIX) != 0 || strncmp(session->address, "127.", 4) == 0 ||
           strncmp(session->address, "[::1]", 5) == 0;
}

static void log_unused(void *context, bool is_grave, const char *message)
{
    if (is_grave)
        log_warning("%s", message);
    else
        log_notice("%s", message);
}

/* Carries out what was set; the shell's part is answered when the shell has answered. */
static void carry_out(struct call *call, struct config_set_result *result)
{
    struct node *node = node_of(call);
    options_apply(node, result->areas);
    permit_refresh(node);
    config_warnings_of_change(node->config, result->before, log_unused, NULL);
    bool blocks = options_need_shell(result->areas);
    struct buffer error = { 0 };
    if (!blocks) {
        config_destroy(result->before);
        reply_ok(call);
        return;
    }
    bool listens = (result->areas & CONFIG_AREA_LISTEN) != 0;
    bool binds = listens && bytes_is_word(call->argv[2], "bind");
    config_set_failed(call->argv + 2, (call->argc - 2) / 2, result->areas,
                      binds     ? "Failed to bind to specified addresses."
                      : listens ? "Unable to listen on this port. Check server logs."
                                : "No such file or directory",
                      &error);
    /* Where nothing may block (EXEC) the reply cannot wait for the answer. */
    bool waits = call_block(call, BLOCK_HOST, TIME_NEVER, NULL);
    options_ask_shell(node, waits ? call->session : NULL, result->areas, result->before,
                      buffer_bytes(&error));
    buffer_fini(&error);
    if (!waits) reply_ok(call);
}

/* Values of passwords are not for MONITOR and the logs. */
static void hide_secrets(struct call *call)
{
    for (uint32_t i = 2; i + 1 < call->argc; i += 2) {
        const struct config_row *row = config_row_find(call_arg(call, i));
        if (row != NULL && row->flags & CONFIG_SECRET) call_hide(call, i + 1);
    }
}

/* False when the system does not allow as many connections: answered, and taken back. */
static bool clients_are_possible(struct call *call, struct config_set_result *result)
{
    struct node *node = node_of(call);
    int64_t wanted = node->config->maxclients;
    if (node->raise_files == NULL || wanted <= result->before->maxclients) return true;
    size_t files = node->raise_files((size_t)wanted + NODE_FILES_RESERVED);
    if (files >= (size_t)wanted + NODE_FILES_RESERVED) return true;
    config_swap(node->config, result->before);
    config_destroy(result->before);
    reply_error_format(call,
                       "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The "
                       "operating system is not able to handle the specified number of clients, "
                       "try with %lld",
                       (long long)files - NODE_FILES_RESERVED);
    return false;
}

static void run_set(struct call *call)
{
    struct node *node = node_of(call);
    hide_secrets(call);
    if (call->argc % 2 != 0) {
        reply_syntax_error(call);
        return;
    }
    if (node->change.before != NULL) {
        reply_error(call, "ERR CONFIG SET failed - another change is being carried out");
        return;
    }
    struct config_set_result result = { .before = NULL };
    struct buffer error = { 0 };
    bool is_set = config_set(node->config, call->argv + 2, (call->argc - 2) / 2,
                             session_is_local(call->session), &result, &error);
    if (is_set && clients_are_possible(call, &result)) carry_out(call, &result);
    if (!is_set) reply_error_format(call, "%.*s", (int)error.size, error.data);
    buffer_fini(&error);
}

static void run_rewrite(struct call *call)
{
    struct node *node = node_of(call);
    enum err err = config_rewrite(node->config, node->disk, false);
    if (err == ERR_NOT_FOUND) {
        reply_error(call, "ERR The server is running without a config file");
    } else if (err) {
        log_warning("CONFIG REWRITE failed: %s", err_text(err));
        reply_error_format(call, "ERR Rewriting config file: %s", err_text(err));
    } else {
        log_notice("CONFIG REWRITE executed with success.");
        reply_ok(call);
    }
}

static void run_resetstat(struct call *call)
{
    struct node *node = node_of(call);
    engine_statistics_reset(node->engine);
    keyspace_stats_reset(node->keyspace);
    primary_counts_reset(node->primary);
    turns_reset(node);
    node->net_in = 0;
    node->net_out = 0;
    node->net_repl_out = 0;
    node->reads = 0;
    node->writes = 0;
    node->net_repl_in = 0;
    node->connections_received = 0;
    node->connections_rejected = 0;
    node->clients_over_output = 0;
    node->client_memory.evicted = 0;
    node->snapshots.saves = 0;
    node->snapshots.forks = 0;
    node->snapshots.fork_us = 0;
    reply_ok(call);
}

static void run_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command config_commands[] = {
    { .name = "get", .run = run_get, .arity = -3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "parameter...", .since = "2.0.0",
      .complexity = "O(N) when N is the number of configuration parameters provided",
      .summary = "Returns the effective values of configuration parameters.",
      .history = "7.0.0 Added the ability to pass multiple pattern parameters in one call" },
    { .name = "help", .run = run_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .group = GROUP_SERVER, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "resetstat", .run = run_resetstat, .arity = 2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .since = "2.0.0", .complexity = "O(1)", .summary = "Resets the server's statistics.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { .name = "rewrite", .run = run_rewrite, .arity = 2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .since = "2.8.0", .complexity = "O(1)",
      .summary = "Persists the effective configuration to file.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { .name = "set", .run = run_set, .arity = -4,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .group = GROUP_SERVER,
      .args = "data{parameter value}...", .since = "2.0.0",
      .complexity = "O(N) when N is the number of configuration parameters provided",
      .summary = "Sets configuration parameters in-flight.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded",
      .history = "7.0.0 Added the ability to set multiple parameters in one call." },
    { 0 },
};

const struct command node_config_rows[] = {
    { .name = "config", .arity = -2, .group = GROUP_SERVER, .since = "2.0.0",
      .complexity = "Depends on subcommand.",
      .summary = "A container for server configuration commands.",
      .subcommands = config_commands },
};
/* clang-format on */
const size_t node_config_row_count = COUNT_OF(node_config_rows);
