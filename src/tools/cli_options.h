/* What the command line and the environment ask eir-cli to do. */
#ifndef EIR_TOOLS_CLI_OPTIONS_H
#define EIR_TOOLS_CLI_OPTIONS_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "os/connect.h"

enum cli_format {
    CLI_FORMAT_AUTO, /* terminal or raw: whatever standard output is */
    CLI_FORMAT_TERMINAL,
    CLI_FORMAT_RAW,
    CLI_FORMAT_CSV,
    CLI_FORMAT_JSON,
    CLI_FORMAT_QUOTED_JSON,
};

enum cli_mode {
    CLI_MODE_COMMAND, /* the words behind the options; without any: the prompt */
    CLI_MODE_PIPE,
    CLI_MODE_SCAN,
    CLI_MODE_EVAL,
    CLI_MODE_HELP,
    CLI_MODE_VERSION,
};

struct cli_options {
    enum cli_mode mode;
    char *host; /* owned, as all texts here that are not const */
    uint16_t port;
    const char *socket_path;
    char *user;
    char *password;
    bool asks_password;
    bool shows_password;       /* it was on the command line, for everybody to see */
    bool is_quiet_of_password; /* --no-auth-warning */
    int database;
    int protocol; /* 0: not chosen */
    enum connect_family family;
    time_ms timeout_ms;
    int64_t repeat;
    time_us interval_us;
    enum cli_format format;
    const char *item_delimiter;
    const char *reply_delimiter;
    bool follows_redirects;
    bool fails_on_error;
    bool shows_pushes;
    bool has_quoted_input;
    bool reads_last_argument;
    const char *tag; /* the argument to be replaced by standard input, or NULL */
    time_ms pipe_timeout_ms;
    const char *pattern;
    const char *count;
    const char *script_path;
    size_t argc;
    char **argv; /* borrowed: the words that are left */
};

/* False when the arguments are wrong: the reason was printed to standard error. */
bool cli_options_read(struct cli_options *options, int argc, char **argv);
void cli_options_fini(struct cli_options *options);
void cli_options_print_help(void);

#endif
