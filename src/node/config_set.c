/* CONFIG SET: all of the pairs or none of them. */
#include "base/memory.h"
#include "node/config_internal.h"

static bool fail(struct buffer *error, const char *name, struct bytes reason)
{
    buffer_printf(error, "ERR CONFIG SET failed (possibly related to argument '%s') - ", name);
    buffer_append(error, reason);
    return false;
}

static const char *row_name(const struct config_row *row, struct bytes asked)
{
    bool is_alias = row->alias != NULL && bytes_is_word(asked, row->alias);
    return is_alias ? row->alias : row->name;
}

static bool fail_unknown(struct buffer *error, struct bytes name)
{
    buffer_append_text(error, "ERR Unknown option or number of arguments for CONFIG SET - '");
    for (size_t i = 0; i < name.size; i++) /* a reply is one line */
        buffer_append_byte(error, (unsigned char)name.data[i] < ' ' ? ' ' : name.data[i]);
    buffer_append_byte(error, '\'');
    return false;
}

/* Whether the names alone allow the change: known, not fixed, each only once. Ends at the first
 * name that is there twice, so the inner loop is bounded by the number of options. */
static bool names_check(const struct config *config, const struct bytes *pairs, size_t pair_count,
                        bool is_local, struct buffer *error)
{
    enum config_who allowed = config->enable_protected_configs;
    bool may_change_protected =
        allowed == CONFIG_WHO_EVERYBODY || (allowed == CONFIG_WHO_LOCAL && is_local);
    for (size_t i = 0; i < pair_count; i++) {
        const struct config_row *row = config_row_find(pairs[2 * i]);
        if (row == NULL) return fail_unknown(error, pairs[2 * i]);
        const char *name = row_name(row, pairs[2 * i]);
        if (row->flags & CONFIG_IMMUTABLE)
            return fail(error, name, BYTES("can't set immutable config"));
        if ((row->flags & CONFIG_PROTECTED) && !may_change_protected)
            return fail(error, name, BYTES("can't set protected config"));
        for (size_t j = 0; j < i; j++)
            if (bytes_equal_nocase(pairs[2 * j], pairs[2 * i]))
                return fail(error, name, BYTES("duplicate parameter"));
    }
    return true;
}

/* Words between single spaces: two spaces in a row enclose an empty word. */
static size_t split_at_spaces(struct bytes text, struct bytes *words)
{
    size_t count = 0;
    for (size_t at = 0; at < text.size;) {
        struct bytes rest = bytes_from(text, at);
        ptrdiff_t space = bytes_index_of(rest, ' ');
        size_t size = space < 0 ? rest.size : (size_t)space;
        words[count++] = bytes_of(rest.data, size);
        at += size + 1;
        if (space >= 0 && at == text.size) words[count++] = BYTES_EMPTY;
    }
    return count;
}

static bool value_read(struct config *draft, const struct config_row *row, struct bytes value,
                       struct buffer *reason)
{
    void *field = config_field(draft, row);
    if (!row->kind->takes_many) return row->kind->read(row, &value, 1, false, field, reason);

    struct bytes *words = memory_alloc((value.size + 1) * sizeof(*words));
    size_t count = split_at_spaces(value, words);
    bool is_read = row->kind->read(row, words, count, false, field, reason);
    memory_free(words);
    return is_read;
}

/* Sets one value in the draft. What is unused and trusted is refused: a client that reads +OK to
 * `appendonly yes` would rely on it, and sees no start-up warning. */
static bool pair_apply(struct config *draft, const struct config *config, const struct bytes *pair,
                       struct buffer *error)
{
    const struct config_row *row = config_row_find(pair[0]);
    struct buffer reason = { 0 };
    bool is_set = value_read(draft, row, pair[1], &reason);
    if (is_set && (row->flags & CONFIG_GRAVE) && row->unused != NULL &&
        !config_equal(draft, config, row)) {
        buffer_append_text(&reason, row->unused);
        is_set = false;
    }
    if (!is_set) fail(error, row_name(row, pair[0]), buffer_bytes(&reason));
    buffer_fini(&reason);
    return is_set;
}

bool config_set(struct config *config, const struct bytes *pairs, size_t pair_count, bool is_local,
                struct config_set_result *result, struct buffer *error)
{
    *result = (struct config_set_result){ 0 };
    if (!names_check(config, pairs, pair_count, is_local, error)) return false;

    struct config *draft = config_copy(config);
    for (size_t i = 0; i < pair_count; i++)
        if (!pair_apply(draft, config, pairs + 2 * i, error)) {
            config_destroy(draft);
            return false;
        }
    for (size_t i = 0; i < pair_count; i++) {
        const struct config_row *row = config_row_find(pairs[2 * i]);
        if (!config_equal(draft, config, row)) result->areas |= row->area;
    }
    config_swap(config, draft);
    result->before = draft;
    return true;
}

void config_set_failed(const struct bytes *pairs, size_t pair_count, uint32_t areas,
                       const char *reason, struct buffer *error)
{
    const char *name = "?";
    for (size_t i = pair_count; i-- > 0;) {
        const struct config_row *row = config_row_find(pairs[2 * i]);
        if (row != NULL && (row->area & areas)) name = row_name(row, pairs[2 * i]);
    }
    fail(error, name, bytes_text(reason));
}
