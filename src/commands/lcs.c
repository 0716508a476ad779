/* LCS: the longest common subsequence of two strings. */
#include "types/lcs.h"
#include "base/memory.h"
#include "commands/rows.h"
#include "engine/call.h"

struct lcs_options {
    bool wants_length;
    bool wants_runs; /* IDX */
    bool wants_run_lengths;
    int64_t run_length_min;
};

static bool text_for_read(struct call *call, uint32_t index, struct scratch *scratch,
                          struct bytes *text)
{
    struct key key = call_key(call, index);
    struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
    *text = BYTES_EMPTY;
    if (entry == NULL) return true;
    if (entry_type(entry) != VALUE_STRING) return false;
    *text = entry_string(entry, scratch);
    return true;
}

static bool options_parse(struct call *call, struct lcs_options *options)
{
    *options = (struct lcs_options){ 0 };
    for (uint32_t i = 3; i < call->argc; i++) {
        if (call_arg_is(call, i, "idx")) {
            options->wants_runs = true;
        } else if (call_arg_is(call, i, "len")) {
            options->wants_length = true;
        } else if (call_arg_is(call, i, "withmatchlen")) {
            options->wants_run_lengths = true;
        } else if (call_arg_is(call, i, "minmatchlen") && i + 1 < call->argc) {
            if (!call_integer(call, ++i, &options->run_length_min)) return false;
        } else {
            reply_syntax_error(call);
            return false;
        }
    }
    if (!options->wants_length || !options->wants_runs) return true;
    reply_error(call, "ERR If you want both the length and indexes, please just use IDX.");
    return false;
}

static void reply_text_of(struct call *call, struct lcs *lcs)
{
    char *text = memory_alloc(lcs->length + 1);
    size_t end = lcs->length;
    struct lcs_run run;
    while (lcs_next(lcs, &run)) {
        end -= run.size;
        memcpy(text + end, lcs->a.data + run.a_start, run.size);
    }
    reply_bytes(call, bytes_of(text, lcs->length));
    memory_free(text);
}

static void reply_range(struct call *call, size_t start, size_t size)
{
    reply_array(call, 2);
    reply_integer(call, (int64_t)start);
    reply_integer(call, (int64_t)(start + size - 1));
}

static void reply_runs(struct call *call, struct lcs *lcs, const struct lcs_options *options)
{
    struct lcs_run run;
    size_t count = 0;
    while (lcs_next(lcs, &run))
        if ((int64_t)run.size >= options->run_length_min) count++;
    lcs_rewind(lcs);

    reply_map(call, 2);
    reply_text(call, "matches");
    reply_array(call, count);
    while (lcs_next(lcs, &run)) {
        if ((int64_t)run.size < options->run_length_min) continue;
        reply_array(call, options->wants_run_lengths ? 3 : 2);
        reply_range(call, run.a_start, run.size);
        reply_range(call, run.b_start, run.size);
        if (options->wants_run_lengths) reply_integer(call, (int64_t)run.size);
    }
    reply_text(call, "len");
    reply_integer(call, (int64_t)lcs->length);
}

static void lcs(struct call *call)
{
    struct bytes a, b;
    struct scratch a_scratch, b_scratch;
    struct lcs_options options;
    if (!text_for_read(call, 1, &a_scratch, &a) || !text_for_read(call, 2, &b_scratch, &b)) {
        reply_error(call, "ERR The specified keys must contain string values");
        return;
    }
    if (!options_parse(call, &options)) return;
    /* The table of Valkey, four bytes a pair, must fit; ours is smaller, the bound is the same. */
    uint64_t size_max = (uint64_t)engine_settings(call->engine)->bulk_size_max;
    if (((uint64_t)a.size + 1) * ((uint64_t)b.size + 1) > size_max / sizeof(uint32_t)) {
        reply_error(call, "ERR Insufficient memory, transient memory for LCS exceeds "
                          "proto-max-bulk-len");
        return;
    }
    if (options.wants_length) {
        reply_integer(call, (int64_t)lcs_length(a, b));
        return;
    }
    struct lcs found;
    lcs_init(&found, a, b);
    if (options.wants_runs)
        reply_runs(call, &found, &options);
    else
        reply_text_of(call, &found);
    lcs_fini(&found);
}

/* clang-format off */
const struct command lcs_commands[] = {
    { .name = "lcs", .run = lcs, .arity = -3, .flags = CMD_READ, .acl = ACL_STRING,
      .keys = KEY_RANGE(1, 2, 1), .group = GROUP_STRING,
      .args = "key1:key key2:key [LEN] [IDX] [MINMATCHLEN=min-match-len:integer] "
          "[WITHMATCHLEN]", .since = "7.0.0",
      .complexity = "O(N*M) where N and M are the lengths of s1 and s2, respectively",
      .summary = "Finds the longest common substring." },
    { 0 },
};
/* clang-format on */
