/* Consumer groups: sorted arrays of groups and of consumers, for there are few of them and they
 * are shown by name; maps by id of what is pending, for that can be much. */
#include "types/stream_groups.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "types/stream_parts.h"

/* ---- sorted arrays of what begins with a name ---- */

/* The index of the first name that is not below; *is_found: it is this name. `items` are pointers
 * to structs that begin with their name. */
static size_t names_search(void *const *items, size_t count, struct bytes name, bool *is_found)
{
    size_t low = 0;
    size_t high = count;
    *is_found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = bytes_compare(*(const struct bytes *)items[middle], name);
        if (order == 0) *is_found = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Room for another one at the index; arrays are a power of two long, or less when copied. */
static void **names_open(void **items, size_t count, size_t index)
{
    if ((count & (count - 1)) == 0)
        items = memory_realloc(items, MAX(1, count * 2) * sizeof(*items));
    memmove(items + index + 1, items + index, (count - index) * sizeof(*items));
    return items;
}

static void names_remove(void **items, size_t count, size_t index)
{
    memmove(items + index, items + index + 1, (count - index - 1) * sizeof(*items));
}

static size_t names_capacity(size_t count)
{
    size_t capacity = 1;
    while (capacity < count) capacity *= 2;
    return count == 0 ? 0 : capacity;
}

static struct bytes name_copy(struct bytes name)
{
    char *copy = memory_alloc(MAX(1, name.size));
    memcpy(copy, name.data, name.size);
    return bytes_of(copy, name.size);
}

static void name_free(struct bytes name)
{
    memory_free((char *)name.data);
}

/* ---- consumers ---- */

static struct stream_consumer *consumer_create(struct bytes name)
{
    struct stream_consumer *consumer = memory_alloc_zero(sizeof(*consumer));
    consumer->name = name_copy(name);
    id_map_init(&consumer->pending, sizeof(struct stream_id));
    return consumer;
}

static void consumer_free(struct stream_consumer *consumer)
{
    id_map_fini(&consumer->pending);
    name_free(consumer->name);
    memory_free(consumer);
}

struct stream_consumer *stream_consumer_find(const struct stream_group *group, struct bytes name)
{
    bool is_found;
    size_t index = names_search((void **)group->consumers, group->consumer_count, name, &is_found);
    return is_found ? group->consumers[index] : NULL;
}

struct stream_consumer *stream_consumer_create(struct stream_group *group, struct bytes name,
                                               time_ms seen_ms)
{
    bool is_found;
    size_t index = names_search((void **)group->consumers, group->consumer_count, name, &is_found);
    if (is_found) return NULL;
    struct stream_consumer *consumer = consumer_create(name);
    consumer->seen_ms = seen_ms;
    consumer->active_ms = STREAM_NEVER_ACTIVE;
    group->consumers = (struct stream_consumer **)names_open((void **)group->consumers,
                                                             group->consumer_count, index);
    group->consumers[index] = consumer;
    group->consumer_count++;
    return consumer;
}

void stream_consumer_destroy(struct stream_group *group, struct stream_consumer *consumer)
{
    bool is_found;
    size_t index =
        names_search((void **)group->consumers, group->consumer_count, consumer->name, &is_found);
    ensure(is_found);
    struct id_place place;
    const struct stream_id *id = id_map_first(&consumer->pending, &place);
    for (; id != NULL; id = id_map_next(&consumer->pending, &place)) {
        struct id_place other;
        const struct stream_pending *pending = id_map_from(&group->pending, *id, &other);
        ensure(pending != NULL);
        ensure(pending->consumer == consumer);
        id_map_remove(&group->pending, other);
    }
    names_remove((void **)group->consumers, group->consumer_count, index);
    group->consumer_count--;
    consumer_free(consumer);
}

/* ---- groups ---- */

static struct stream_group *group_create(struct bytes name)
{
    struct stream_group *group = memory_alloc_zero(sizeof(*group));
    group->name = name_copy(name);
    id_map_init(&group->pending, sizeof(struct stream_pending));
    return group;
}

static void group_free(struct stream_group *group)
{
    for (size_t i = 0; i < group->consumer_count; i++) consumer_free(group->consumers[i]);
    memory_free(group->consumers);
    id_map_fini(&group->pending);
    name_free(group->name);
    memory_free(group);
}

size_t stream_group_count(const struct stream *stream)
{
    return stream->groups.count;
}

struct stream_group *stream_group_at(const struct stream *stream, size_t index)
{
    ensure(index < stream->groups.count);
    return stream->groups.items[index];
}

static size_t group_search(const struct stream *stream, struct bytes name, bool *is_found)
{
    const struct stream_group_list *groups = &stream->groups;
    return names_search((void **)groups->items, groups->count, name, is_found);
}

struct stream_group *stream_group_find(const struct stream *stream, struct bytes name)
{
    bool is_found;
    size_t index = group_search(stream, name, &is_found);
    return is_found ? stream->groups.items[index] : NULL;
}

struct stream_group *stream_group_create(struct stream *stream, struct bytes name,
                                         struct stream_id last_id, int64_t entries_read)
{
    struct stream_group_list *groups = &stream->groups;
    bool is_found;
    size_t index = group_search(stream, name, &is_found);
    if (is_found) return NULL;
    struct stream_group *group = group_create(name);
    group->last_id = last_id;
    group->entries_read = entries_read;
    groups->items =
        (struct stream_group **)names_open((void **)groups->items, groups->count, index);
    groups->items[index] = group;
    groups->count++;
    return group;
}

bool stream_group_destroy(struct stream *stream, struct bytes name)
{
    struct stream_group_list *groups = &stream->groups;
    bool is_found;
    size_t index = group_search(stream, name, &is_found);
    if (!is_found) return false;
    group_free(groups->items[index]);
    names_remove((void **)groups->items, groups->count, index);
    groups->count--;
    return true;
}

/* ---- what is pending ---- */

struct stream_pending *stream_pending_find(const struct stream_group *group, struct stream_id id)
{
    return id_map_find(&group->pending, id);
}

struct stream_pending *stream_pending_put(struct stream_group *group,
                                          struct stream_consumer *consumer, struct stream_id id)
{
    struct stream_pending *pending = id_map_insert(&group->pending, id);
    pending->consumer = consumer;
    if (consumer != NULL) id_map_insert(&consumer->pending, id);
    return pending;
}

static void consumer_forget(struct stream_consumer *consumer, struct stream_id id)
{
    struct id_place place;
    const struct stream_id *found = id_map_from(&consumer->pending, id, &place);
    ensure(found != NULL);
    ensure(stream_id_compare(*found, id) == 0);
    id_map_remove(&consumer->pending, place);
}

void stream_pending_move(struct stream_pending *pending, struct stream_consumer *consumer)
{
    if (pending->consumer == consumer) return;
    if (pending->consumer != NULL) consumer_forget(pending->consumer, pending->id);
    pending->consumer = consumer;
    id_map_insert(&consumer->pending, pending->id);
}

bool stream_pending_remove(struct stream_group *group, struct stream_id id)
{
    struct id_place place;
    const struct stream_pending *pending = id_map_from(&group->pending, id, &place);
    if (pending == NULL || stream_id_compare(pending->id, id) != 0) return false;
    consumer_forget(pending->consumer, id);
    id_map_remove(&group->pending, place);
    return true;
}

/* ---- how far a group is ---- */

bool stream_has_deleted_from(const struct stream *stream, struct stream_id id)
{
    struct stream_id deleted = stream->figures.max_deleted_id;
    if (stream->length == 0 || stream_id_is_zero(deleted)) return false;
    return stream_id_compare(id, deleted) <= 0;
}

/* Trims take entries at the front, so the count of all that were ever added and the length tell
 * where the first entry stands; XDEL makes holes, and behind a hole nothing is known. */
int64_t stream_count_until(const struct stream *stream, struct stream_id id)
{
    const struct stream_figures *figures = &stream->figures;
    int64_t added = (int64_t)figures->entries_added;
    int64_t length = (int64_t)stream->length;
    if (added == 0) return 0;
    int to_last = stream_id_compare(id, figures->last_id);
    if (length == 0 && to_last < 1) return added;
    if (!stream_id_is_zero(id) && stream_id_compare(id, figures->max_deleted_id) < 0)
        return STREAM_READ_UNKNOWN;
    if (!stream_id_is_zero(id) && to_last == 0) return added;
    if (to_last > 0) return STREAM_READ_UNKNOWN;
    bool is_whole = stream_id_is_zero(figures->max_deleted_id) ||
                    stream_id_compare(figures->max_deleted_id, figures->first_id) < 0;
    int to_first = stream_id_compare(id, figures->first_id);
    if (is_whole && to_first < 0) return added - length;
    if (is_whole && to_first == 0) return added - length + 1;
    return STREAM_READ_UNKNOWN;
}

bool stream_group_lag(const struct stream *stream, const struct stream_group *group, int64_t *lag)
{
    int64_t added = (int64_t)stream->figures.entries_added;
    int64_t read = group->entries_read;
    *lag = 0;
    if (added == 0) return true;
    if (read == STREAM_READ_UNKNOWN || stream_has_deleted_from(stream, group->last_id))
        read = stream_count_until(stream, group->last_id);
    *lag = added - read;
    return read != STREAM_READ_UNKNOWN;
}

void stream_group_advance(const struct stream *stream, struct stream_group *group,
                          struct stream_id id)
{
    if (stream_id_compare(id, group->last_id) <= 0) return;
    if (group->entries_read != STREAM_READ_UNKNOWN &&
        stream_id_compare(group->last_id, stream->figures.first_id) >= 0 &&
        !stream_has_deleted_from(stream, group->last_id))
        group->entries_read++;
    else if (stream->figures.entries_added > 0)
        group->entries_read = stream_count_until(stream, id);
    group->last_id = id;
}

/* ---- for stream.c ---- */

void stream_groups_fini(struct stream_group_list *groups)
{
    for (size_t i = 0; i < groups->count; i++) group_free(groups->items[i]);
    memory_free(groups->items);
    *groups = (struct stream_group_list){ 0 };
}

static struct stream_group *group_copy(const struct stream_group *group)
{
    struct stream_group *copy = group_create(group->name);
    copy->last_id = group->last_id;
    copy->entries_read = group->entries_read;
    copy->consumer_count = group->consumer_count;
    copy->consumers =
        memory_alloc(names_capacity(group->consumer_count) * sizeof(*group->consumers));
    for (size_t i = 0; i < group->consumer_count; i++) {
        const struct stream_consumer *from = group->consumers[i];
        struct stream_consumer *to = consumer_create(from->name);
        to->seen_ms = from->seen_ms;
        to->active_ms = from->active_ms;
        id_map_copy(&from->pending, &to->pending);
        copy->consumers[i] = to;
    }
    id_map_copy(&group->pending, &copy->pending);
    struct id_place place;
    struct stream_pending *pending = id_map_first(&copy->pending, &place);
    for (; pending != NULL; pending = id_map_next(&copy->pending, &place))
        pending->consumer = stream_consumer_find(copy, pending->consumer->name);
    return copy;
}

void stream_groups_copy(const struct stream_group_list *from, struct stream_group_list *to)
{
    *to = (struct stream_group_list){ 0 };
    if (from->count == 0) return;
    to->count = from->count;
    to->items = memory_alloc(names_capacity(from->count) * sizeof(*to->items));
    for (size_t i = 0; i < from->count; i++) to->items[i] = group_copy(from->items[i]);
}

static size_t group_memory(const struct stream_group *group)
{
    size_t size = memory_class(sizeof(*group)) + memory_class(MAX(1, group->name.size)) +
                  id_map_memory(&group->pending) +
                  memory_class(names_capacity(group->consumer_count) * sizeof(*group->consumers));
    for (size_t i = 0; i < group->consumer_count; i++) {
        const struct stream_consumer *consumer = group->consumers[i];
        size += memory_class(sizeof(*consumer)) + memory_class(MAX(1, consumer->name.size)) +
                id_map_memory(&consumer->pending);
    }
    return size;
}

size_t stream_groups_memory(const struct stream_group_list *groups)
{
    size_t size = 0;
    if (groups->count > 0)
        size = memory_class(names_capacity(groups->count) * sizeof(*groups->items));
    for (size_t i = 0; i < groups->count; i++) size += group_memory(groups->items[i]);
    return size;
}

size_t stream_groups_free_effort(const struct stream_group_list *groups)
{
    size_t effort = 0;
    for (size_t i = 0; i < groups->count; i++) {
        const struct stream_group *group = groups->items[i];
        effort += 4 + id_map_chunks(&group->pending);
        for (size_t j = 0; j < group->consumer_count; j++)
            effort += 3 + id_map_chunks(&group->consumers[j]->pending);
    }
    return effort;
}
