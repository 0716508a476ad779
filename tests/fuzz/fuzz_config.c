/* Configuration text: whatever is accepted is written back by CONFIG REWRITE as a text that is
 * accepted too and says the same, and what is refused is told. */
#include "base/buffer.h"
#include "base/ensure.h"
#include "node/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct config *a, const struct config *b)
{
    size_t count = config_row_count();
    struct buffer text_a = { 0 };
    struct buffer text_b = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct bytes name = bytes_text(config_row_at(i)->name);
        buffer_clear(&text_a);
        buffer_clear(&text_b);
        ensure(config_print(a, name, &text_a));
        ensure(config_print(b, name, &text_b));
        ensure(bytes_equal(buffer_bytes(&text_a), buffer_bytes(&text_b)));
    }
    ensure(a->renames.count == b->renames.count);
    buffer_fini(&text_a);
    buffer_fini(&text_b);
}

static void check_rewrite(const struct config *config, struct bytes text)
{
    struct buffer rewritten = { 0 };
    config_rewrite_text(config, text, false, &rewritten);
    struct config *again = config_create();
    struct config_error error;
    config_error_init(&error);
    bool is_read = config_parse(again, NULL, buffer_bytes(&rewritten), &error);
    ensure(is_read);
    expect_same(config, again);
    config_error_fini(&error);
    config_destroy(again);
    buffer_fini(&rewritten);
}

/* The text's first two lines as a pair of CONFIG SET. */
static void check_set(struct config *config, struct bytes text)
{
    ptrdiff_t end = bytes_index_of(text, '\n');
    if (end < 0) return;
    struct bytes pair[] = { bytes_of(text.data, (size_t)end), bytes_from(text, (size_t)end + 1) };
    struct config_set_result result;
    struct buffer error = { 0 };
    bool is_set = config_set(config, pair, 1, true, &result, &error);
    ensure(is_set == (result.before != NULL));
    ensure(is_set == (error.size == 0));
    if (is_set) check_rewrite(config, BYTES_EMPTY);
    config_destroy(result.before);
    buffer_fini(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct config *config = config_create();
    struct config_error error;
    config_error_init(&error);
    if (config_parse(config, NULL, text, &error))
        check_rewrite(config, text);
    else
        ensure(error.reason.size > 0);
    config_error_fini(&error);
    config_destroy(config);

    config = config_create();
    check_set(config, text);
    config_destroy(config);
    return 0;
}
