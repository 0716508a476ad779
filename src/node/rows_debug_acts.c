/* DEBUG subcommands that do something: files, the stream, memory. */
#include "base/glob.h"
#include "base/log.h"
#include "base/memory.h"
#include "node/parts.h"

#define LOAD_FAILED "ERR Error trying to load the RDB dump, check server logs"

/* ---- RELOAD ------------------------------------------------------------------------------- */

struct reload {
    bool saves, flushes, merges;
};

static bool reload_parse(struct call *call, struct reload *reload)
{
    *reload = (struct reload){ .saves = true, .flushes = true };
    for (uint32_t i = 2; i < call->argc; i++) {
        if (call_arg_is(call, i, "nosave")) {
            reload->saves = false;
        } else if (call_arg_is(call, i, "noflush")) {
            reload->flushes = false;
        } else if (call_arg_is(call, i, "merge")) {
            reload->merges = true;
        } else {
            reply_error(call, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE "
                              "options.");
            return false;
        }
    }
    return true;
}

/* Saves, empties, and loads again what was saved: what is in the file is what counts. */
void debug_reload(struct call *call)
{
    struct node *node = node_of(call);
    struct reload reload;
    if (!reload_parse(call, &reload)) return;
    clients_propagate(node);
    if (reload.saves && node->snapshots.child_runs) {
        reply_error(call, "ERR Background save already in progress");
        return;
    }
    if (reload.saves && !snapshots_save(node)) {
        reply_error(call, LOAD_FAILED);
        return;
    }
    bool is_done = reload.flushes ? snapshots_reload(node) : snapshots_merge(node, reload.merges);
    call_propagate_nothing(call);
    if (is_done) {
        reply_ok(call);
        return;
    }
    reply_error(call, LOAD_FAILED);
    if (reload.flushes) return;
    /* Half of the file may be among the keys of before: nothing to go on with. */
    log_warning("DEBUG RELOAD NOFLUSH: a key of the file is there already, or the file cannot be "
                "read. Exiting.");
    node_add_effect(node, NODE_EXIT)->count = 1;
}

void debug_load_log(struct call *call)
{
    reply_error(call, "ERR Error trying to load the AOF files, check server logs.");
}

/* ---- the stream, the configuration -------------------------------------------------------- */

void debug_replicate(struct call *call)
{
    call_propagate(call, call->argc - 2, call->argv + 2);
    reply_ok(call);
}

void debug_config_rewrite(struct call *call)
{
    struct node *node = node_of(call);
    enum err err = config_rewrite(node->config, node->disk, true);
    if (err)
        reply_error_format(call, "ERR CONFIG-REWRITE-FORCE-ALL failed: %s", err_text(err));
    else
        reply_ok(call);
}

/* ---- the process -------------------------------------------------------------------------- */

/* Nobody is answered: the connections end with the process. */
static void restart(struct call *call, time_ms delay_ms)
{
    struct node *node = node_of(call);
    log_warning("Restarting, as asked for by DEBUG");
    if (delay_ms > 0) node_add_effect(node, NODE_STALL)->count = (int)MIN(delay_ms, INT32_MAX);
    node_add_effect(node, NODE_EXIT)->count = NODE_RESTARTS;
    session_close(node->engine, call->session, SESSION_CLOSES_NOW);
}

static bool delay_parse(struct call *call, time_ms *delay_ms)
{
    *delay_ms = 0;
    if (call->argc > 2 && !call_integer(call, 2, delay_ms)) return false;
    *delay_ms = MAX(*delay_ms, 0);
    return true;
}

/* As a stop would: with save points the data are saved. */
void debug_restart(struct call *call)
{
    struct node *node = node_of(call);
    time_ms delay_ms;
    if (!delay_parse(call, &delay_ms)) return;
    clients_propagate(node);
    enum err err = config_rewrite(node->config, node->disk, false);
    bool is_done = err == ERR_NONE || err == ERR_NOT_FOUND;
    if (is_done && node->config->save.count > 0)
        is_done = !node->snapshots.child_runs && snapshots_save(node);
    if (is_done)
        restart(call, delay_ms);
    else
        reply_error(call, "ERR failed to restart the server. Check server logs.");
}

void debug_recover(struct call *call)
{
    time_ms delay_ms;
    if (delay_parse(call, &delay_ms)) restart(call, delay_ms);
}

/* ---- memory ------------------------------------------------------------------------------- */

void debug_leak(struct call *call)
{
    struct bytes text = call_arg(call, 2);
    void *volatile lost = memory_alloc(text.size + 1);
    memcpy(lost, text.data, text.size);
    reply_ok(call);
}

static void reply_no_control(struct call *call)
{
    reply_error(call, "ERR No such file or directory");
}

void debug_mallctl(struct call *call)
{
    struct buffer name = { 0 };
    int64_t value = 0, wanted = 0;
    if (call->argc == 4 && !call_integer(call, 3, &wanted)) return;
    buffer_append(&name, call_arg(call, 2));
    buffer_append_byte(&name, '\0');
    if (memory_control(name.data, call->argc == 4 ? &wanted : NULL, &value))
        reply_integer(call, value);
    else
        reply_no_control(call);
    buffer_fini(&name);
}

void debug_mallctl_text(struct call *call)
{
    struct buffer name = { 0 };
    const char *value = NULL;
    buffer_append(&name, call_arg(call, 2));
    buffer_append_byte(&name, '\0');
    if (call->argc == 3 && memory_control_text(name.data, &value))
        reply_text(call, value);
    else
        reply_no_control(call);
    buffer_fini(&name);
}

/* ---- STRINGMATCH-TEST --------------------------------------------------------------------- */

/* Short ones of few letters, so that what is special meets often. */
static struct bytes chance_text(struct prng *prng, char *into, size_t size_max)
{
    static const char letters[] = "ab*?[]^-\\\xff";
    size_t size = (size_t)prng_below(prng, size_max + 1);
    for (size_t i = 0; i < size; i++) into[i] = letters[prng_below(prng, sizeof(letters))];
    return bytes_of(into, size);
}

void debug_stringmatch(struct call *call)
{
    char pattern[32], text[32];
    struct prng prng;
    prng_init(&prng, prng_next(&node_of(call)->prng));
    for (int i = 0; i < 100000; i++) {
        struct bytes first = chance_text(&prng, pattern, sizeof(pattern));
        struct bytes second = chance_text(&prng, text, sizeof(text));
        (void)glob_matches(first, second);
        (void)glob_matches_nocase(first, second);
    }
    reply_simple(call, "Apparently the server did not crash: test passed");
}
