/* Nodes of streams: writing, reading, checking. */
#include "types/stream_node.h"

#include "base/ensure.h"
#include "base/memory.h"

/* Bits of an entry's flags. They are the first byte of the entry itself, for small integers stand
 * in their head. */
#define ENTRY_DELETED    1
#define ENTRY_SAME_NAMES 2

#define ELEMENT_FRAME 10 /* head and tail of a text, or an integer whole, but for its bytes */
#define INTEGER_SIZE  10 /* head, 8 bytes, tail */

/* ---- memory ---- */

static struct stream_node *node_resize(struct stream_node *node, size_t capacity)
{
    size_t class = memory_class(sizeof(*node) + capacity);
    ensure(class - sizeof(*node) <= UINT32_MAX);
    node = memory_realloc(node, class);
    node->capacity = (uint32_t)(class - sizeof(*node));
    return node;
}

static void node_reserve(struct stream_node **node, size_t more)
{
    size_t wanted = (*node)->size + more;
    if (wanted <= (*node)->capacity) return;
    *node = node_resize(*node, MAX(wanted, (size_t)(*node)->capacity * 3 / 2));
}

void stream_node_destroy(struct stream_node *node)
{
    memory_free(node);
}

struct stream_node *stream_node_copy(const struct stream_node *node)
{
    struct stream_node *copy = node_resize(NULL, node->size);
    uint32_t capacity = copy->capacity;
    memcpy(copy, node, sizeof(*node) + node->size);
    copy->capacity = capacity;
    return copy;
}

size_t stream_node_memory(const struct stream_node *node)
{
    return sizeof(*node) + node->capacity;
}

void stream_node_close(struct stream_node **node)
{
    if (memory_class(sizeof(**node) + (*node)->size) < sizeof(**node) + (*node)->capacity)
        *node = node_resize(*node, (*node)->size);
}

static size_t integer_size(int64_t value)
{
    struct listpack_code code;
    listpack_encode_integer(value, &code);
    return code.size;
}

size_t stream_node_format_size(const struct stream_node *node)
{
    return LISTPACK_FRAME + integer_size(node->live_count) + integer_size(node->deleted_count) +
           node->size;
}

/* ---- writing ---- */

static char *put_text(char *into, struct bytes text)
{
    struct listpack_code code;
    listpack_encode(text, &code);
    return listpack_write(into, &code);
}

static char *put_integer(char *into, int64_t value)
{
    struct listpack_code code;
    listpack_encode_integer(value, &code);
    return listpack_write(into, &code);
}

/* Room that these texts need at most: every `step`th of `count`. */
static size_t room_of(const struct bytes *texts, size_t count, size_t step)
{
    size_t room = 0;
    for (size_t i = 0; i < count; i += step) room += texts[i].size + ELEMENT_FRAME;
    return room;
}

static void node_end(struct stream_node *node, const char *end)
{
    node->size = (uint32_t)(end - node->body);
    ensure(node->size <= node->capacity);
}

struct stream_node *stream_node_create(const struct bytes *fields, size_t pair_count)
{
    /* The first entry will come at once. */
    size_t room = 7 * INTEGER_SIZE + room_of(fields, 2 * pair_count, 1);
    struct stream_node *node = node_resize(NULL, room);
    char *at = put_integer(node->body, (int64_t)pair_count);
    for (size_t i = 0; i < pair_count; i++) at = put_text(at, fields[2 * i]);
    at = put_integer(at, 0);
    node_end(node, at);
    node->entries_at = node->size;
    node->name_count = (uint32_t)pair_count;
    node->element_count = (uint32_t)pair_count + 2;
    node->live_count = 0;
    node->deleted_count = 0;
    return node;
}

static bool has_names(const struct stream_node *node, const struct bytes *fields, size_t pair_count)
{
    if (node->name_count != pair_count) return false;
    struct listpack_item name;
    struct bytes body = stream_node_body(node);
    size_t at = listpack_after(body, 0);
    for (size_t i = 0; i < pair_count; i++) {
        at = listpack_read(body, at, &name);
        if (!listpack_item_equals(&name, fields[2 * i])) return false;
    }
    return true;
}

void stream_node_append(struct stream_node **place, struct stream_id node_id, struct stream_id id,
                        const struct bytes *fields, size_t pair_count)
{
    ensure(stream_id_compare(node_id, id) <= 0);
    bool is_same = has_names(*place, fields, pair_count);
    size_t step = is_same ? 2 : 1;
    node_reserve(place,
                 5 * INTEGER_SIZE + room_of(fields + step - 1, 2 * pair_count - step + 1, step));
    struct stream_node *node = *place;
    char *at = node->body + node->size;
    at = put_integer(at, is_same ? ENTRY_SAME_NAMES : 0);
    at = put_integer(at, (int64_t)(id.ms - node_id.ms));
    at = put_integer(at, (int64_t)(id.seq - node_id.seq));
    if (!is_same) at = put_integer(at, (int64_t)pair_count);
    for (size_t i = step - 1; i < 2 * pair_count; i += step) at = put_text(at, fields[i]);
    size_t count = is_same ? pair_count + 3 : 2 * pair_count + 4;
    at = put_integer(at, (int64_t)count);
    node_end(node, at);
    node->element_count += (uint32_t)count + 1;
    node->live_count++;
}

void stream_node_delete(struct stream_node *node, size_t entry_at)
{
    ensure(entry_at < node->size);
    ensure(!(node->body[entry_at] & ENTRY_DELETED));
    node->body[entry_at] |= ENTRY_DELETED;
    node->live_count--;
    node->deleted_count++;
}

/* ---- reading ---- */

static size_t read_integer(struct bytes body, size_t at, int64_t *value)
{
    struct listpack_item item;
    at = listpack_read(body, at, &item);
    ensure(item.is_integer);
    *value = item.integer;
    return at;
}

void stream_node_read(const struct stream_node *node, struct stream_id node_id, size_t at,
                      struct stream_entry *entry)
{
    struct bytes body = stream_node_body(node);
    int64_t ms, seq;
    ensure(at < body.size);
    unsigned flags = (unsigned char)body.data[at];
    at = read_integer(body, at + 2, &ms);
    at = read_integer(body, at, &seq);
    entry->id.ms = node_id.ms + (uint64_t)ms;
    entry->id.seq = node_id.seq + (uint64_t)seq;
    entry->is_deleted = flags & ENTRY_DELETED;
    entry->has_own_names = !(flags & ENTRY_SAME_NAMES);
    entry->pair_count = node->name_count;
    if (entry->has_own_names) {
        int64_t count;
        at = read_integer(body, at, &count);
        entry->pair_count = (uint32_t)count;
    }
    entry->data_at = (uint32_t)at;
}

size_t stream_node_after(const struct stream_node *node, const struct stream_entry *entry)
{
    struct bytes body = stream_node_body(node);
    size_t count = (entry->has_own_names ? 2 : 1) * (size_t)entry->pair_count + 1;
    size_t at = entry->data_at;
    while (count-- > 0) at = listpack_after(body, at);
    return at;
}

size_t stream_node_before(const struct stream_node *node, size_t at)
{
    struct bytes body = stream_node_body(node);
    int64_t count;
    at = listpack_before(body, at);
    read_integer(body, at, &count);
    while (count-- > 0) at = listpack_before(body, at);
    ensure(at >= node->entries_at);
    return at;
}

/* ---- the form of snapshots ---- */

void stream_node_write(const struct stream_node *node, struct buffer *into)
{
    char head[LISTPACK_FRAME_HEAD];
    size_t size = stream_node_format_size(node);
    listpack_frame(head, size - LISTPACK_FRAME, (size_t)node->element_count + 2);
    buffer_append(into, bytes_of(head, sizeof(head)));
    listpack_append_integer(into, node->live_count);
    listpack_append_integer(into, node->deleted_count);
    buffer_append(into, stream_node_body(node));
    buffer_append_byte(into, (char)0xff);
}

/* Elements that are still to be looked at. */
struct reading {
    struct bytes body;
    size_t at;
    size_t left;
};

/* The next element as a number from 0 to `max`; anything else is unsound. */
static bool take_integer(struct reading *reading, int64_t *value)
{
    struct listpack_item item;
    if (reading->left == 0) return false;
    reading->left--;
    reading->at = listpack_read(reading->body, reading->at, &item);
    *value = item.integer;
    return item.is_integer;
}

static bool take_count(struct reading *reading, size_t max, size_t *count)
{
    int64_t value;
    if (!take_integer(reading, &value)) return false;
    *count = (size_t)value;
    return value >= 0 && (uint64_t)value <= max;
}

static bool skip(struct reading *reading, size_t count)
{
    if (count > reading->left) return false;
    reading->left -= count;
    while (count-- > 0) reading->at = listpack_after(reading->body, reading->at);
    return true;
}

/* One entry: its flags in a byte, and as many elements as it says. */
static bool check_entry(struct reading *reading, size_t name_count, struct stream_id *id,
                        bool *is_deleted)
{
    size_t before = reading->left;
    size_t flags, told;
    size_t count = name_count;
    int64_t ms, seq;
    if (before == 0 || (unsigned char)reading->body.data[reading->at] > 3) return false;
    if (!take_count(reading, 3, &flags)) return false;
    if (!take_integer(reading, &ms) || !take_integer(reading, &seq)) return false;
    if (!(flags & ENTRY_SAME_NAMES)) {
        if (!take_count(reading, reading->left / 2, &count)) return false;
        count *= 2;
    }
    if (!skip(reading, count)) return false;
    size_t elements = before - reading->left;
    if (!take_count(reading, elements, &told) || told != elements) return false;
    id->ms += (uint64_t)ms;
    id->seq += (uint64_t)seq;
    *is_deleted = flags & ENTRY_DELETED;
    return true;
}

static bool check_entries(struct reading *reading, struct stream_id node_id,
                          const struct stream_node *told, struct stream_id *last)
{
    size_t live = 0, deleted = 0;
    while (reading->left > 0) {
        struct stream_id id = node_id;
        bool is_deleted;
        if (!check_entry(reading, told->name_count, &id, &is_deleted)) return false;
        live += !is_deleted;
        deleted += is_deleted;
        if (is_deleted) continue;
        if (stream_id_compare(id, node_id) < 0 || stream_id_compare(id, *last) <= 0) return false;
        *last = id;
    }
    return live + deleted > 0 && live == told->live_count && deleted == told->deleted_count;
}

struct stream_node *stream_node_parse(struct bytes framed, struct stream_id node_id,
                                      struct stream_id *last)
{
    struct reading reading = { 0 };
    struct stream_node told = { 0 };
    size_t live, deleted, names, zero;
    if (framed.size > UINT32_MAX - KIB) return NULL;
    if (!listpack_open(framed, &reading.body, &reading.left)) return NULL;
    if (!take_count(&reading, UINT32_MAX, &live)) return NULL;
    if (!take_count(&reading, UINT32_MAX, &deleted)) return NULL;
    size_t start = reading.at;
    told.element_count = (uint32_t)reading.left;
    if (!take_count(&reading, reading.left, &names) || !skip(&reading, names)) return NULL;
    if (!take_count(&reading, 0, &zero)) return NULL;
    told.live_count = (uint32_t)live;
    told.deleted_count = (uint32_t)deleted;
    told.name_count = (uint32_t)names;
    told.entries_at = (uint32_t)(reading.at - start);
    if (!check_entries(&reading, node_id, &told, last)) return NULL;

    struct bytes body = bytes_from(reading.body, start);
    struct stream_node *node = node_resize(NULL, body.size);
    told.capacity = node->capacity;
    told.size = (uint32_t)body.size;
    memcpy(node, &told, sizeof(told));
    memcpy(node->body, body.data, body.size);
    return node;
}
