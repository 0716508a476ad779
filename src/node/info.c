/* INFO: sections of `name:value` lines, in the order in which Valkey prints them.
 *
 * Sections are rows: name, title, when they are shown, and the function that prints the fields.
 * What does not exist here yet is printed as Valkey prints it when unused, so that tools which
 * read a field always find it. */
#include "node/info.h"

#include "base/memory.h"
#include "node/parts.h"

enum shown {
    SHOWN_BY_DEFAULT = 1,
    SHOWN_BY_ALL = 2,
};

struct info_section {
    const char *name;
    const char *title;
    int shown;
    void (*print)(struct node *node, struct buffer *into);
};

static const struct info_section sections[] = {
    { "server", "Server", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_server },
    { "tls", "TLS", SHOWN_BY_ALL, info_tls },
    { "clients", "Clients", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_clients },
    { "memory", "Memory", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_memory },
    { "persistence", "Persistence", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_persistence },
    { "stats", "Stats", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_stats },
    { "replication", "Replication", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_replication },
    { "cpu", "CPU", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_cpu },
    { "modules", "Modules", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_modules },
    { "commandstats", "Commandstats", SHOWN_BY_ALL, info_commandstats },
    { "errorstats", "Errorstats", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_errorstats },
    { "latencystats", "Latencystats", SHOWN_BY_ALL, info_latencystats },
    { "cluster", "Cluster", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_cluster },
    { "cluster_info", "Cluster Info", SHOWN_BY_ALL, info_cluster_info },
    { "scriptingengines", "Scripting Engines", SHOWN_BY_ALL, info_engines },
    { "keyspace", "Keyspace", SHOWN_BY_DEFAULT | SHOWN_BY_ALL, info_keyspace },
};

/* All sections that these words ask for, as a mask. */
static unsigned sections_wanted(const struct bytes *words, size_t count)
{
    unsigned wanted = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_all = bytes_is_word(words[i], "all") || bytes_is_word(words[i], "everything");
        bool is_default = bytes_is_word(words[i], "default");
        for (size_t at = 0; at < COUNT_OF(sections); at++) {
            bool is_named = bytes_is_word(words[i], sections[at].name);
            bool is_in = (is_all && sections[at].shown & SHOWN_BY_ALL) ||
                         (is_default && sections[at].shown & SHOWN_BY_DEFAULT);
            if (is_named || is_in) wanted |= 1u << at;
        }
    }
    return wanted;
}

void info_print(struct node *node, const struct bytes *words, size_t count, struct buffer *into)
{
    static const struct bytes by_default = { .data = "default", .size = 7 };
    unsigned wanted = count > 0 ? sections_wanted(words, count) : sections_wanted(&by_default, 1);
    for (size_t at = 0; at < COUNT_OF(sections); at++) {
        if ((wanted & 1u << at) == 0) continue;
        if (into->size > 0) buffer_append_text(into, "\r\n");
        buffer_printf(into, "# %s\r\n", sections[at].title);
        sections[at].print(node, into);
    }
}

static void run_info(struct call *call)
{
    struct buffer text = { 0 };
    info_print(node_of(call), call->argv + 1, call->argc - 1, &text);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

/* clang-format off */
const struct command node_info_rows[] = {
    { .name = "info", .run = run_info, .arity = -1, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_DANGEROUS, .group = GROUP_SERVER, .args = "[section...]", .since = "1.0.0",
      .complexity = "O(1)", .summary = "Returns information and statistics about the server.",
      .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
      .history = "7.0.0 Added support for taking multiple section arguments." },
};
/* clang-format on */
const size_t node_info_row_count = COUNT_OF(node_info_rows);
