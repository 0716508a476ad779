/* Reading the options: one row per option, one handler per kind of effect. */
#include "tools/cli_options.h"

#include "base/memory.h"
#include "base/number.h"
#include "os/terminal.h"
#include <stdio.h>
#include <stdlib.h>

struct reading {
    struct cli_options *options;
    const char *name;  /* of the option at hand */
    const char *value; /* its argument, if its row says that it takes one */
};

static bool refuse(const char *format, const char *text)
{
    fprintf(stderr, format, text);
    fputc('\n', stderr);
    return false;
}

static void replace_text(char **text, struct bytes with)
{
    memory_free(*text);
    *text = bytes_copy_text(with);
}

/* --- Handlers --- */

static bool set_host(struct reading *at)
{
    replace_text(&at->options->host, bytes_text(at->value));
    return true;
}

static bool read_port(struct bytes text, uint16_t *port)
{
    int64_t number;
    if (!number_parse(text, &number) || number < 0 || number > 65535)
        return refuse("%s", "Invalid server port.");
    *port = (uint16_t)number;
    return true;
}

static bool set_port(struct reading *at)
{
    return read_port(bytes_text(at->value), &at->options->port);
}

static bool set_socket(struct reading *at)
{
    at->options->socket_path = at->value;
    return true;
}

static bool set_user(struct reading *at)
{
    replace_text(&at->options->user, bytes_text(at->value));
    return true;
}

static bool set_password(struct reading *at)
{
    replace_text(&at->options->password, bytes_text(at->value));
    at->options->shows_password = true;
    return true;
}

static bool set_no_warning(struct reading *at)
{
    at->options->is_quiet_of_password = true;
    return true;
}

static bool set_asks_password(struct reading *at)
{
    at->options->asks_password = true;
    return true;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/* Text of a URI with its %XX escapes undone. */
static void replace_unescaped(char **text, struct bytes escaped)
{
    struct buffer plain = { 0 };
    for (size_t i = 0; i < escaped.size; ++i) {
        const char *at = escaped.data + i;
        if (*at == '%' && i + 2 < escaped.size && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0) {
            buffer_append_byte(&plain, (char)(hex_value(at[1]) * 16 + hex_value(at[2])));
            i += 2;
        } else {
            buffer_append_byte(&plain, *at);
        }
    }
    replace_text(text, buffer_bytes(&plain));
    buffer_fini(&plain);
}

/* Cuts `rest` at `byte`: true when it is there; `before` is what stood in front of it. */
static bool cut(struct bytes *rest, char byte, struct bytes *before)
{
    ptrdiff_t index = bytes_index_of(*rest, byte);
    if (index < 0) return false;
    *before = bytes_of(rest->data, (size_t)index);
    *rest = bytes_from(*rest, (size_t)index + 1);
    return true;
}

/* valkey://[user[:password]@]host[:port][/database] */
static bool set_uri(struct reading *at)
{
    struct cli_options *options = at->options;
    struct bytes rest = bytes_text(at->value);
    if (bytes_starts_with(rest, BYTES("valkeys://")) || bytes_starts_with(rest, BYTES("rediss://")))
        return refuse("%s", "TLS is not supported yet");
    if (bytes_starts_with(rest, BYTES("valkey://")))
        rest = bytes_from(rest, 9);
    else if (bytes_starts_with(rest, BYTES("redis://")))
        rest = bytes_from(rest, 8);
    else
        return refuse("%s", "Invalid URI scheme");

    struct bytes who;
    struct bytes user;
    if (cut(&rest, '@', &who)) {
        if (cut(&who, ':', &user)) replace_unescaped(&options->user, user);
        replace_unescaped(&options->password, who);
        options->shows_password = true;
    }
    struct bytes place;
    int64_t database;
    if (!cut(&rest, '/', &place)) {
        place = rest;
    } else if (rest.size > 0) {
        if (!number_parse(rest, &database)) return refuse("%s", "Invalid database number");
        options->database = (int)database;
    }
    struct bytes host = place;
    if (cut(&place, ':', &host) && !read_port(place, &options->port)) return false;
    if (host.size > 0) replace_unescaped(&options->host, host);
    return true;
}

static bool set_database(struct reading *at)
{
    at->options->database = atoi(at->value);
    return true;
}

static bool set_protocol(struct reading *at)
{
    at->options->protocol = at->name[1] - '0';
    return true;
}

static bool set_family(struct reading *at)
{
    at->options->family = at->name[1] == '4' ? CONNECT_IP4_FIRST : CONNECT_IP6_FIRST;
    return true;
}

/* Seconds with decimals, as microseconds. */
static bool read_seconds(const char *text, time_us *value)
{
    double seconds;
    if (!number_parse_double(bytes_text(text), &seconds) || seconds < 0 || seconds > 1e9)
        return false;
    *value = (time_us)(seconds * 1e6);
    return true;
}

static bool set_timeout(struct reading *at)
{
    time_us timeout;
    if (!read_seconds(at->value, &timeout))
        return refuse("%s", "Invalid connection timeout for -t.");
    at->options->timeout_ms = timeout / 1000;
    return true;
}

static bool set_repeat(struct reading *at)
{
    at->options->repeat = strtoll(at->value, NULL, 10);
    return true;
}

static bool set_interval(struct reading *at)
{
    return read_seconds(at->value, &at->options->interval_us) ||
           refuse("%s", "Invalid interval for -i.");
}

static bool set_format(struct reading *at)
{
    static const struct {
        const char *name;
        enum cli_format format;
    } formats[] = {
        { "--raw", CLI_FORMAT_RAW },
        { "--no-raw", CLI_FORMAT_TERMINAL },
        { "--csv", CLI_FORMAT_CSV },
        { "--json", CLI_FORMAT_JSON },
        { "--quoted-json", CLI_FORMAT_QUOTED_JSON },
    };
    for (size_t i = 0; i < COUNT_OF(formats); ++i)
        if (strcmp(formats[i].name, at->name) == 0) at->options->format = formats[i].format;
    return true;
}

static bool set_item_delimiter(struct reading *at)
{
    at->options->item_delimiter = at->value;
    return true;
}

static bool set_reply_delimiter(struct reading *at)
{
    at->options->reply_delimiter = at->value;
    return true;
}

static bool set_redirects(struct reading *at)
{
    at->options->follows_redirects = true;
    return true;
}

static bool set_fails(struct reading *at)
{
    at->options->fails_on_error = true;
    return true;
}

static bool set_last_argument(struct reading *at)
{
    at->options->reads_last_argument = true;
    return true;
}

static bool set_tag(struct reading *at)
{
    at->options->tag = at->value;
    return true;
}

static bool set_quoted_input(struct reading *at)
{
    at->options->has_quoted_input = true;
    return true;
}

static bool set_pushes(struct reading *at)
{
    at->options->shows_pushes = at->value[0] == 'y' || at->value[0] == 'Y';
    return true;
}

static bool set_mode(struct reading *at)
{
    static const struct {
        const char *name;
        enum cli_mode mode;
    } modes[] = {
        { "--pipe", CLI_MODE_PIPE },       { "--scan", CLI_MODE_SCAN }, { "--help", CLI_MODE_HELP },
        { "--version", CLI_MODE_VERSION }, { "-v", CLI_MODE_VERSION },
    };
    for (size_t i = 0; i < COUNT_OF(modes); ++i)
        if (strcmp(modes[i].name, at->name) == 0) at->options->mode = modes[i].mode;
    return true;
}

static bool set_script(struct reading *at)
{
    at->options->mode = CLI_MODE_EVAL;
    at->options->script_path = at->value;
    return true;
}

static bool set_pipe_timeout(struct reading *at)
{
    time_us timeout;
    if (!read_seconds(at->value, &timeout)) return refuse("%s", "Invalid --pipe-timeout.");
    at->options->pipe_timeout_ms = timeout == 0 ? TIME_NEVER : timeout / 1000;
    return true;
}

static bool set_pattern(struct reading *at)
{
    at->options->pattern = at->value;
    return true;
}

static bool set_count(struct reading *at)
{
    at->options->count = at->value;
    return true;
}

static bool refuse_unsupported(struct reading *at)
{
    return refuse("eir-cli does not support '%s' yet; valkey-cli does, and works with Eir.",
                  at->name);
}

/* --- Rows --- */

struct option_row {
    const char *name;
    bool (*apply)(struct reading *at);
    const char *argument; /* what its value is; NULL: it takes none */
    const char *help;     /* NULL: not shown */
};

/* clang-format off */
static const struct option_row rows[] = {
    { "-h", set_host, "<hostname>", "Server hostname (default: 127.0.0.1)." },
    { "-p", set_port, "<port>", "Server port (default: 6379)." },
    { "-t", set_timeout, "<seconds>",
      "Time-out of connecting; decimals allowed (default: none)." },
    { "-s", set_socket, "<path>", "Unix socket, instead of hostname and port." },
    { "-a", set_password, "<password>",
      "Password; safer in the environment: VALKEYCLI_AUTH." },
    { "--user", set_user, "<name>", "User of AUTH; needs a password." },
    { "--pass", set_password, "<password>", "The same as -a." },
    { "--askpass", set_asks_password, NULL, "Ask for the password." },
    { "--no-auth-warning", set_no_warning, NULL,
      "No warning about a password on the command line." },
    { "-u", set_uri, "<uri>", "valkey://user:password@host:port/database" },
    { "-n", set_database, "<number>", "Database number." },
    { "-2", set_protocol, NULL, "Use RESP2." },
    { "-3", set_protocol, NULL, "Use RESP3." },
    { "-4", set_family, NULL, "Prefer IPv4." },
    { "-6", set_family, NULL, "Prefer IPv6." },
    { "-c", set_redirects, NULL, "Cluster: follow MOVED and ASK." },
    { "-e", set_fails, NULL, "Exit with an error code when the command fails." },
    { "-r", set_repeat, "<count>", "Run the command that often (-1: for ever)." },
    { "-i", set_interval, "<seconds>", "Pause between repetitions; decimals allowed." },
    { "-x", set_last_argument, NULL, "Read the last argument from standard input." },
    { "-X", set_tag, "<tag>", "Read the argument <tag> from standard input." },
    { "-d", set_item_delimiter, "<text>",
      "Between items of a raw reply (default: line end)." },
    { "-D", set_reply_delimiter, "<text>", "Behind a reply (default: line end)." },
    { "--raw", set_format, NULL, "Plain replies (default when output is no terminal)." },
    { "--no-raw", set_format, NULL, "Replies as on a terminal." },
    { "--csv", set_format, NULL, "Replies as CSV." },
    { "--json", set_format, NULL, "Replies as JSON (RESP3 unless -2 is given)." },
    { "--quoted-json", set_format, NULL, "The same in ASCII only." },
    { "--quoted-input", set_quoted_input, NULL, "Arguments are quoted strings." },
    { "--show-pushes", set_pushes, "<yn>", "Print RESP3 pushes (default: on a terminal)." },
    { "--pipe", set_mode, NULL, "Send requests from standard input, count the replies." },
    { "--pipe-timeout", set_pipe_timeout, "<seconds>",
      "Give up when no reply comes that long (default: 30)." },
    { "--scan", set_mode, NULL, "List keys with SCAN." },
    { "--pattern", set_pattern, "<glob>", "Which keys (--scan)." },
    { "--count", set_count, "<count>", "How many a step (--scan)." },
    { "--eval", set_script, "<file>",
      "Run a script; arguments: keys, a comma, other arguments." },
    { "--help", set_mode, NULL, "This text." },
    { "--version", set_mode, NULL, "The version." },
    { "-v", set_mode, NULL, NULL },
    { "--cluster", refuse_unsupported, "<verb>", NULL },
    { "--tls", refuse_unsupported, NULL, NULL },
    { "--stat", refuse_unsupported, NULL, NULL },
    { "--latency", refuse_unsupported, NULL, NULL },
    { "--latency-history", refuse_unsupported, NULL, NULL },
    { "--latency-dist", refuse_unsupported, NULL, NULL },
    { "--lru-test", refuse_unsupported, "<keys>", NULL },
    { "--replica", refuse_unsupported, NULL, NULL },
    { "--rdb", refuse_unsupported, "<file>", NULL },
    { "--functions-rdb", refuse_unsupported, "<file>", NULL },
    { "--bigkeys", refuse_unsupported, NULL, NULL },
    { "--memkeys", refuse_unsupported, NULL, NULL },
    { "--hotkeys", refuse_unsupported, NULL, NULL },
    { "--ldb", refuse_unsupported, NULL, NULL },
    { "--intrinsic-latency", refuse_unsupported, "<seconds>", NULL },
};
/* clang-format on */

static const struct option_row *row_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(rows); ++i)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

void cli_options_print_help(void)
{
    printf("eir-cli %s\n\nUsage: eir-cli [OPTIONS] [command [argument ...]]\n", EIR_VERSION);
    for (size_t i = 0; i < COUNT_OF(rows); ++i)
        if (rows[i].help != NULL)
            printf("  %-17s %-10s %s\n", rows[i].name,
                   rows[i].argument != NULL ? rows[i].argument : "", rows[i].help);
    printf("\nWithout a command eir-cli starts a prompt; 'help' there says what it knows.\n");
}

static void read_environment(struct cli_options *options)
{
    const char *password = getenv("VALKEYCLI_AUTH");
    if (password == NULL) password = getenv("REDISCLI_AUTH");
    if (password != NULL && *password != '\0')
        replace_text(&options->password, bytes_text(password));
}

bool cli_options_read(struct cli_options *options, int argc, char **argv)
{
    bool is_terminal = terminal_is_attached(TERMINAL_OUT);
    *options = (struct cli_options){ .host = memory_copy_text("127.0.0.1"),
                                     .port = 6379,
                                     .repeat = 1,
                                     .item_delimiter = "\n",
                                     .reply_delimiter = "\n",
                                     .shows_pushes = is_terminal,
                                     .pipe_timeout_ms = 30000 };
    read_environment(options);
    int index = 1;
    for (; index < argc && argv[index][0] == '-'; ++index) {
        struct reading at = { .options = options, .name = argv[index] };
        if (strcmp(at.name, "-") == 0) break;
        const struct option_row *row = row_find(at.name);
        bool is_complete = row != NULL && (row->argument == NULL || index + 1 < argc);
        if (strcmp(at.name, "-h") == 0 && !is_complete) {
            options->mode = CLI_MODE_HELP;
            return true;
        }
        if (!is_complete)
            return refuse("Unrecognized option or bad number of args for: '%s'", at.name);
        if (row->argument != NULL) at.value = argv[++index];
        if (!row->apply(&at)) return false;
    }
    options->argc = (size_t)(argc - index);
    options->argv = argv + index;
    if (options->format == CLI_FORMAT_AUTO)
        options->format = is_terminal ? CLI_FORMAT_TERMINAL : CLI_FORMAT_RAW;
    bool is_json = options->format == CLI_FORMAT_JSON || options->format == CLI_FORMAT_QUOTED_JSON;
    if (is_json && options->protocol == 0) options->protocol = 3;
    return true;
}

void cli_options_fini(struct cli_options *options)
{
    memory_free(options->host);
    memory_free(options->user);
    memory_free(options->password);
}
