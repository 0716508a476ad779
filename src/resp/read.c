/* Reading replies: header lines, the end of a reply, and trees that grow as bytes arrive. */
#include "resp/read.h"
#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"
#include <math.h>

#define COUNT_MAX ((int64_t)INT32_MAX) /* items that one header may announce */
#define HEAD_ROOM 32                   /* what a payload of the largest size has around it */

/* --- Heads --- */

static bool has_payload(enum resp_type type)
{
    return type == RESP_BULK || type == RESP_BULK_ERROR || type == RESP_VERBATIM;
}

static bool is_aggregate(enum resp_type type)
{
    return type == RESP_ARRAY || type == RESP_MAP || type == RESP_SET || type == RESP_PUSH ||
           type == RESP_ATTRIBUTE;
}

/* Values behind an aggregate's head: a pair counts twice. */
static size_t item_count(const struct resp_head *head)
{
    size_t count = head->number < 0 ? 0 : (size_t)head->number;
    return head->type == RESP_MAP || head->type == RESP_ATTRIBUTE ? count * 2 : count;
}

static bool is_null(const struct resp_head *head)
{
    if (head->type == RESP_NULL) return true;
    return head->number == -1 && (head->type == RESP_BULK || head->type == RESP_ARRAY);
}

static bool head_number(struct resp_head *head)
{
    struct bytes text = head->text;
    if (text.size > 1 && text.data[0] == '+') text = bytes_from(text, 1);
    return number_parse(text, &head->number);
}

/* Checks what stands behind the type byte. */
static bool head_check(struct resp_head *head)
{
    switch (head->type) {
    case RESP_SIMPLE:
    case RESP_ERROR:
    case RESP_BIG_NUMBER: return true;
    case RESP_DOUBLE: return head->text.size > 0;
    case RESP_NULL: return head->text.size == 0;
    case RESP_BOOL:
        return head->text.size == 1 && (head->text.data[0] == 't' || head->text.data[0] == 'f');
    case RESP_INTEGER: return head_number(head);
    case RESP_BULK:
    case RESP_BULK_ERROR:
    case RESP_VERBATIM:
    case RESP_ARRAY:
    case RESP_MAP:
    case RESP_SET:
    case RESP_PUSH:
    case RESP_ATTRIBUTE: break;
    default: return false;
    }
    if (!head_number(head)) return false;
    if (is_null(head)) return true;
    if (is_aggregate(head->type) && head->number > COUNT_MAX) return false;
    return head->number >= (head->type == RESP_VERBATIM ? 4 : 0);
}

enum resp_result resp_head_read(struct bytes input, struct resp_head *head)
{
    if (input.size == 0) return RESP_MORE;
    *head = (struct resp_head){ .type = (enum resp_type)(unsigned char)input.data[0] };
    if (strchr("+-:$*_#,(!=%~>|", input.data[0]) == NULL || input.data[0] == '\0')
        return RESP_BROKEN;
    const char *line_end = memchr(input.data, '\n', input.size);
    if (line_end == NULL) return RESP_MORE;
    if (line_end[-1] != '\r' || line_end - input.data < 2) return RESP_BROKEN;
    head->text = bytes_of(input.data + 1, (size_t)(line_end - input.data) - 2);
    head->consumed = (size_t)(line_end - input.data) + 1;
    return head_check(head) ? RESP_READY : RESP_BROKEN;
}

/* The payload behind a head, without its line end. `total` is the size of both. */
static enum resp_result payload_read(struct bytes input, const struct resp_head *head,
                                     struct bytes *payload, size_t *total)
{
    size_t size = (size_t)head->number;
    struct bytes rest = bytes_from(input, head->consumed);
    if (rest.size < 2 || rest.size - 2 < size) return RESP_MORE;
    if (rest.data[size] != '\r' || rest.data[size + 1] != '\n') return RESP_BROKEN;
    *payload = bytes_of(rest.data, size);
    *total = head->consumed + size + 2;
    return RESP_READY;
}

enum resp_result resp_skip(struct bytes input, size_t *consumed)
{
    size_t at = 0;
    size_t pending = 1; /* values that must still come; no stack is needed to count them */
    while (pending > 0) {
        struct resp_head head;
        struct bytes rest = bytes_from(input, at);
        enum resp_result result = resp_head_read(rest, &head);
        if (result != RESP_READY) return result;
        size_t total = head.consumed;
        if (has_payload(head.type) && !is_null(&head)) {
            struct bytes payload;
            result = payload_read(rest, &head, &payload, &total);
            if (result != RESP_READY) return result;
        }
        at += total;
        if (is_aggregate(head.type)) pending += item_count(&head);
        if (head.type != RESP_ATTRIBUTE) --pending;
    }
    *consumed = at;
    return RESP_READY;
}

/* --- Values --- */

static void value_fini(struct resp_value *value)
{
    memory_free((void *)value->text.data);
    for (size_t i = 0; i < value->count; ++i)
        value_fini(&value->items[i]); /* as deep as limits.depth_max */
    memory_free(value->items);
    resp_value_destroy(value->attribute);
}

void resp_value_destroy(struct resp_value *value)
{
    if (value == NULL) return;
    value_fini(value);
    memory_free(value);
}

bool resp_value_is_error(const struct resp_value *value, const char *code)
{
    if (value->type != RESP_ERROR && value->type != RESP_BULK_ERROR) return false;
    size_t size = strlen(code);
    if (value->text.size < size || memcmp(value->text.data, code, size) != 0) return false;
    return value->text.size == size || value->text.data[size] == ' ';
}

bool resp_value_is_aggregate(const struct resp_value *value)
{
    return is_aggregate(value->type);
}

const struct resp_value *resp_value_find(const struct resp_value *map, const char *key)
{
    for (size_t i = 0; i + 1 < map->count; i += 2)
        if (bytes_equal(map->items[i].text, bytes_text(key))) return &map->items[i + 1];
    return NULL;
}

/* --- Reader --- */

/* An aggregate whose items are still coming. Its address holds while it is on the stack, because
 * the items around it grow only after it is complete. */
struct frame {
    struct resp_value *value;
    size_t wanted;
    size_t capacity;
    struct resp_value *described; /* of an attribute: the value that comes after it */
};

struct resp_reader {
    struct resp_limits limits;
    struct buffer input;
    size_t at;               /* bytes of input that are read */
    struct resp_value *root; /* owned; NULL between replies */
    struct resp_value *slot; /* where the next value goes, NULL: to the top frame's items */
    struct frame frames[RESP_DEPTH_MAX];
    size_t depth;
    size_t size; /* of the reply so far */
    const char *error;
};

struct resp_reader *resp_reader_create(const struct resp_limits *limits)
{
    struct resp_reader *reader = memory_alloc_zero(sizeof(*reader));
    reader->limits = *limits;
    ensure(limits->depth_max <= RESP_DEPTH_MAX);
    return reader;
}

void resp_reader_destroy(struct resp_reader *reader)
{
    if (reader == NULL) return;
    resp_value_destroy(reader->root);
    buffer_fini(&reader->input);
    memory_free(reader);
}

void resp_reader_feed(struct resp_reader *reader, struct bytes bytes)
{
    if (reader->at > 0 && reader->at * 2 >= reader->input.size) {
        buffer_consume(&reader->input, reader->at);
        reader->at = 0;
    }
    buffer_append(&reader->input, bytes);
}

const char *resp_reader_error(const struct resp_reader *reader)
{
    return reader->error;
}

struct bytes resp_reader_rest(const struct resp_reader *reader)
{
    return bytes_of(reader->input.data + reader->at, reader->input.size - reader->at);
}

void resp_reader_drop(struct resp_reader *reader, size_t count)
{
    ensure(count <= reader->input.size - reader->at);
    reader->at += count;
}

static enum resp_result broken(struct resp_reader *reader, const char *error)
{
    reader->error = error;
    return RESP_BROKEN;
}

static struct resp_value *value_create(void)
{
    struct resp_value *value = memory_alloc_zero(sizeof(*value));
    value->type = RESP_NULL; /* harmless until it is filled */
    return value;
}

/* The place of the next value. Items grow with what arrives, not with what was announced. */
static struct resp_value *slot_next(struct resp_reader *reader)
{
    if (reader->slot != NULL) return reader->slot;
    struct frame *frame = &reader->frames[reader->depth - 1];
    struct resp_value *value = frame->value;
    if (value->count == frame->capacity) {
        frame->capacity = MIN(frame->wanted, MAX(frame->capacity * 2, 4));
        value->items = memory_realloc(value->items, frame->capacity * sizeof(*value->items));
    }
    struct resp_value *item = &value->items[value->count++];
    *item = (struct resp_value){ .type = RESP_NULL };
    return item;
}

static struct bytes copy_text(struct bytes text)
{
    return bytes_of(bytes_copy_text(text), text.size);
}

static bool fill_line(struct resp_value *value, const struct resp_head *head)
{
    value->text = copy_text(head->text);
    if (head->type == RESP_INTEGER) value->integer = head->number;
    if (head->type == RESP_BOOL) value->boolean = head->text.data[0] == 't';
    if (head->type != RESP_DOUBLE) return true;
    if (bytes_is_word(head->text, "nan") || bytes_is_word(head->text, "-nan")) {
        value->number = NAN;
        return true;
    }
    return number_parse_double(head->text, &value->number);
}

static bool fill_payload(struct resp_value *value, struct bytes payload)
{
    if (value->type == RESP_VERBATIM) {
        if (payload.data[3] != ':') return false;
        memcpy(value->format, payload.data, 3);
        payload = bytes_from(payload, 4);
    }
    value->text = copy_text(payload);
    return true;
}

static enum resp_result open_aggregate(struct resp_reader *reader, struct resp_value *value,
                                       const struct resp_head *head)
{
    struct frame frame = { .value = value, .wanted = item_count(head) };
    if (reader->depth == reader->limits.depth_max) return broken(reader, "nested too deeply");
    if (head->type == RESP_ATTRIBUTE) {
        if (value->attribute != NULL) return broken(reader, "two attributes in a row");
        value->attribute = value_create();
        frame.value = value->attribute;
        frame.described = value;
    }
    frame.value->type = head->type;
    reader->frames[reader->depth++] = frame;
    return RESP_READY;
}

/* Leaves every aggregate that is complete by now. True when the whole reply is. */
static bool close_aggregates(struct resp_reader *reader)
{
    reader->slot = NULL;
    while (reader->depth > 0) {
        struct frame *frame = &reader->frames[reader->depth - 1];
        if (frame->value->count < frame->wanted) return false;
        --reader->depth;
        if (frame->described != NULL) {
            reader->slot = frame->described;
            return false;
        }
    }
    return true;
}

/* Reads one head, with its payload if it has one, into its place. */
static enum resp_result read_value(struct resp_reader *reader)
{
    struct resp_head head;
    struct bytes rest = resp_reader_rest(reader);
    enum resp_result result = resp_head_read(rest, &head);
    if (result == RESP_BROKEN) return broken(reader, "not a RESP header");
    if (result == RESP_MORE) return RESP_MORE;

    struct bytes payload = BYTES_EMPTY;
    size_t total = head.consumed;
    bool takes_payload = has_payload(head.type) && !is_null(&head);
    if (takes_payload) {
        if ((uint64_t)head.number > reader->limits.size_max)
            return broken(reader, "payload too large");
        result = payload_read(rest, &head, &payload, &total);
        if (result == RESP_BROKEN) return broken(reader, "payload without line end");
        if (result == RESP_MORE) return RESP_MORE;
    }
    reader->at += total;
    reader->size += total + sizeof(struct resp_value);

    struct resp_value *value = slot_next(reader);
    if (is_null(&head)) {
        value->type = RESP_NULL;
        value->null_form = (char)head.type;
        return RESP_READY;
    }
    if (is_aggregate(head.type)) return open_aggregate(reader, value, &head);
    value->type = head.type;
    bool is_right = takes_payload ? fill_payload(value, payload) : fill_line(value, &head);
    return is_right ? RESP_READY : broken(reader, "malformed value");
}

enum resp_result resp_reader_next(struct resp_reader *reader, struct resp_value **value)
{
    if (reader->error != NULL) return RESP_BROKEN;
    if (reader->root == NULL) {
        reader->root = value_create();
        reader->slot = reader->root;
        reader->size = 0;
    }
    do {
        enum resp_result result = read_value(reader);
        if (result == RESP_BROKEN) return result;
        size_t waiting = result == RESP_MORE ? reader->input.size - reader->at : 0;
        if (MAX(reader->size, waiting) > reader->limits.size_max + HEAD_ROOM)
            return broken(reader, "reply too large");
        if (result == RESP_MORE) return result;
    } while (!close_aggregates(reader));
    *value = reader->root;
    reader->root = NULL;
    return RESP_READY;
}
