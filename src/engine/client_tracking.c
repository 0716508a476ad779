/* CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR: how a client asks to be told. */
#include "base/memory.h"
#include "engine/client.h"
#include "engine/internal.h"
#include "engine/tracking.h"

#define OTHER_MODE                                                                                 \
    " before disabling tracking for this client, and then re-enabling it with a different mode."

struct options {
    struct tracking_mode mode;
    struct bytes *prefixes; /* owned; what the mode borrows */
};

static bool take_redirect(struct call *call, uint32_t at, struct options *options)
{
    int64_t id;
    if (options->mode.redirect != 0) {
        reply_error(call, "ERR A client can only redirect to a single other client");
        return false;
    }
    if (!call_integer(call, at, &id)) return false;
    if (engine_session_find(call->engine, (uint64_t)id) == NULL) {
        reply_error(call, "ERR The client ID you want redirect to does not exist");
        return false;
    }
    options->mode.redirect = (uint64_t)id;
    return true;
}

static uint32_t flag_of(const struct call *call, uint32_t at)
{
    if (call_arg_is(call, at, "bcast")) return SESSION_BROADCAST;
    if (call_arg_is(call, at, "optin")) return SESSION_OPT_IN;
    if (call_arg_is(call, at, "optout")) return SESSION_OPT_OUT;
    if (call_arg_is(call, at, "noloop")) return SESSION_NO_LOOP;
    return 0;
}

static bool parse(struct call *call, struct options *options)
{
    for (uint32_t i = 3; i < call->argc; i++) {
        bool has_more = i + 1 < call->argc;
        uint32_t flag = flag_of(call, i);
        if (flag != 0) {
            options->mode.flags |= flag;
        } else if (has_more && call_arg_is(call, i, "redirect")) {
            if (!take_redirect(call, ++i, options)) return false;
        } else if (has_more && call_arg_is(call, i, "prefix")) {
            options->prefixes[options->mode.prefix_count++] = call_arg(call, ++i);
        } else {
            reply_syntax_error(call);
            return false;
        }
    }
    return true;
}

static bool overlap(struct bytes a, struct bytes b)
{
    size_t size = MIN(a.size, b.size);
    return bytes_equal(bytes_of(a.data, size), bytes_of(b.data, size));
}

static void reply_overlap(struct call *call, struct bytes prefix, const char *which,
                          struct bytes other)
{
    reply_error_format(call,
                       "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single "
                       "client must not overlap.",
                       (int)prefix.size, prefix.data, which, (int)other.size, other.data);
}

static bool prefixes_are_apart(struct call *call, const struct bytes *prefixes, size_t count,
                               const struct bytes *others, size_t other_count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < other_count; k++) {
            if (!overlap(prefixes[i], others[k])) continue;
            reply_overlap(call, prefixes[i], "an existing", others[k]);
            return false;
        }
        for (size_t k = i + 1; k < count; k++) {
            if (!overlap(prefixes[i], prefixes[k])) continue;
            reply_overlap(call, prefixes[i], "another provided", prefixes[k]);
            return false;
        }
    }
    return true;
}

static bool refuse(struct call *call, const char *text)
{
    reply_error(call, text);
    return false;
}

static bool mode_is_possible(struct call *call, const struct tracking_mode *mode)
{
    uint32_t now = call->session->flags;
    uint32_t changes = now & SESSION_TRACKING ? now ^ mode->flags : 0;
    bool opts_in = mode->flags & SESSION_OPT_IN, opts_out = mode->flags & SESSION_OPT_OUT;
    if (mode->prefix_count > 0 && !(mode->flags & SESSION_BROADCAST))
        return refuse(call, "ERR PREFIX option requires BCAST mode to be enabled");
    if (changes & SESSION_BROADCAST)
        return refuse(call, "ERR You can't switch BCAST mode on/off" OTHER_MODE);
    if (mode->flags & SESSION_BROADCAST && (opts_in || opts_out))
        return refuse(call, "ERR OPTIN and OPTOUT are not compatible with BCAST");
    if (opts_in && opts_out)
        return refuse(call, "ERR You can't specify both OPTIN mode and OPTOUT mode");
    if ((opts_in && now & SESSION_OPT_OUT) || (opts_out && now & SESSION_OPT_IN))
        return refuse(call, "ERR You can't switch OPTIN/OPTOUT mode" OTHER_MODE);
    if (!(mode->flags & SESSION_BROADCAST)) return true;
    struct bytes *present;
    size_t count = broadcast_prefixes(call->session, &present);
    bool are_apart = prefixes_are_apart(call, mode->prefixes, mode->prefix_count, present, count);
    memory_free(present);
    return are_apart;
}

void client_tracking(struct call *call)
{
    struct options options = { .prefixes = memory_alloc(call->argc * sizeof(struct bytes)) };
    options.mode.prefixes = options.prefixes;
    if (parse(call, &options)) {
        bool is_on = call_arg_is(call, 2, "on");
        if (!is_on && !call_arg_is(call, 2, "off")) {
            reply_syntax_error(call);
        } else if (!is_on) {
            tracking_stop(call->engine, call->session);
            reply_ok(call);
        } else if (mode_is_possible(call, &options.mode)) {
            tracking_start(call->engine, call->session, &options.mode);
            reply_ok(call);
        }
    }
    memory_free(options.prefixes);
}

void client_caching(struct call *call)
{
    struct session *session = call->session;
    bool is_yes = call_arg_is(call, 2, "yes");
    if (!(session->flags & SESSION_TRACKING)) {
        reply_error(call, "ERR CLIENT CACHING can be called only when the client is in tracking "
                          "mode with OPTIN or OPTOUT mode enabled");
    } else if (!is_yes && !call_arg_is(call, 2, "no")) {
        reply_syntax_error(call);
    } else if (is_yes && !(session->flags & SESSION_OPT_IN)) {
        reply_error(call, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN "
                          "mode.");
    } else if (!is_yes && !(session->flags & SESSION_OPT_OUT)) {
        reply_error(call, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT "
                          "mode.");
    } else {
        session->flags |= SESSION_CACHING;
        reply_ok(call);
    }
}

/* --- what is so -------------------------------------------------------------------------- */

int64_t client_redirect(const struct session *session)
{
    return session->tracking == NULL ? -1 : (int64_t)session->tracking->redirect;
}

void client_getredir(struct call *call)
{
    reply_integer(call, client_redirect(call->session));
}

static void reply_modes(struct call *call)
{
    static const struct {
        uint32_t flags; /* all of them */
        const char *name;
    } modes[] = {
        { SESSION_BROADCAST, "bcast" },
        { SESSION_OPT_IN, "optin" },
        { SESSION_OPT_IN | SESSION_CACHING, "caching-yes" },
        { SESSION_OPT_OUT, "optout" },
        { SESSION_OPT_OUT | SESSION_CACHING, "caching-no" },
        { SESSION_NO_LOOP, "noloop" },
        { SESSION_BROKEN_REDIRECT, "broken_redirect" },
    };
    uint32_t flags = call->session->flags;
    struct output_mark mark = resp_begin(call->writer);
    size_t count = 1;
    reply_text(call, flags & SESSION_TRACKING ? "on" : "off");
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if ((flags & modes[i].flags) != modes[i].flags) continue;
        reply_text(call, modes[i].name);
        count++;
    }
    resp_end_set(call->writer, mark, count);
}

void client_trackinginfo(struct call *call)
{
    struct bytes *prefixes;
    size_t count = broadcast_prefixes(call->session, &prefixes);
    reply_map(call, 3);
    reply_text(call, "flags");
    reply_modes(call);
    reply_text(call, "redirect");
    reply_integer(call, client_redirect(call->session));
    reply_text(call, "prefixes");
    reply_array(call, count);
    for (size_t i = 0; i < count; i++) reply_bytes(call, prefixes[i]);
    memory_free(prefixes);
}
