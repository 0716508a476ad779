/* Reading the options: one row per option, which says where its value goes.
 *
 * The letters and words are valkey-benchmark's, so that scripts run unchanged; what is ours stands
 * behind them. */
#include "tools/benchmark_options.h"

#include "base/memory.h"
#include "base/number.h"
#include <stdio.h>
#include <stdlib.h>

enum option_kind {
    OPTION_FLAG,
    OPTION_NUMBER,
    OPTION_NUMBERS,
    OPTION_TEXT,
    OPTION_OWN_TEXT,
    OPTION_URI,
    OPTION_UNSUPPORTED,
};

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t place; /* in struct benchmark_options */
    const char *argument;
    int64_t low, high; /* of numbers */
    const char *help;
};

#define PLACE(field) offsetof(struct benchmark_options, field)

/* clang-format off */
static const struct option_row rows[] = {
    { "-h", OPTION_OWN_TEXT, PLACE(host), "<hostname>", 0, 0,
      "Server hostname (default 127.0.0.1)" },
    { "-p", OPTION_NUMBER, PLACE(port), "<port>", 0, 65535, "Server port (default 6379)" },
    { "-s", OPTION_TEXT, PLACE(socket_path), "<socket>", 0, 0,
      "Server socket (overrides host and port)" },
    { "-a", OPTION_OWN_TEXT, PLACE(password), "<password>", 0, 0, "Password" },
    { "--user", OPTION_OWN_TEXT, PLACE(user), "<username>", 0, 0, "User of AUTH; needs -a" },
    { "-u", OPTION_URI, 0, "<uri>", 0, 0, "valkey://user:password@host:port/dbnum" },
    { "-c", OPTION_NUMBERS, PLACE(clients), "<clients>", 1, 1000000,
      "Parallel connections (default 50)" },
    { "-n", OPTION_NUMBER, PLACE(request_count), "<requests>", 1, INT64_MAX,
      "Total number of requests (default 100000)" },
    { "--duration", OPTION_NUMBER, PLACE(duration_s), "<seconds>", 1, 1000000,
      "Run for so long instead (not with -n)" },
    { "--warmup", OPTION_NUMBER, PLACE(warmup_s), "<seconds>", 1, 1000000,
      "Run for so long before anything is recorded" },
    { "-d", OPTION_NUMBERS, PLACE(sizes), "<size>", 1, 1 << 30,
      "Size of values in bytes (default 3)" },
    { "--dbnum", OPTION_NUMBER, PLACE(database), "<db>", 0, INT32_MAX,
      "SELECT this database (default 0)" },
    { "-3", OPTION_FLAG, PLACE(speaks_resp3), NULL, 0, 0, "Speak RESP3" },
    { "--threads", OPTION_NUMBER, PLACE(thread_count), "<num>", 1, 500,
      "Threads that share the clients" },
    { "--cluster", OPTION_FLAG, PLACE(is_cluster), NULL, 0, 0,
      "Go to all nodes of a cluster; keys of own commands need \"{tag}\"" },
    { "--rfr", OPTION_TEXT, PLACE(replica_mode), "<mode>", 0, 0,
      "Read from replicas: no (default), yes: only from them, all: from all nodes" },
    { "--enable-tracking", OPTION_FLAG, PLACE(is_tracking), NULL, 0, 0,
      "CLIENT TRACKING on first" },
    { "-k", OPTION_NUMBER, PLACE(keep_alive), "<boolean>", 0, 1,
      "1=keep alive 0=reconnect (default 1)" },
    { "-r", OPTION_NUMBER, PLACE(keyspace), "<keyspacelen>", 1, INT64_C(1000000000000),
      "Random keys, members and scores: __rand_int__ is 0 to keyspacelen-1" },
    { "--sequential", OPTION_FLAG, PLACE(is_sequential), NULL, 0, 0,
      "One number after the other instead" },
    { "-P", OPTION_NUMBERS, PLACE(pipelines), "<numreq>", 1, 100000,
      "Pipeline <numreq> requests (default 1)" },
    { "-q", OPTION_FLAG, PLACE(is_quiet), NULL, 0, 0, "Just one line a test" },
    { "--precision", OPTION_NUMBER, PLACE(precision), "<num>", 0, 3,
      "Accepted; latencies always have three decimals" },
    { "--csv", OPTION_FLAG, PLACE(is_csv), NULL, 0, 0, "CSV" },
    { "--json", OPTION_FLAG, PLACE(is_json), NULL, 0, 0, "JSON, one object" },
    { "-l", OPTION_FLAG, PLACE(is_endless), NULL, 0, 0, "Run the tests for ever" },
    { "-t", OPTION_TEXT, PLACE(tests), "<tests>", 0, 0,
      "Only these tests, with commas between them" },
    { "-I", OPTION_FLAG, PLACE(is_idle), NULL, 0, 0, "Just open the connections and wait" },
    { "-x", OPTION_FLAG, PLACE(reads_last_argument), NULL, 0, 0,
      "Read the last argument from standard input" },
    { "--rps", OPTION_NUMBER, PLACE(rate), "<requests>", 0, INT64_C(1000000000),
      "Requests per second, no more (default 0: no limit)" },
    { "--seed", OPTION_NUMBER, PLACE(seed), "<num>", 0, INT64_MAX, "Of the random numbers" },
    { "--num-functions", OPTION_NUMBER, PLACE(function_count), "<num>", 1, 100000,
      "Functions in the library of function_load (default 10)" },
    { "--num-keys-in-fcall", OPTION_NUMBER, PLACE(function_keys), "<num>", 1, 100000,
      "Keys of fcall (default 1)" },
    { "--help", OPTION_FLAG, PLACE(shows_help), NULL, 0, 0, "This text" },
    { "--version", OPTION_FLAG, PLACE(shows_version), NULL, 0, 0, "The version" },
    { "--compare", OPTION_TEXT, PLACE(other), "<path>", 0, 0,
      "Start this server and ours, measure both in turns. -c, -d and -P may be lists" },
    { "--server", OPTION_TEXT, PLACE(server), "<path>", 0, 0,
      "Ours (default: eir-server beside this program)" },
    { "--server-args", OPTION_TEXT, PLACE(server_arguments), "<words>", 0, 0,
      "More options for ours" },
    { "--compare-args", OPTION_TEXT, PLACE(other_arguments), "<words>", 0, 0,
      "More options for the other" },
    { "--rounds", OPTION_NUMBER, PLACE(rounds), "<num>", 1, 1000,
      "Rounds of a comparison (default 15)" },
    { "--scenario", OPTION_TEXT, PLACE(scenario), "<name>", 0, 0,
      "cpu, memory, growth, idle, cluster, types or elements: see below" },
    { "--server-core", OPTION_NUMBER, PLACE(server_core), "<core>", 0, 1023,
      "Core of the servers (default: the first)" },
    { "--client-core", OPTION_NUMBER, PLACE(client_core), "<core>", 0, 1023,
      "Core of the clients (default: the last)" },
    { "--tls", OPTION_UNSUPPORTED, 0, NULL, 0, 0, NULL },
    { "--sni", OPTION_UNSUPPORTED, 0, "<host>", 0, 0, NULL },
    { "--cacert", OPTION_UNSUPPORTED, 0, "<file>", 0, 0, NULL },
    { "--cacertdir", OPTION_UNSUPPORTED, 0, "<dir>", 0, 0, NULL },
    { "--insecure", OPTION_UNSUPPORTED, 0, NULL, 0, 0, NULL },
    { "--cert", OPTION_UNSUPPORTED, 0, "<file>", 0, 0, NULL },
    { "--key", OPTION_UNSUPPORTED, 0, "<file>", 0, 0, NULL },
    { "--tls-ciphers", OPTION_UNSUPPORTED, 0, "<list>", 0, 0, NULL },
    { "--tls-ciphersuites", OPTION_UNSUPPORTED, 0, "<list>", 0, 0, NULL },
    { "--mptcp", OPTION_UNSUPPORTED, 0, NULL, 0, 0, NULL },
    { "--fuzz", OPTION_UNSUPPORTED, 0, NULL, 0, 0, NULL },
    { "--fuzz-mode", OPTION_UNSUPPORTED, 0, "<modes>", 0, 0, NULL },
    { "--fuzz-loglevel", OPTION_UNSUPPORTED, 0, "<level>", 0, 0, NULL },
};
/* clang-format on */

static bool refuse(const char *format, const char *first, const char *second)
{
    fprintf(stderr, format, first, second);
    fputc('\n', stderr);
    return false;
}

static void replace_text(char **text, struct bytes with)
{
    memory_free(*text);
    *text = bytes_copy_text(with);
}

/* --- Values --- */

static bool read_number(const struct option_row *row, struct bytes text, int64_t *number)
{
    if (number_parse(text, number) && *number >= row->low && *number <= row->high) return true;
    fprintf(stderr, "Invalid value \"%.*s\" of option %s: a number from %lld to %lld\n",
            (int)MIN(text.size, 100), text.data, row->name, (long long)row->low,
            (long long)row->high);
    return false;
}

/* The part before the next `byte`, which `rest` leaves behind; false at the last one. */
static bool cut(struct bytes *rest, char byte, struct bytes *before)
{
    ptrdiff_t index = bytes_index_of(*rest, byte);
    if (index < 0) return false;
    *before = bytes_of(rest->data, (size_t)index);
    *rest = bytes_from(*rest, (size_t)index + 1);
    return true;
}

static bool read_numbers(const struct option_row *row, struct bytes text, struct number_list *list)
{
    list->count = 0;
    struct bytes part;
    while (list->count < NUMBER_LIST_MAX - 1 && cut(&text, ',', &part))
        if (!read_number(row, part, &list->numbers[list->count++])) return false;
    return read_number(row, text, &list->numbers[list->count++]);
}

static bool read_uri(struct benchmark_options *options, const char *text)
{
    struct bytes rest = bytes_text(text);
    struct bytes scheme, who, user, host;
    ptrdiff_t colon = bytes_index_of(rest, ':');
    scheme = bytes_of(rest.data, colon > 0 ? (size_t)colon : 0);
    if (bytes_is_word(scheme, "valkeys") || bytes_is_word(scheme, "rediss"))
        return refuse("%s%s", "TLS is not supported yet", "");
    if ((!bytes_is_word(scheme, "valkey") && !bytes_is_word(scheme, "redis")) ||
        !bytes_starts_with(bytes_from(rest, scheme.size), BYTES("://")))
        return refuse("Invalid URI \"%s\"%s", text, "");
    rest = bytes_from(rest, scheme.size + 3);
    if (cut(&rest, '@', &who)) {
        if (cut(&who, ':', &user) && user.size > 0) replace_text(&options->user, user);
        replace_text(&options->password, who);
    }
    struct bytes place = rest;
    if (cut(&rest, '/', &place) && rest.size > 0 && !number_parse(rest, &options->database))
        return refuse("Invalid URI \"%s\"%s", text, "");
    host = place;
    if (cut(&place, ':', &host) && place.size > 0 && !number_parse(place, &options->port))
        return refuse("Invalid URI \"%s\"%s", text, "");
    if (host.size > 0) replace_text(&options->host, host);
    return true;
}

static bool apply(struct benchmark_options *options, const struct option_row *row,
                  const char *value)
{
    void *place = (char *)options + row->place;
    switch (row->kind) {
    case OPTION_FLAG: *(bool *)place = true; return true;
    case OPTION_NUMBER: return read_number(row, bytes_text(value), place);
    case OPTION_NUMBERS: return read_numbers(row, bytes_text(value), place);
    case OPTION_TEXT: *(const char **)place = value; return true;
    case OPTION_OWN_TEXT: replace_text(place, bytes_text(value)); return true;
    case OPTION_URI: return read_uri(options, value);
    case OPTION_UNSUPPORTED: break;
    }
    return refuse("eir-benchmark does not support '%s' yet; valkey-benchmark does, and works "
                  "with Eir.%s",
                  row->name, "");
}

/* --- All of them --- */

void benchmark_options_print_help(void)
{
    printf("eir-benchmark %s\n\n"
           "Usage: eir-benchmark [OPTIONS] [--] [COMMAND ARGS...]\n\n"
           "Several commands are separated by ';' as in `SET foo bar ';' GET foo`; a number N in\n"
           "front of one repeats it N times. In arguments __rand_int__ is a random number of 12\n"
           "digits (-r), __rand_1st__ to __rand_9th__ are the same within one sequence, __data__\n"
           "is a value of -d bytes, {tag} leads to each node of a cluster.\n\n",
           EIR_VERSION);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].help != NULL)
            printf(" %-20s%-15s %s\n", rows[i].name,
                   rows[i].argument != NULL ? rows[i].argument : "", rows[i].help);
    printf("\n"
           "Scenarios of --compare, each a fixed set of measurements:\n"
           "  cpu      SET and GET, 3 and 512 bytes, 50, 500 and 5000 clients, pipelines of 1, 16\n"
           "           and 64, over a million random keys: CPU time of the server a request\n"
           "  memory   a million keys of 16 bytes: bytes a key beyond key and value, RSS\n"
           "  growth   latencies of SET while the table grows from one to twenty million keys,\n"
           "           against the same load on keys that exist\n"
           "  idle     CPU time of a server with 10,000 keys and nothing to do; start-up time\n"
           "  cluster  CPU time and memory of a node of a cluster against a server alone\n"
           "  types    CPU time of commands on collections of a thousand and a million elements\n"
           "  elements a million elements in one key, ten in each of many: bytes beyond payload\n"
           "Options given besides narrow a scenario: --scenario cpu -c 50 -P 1,16 -r 100000\n\n"
           "CPU time a request stays right on a machine with other work; rates and latencies do\n"
           "not. There, as root: chrt -r 1 eir-benchmark --compare ...\n\n"
           "Examples:\n"
           "  $ eir-benchmark -t set,get -n 1000000 -r 100000 -P 16 -q\n"
           "  $ eir-benchmark --compare /usr/bin/valkey-server -t get -c 50 -P 1,16 -d 3\n"
           "  $ eir-benchmark --compare /usr/bin/valkey-server --scenario memory --json\n");
}

static const struct option_row *row_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static bool check(const struct benchmark_options *options)
{
    if (options->request_count > 0 && options->duration_s > 0)
        return refuse("Options %s and %s are mutually exclusive", "-n", "--duration");
    if (options->user != NULL && options->password == NULL)
        return refuse("Option %s needs %s", "--user", "-a");
    const char *mode = options->replica_mode;
    if (strcmp(mode, "no") != 0 && strcmp(mode, "yes") != 0 && strcmp(mode, "all") != 0)
        return refuse("Invalid value \"%s\" of option %s: no, yes or all", mode, "--rfr");
    if (strcmp(mode, "no") != 0 && !options->is_cluster)
        return refuse("Option %s needs %s", "--rfr", "--cluster");
    bool is_comparison = options->other != NULL || options->scenario != NULL;
    bool has_lists =
        options->clients.count > 1 || options->sizes.count > 1 || options->pipelines.count > 1;
    if (has_lists && !is_comparison)
        return refuse("Lists of numbers are for %s%s", "--compare", "");
    if (is_comparison && options->argc > 0)
        return refuse("%s runs the tests of -t, no command: %s", "--compare", options->argv[0]);
    return true;
}

bool benchmark_options_read(struct benchmark_options *options, int argc, char **argv)
{
    *options = (struct benchmark_options){ .host = memory_copy_text("127.0.0.1"),
                                           .port = 6379,
                                           .replica_mode = "no",
                                           .thread_count = 0,
                                           .keep_alive = 1,
                                           .seed = -1,
                                           .function_count = 10,
                                           .function_keys = 1,
                                           .server_arguments = "",
                                           .other_arguments = "",
                                           .rounds = 0,
                                           .server_core = -1,
                                           .client_core = -1 };
    int index = 1;
    for (; index < argc && argv[index][0] == '-'; index++) {
        const char *name = argv[index];
        if (strcmp(name, "--") == 0) {
            index++;
            break;
        }
        const struct option_row *row = row_find(name);
        bool is_complete = row != NULL && (row->argument == NULL || index + 1 < argc);
        if (!is_complete)
            return refuse("Invalid option \"%s\" or option argument missing%s\n"
                          "eir-benchmark --help lists the options.",
                          name, "");
        const char *value = row->argument != NULL ? argv[++index] : NULL;
        if (!apply(options, row, value)) return false;
    }
    options->argc = (size_t)(argc - index);
    options->argv = argv + index;
    return check(options);
}

void benchmark_options_fini(struct benchmark_options *options)
{
    memory_free(options->host);
    memory_free(options->user);
    memory_free(options->password);
}
