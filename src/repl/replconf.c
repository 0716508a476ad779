/* REPLCONF: what a replica tells about itself, and its acknowledgements.
 *
 * Options are read one by one through a table; each either notes something or answers an error,
 * and the command is answered once for all of them. */
#include "base/ensure.h"
#include "base/number.h"
#include "repl/internal.h"

#include <stdio.h>

struct replconf {
    struct primary *primary;
    struct follower *follower;
    struct bytes value;
    time_ms now_ms;
    struct repl_effects *effects;
};

static void answer_error(struct follower *follower, const char *text)
{
    struct bytes line = bytes_text(text);
    output_append(follower->output, BYTES("-"));
    for (size_t i = 0; i < line.size; i++) {
        bool is_line_end = line.data[i] == '\r' || line.data[i] == '\n';
        output_append(follower->output, is_line_end ? BYTES(" ") : bytes_of(line.data + i, 1));
    }
    output_append(follower->output, BYTES("\r\n"));
}

#define ERROR_QUOTE_MAX 128 /* bytes of an argument that an error repeats */

static bool answer_error_quoting(struct follower *follower, const char *text, struct bytes value)
{
    char line[ERROR_QUOTE_MAX + 128];
    int size = (int)MIN(value.size, (size_t)ERROR_QUOTE_MAX);
    (void)snprintf(line, sizeof(line), "%s%.*s", text, size, value.data);
    answer_error(follower, line);
    return false;
}

static bool value_integer(struct replconf *conf, int64_t *value)
{
    if (number_parse(conf->value, value)) return true;
    answer_error(conf->follower, "ERR value is not an integer or out of range");
    return false;
}

static bool value_bit(struct replconf *conf, bool *bit)
{
    int64_t value;
    if (!value_integer(conf, &value)) return false;
    if (value < 0 || value > 1) {
        answer_error(conf->follower, "ERR value is out of range, value must between 0 and 1");
        return false;
    }
    *bit = value == 1;
    return true;
}

static bool conf_port(struct replconf *conf)
{
    int64_t port;
    if (!value_integer(conf, &port)) return false;
    conf->follower->port = (uint16_t)port;
    return true;
}

static bool conf_ip(struct replconf *conf)
{
    if (conf->value.size > FOLLOWER_IP_MAX) {
        char text[128];
        (void)snprintf(text, sizeof(text),
                       "ERR REPLCONF ip-address provided by replica instance is too long: "
                       "%zu bytes",
                       conf->value.size);
        answer_error(conf->follower, text);
        return false;
    }
    (void)bytes_to_text(conf->value, conf->follower->ip, sizeof(conf->follower->ip));
    return true;
}

static bool conf_capability(struct replconf *conf)
{
    static const struct {
        const char *name;
        enum follower_capability bit;
    } known[] = {
        { "eof", CAPABILITY_EOF },
        { "psync2", CAPABILITY_PSYNC2 },
        { "dual-channel", CAPABILITY_DUAL_CHANNEL },
        { "skip-rdb-checksum", CAPABILITY_SKIP_CHECKSUM },
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (bytes_is_word(conf->value, known[i].name)) conf->follower->capabilities |= known[i].bit;
    }
    return true;
}

/* "9.1.2": three numbers of one byte each; false for anything else. */
static bool version_parse(struct bytes text, uint32_t *version)
{
    uint32_t parts[3] = { 0 };
    for (size_t i = 0; i < 3; i++) {
        ptrdiff_t point = bytes_index_of(text, '.');
        if ((i < 2) != (point >= 0)) return false;
        size_t size = i < 2 ? (size_t)point : text.size;
        uint64_t value;
        if (!number_parse_unsigned(bytes_of(text.data, size), &value) || value > 255) return false;
        parts[i] = (uint32_t)value;
        if (i < 2) text = bytes_from(text, size + 1);
    }
    *version = parts[0] << 16 | parts[1] << 8 | parts[2];
    return true;
}

static bool conf_version(struct replconf *conf)
{
    if (version_parse(conf->value, &conf->follower->version)) return true;
    return answer_error_quoting(conf->follower, "ERR Unrecognized version format: ", conf->value);
}

static bool conf_rdb_only(struct replconf *conf)
{
    return value_bit(conf, &conf->follower->is_rdb_only);
}

static bool conf_rdb_filter(struct replconf *conf)
{
    struct bytes rest = conf->value;
    bool wants_functions = false;
    while ((rest = bytes_trim(rest)).size > 0) {
        ptrdiff_t space = bytes_index_of(rest, ' ');
        struct bytes word = bytes_of(rest.data, space < 0 ? rest.size : (size_t)space);
        if (!bytes_is_word(word, "functions"))
            return answer_error_quoting(conf->follower,
                                        "ERR Unsupported rdb-filter-only option: ", word);
        wants_functions = true;
        rest = bytes_from(rest, word.size);
    }
    conf->follower->is_filtered = true;
    conf->follower->wants_functions = wants_functions;
    return true;
}

/* Half of a dual-channel sync, which we never start: noted nowhere. */
static bool conf_rdb_channel(struct replconf *conf)
{
    bool bit;
    return value_bit(conf, &bit);
}

static bool conf_rdb_client(struct replconf *conf)
{
    int64_t number;
    if (!value_integer(conf, &number)) return false;
    return answer_error_quoting(conf->follower, "ERR Unrecognized RDB client id ", conf->value);
}

static bool conf_node_id(struct replconf *conf)
{
    if (!conf->primary->options.is_cluster) {
        answer_error(conf->follower, "ERR This instance has cluster support disabled");
        return false;
    }
    if (conf->value.size != NODE_ID_TEXT_SIZE)
        return answer_error_quoting(conf->follower, "ERR Invalid node id ", conf->value);
    (void)bytes_to_text(conf->value, conf->follower->node_id, sizeof(conf->follower->node_id));
    return true;
}

static const struct {
    const char *name;
    bool (*run)(struct replconf *conf); /* false: an error was answered */
} replconf_options[] = {
    { "listening-port", conf_port },
    { "ip-address", conf_ip },
    { "capa", conf_capability },
    { "version", conf_version },
    { "rdb-only", conf_rdb_only },
    { "rdb-filter-only", conf_rdb_filter },
    { "rdb-channel", conf_rdb_channel },
    { "set-rdb-client-id", conf_rdb_client },
    { "set-cluster-node-id", conf_node_id },
};

static bool replconf_option(struct replconf *conf, struct bytes name)
{
    for (size_t i = 0; i < COUNT_OF(replconf_options); i++) {
        if (bytes_is_word(name, replconf_options[i].name)) return replconf_options[i].run(conf);
    }
    return answer_error_quoting(conf->follower, "ERR Unrecognized REPLCONF option: ", name);
}

/* REPLCONF ACK offset [FACK offset]: no answer, ever. */
static void replconf_ack(struct primary *primary, struct follower *follower, size_t argc,
                         const struct bytes *argv, time_ms now_ms, struct repl_effects *effects)
{
    int64_t acked;
    int64_t durable;
    ensure(follower_is_replica(follower));
    if (!number_parse(argv[2], &acked)) return;

    follower->acked_ms = now_ms;
    bool is_news = acked > follower->acked_offset;
    follower->acked_offset = MAX(acked, follower->acked_offset);
    if (argc >= 5 && bytes_is_word(argv[3], "fack") && number_parse(argv[4], &durable)) {
        is_news = is_news || durable > follower->durable_offset;
        follower->durable_offset = MAX(durable, follower->durable_offset);
    }
    if (follower->state == FOLLOWER_ONLINE && follower->is_stream_held) {
        follower->is_stream_held = false;
        follower_hand_out(primary, follower, effects);
        repl_effect_add(effects, REPL_CHANGED);
    }
    if (is_news) repl_effect_add(effects, REPL_ACKED);
}

/* Nothing but the stream goes to a replica: what would be answered ends its link, as in Valkey. */
static void replconf_of_replica(struct replconf *conf, size_t argc, const struct bytes *argv)
{
    struct follower *follower = conf->follower;
    if (follower->state == FOLLOWER_LEAVING) return;
    if (argc >= 3 && argc % 2 == 1) {
        if (bytes_is_word(argv[1], "getack")) return;
        if (bytes_is_word(argv[1], "ack")) {
            replconf_ack(conf->primary, follower, argc, argv, conf->now_ms, conf->effects);
            return;
        }
    }
    repl_trace(conf->effects, LOG_LEVEL_WARNING,
               "replica %s:%u dropped: it sent a request that must be answered", follower->ip,
               follower->port);
    uint64_t job = follower->job;
    follower_drop(conf->primary, follower, false, conf->effects);
    snapshot_lost_follower(conf->primary, job, conf->effects);
}

void primary_replconf(struct primary *primary, struct follower *follower, size_t argc,
                      const struct bytes *argv, time_ms now_ms, struct repl_effects *effects)
{
    ensure(follower->magic == FOLLOWER_MAGIC);
    ensure(argc > 0);
    struct replconf conf = {
        .primary = primary, .follower = follower, .now_ms = now_ms, .effects = effects
    };
    if (follower_is_replica(follower)) {
        replconf_of_replica(&conf, argc, argv);
        return;
    }
    if (argc % 2 == 0) {
        answer_error(follower, "ERR syntax error");
        return;
    }
    for (size_t i = 1; i + 1 < argc; i += 2) {
        /* Both are for links of replicas; nobody answers them here. */
        if (bytes_is_word(argv[i], "ack") || bytes_is_word(argv[i], "getack")) return;
        conf.value = argv[i + 1];
        if (!replconf_option(&conf, argv[i])) return;
    }
    output_append(follower->output, BYTES("+OK\r\n"));
}
