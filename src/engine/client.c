/* CLIENT: what a connection can say about itself and do to others. */
#include "engine/client.h"
#include "base/memory.h"
#include "base/number.h"
#include "engine/internal.h"

const char client_name_error[] =
    "ERR Client names cannot contain spaces, newlines or special characters.";

bool client_name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] < '!' || name.data[i] > '~') return false;
    return true;
}

void client_set_text(char **text, struct bytes value)
{
    memory_free(*text);
    *text = bytes_copy_text(value);
}

/* --- about itself ------------------------------------------------------------------------ */

static void client_id(struct call *call)
{
    reply_integer(call, (int64_t)call->session->id);
}

static void client_getname(struct call *call)
{
    if (call->session->name[0] != '\0')
        reply_text(call, call->session->name);
    else
        reply_null(call);
}

static void client_setname(struct call *call)
{
    if (!client_name_is_valid(call_arg(call, 2))) {
        reply_error(call, client_name_error);
        return;
    }
    client_set_text(&call->session->name, call_arg(call, 2));
    reply_ok(call);
}

static void client_setinfo(struct call *call)
{
    struct bytes option = call_arg(call, 2);
    char **text = NULL;
    if (bytes_is_word(option, "lib-name")) text = &call->session->library_name;
    if (bytes_is_word(option, "lib-ver")) text = &call->session->library_version;
    if (text == NULL) {
        reply_error_format(call, "ERR Unrecognized option '%.*s'", (int)MIN(option.size, 128),
                           option.data);
        return;
    }
    if (!client_name_is_valid(call_arg(call, 3))) {
        reply_error_format(call, "ERR %.*s cannot contain spaces, newlines or special characters.",
                           (int)option.size, option.data);
        return;
    }
    client_set_text(text, call_arg(call, 3));
    reply_ok(call);
}

static void client_info(struct call *call)
{
    struct buffer text = { 0 };
    client_print(call, call->session, &text);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
}

static void client_capa(struct call *call)
{
    for (uint32_t i = 2; i < call->argc; i++)
        if (call_arg_is(call, i, "redirect")) call->session->flags |= SESSION_CAPA_REDIRECT;
    reply_ok(call);
}

static void switch_flag(struct call *call, uint32_t flag)
{
    if (call_arg_is(call, 2, "on"))
        call->session->flags |= flag;
    else if (call_arg_is(call, 2, "off"))
        call->session->flags &= ~flag;
    else {
        reply_syntax_error(call);
        return;
    }
    reply_ok(call);
}

static void client_no_evict(struct call *call)
{
    switch_flag(call, SESSION_NO_EVICT);
}

static void client_no_touch(struct call *call)
{
    switch_flag(call, SESSION_NO_TOUCH);
}

static void client_import_source(struct call *call)
{
    bool is_off = call_arg_is(call, 2, "off");
    if (!is_off && !call->engine->settings.is_importing)
        reply_error(call, "ERR Server is not in import mode");
    else
        switch_flag(call, SESSION_IMPORT_SOURCE);
}

static void client_reply(struct call *call)
{
    struct session *session = call->session;
    if (call_arg_is(call, 2, "on")) {
        session->flags &= ~(uint32_t)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP);
        call->writer = &session->writer;
        reply_ok(call);
    } else if (call_arg_is(call, 2, "off")) {
        session->flags |= SESSION_REPLY_OFF;
    } else if (call_arg_is(call, 2, "skip")) {
        if (!(session->flags & SESSION_REPLY_OFF)) session->flags |= SESSION_REPLY_SKIP;
    } else {
        reply_syntax_error(call);
    }
}

/* --- about all --------------------------------------------------------------------------- */

static void client_list(struct call *call)
{
    struct client_filter filter;
    if (!client_filter_parse(call, 2, &filter)) return;
    struct buffer text = { 0 };
    for (struct session *session = engine_session_next(call->engine, NULL); session != NULL;
         session = engine_session_next(call->engine, session))
        if (client_filter_matches(&filter, call, session)) client_print(call, session, &text);
    reply_verbatim(call, buffer_bytes(&text));
    buffer_fini(&text);
    client_filter_fini(&filter);
}

/* Its own end comes after the reply. */
static void end_session(struct call *call, struct session *session)
{
    bool is_me = session == call->session;
    session_close(call->engine, session, is_me ? SESSION_CLOSES_FLUSHED : SESSION_CLOSES_NOW);
}

static void kill_address(struct call *call)
{
    for (struct session *session = engine_session_next(call->engine, NULL); session != NULL;
         session = engine_session_next(call->engine, session)) {
        if (!bytes_equal(call_arg(call, 2), bytes_text(session->address))) continue;
        end_session(call, session);
        reply_ok(call);
        return;
    }
    reply_error(call, "ERR No such client");
}

static void client_kill(struct call *call)
{
    if (call->argc == 3) {
        kill_address(call);
        return;
    }
    struct client_filter filter;
    if (!client_filter_parse(call, 2, &filter)) return;
    int64_t count = 0;
    for (struct session *session = engine_session_next(call->engine, NULL); session != NULL;
         session = engine_session_next(call->engine, session)) {
        if (session->close == SESSION_CLOSES_NOW) continue;
        if (!client_filter_matches(&filter, call, session)) continue;
        end_session(call, session);
        count++;
    }
    client_filter_fini(&filter);
    reply_integer(call, count);
}

static void client_pause(struct call *call)
{
    struct engine *engine = call->engine;
    time_ms until_ms;
    enum pause_kind kind = PAUSE_ALL;
    if (call->argc >= 4) {
        if (call_arg_is(call, 3, "write")) {
            kind = PAUSE_WRITES;
        } else if (!call_arg_is(call, 3, "all")) {
            reply_error(call, "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
    }
    if (!call_timeout_ms(call, 2, &until_ms)) return;
    if (until_ms == TIME_NEVER) until_ms = call->now_ms; /* here 0 is no time at all */
    bool is_paused = engine->pause != PAUSE_NONE && engine->pause_until_ms > call->now_ms;
    engine->pause = (uint8_t)kind;
    engine->pause_until_ms = is_paused ? MAX(engine->pause_until_ms, until_ms) : until_ms;
    reply_ok(call);
}

static void client_unpause(struct call *call)
{
    call->engine->pause = PAUSE_NONE;
    call->engine->pause_until_ms = 0;
    engine_wake_paused(call->engine);
    reply_ok(call);
}

static void client_unblock(struct call *call)
{
    struct engine *engine = call->engine;
    int64_t id;
    bool is_error = false;
    if (call->argc >= 4) {
        is_error = call_arg_is(call, 3, "error");
        if (!is_error && !call_arg_is(call, 3, "timeout")) {
            reply_error(call, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
    }
    if (!call_integer(call, 2, &id)) return;
    struct session *session = engine_session_find(engine, (uint64_t)id);
    if (session == NULL || session->blocked.timed_out == NULL) {
        reply_integer(call, 0);
        return;
    }
    if (is_error) {
        session_refuse_blocked(engine, session, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    } else {
        void (*timed_out)(struct engine *, struct session *) = session->blocked.timed_out;
        blocking_note_vain(engine, session);
        session_unblock(engine, session);
        timed_out(engine, session);
        session_has_output(engine, session);
    }
    reply_integer(call, 1);
}

static const char *const help_lines[] = {
    "CACHING (YES|NO)",
    "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
    "CAPA <option> [options...]",
    "    The client claims its some capability options. Options are:",
    "    * REDIRECT",
    "      The client can handle redirection during primary and replica failover in "
    "standalone mode.",
    "GETREDIR",
    "    Return the client ID we are redirecting to when tracking is enabled.",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address.",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to the specified local address.",
    "    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "    * ID <client-id> [<client-id>...]",
    "      Kill connections by client IDs.",
    "    * MAXAGE <maxage>",
    "      Kill connections older than the specified age.",
    "    * FLAGS <flags>",
    "      Kill connections that include the specified flags.",
    "    * NAME <client-name>",
    "      Kill connections with the specified name.",
    "    * IDLE <idle>",
    "      Kill connections with idle time greater than or equal to <idle> seconds.",
    "    * LIB-NAME <library-name>",
    "      Kill connections with the specified library name.",
    "    * LIB-VER <library-version>",
    "      Kill connections with the specified library version.",
    "    * DB <db-id>",
    "      Kill connections currently operating on the specified database ID.",
    "    * CAPA <capa>",
    "      Kill connections currently with the specified capa.",
    "    * IP <ip>",
    "      Kill connections made from the specified ip.",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|PRIMARY|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "    * USER <username>",
    "      Return clients authenticated by <username>.",
    "    * ADDR <ip:port>",
    "      Return clients connected from the specified address.",
    "    * LADDR <ip:port>",
    "      Return clients connected to the specified local address.",
    "    * ID <client-id> [<client-id>...]",
    "      Return clients with the specified IDs.",
    "    * SKIPME (YES|NO)",
    "      Exclude the current client from the list (default: no).",
    "    * MAXAGE <maxage>",
    "      List connections older than the specified age.",
    "    * FLAGS <flags>",
    "      Return clients with the specified flags.",
    "    * NAME <client-name>",
    "      Return clients with the specified name.",
    "    * IDLE <idle>",
    "      Return clients with idle time greater than or equal to <idle> seconds.",
    "    * LIB-NAME <lib-name>",
    "      Return clients with the specified lib name.",
    "    * LIB-VER <lib-version>",
    "      Return clients with the specified lib version.",
    "    * DB <db-id>",
    "      Return clients currently operating on the specified database ID.",
    "    * CAPA <capa>",
    "      Return connections currently with the specified capa.",
    "    * IP <ip>",
    "      Return connections made from the specified ip.",
    "UNPAUSE",
    "    Stop the current client pause, resuming traffic.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Suspend all, or just write, clients for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "SETINFO <option> <value>",
    "    Set client meta attr. Options are:",
    "    * LIB-NAME: the client lib name.",
    "    * LIB-VER: the client lib version.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Unblock the specified blocked client.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Control server assisted client side caching.",
    "TRACKINGINFO",
    "    Report tracking status for the current connection.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Will not touch LRU/LFU stats when this mode is on.",
    "IMPORT-SOURCE (ON|OFF)",
    "    Mark this connection as an import source if import-mode is enabled.",
    "    Sync tools can set their connections into 'import-source' state to visit",
    "    expired keys.",
    NULL,
};

static void client_help(struct call *call)
{
    reply_help(call, help_lines);
}

/* clang-format off */
static const struct command client_subcommands[] = {
    { .name = "caching", .run = client_caching, .arity = 3,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "mode(YES|NO)", .since = "6.0.0", .complexity = "O(1)",
      .summary = "Instructs the server whether to track the keys in the next request." },
    { .name = "capa", .run = client_capa, .arity = -3,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "capability...", .since = "8.0.0", .complexity = "O(1)",
      .summary = "A client claims its capability." },
    { .name = "getname", .run = client_getname, .arity = 2,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .since = "2.6.9", .complexity = "O(1)",
      .summary = "Returns the name of the connection." },
    { .name = "getredir", .run = client_getredir, .arity = 2,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .since = "6.0.0", .complexity = "O(1)",
      .summary = "Returns the client ID to which the connection's tracking notifications "
          "are redirected." },
    { .name = "help", .run = client_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "id", .run = client_id, .arity = 2,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .since = "5.0.0", .complexity = "O(1)",
      .summary = "Returns the unique client ID of the connection." },
    { .name = "import-source", .run = client_import_source, .arity = 3,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "enabled(ON|OFF)", .since = "8.1.0", .complexity = "O(1)",
      .summary = "Marks this client as an import source when the server is in import mode." },
    { .name = "info", .run = client_info, .arity = 2,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Returns information about the connection.", .tips = "nondeterministic_output" },
    { .name = "kill", .run = client_kill, .arity = -3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION,
      .args = "filter(old-format/ip:port@-2.8.12|"
          "new-format([ID=client-id:integer...@2.8.12]|[TYPE=client-type(NORMAL|"
          "MASTER@3.2.0|PRIMARY@8.0.0|SLAVE|REPLICA@5.0.0|PUBSUB)@2.8.12]|[USER=username]|"
          "[ADDR=addr/ip:port]|[LADDR=laddr/ip:port@6.2.0]|[SKIPME=skipme(YES|NO)]|"
          "[MAXAGE=maxage:integer@8.0.0]|[NAME=name@9.0.0]|[IDLE=idle:integer@9.0.0]|"
          "[FLAGS=flags@9.0.0]|[LIB-NAME=lib-name@9.0.0]|[LIB-VER=lib-ver@9.0.0]|"
          "[DB=db:integer@9.0.0]|[CAPA=capa@9.0.0]|[IP=ip@9.0.0]|"
          "[NOT-TYPE=not-client-type(NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB)@9.0.0]|"
          "[NOT-ID=not-client-id:integer...@9.0.0]|[NOT-USER=not-username@9.0.0]|"
          "[NOT-ADDR=not-addr/ip:port@9.0.0]|[NOT-LADDR=not-laddr/ip:port@9.0.0]|"
          "[NOT-NAME=not-name@9.0.0]|[NOT-FLAGS=not-flags@9.0.0]|"
          "[NOT-LIB-NAME=not-lib-name@9.0.0]|[NOT-LIB-VER=not-lib-ver@9.0.0]|"
          "[NOT-DB=not-db:integer@9.0.0]|[NOT-CAPA=not-capa@9.0.0]|"
          "[NOT-IP=not-ip@9.0.0])...)", .since = "2.4.0",
      .complexity = "O(N) where N is the number of client connections",
      .summary = "Terminates open connections.",
      .history = "2.8.12 Added new filter format.\n2.8.12 `ID` option.\n3.2.0 Added "
          "`master` type in for `TYPE` option.\n5.0.0 Replaced `slave` `TYPE` with "
          "`replica`. `slave` still supported for backward compatibility.\n6.2.0 `LADDR` "
          "option.\n8.0.0 `MAXAGE` option.\n8.0.0 Replaced `master` `TYPE` with `primary`. "
          "`master` still supported for backward compatibility.\n8.1.0 `ID` option accepts "
          "multiple IDs.\n9.0.0 Added filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, "
          "CAPA, and IP. And negative filters NOT-ID, NOT-TYPE, NOT-ADDR, NOT-LADDR, "
          "NOT-USER, NOT-FLAGS, NOT-NAME, NOT-LIB-NAME, NOT-LIB-VER, NOT-DB, NOT-CAPA, "
          "NOT-IP." },
    { .name = "list", .run = client_list, .arity = -2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION,
      .args = "[TYPE=client-type(NORMAL|MASTER|REPLICA|PUBSUB)@5.0.0] "
          "[ID=client-id:integer...@6.2.0] [USER=username@8.1.0] [ADDR=addr/ip:port@8.1.0] "
          "[LADDR=laddr/ip:port@8.1.0] [SKIPME=skipme(YES|NO)@8.1.0] "
          "[MAXAGE=maxage:integer@8.1.0] [NAME=name@9.0.0] [IDLE=idle:integer@9.0.0] "
          "[FLAGS=flags@9.0.0] [LIB-NAME=lib-name@9.0.0] [LIB-VER=lib-ver@9.0.0] "
          "[DB=db:integer@9.0.0] [CAPA=capa@9.0.0] [IP=ip@9.0.0] "
          "[NOT-TYPE=not-client-type(NORMAL|MASTER|REPLICA|PUBSUB)@9.0.0] "
          "[NOT-ID=not-client-id:integer...@9.0.0] [NOT-USER=not-username@9.0.0] "
          "[NOT-ADDR=not-addr/ip:port@9.0.0] [NOT-LADDR=not-laddr/ip:port@9.0.0] "
          "[NOT-NAME=not-name@9.0.0] [NOT-FLAGS=not-flags@9.0.0] "
          "[NOT-LIB-NAME=not-lib-name@9.0.0] [NOT-LIB-VER=not-lib-ver@9.0.0] "
          "[NOT-DB=not-db:integer@9.0.0] [NOT-CAPA=not-capa@9.0.0] [NOT-IP=not-ip@9.0.0]",
      .since = "2.4.0", .complexity = "O(N) where N is the number of client connections",
      .summary = "Lists open connections.", .tips = "nondeterministic_output",
      .history = "2.8.12 Added unique client `id` field.\n5.0.0 Added optional `TYPE` "
          "filter.\n6.0.0 Added `user` field.\n6.2.0 Added `argv-mem`, `tot-mem`, `laddr` "
          "and `redir` fields and the optional `ID` filter.\n7.0.0 Added `resp`, "
          "`multi-mem`, `rbs` and `rbp` fields.\n7.0.3 Added `ssub` field.\n8.0.0 Replaced "
          "`master` `TYPE` with `primary`. `master` still supported for backward "
          "compatibility.\n8.1.0 Added filters USER, ADDR, LADDR, SKIPME, and "
          "MAXAGE.\n9.0.0 Added filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, "
          "and IP. And negative filters NOT-ID, NOT-TYPE, NOT-ADDR, NOT-LADDR, NOT-USER, "
          "NOT-FLAGS, NOT-NAME, NOT-LIB-NAME, NOT-LIB-VER, NOT-DB, NOT-CAPA, NOT-IP." },
    { .name = "no-evict", .run = client_no_evict, .arity = 3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION, .args = "enabled(ON|OFF)",
      .since = "7.0.0", .complexity = "O(1)",
      .summary = "Sets the client eviction mode of the connection." },
    { .name = "no-touch", .run = client_no_touch, .arity = 3,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "enabled(ON|OFF)", .since = "7.2.0", .complexity = "O(1)",
      .summary = "Controls whether commands sent by the client affect the LRU/LFU of "
          "accessed keys." },
    { .name = "pause", .run = client_pause, .arity = -3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "timeout:integer [mode(WRITE|ALL)@6.2.0]",
      .since = "3.0.0", .complexity = "O(1)", .summary = "Suspends commands processing.",
      .history = "6.2.0 `CLIENT PAUSE WRITE` mode added along with the `mode` option." },
    { .name = "reply", .run = client_reply, .arity = 3,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_ALLOW_BUSY,
      .acl = ACL_CONNECTION, .group = GROUP_CONNECTION, .args = "action(ON|OFF|SKIP)",
      .since = "3.2.0", .complexity = "O(1)",
      .summary = "Instructs the server whether to reply to commands." },
    { .name = "setinfo", .run = client_setinfo, .arity = 4,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "attr(LIB-NAME=libname|LIB-VER=libver)", .since = "7.2.0",
      .complexity = "O(1)", .summary = "Sets information specific to the client or connection.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { .name = "setname", .run = client_setname, .arity = 3,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE | CMD_ALLOW_BUSY, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "connection-name", .since = "2.6.9", .complexity = "O(1)",
      .summary = "Sets the connection name.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded" },
    { .name = "tracking", .run = client_tracking, .arity = -3,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION,
      .args = "status(ON|OFF) [REDIRECT=client-id:integer] [PREFIX=prefix+...] [BCAST] "
          "[OPTIN] [OPTOUT] [NOLOOP]", .since = "6.0.0",
      .complexity = "O(1). Some options may introduce additional complexity.",
      .summary = "Controls server-assisted client-side caching for the connection." },
    { .name = "trackinginfo", .run = client_trackinginfo, .arity = 2,
      .flags = CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .since = "6.2.0", .complexity = "O(1)",
      .summary = "Returns information about server-assisted client-side caching for the "
          "connection." },
    { .name = "unblock", .run = client_unblock, .arity = -3,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .args = "client-id:integer [unblock-type(TIMEOUT|ERROR)]",
      .since = "5.0.0", .complexity = "O(log N) where N is the number of client connections",
      .summary = "Unblocks a client blocked by a blocking command from a different "
          "connection." },
    { .name = "unpause", .run = client_unpause, .arity = 2,
      .flags = CMD_ADMIN | CMD_NO_SCRIPT | CMD_LOADING | CMD_STALE, .acl = ACL_CONNECTION,
      .group = GROUP_CONNECTION, .since = "6.2.0",
      .complexity = "O(N) Where N is the number of paused clients",
      .summary = "Resumes processing commands from paused clients." },
    { 0 },
};

const struct command client_rows[] = {
    { .name = "client", .arity = -2, .group = GROUP_CONNECTION, .since = "2.4.0",
      .complexity = "Depends on subcommand.",
      .summary = "A container for client connection commands.",
      .subcommands = client_subcommands },
    { 0 },
};
/* clang-format on */
