/* Commands about the connection itself: PING, HELLO, AUTH, SELECT and the like. */
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/client.h"
#include "engine/internal.h"
#include "engine/multi.h"
#include "engine/pubsub.h"

#define SERVER_NAME    "valkey"
#define SERVER_VERSION "9.1.2" /* what clients look for: design.md, 1 */

static const char wrong_pass[] = "WRONGPASS invalid username-password pair or user is disabled.";

static void ping(struct call *call)
{
    if (call->argc > 2) {
        reply_wrong_arity(call);
        return;
    }
    if (call->session->writer.protocol == 2 && session_is_subscriber(call->session)) {
        reply_array(call, 2);
        reply_text(call, "pong");
        reply_bytes(call, call->argc == 2 ? call_arg(call, 1) : BYTES_EMPTY);
        return;
    }
    if (call->argc == 2)
        reply_bytes(call, call_arg(call, 1));
    else
        reply_simple(call, "PONG");
}

static void echo(struct call *call)
{
    reply_bytes(call, call_arg(call, 1));
}

static void quit(struct call *call)
{
    reply_ok(call);
    session_close(call->engine, call->session, SESSION_CLOSES_FLUSHED);
}

static void reset(struct call *call)
{
    session_reset_state(call->engine, call->session);
    call->writer = &call->session->writer;
    reply_simple(call, "RESET");
}

static void select_db(struct call *call)
{
    uint32_t db;
    if (!call_database(call, 1, &db)) return;
    call->session->db = (int32_t)db;
    reply_ok(call);
}

static void readonly(struct call *call)
{
    call->session->flags |= SESSION_READONLY;
    reply_ok(call);
}

static void readwrite(struct call *call)
{
    call->session->flags &= ~(uint32_t)SESSION_READONLY;
    reply_ok(call);
}

static void asking(struct call *call)
{
    if (!call->engine->permit.is_cluster) {
        reply_error(call, "ERR This instance has cluster support disabled");
        return;
    }
    call->session->flags |= SESSION_ASKING;
    reply_ok(call);
}

/* --- authentication ---------------------------------------------------------------------- */

/* Compares all bytes of the right password whatever the wrong one holds. */
static bool password_matches(struct bytes given, struct bytes right)
{
    unsigned difference = given.size != right.size;
    for (size_t i = 0; i < right.size; i++)
        difference |= (unsigned)(right.data[i] ^ (i < given.size ? given.data[i] : 0));
    return difference == 0;
}

static bool authenticate(struct call *call, struct bytes user, struct bytes password)
{
    struct engine *engine = call->engine;
    bool is_right =
        bytes_equal(user, BYTES("default")) &&
        (!engine_needs_password(engine) || password_matches(password, engine->settings.password));
    if (!is_right) {
        engine->counters.auth_denied++;
        reply_error(call, wrong_pass);
        return false;
    }
    call->session->is_authenticated = true;
    return true;
}

static void auth(struct call *call)
{
    if (call->argc > 3) {
        reply_syntax_error(call);
        return;
    }
    for (uint32_t i = 1; i < call->argc; i++) call_hide(call, i);
    if (call->argc == 2 && !engine_needs_password(call->engine)) {
        reply_error(call, "ERR AUTH <password> called without any password configured for the "
                          "default user. Are you sure your configuration is correct?");
        return;
    }
    struct bytes user = call->argc == 3 ? call_arg(call, 1) : BYTES("default");
    if (authenticate(call, user, call_arg(call, call->argc - 1))) reply_ok(call);
}

/* --- HELLO ------------------------------------------------------------------------------- */

static void reply_modules(struct call *call)
{
    reply_array(call, 1);
    reply_map(call, 4);
    reply_text(call, "name");
    reply_text(call, "lua");
    reply_text(call, "ver");
    reply_integer(call, 1);
    reply_text(call, "path");
    reply_text(call, "lua");
    reply_text(call, "args");
    reply_array(call, 0);
}

static void reply_greeting(struct call *call)
{
    const struct engine *engine = call->engine;
    const char *zone = engine->settings.availability_zone;
    bool has_zone = zone != NULL && zone[0] != '\0';
    reply_map(call, has_zone ? 8 : 7);
    reply_text(call, "server");
    reply_text(call, SERVER_NAME);
    reply_text(call, "version");
    reply_text(call, SERVER_VERSION);
    reply_text(call, "proto");
    reply_integer(call, call->session->writer.protocol);
    reply_text(call, "id");
    reply_integer(call, (int64_t)call->session->id);
    reply_text(call, "mode");
    reply_text(call, engine->permit.is_cluster ? "cluster" : "standalone");
    reply_text(call, "role");
    reply_text(call, engine->permit.is_replica ? "replica" : "master");
    reply_text(call, "modules");
    reply_modules(call);
    if (!has_zone) return;
    reply_text(call, "availability_zone");
    reply_text(call, zone);
}

struct hello {
    int64_t protocol; /* 0: stays */
    bool has_auth;
    struct bytes user, password;
    bool has_name;
    struct bytes name;
};

static bool hello_parse(struct call *call, struct hello *hello)
{
    if (call->argc < 2) return true;
    if (!call_integer_or(call, 1, "ERR Protocol version is not an integer or out of range",
                         &hello->protocol))
        return false;
    if (hello->protocol < 2 || hello->protocol > 3) {
        reply_error(call, "NOPROTO unsupported protocol version");
        return false;
    }
    for (uint32_t i = 2; i < call->argc; i++) {
        uint32_t left = call->argc - i - 1;
        if (call_arg_is(call, i, "auth") && left >= 2) {
            hello->has_auth = true;
            hello->user = call_arg(call, i + 1);
            hello->password = call_arg(call, i + 2);
            call_hide(call, i + 1);
            call_hide(call, i + 2);
            i += 2;
        } else if (call_arg_is(call, i, "setname") && left >= 1) {
            hello->has_name = true;
            hello->name = call_arg(call, i + 1);
            if (!client_name_is_valid(hello->name)) {
                reply_error(call, client_name_error);
                return false;
            }
            i++;
        } else {
            struct bytes word = call_arg(call, i);
            reply_error_format(call, "ERR Syntax error in HELLO option '%.*s'",
                               (int)MIN(word.size, 128), word.data);
            return false;
        }
    }
    return true;
}

static void hello(struct call *call)
{
    struct hello hello = { 0 };
    struct session *session = call->session;
    if (!hello_parse(call, &hello)) return;
    if (hello.has_auth && !authenticate(call, hello.user, hello.password)) return;
    if (!session->is_authenticated) {
        reply_error(call, "NOAUTH HELLO must be called with the client already authenticated, "
                          "otherwise the HELLO <proto> AUTH <user> <pass> option can be used to "
                          "authenticate the client and select the RESP protocol version at the "
                          "same time");
        return;
    }
    if (hello.has_name) client_set_text(&session->name, hello.name);
    if (hello.protocol != 0) {
        session->writer.protocol = (int)hello.protocol;
        call->writer->protocol = (int)hello.protocol;
    }
    reply_greeting(call);
}

/* clang-format off */
const struct command connection_commands[] = {
    { .name = "ping", .run = ping, .arity = -1,
      .flags = CMD_FAST | CMD_IN_PUBSUB | CMD_IN_MISCONF, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "[message]", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Returns the server's liveliness response.",
      .tips = "request_policy:all_shards response_policy:all_succeeded" },
    { .name = "echo", .run = echo, .arity = 2, .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION, .args = "message", .since = "1.0.0",
      .complexity = "O(1)", .summary = "Returns the given string." },
    { .name = "hello", .run = hello, .arity = -1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION,
      .args = "[arguments{protover:integer [AUTH=auth{username password}] "
          "[SETNAME=clientname]}]", .since = "6.0.0", .complexity = "O(1)",
      .summary = "Handshakes with the server.",
      .history = "8.1.0 A new `availability_zone` field is added to the response if the "
          "`availability-zone` config is set.\n6.2.0 `protover` made optional; when called "
          "without arguments the command reports the current connection's context." },
    { .name = "auth", .run = auth, .arity = -2,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH | CMD_ALLOW_BUSY,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION, .args = "[username@6.0.0] password",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of passwords defined for the user",
      .summary = "Authenticates the connection.",
      .history = "6.0.0 Added ACL style (username and password)." },
    { .name = "select", .run = select_db, .arity = 2,
      .flags = CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "index:integer", .since = "1.0.0", .complexity = "O(1)",
      .summary = "Changes the selected database." },
    { .name = "quit", .run = quit, .arity = -1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH |
          CMD_ALLOW_BUSY | CMD_NOT_QUEUED | CMD_IN_PUBSUB,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION, .since = "1.0.0", .complexity = "O(1)",
      .summary = "Closes the connection." },
    { .name = "reset", .run = reset, .arity = 1,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_NO_AUTH |
          CMD_ALLOW_BUSY | CMD_NOT_QUEUED | CMD_IN_PUBSUB,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Resets the connection." },
    { .name = "readonly", .run = readonly, .arity = 1, .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
      .acl = ACL_CONNECTION, .group = GROUP_CLUSTER, .since = "3.0.0", .complexity = "O(1)",
      .summary = "Enables read-only queries for a connection to a Valkey replica node." },
    { .name = "readwrite", .run = readwrite, .arity = 1,
      .flags = CMD_LOADING | CMD_STALE | CMD_FAST, .acl = ACL_CONNECTION, .group = GROUP_CLUSTER,
      .since = "3.0.0", .complexity = "O(1)",
      .summary = "Enables read-write queries for a connection to a Valkey replica node." },
    { .name = "asking", .run = asking, .arity = 1, .flags = CMD_FAST, .acl = ACL_CONNECTION,
      .group = GROUP_CLUSTER, .since = "3.0.0", .complexity = "O(1)",
      .summary = "Signals that a cluster client is following an -ASK redirect." },
    { 0 },
};
/* clang-format on */
