/* FUNCTION as far as a server without libraries can answer it: tools that move whole data sets
 * (valkey-cli --cluster among them) ask for the functions too.
 *
 * A dump of no libraries is the footer of a DUMP payload alone: format version, two bytes, and
 * CRC-64 of everything before it, eight bytes; little endian both. */
#include "base/digest.h"
#include "commands/rows.h"
#include "engine/call.h"

#define DUMP_VERSION     80
#define DUMP_FOOTER_SIZE 10

static void put_little(char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) at[i] = (char)(value >> (8 * i));
}

static void function_dump(struct call *call)
{
    char footer[DUMP_FOOTER_SIZE];
    put_little(footer, DUMP_VERSION, 2);
    put_little(footer + 2, crc64(0, bytes_of(footer, 2)), 8);
    reply_bytes(call, bytes_of(footer, sizeof(footer)));
}

static bool payload_is_sound(struct bytes payload)
{
    if (payload.size < DUMP_FOOTER_SIZE) return false;
    const uint8_t *footer = (const uint8_t *)payload.data + payload.size - DUMP_FOOTER_SIZE;
    unsigned version = footer[0] | (unsigned)footer[1] << 8;
    uint64_t sum = 0;
    for (size_t i = 0; i < 8; i++) sum |= (uint64_t)footer[2 + i] << (8 * i);
    if (version > DUMP_VERSION || (version > 11 && version < DUMP_VERSION)) return false;
    return sum == 0 || sum == crc64(0, bytes_of(payload.data, payload.size - 8));
}

static void function_restore(struct call *call)
{
    if (call->argc > 4) {
        reply_subcommand_error(call);
        return;
    }
    bool is_right = call->argc == 3 || call_arg_is(call, 3, "flush") ||
                    call_arg_is(call, 3, "append") || call_arg_is(call, 3, "replace");
    if (!is_right) {
        reply_error(call, "ERR Wrong restore policy given, value should be either FLUSH, APPEND "
                          "or REPLACE.");
        return;
    }
    if (!payload_is_sound(call_arg(call, 2))) {
        reply_error(call, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    if (call_arg(call, 2).size > DUMP_FOOTER_SIZE) {
        reply_error(call, "ERR Functions are not supported by this server");
        return;
    }
    reply_ok(call);
}

static void function_list(struct call *call)
{
    bool has_code = false, has_name = false;
    for (uint32_t i = 2; i < call->argc; i++) {
        struct bytes word = call_arg(call, i);
        if (!has_code && bytes_is_word(word, "withcode")) {
            has_code = true;
        } else if (!has_name && bytes_is_word(word, "libraryname")) {
            has_name = true;
            if (++i < call->argc) continue;
            reply_error(call, "ERR library name argument was not given");
            return;
        } else {
            reply_error_format(call, "ERR Unknown argument %.*s", (int)word.size, word.data);
            return;
        }
    }
    reply_array(call, 0);
}

static void function_stats(struct call *call)
{
    reply_map(call, 2);
    reply_text(call, "running_script");
    reply_null(call);
    reply_text(call, "engines");
    reply_map(call, 1);
    reply_text(call, "LUA");
    reply_map(call, 2);
    reply_text(call, "libraries_count");
    reply_integer(call, 0);
    reply_text(call, "functions_count");
    reply_integer(call, 0);
}

static void function_flush(struct call *call)
{
    if (call->argc > 3) {
        reply_subcommand_error(call);
        return;
    }
    bool is_right =
        call->argc == 2 ||
        (call->argc == 3 && (call_arg_is(call, 2, "sync") || call_arg_is(call, 2, "async")));
    if (!is_right) {
        reply_error(call, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        return;
    }
    call_changed(call);
    reply_ok(call);
}

static void function_help(struct call *call)
{
    static const char *const lines[] = {
        "LOAD [REPLACE] <FUNCTION CODE>",
        "    Create a new library with the given library name and code.",
        "DELETE <LIBRARY NAME>",
        "    Delete the given library.",
        "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
        "    Return general information on all the libraries:",
        "    * Library name",
        "    * The engine used to run the Library",
        "    * Functions list",
        "    * Library code (if WITHCODE is given)",
        "    It also possible to get only function that matches a pattern using LIBRARYNAME "
        "argument.",
        "STATS",
        "    Return information about the current function running:",
        "    * Function name",
        "    * Command used to run the function",
        "    * Duration in MS that the function is running",
        "    If no function is running, return nil",
        "    In addition, returns a list of available engines.",
        "KILL",
        "    Kill the current running function.",
        "FLUSH [ASYNC|SYNC]",
        "    Delete all the libraries.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the libraries.",
        "    * SYNC: Synchronously flush the libraries.",
        "DUMP",
        "    Return a serialized payload representing the current libraries, can be restored "
        "using FUNCTION RESTORE command",
        "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
        "    Restore the libraries represented by the given payload, it is possible to give a "
        "restore policy to",
        "    control how to handle existing libraries (default APPEND):",
        "    * FLUSH: delete all existing libraries.",
        "    * APPEND: appends the restored libraries to the existing libraries. On collision, "
        "abort.",
        "    * REPLACE: appends the restored libraries to the existing libraries, On collision, "
        "replace the old",
        "      libraries with the new libraries (notice that even on this option there is a "
        "chance of failure",
        "      in case of functions name collision with another library).",
        NULL,
    };
    reply_help(call, lines);
}

/* clang-format off */
static const struct command function_subcommands[] = {
    { .name = "dump", .run = function_dump, .arity = 2, .flags = CMD_NO_SCRIPT,
      .acl = ACL_SCRIPTING, .group = GROUP_SCRIPTING, .since = "7.0.0",
      .complexity = "O(N) where N is the number of functions",
      .summary = "Dumps all libraries into a serialized binary payload." },
    { .name = "flush", .run = function_flush, .arity = -2, .flags = CMD_WRITE | CMD_NO_SCRIPT,
      .acl = ACL_SCRIPTING, .group = GROUP_SCRIPTING, .args = "[flush-type(ASYNC|SYNC)]",
      .since = "7.0.0", .complexity = "O(N) where N is the number of functions deleted",
      .summary = "Deletes all libraries and functions.",
      .tips = "request_policy:all_shards response_policy:all_succeeded" },
    { .name = "help", .run = function_help, .arity = 2, .flags = CMD_LOADING | CMD_STALE,
      .acl = ACL_SCRIPTING, .group = GROUP_SCRIPTING, .since = "7.0.0", .complexity = "O(1)",
      .summary = "Returns helpful text about the different subcommands." },
    { .name = "list", .run = function_list, .arity = -2, .flags = CMD_NO_SCRIPT,
      .acl = ACL_SCRIPTING, .group = GROUP_SCRIPTING,
      .args = "[LIBRARYNAME=library-name-pattern] [WITHCODE]", .since = "7.0.0",
      .complexity = "O(N) where N is the number of functions",
      .summary = "Returns information about all libraries.",
      .tips = "nondeterministic_output_order" },
    { .name = "restore", .run = function_restore, .arity = -3,
      .flags = CMD_WRITE | CMD_DENY_OOM | CMD_NO_SCRIPT, .acl = ACL_SCRIPTING,
      .group = GROUP_SCRIPTING, .args = "serialized-value [policy(FLUSH|APPEND|REPLACE)]",
      .since = "7.0.0", .complexity = "O(N) where N is the number of functions on the payload",
      .summary = "Restores all libraries from a payload.",
      .tips = "request_policy:all_shards response_policy:all_succeeded" },
    { .name = "stats", .run = function_stats, .arity = 2, .flags = CMD_NO_SCRIPT | CMD_ALLOW_BUSY,
      .acl = ACL_SCRIPTING, .group = GROUP_SCRIPTING, .since = "7.0.0", .complexity = "O(1)",
      .summary = "Returns information about a function during execution.",
      .tips = "nondeterministic_output request_policy:all_shards response_policy:special" },
    { 0 },
};

const struct command function_commands[] = {
    { .name = "function", .arity = -2, .group = GROUP_SCRIPTING, .since = "7.0.0",
      .complexity = "Depends on subcommand.", .summary = "A container for function commands.",
      .subcommands = function_subcommands },
    { 0 },
};
/* clang-format on */
