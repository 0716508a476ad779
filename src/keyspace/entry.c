/* Entries: built, read and reshaped. The layout is in inline.h, its drawing in entry.h. */
#include "base/ensure.h"
#include "base/memory.h"
#include "base/slabs.h"
#include "keyspace/internal.h"

static const size_t form_head_sizes[] = {
    [FORM_INTEGER] = 8, [FORM_SHORT] = 1, [FORM_LONG] = 4, [FORM_POINTER] = 8
};

static char *value_place(struct entry *entry)
{
    return (char *)entry + entry_value_at(entry);
}

static const char *value_peek(const struct entry *entry)
{
    return entry_base(entry) + entry_value_at(entry);
}

/* Size of a text that stands in the entry. */
static size_t text_size(const struct entry *entry)
{
    const char *at = value_peek(entry);
    if (entry_form(entry) == FORM_SHORT) return (unsigned char)*at;
    uint32_t size;
    memcpy(&size, at, sizeof(size));
    return size;
}

size_t entry_size(const struct entry *entry)
{
    enum entry_form form = entry_form(entry);
    size_t size = entry_value_at(entry) + form_head_sizes[form];
    return form == FORM_SHORT || form == FORM_LONG ? size + text_size(entry) : size;
}

#define CACHE_LINE         64
#define PREFETCH_LINES_MAX 8 /* behind so many in a row the processor fetches by itself */

void entry_prefetch_rest(const struct entry *entry)
{
    enum entry_form form = entry_form(entry);
    uintptr_t first = (uintptr_t)entry / CACHE_LINE;
    uintptr_t value = ((uintptr_t)entry + entry_value_at(entry)) / CACHE_LINE;
    if (value != first) { /* nor is its size here yet */
        __builtin_prefetch((const void *)(value * CACHE_LINE));
        return;
    }
    if (form != FORM_LONG && form != FORM_SHORT) return; /* objects are not looked into ahead */
    uintptr_t last = ((uintptr_t)entry + entry_size(entry) - 1) / CACHE_LINE;
    last = MIN(last, first + PREFETCH_LINES_MAX);
    for (uintptr_t line = first + 1; line <= last; line++)
        __builtin_prefetch((const void *)(line * CACHE_LINE));
}

/* ---- Building ---- */

static struct string *string_of(struct bytes text, struct buffer *source)
{
    if (text.data == NULL) return string_create_zero(text.size);
    if (source != NULL && string_may_adopt(source, text)) return string_adopt(source, text);
    return string_create(text);
}

struct content content_of_text(struct bytes text, const struct put *put)
{
    struct content content = {
        .type = VALUE_STRING, .form = FORM_INTEGER, .is_edited = put->is_edited, .text = text
    };
    if (!put->keeps_text && string_is_integer(text, &content.integer)) return content;
    content.form = text.size <= UINT8_MAX ? FORM_SHORT : FORM_LONG;
    if (text.size <= STRING_INLINE_MAX) return content;
    ensure(text.size <= STRING_SIZE_MAX);
    content.form = FORM_POINTER;
    content.pointer = string_of(text, put->source);
    return content;
}

static size_t size_for(size_t key_size, const struct content *content, time_ms expiry_ms)
{
    bool is_text = content->form == FORM_SHORT || content->form == FORM_LONG;
    return ENTRY_KEY_SIZE_AT + (key_size > UINT8_MAX ? 4 : 1) + (expiry_ms == EXPIRY_NONE ? 0 : 8) +
           key_size + form_head_sizes[content->form] + (is_text ? content->text.size : 0);
}

static void value_write(struct entry *entry, const struct content *content)
{
    char *at = value_place(entry);
    if (content->form == FORM_INTEGER) {
        memcpy(at, &content->integer, sizeof(content->integer));
        return;
    }
    if (content->form == FORM_POINTER) {
        memcpy(at, &content->pointer, sizeof(content->pointer));
        return;
    }
    uint32_t size = (uint32_t)content->text.size;
    if (content->form == FORM_SHORT)
        *at = (char)size;
    else
        memcpy(at, &size, sizeof(size));
    at += form_head_sizes[content->form];
    if (size == 0) return;
    if (content->text.data == NULL)
        memset(at, 0, size);
    else
        memcpy(at, content->text.data, size);
}

static void head_write(struct entry *entry, size_t key_size, const struct content *content,
                       time_ms expiry_ms, uint32_t clock)
{
    entry->kind = (uint8_t)((unsigned)content->type | (unsigned)content->form << ENTRY_FORM_SHIFT |
                            (expiry_ms == EXPIRY_NONE ? 0 : ENTRY_HAS_EXPIRY) |
                            (content->is_edited ? ENTRY_IS_EDITED : 0) |
                            (key_size > UINT8_MAX ? ENTRY_WIDE_KEY : 0));
    entry_clock_set(entry, clock);
    uint32_t wide = (uint32_t)key_size;
    if (key_size > UINT8_MAX)
        memcpy((char *)entry + ENTRY_KEY_SIZE_AT, &wide, sizeof(wide));
    else
        ((char *)entry)[ENTRY_KEY_SIZE_AT] = (char)key_size;
    if (expiry_ms != EXPIRY_NONE)
        memcpy((char *)entry + entry_expiry_at(entry), &expiry_ms, sizeof(expiry_ms));
}

struct entry *entry_create(struct entry *reuse, struct bytes key, const struct content *content,
                           time_ms expiry_ms, uint32_t clock)
{
    ensure(key.size <= UINT32_MAX);
    size_t size = size_for(key.size, content, expiry_ms);
    struct entry *entry = reuse;
    if (reuse != NULL && slabs_class(entry_size(reuse)) != slabs_class(size)) {
        entry_free_shell(reuse);
        entry = NULL;
    }
    if (entry == NULL) entry = slabs_alloc(size);
    head_write(entry, key.size, content, expiry_ms, clock);
    if (key.size > 0) memcpy((char *)entry + entry_key_at(entry), key.data, key.size);
    value_write(entry, content);
    return entry;
}

bool entry_overwrite(struct entry *entry, const struct content *content, uint32_t clock)
{
    unsigned kind = (unsigned)VALUE_STRING | (unsigned)content->form << ENTRY_FORM_SHIFT;
    unsigned fixed = ENTRY_TYPE_MASK | ENTRY_FORM_MASK | ENTRY_HAS_EXPIRY;
    if ((entry->kind & fixed) != kind || content->form == FORM_POINTER) return false;
    if (content->form != FORM_INTEGER) {
        size_t before = text_size(entry);
        size_t rest = entry_value_at(entry) + form_head_sizes[content->form];
        if (before != content->text.size &&
            slabs_class(rest + before) != slabs_class(rest + content->text.size))
            return false;
    }
    entry->kind = (uint8_t)((entry->kind & ENTRY_WIDE_KEY) | kind |
                            (content->is_edited ? ENTRY_IS_EDITED : 0));
    entry_clock_set(entry, clock);
    value_write(entry, content);
    return true;
}

void entry_free_shell(struct entry *entry)
{
    slabs_free(entry, entry_size(entry));
}

void entry_destroy(struct entry *entry)
{
    if (entry_form(entry) == FORM_POINTER) value_destroy(entry_type(entry), entry_value(entry));
    entry_free_shell(entry);
}

/* ---- Reading ---- */

enum value_type entry_type(const struct entry *entry)
{
    return (enum value_type)(entry->kind & ENTRY_TYPE_MASK);
}

struct bytes entry_key(const struct entry *entry)
{
    return entry_key_inline(entry);
}

time_ms entry_expiry_ms(const struct entry *entry)
{
    return entry_expiry_inline(entry);
}

uint32_t entry_clock(const struct entry *entry)
{
    return entry_clock_inline(entry);
}

void *entry_value(const struct entry *entry)
{
    ensure(entry_form(entry) == FORM_POINTER);
    void *pointer;
    memcpy(&pointer, value_peek(entry), sizeof(pointer));
    return pointer;
}

void entry_value_set(struct entry *entry, void *value)
{
    ensure(entry_form(entry) == FORM_POINTER);
    memcpy(value_place(entry), &value, sizeof(value));
}

static int64_t integer_of(const struct entry *entry)
{
    int64_t value;
    memcpy(&value, value_peek(entry), sizeof(value));
    return value;
}

struct content entry_content(const struct entry *entry)
{
    struct content content = {
        .type = entry_type(entry),
        .form = entry_form(entry),
        .is_edited = entry->kind & ENTRY_IS_EDITED,
    };
    if (content.form == FORM_INTEGER)
        content.integer = integer_of(entry);
    else if (content.form == FORM_POINTER)
        content.pointer = entry_value(entry);
    else
        content.text =
            bytes_of(value_peek(entry) + form_head_sizes[content.form], text_size(entry));
    return content;
}

struct bytes entry_string(const struct entry *entry, struct scratch *scratch)
{
    ensure(entry_type(entry) == VALUE_STRING);
    struct content content = entry_content(entry);
    if (content.form == FORM_POINTER) return string_bytes(content.pointer);
    if (content.form == FORM_INTEGER)
        return bytes_of(scratch->text, number_print(content.integer, scratch->text));
    return content.text;
}

size_t entry_string_size(const struct entry *entry)
{
    struct scratch scratch;
    return entry_string(entry, &scratch).size;
}

bool entry_string_integer(const struct entry *entry, int64_t *value)
{
    struct scratch scratch;
    if (entry_form(entry) != FORM_INTEGER)
        return string_is_integer(entry_string(entry, &scratch), value);
    *value = integer_of(entry);
    return true;
}

bool entry_is_integer(const struct entry *entry)
{
    return entry_form(entry) == FORM_INTEGER;
}

struct shared *entry_string_shared(struct entry *entry)
{
    if (entry_type(entry) != VALUE_STRING || entry_form(entry) != FORM_POINTER) return NULL;
    struct string *string = entry_value(entry);
    return string_bytes(string).size < STRING_SHARE_MIN ? NULL : string_shared(string);
}

/* Valkey says "embstr" of a string that fits, with its key, into one block of 128 bytes beside
 * header, expiry and size fields; a key of 32 bytes and more takes two bytes more for its size. */
static bool looks_embedded(const struct entry *entry)
{
    size_t key_size = entry_key_size(entry);
    size_t taken = key_size + (key_size < 32 ? 0 : 2) + entry_string_size(entry) +
                   (entry->kind & ENTRY_HAS_EXPIRY ? 8 : 0);
    return taken <= 113;
}

const char *entry_encoding(const struct entry *entry)
{
    if (entry_type(entry) != VALUE_STRING)
        return value_encoding(entry_type(entry), entry_value(entry));
    if (entry_form(entry) == FORM_INTEGER) return "int";
    return !(entry->kind & ENTRY_IS_EDITED) && looks_embedded(entry) ? "embstr" : "raw";
}

size_t entry_memory(const struct entry *entry, size_t samples)
{
    size_t memory = slabs_class(entry_size(entry));
    if (entry_form(entry) != FORM_POINTER) return memory;
    return memory + value_memory(entry_type(entry), entry_value(entry), samples);
}

/* ---- Reshaping ---- */

struct entry *entry_set_expiry(struct entry *entry, time_ms expiry_ms)
{
    bool had = entry->kind & ENTRY_HAS_EXPIRY;
    bool has = expiry_ms != EXPIRY_NONE;
    size_t at = entry_expiry_at(entry);
    if (had != has) {
        size_t before = entry_size(entry);
        size_t after = has ? before + 8 : before - 8;
        bool moves = slabs_class(before) != slabs_class(after);
        if (moves && has) entry = slabs_resize(entry, before, after);
        char *base = (char *)entry;
        if (has)
            memmove(base + at + 8, base + at, before - at);
        else
            memmove(base + at, base + at + 8, after - at);
        entry->kind ^= ENTRY_HAS_EXPIRY;
        if (moves && !has) entry = slabs_resize(entry, before, after);
    }
    if (has) memcpy((char *)entry + at, &expiry_ms, sizeof(expiry_ms));
    return entry;
}

/* The entry with this content instead; everything else stays. The content owns its bytes. */
static struct entry *with_content(struct entry *entry, const struct content *content)
{
    struct entry *fresh =
        entry_create(NULL, entry_key(entry), content, entry_expiry_ms(entry), entry_clock(entry));
    entry_free_shell(entry);
    return fresh;
}

/* A text in place becomes longer, still in place. */
static struct entry *text_grow(struct entry *entry, size_t size)
{
    size_t before = entry_size(entry);
    size_t size_before = text_size(entry);
    enum entry_form form_before = entry_form(entry);
    enum entry_form form = size <= UINT8_MAX ? FORM_SHORT : FORM_LONG;
    size_t text_at = entry_value_at(entry) + form_head_sizes[form_before];
    size_t text_at_after = entry_value_at(entry) + form_head_sizes[form];
    size_t after = text_at_after + size;
    entry = slabs_resize(entry, before, after);

    char *base = (char *)entry;
    if (text_at != text_at_after) memmove(base + text_at_after, base + text_at, size_before);
    memset(base + text_at_after + size_before, 0, size - size_before);
    entry->kind = (uint8_t)((entry->kind & ~ENTRY_FORM_MASK) | (unsigned)form << ENTRY_FORM_SHIFT);
    uint32_t wide = (uint32_t)size;
    if (form == FORM_SHORT)
        *value_place(entry) = (char)size;
    else
        memcpy(value_place(entry), &wide, sizeof(wide));
    return entry;
}

struct entry *entry_open_text(struct entry *entry, size_t size, char **text)
{
    ensure(entry_type(entry) == VALUE_STRING);
    ensure(size <= STRING_SIZE_MAX);
    struct scratch scratch;
    if (entry_form(entry) == FORM_INTEGER) {
        struct content content = content_of_text(entry_string(entry, &scratch), PUT_EDITED);
        entry = with_content(entry, &content);
    }
    entry->kind |= ENTRY_IS_EDITED;
    if (entry_form(entry) != FORM_POINTER && size > STRING_INLINE_MAX) {
        struct content content = entry_content(entry);
        content.pointer = string_create(content.text);
        content.form = FORM_POINTER;
        entry = with_content(entry, &content);
    }
    if (entry_form(entry) == FORM_POINTER) {
        struct string *string = entry_value(entry);
        *text = string_open(&string, size);
        entry_value_set(entry, string);
        return entry;
    }
    if (size > text_size(entry)) entry = text_grow(entry, size);
    *text = value_place(entry) + form_head_sizes[entry_form(entry)];
    return entry;
}
