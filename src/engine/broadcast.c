/* Broadcast mode of client-side caching: clients name prefixes, and are told of every key below
 * them that was written, whoever had read it.
 *
 * Keys are gathered by prefix while a turn runs and told at its end, in order and once each. A
 * prefix is found by asking for each length that any prefix has, so that a write costs as many
 * look-ups as there are lengths, however many prefixes and clients there are. */
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"
#include "engine/tracking.h"
#include <stdlib.h>

struct written_key {
    size_t offset; /* in the prefix's `text` */
    size_t size;
    size_t number;   /* in the order of writing */
    uint64_t writer; /* the session's id; 0: nobody's */
};

struct prefix {
    struct list members;
    struct list_link due_link;
    struct buffer text;          /* of the keys below */
    struct written_key *written; /* owned */
    size_t written_count;
    size_t written_capacity;
    size_t name_size;
    char name[];
};

struct prefix_member {
    struct list_link in_prefix;
    struct list_link in_session;
    struct session *session;
    struct prefix *prefix;
};

static struct bytes name_of(const void *entry)
{
    const struct prefix *prefix = entry;
    return bytes_of(prefix->name, prefix->name_size);
}

static struct prefix *prefix_find(struct tracking *tracking, struct bytes name)
{
    tracking->prefix_rules.key_of = name_of;
    uint64_t hash = hash_bytes(&tracking->prefix_rules.hash_key, name);
    struct table_cell *cell = table_find(tracking->prefixes, &tracking->prefix_rules, hash, name);
    return cell == NULL ? NULL : table_cell_entry(cell);
}

static void prefix_free(void *context, void *entry)
{
    (void)context;
    struct prefix *prefix = entry;
    buffer_fini(&prefix->text);
    memory_free(prefix->written);
    memory_free(prefix);
}

void broadcast_fini(struct tracking *tracking)
{
    table_destroy(tracking->prefixes, prefix_free, NULL);
    memory_free(tracking->lengths);
}

/* --- lengths ----------------------------------------------------------------------------- */

static void length_add(struct tracking *tracking, size_t size)
{
    for (size_t i = 0; i < tracking->length_count; i++) {
        if (tracking->lengths[i].size != size) continue;
        tracking->lengths[i].count++;
        return;
    }
    if (tracking->length_count == tracking->length_capacity) {
        tracking->length_capacity = MAX(2 * tracking->length_capacity, (size_t)8);
        tracking->lengths = memory_realloc(tracking->lengths,
                                           tracking->length_capacity * sizeof(*tracking->lengths));
    }
    tracking->lengths[tracking->length_count++] = (struct prefix_length){ size, 1 };
}

static void length_remove(struct tracking *tracking, size_t size)
{
    for (size_t i = 0; i < tracking->length_count; i++) {
        if (tracking->lengths[i].size != size) continue;
        if (--tracking->lengths[i].count == 0)
            tracking->lengths[i] = tracking->lengths[--tracking->length_count];
        return;
    }
    ensure_unreachable();
}

/* --- members ----------------------------------------------------------------------------- */

static struct prefix *prefix_need(struct tracking *tracking, struct bytes name)
{
    struct prefix *prefix = prefix_find(tracking, name);
    if (prefix != NULL) return prefix;
    prefix = memory_alloc(sizeof(*prefix) + name.size);
    *prefix = (struct prefix){ .name_size = name.size };
    if (name.size > 0) memcpy(prefix->name, name.data, name.size);
    list_init(&prefix->members);
    list_link_init(&prefix->due_link);
    uint64_t hash = hash_bytes(&tracking->prefix_rules.hash_key, name);
    table_insert(&tracking->prefixes, &tracking->prefix_rules, hash, prefix);
    length_add(tracking, name.size);
    return prefix;
}

void broadcast_join(struct engine *engine, struct session *session, struct bytes name)
{
    struct prefix *prefix = prefix_need(&engine->tracking, name);
    LIST_EACH(&session->tracking->prefixes, struct prefix_member, other, in_session)
    if (other->prefix == prefix) return;
    struct prefix_member *member = memory_alloc(sizeof(*member));
    *member = (struct prefix_member){ .session = session, .prefix = prefix };
    session->held_bytes += sizeof(*member) + prefix->name_size;
    list_append(&prefix->members, &member->in_prefix);
    list_append(&session->tracking->prefixes, &member->in_session);
}

static void prefix_drop(struct tracking *tracking, struct prefix *prefix)
{
    uint64_t hash = hash_bytes(&tracking->prefix_rules.hash_key, name_of(prefix));
    struct table_cell *cell =
        table_find(tracking->prefixes, &tracking->prefix_rules, hash, name_of(prefix));
    ensure(cell != NULL);
    table_remove(&tracking->prefixes, &tracking->prefix_rules, hash, cell);
    list_remove(&prefix->due_link);
    length_remove(tracking, prefix->name_size);
    prefix_free(NULL, prefix);
}

void broadcast_leave_all(struct engine *engine, struct session *session)
{
    LIST_EACH(&session->tracking->prefixes, struct prefix_member, member, in_session)
    {
        struct prefix *prefix = member->prefix;
        list_remove(&member->in_prefix);
        list_remove(&member->in_session);
        session->held_bytes -= sizeof(*member) + prefix->name_size;
        memory_free(member);
        if (list_is_empty(&prefix->members)) prefix_drop(&engine->tracking, prefix);
    }
}

static int compare_bytes(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

size_t broadcast_prefixes(const struct session *session, struct bytes **prefixes)
{
    size_t count = 0;
    *prefixes = NULL;
    if (session->tracking == NULL) return 0;
    LIST_EACH(&session->tracking->prefixes, struct prefix_member, counted, in_session) count++;
    *prefixes = memory_alloc((count + 1) * sizeof(**prefixes));
    count = 0;
    LIST_EACH(&session->tracking->prefixes, struct prefix_member, member, in_session)
    (*prefixes)[count++] = name_of(member->prefix);
    qsort(*prefixes, count, sizeof(**prefixes), compare_bytes);
    return count;
}

/* --- keys -------------------------------------------------------------------------------- */

static void prefix_note(struct tracking *tracking, struct prefix *prefix, struct bytes key,
                        uint64_t writer)
{
    if (prefix->written_count == prefix->written_capacity) {
        prefix->written_capacity = MAX(2 * prefix->written_capacity, (size_t)8);
        prefix->written =
            memory_realloc(prefix->written, prefix->written_capacity * sizeof(*prefix->written));
    }
    prefix->written[prefix->written_count] = (struct written_key){
        .offset = prefix->text.size,
        .size = key.size,
        .number = prefix->written_count,
        .writer = writer,
    };
    prefix->written_count++;
    buffer_append(&prefix->text, key);
    if (!list_link_is_in(&prefix->due_link)) list_append(&tracking->due, &prefix->due_link);
}

void broadcast_key(struct engine *engine, struct bytes key)
{
    struct tracking *tracking = &engine->tracking;
    uint64_t writer = engine->running != NULL ? engine->running->id : 0;
    for (size_t i = 0; i < tracking->length_count; i++) {
        size_t size = tracking->lengths[i].size;
        if (size > key.size) continue;
        struct prefix *prefix = prefix_find(tracking, bytes_of(key.data, size));
        if (prefix != NULL) prefix_note(tracking, prefix, key, writer);
    }
}

/* What is told: the keys of a prefix, with who wrote them last. */
struct told_key {
    struct bytes key; /* first: sorted by it */
    size_t number;
    uint64_t writer;
};

static int compare_told(const void *a, const void *b)
{
    const struct told_key *one = a, *other = b;
    int order = bytes_compare(one->key, other->key);
    if (order != 0) return order;
    return one->number < other->number ? -1 : 1;
}

/* In order, each once, with its last writer. Answers how many there are. */
static size_t told_keys(const struct prefix *prefix, struct told_key *told)
{
    size_t count = 0;
    for (size_t i = 0; i < prefix->written_count; i++) {
        const struct written_key *written = &prefix->written[i];
        told[i].key = bytes_of(prefix->text.data + written->offset, written->size);
        told[i].number = written->number;
        told[i].writer = written->writer;
    }
    qsort(told, prefix->written_count, sizeof(*told), compare_told);
    for (size_t i = 0; i < prefix->written_count; i++) {
        if (count > 0 && bytes_equal(told[count - 1].key, told[i].key)) count--;
        told[count++] = told[i];
    }
    return count;
}

static size_t keys_for(const struct session *session, const struct told_key *told, size_t count,
                       struct bytes *keys)
{
    bool is_own_silent = session->flags & SESSION_NO_LOOP;
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_own_silent || told[i].writer != session->id) keys[wanted++] = told[i].key;
    return wanted;
}

static void prefix_send(struct engine *engine, struct prefix *prefix)
{
    struct told_key *told = memory_alloc(prefix->written_count * sizeof(*told));
    struct bytes *keys = memory_alloc(prefix->written_count * sizeof(*keys));
    size_t count = told_keys(prefix, told);
    LIST_EACH(&prefix->members, struct prefix_member, member, in_prefix)
    {
        size_t wanted = keys_for(member->session, told, count, keys);
        if (wanted > 0) tracking_send(engine, member->session, keys, wanted);
    }
    memory_free(told);
    memory_free(keys);
    prefix->written_count = 0;
    buffer_clear(&prefix->text);
    buffer_trim(&prefix->text, 4 * KIB);
}

static int compare_prefixes(const void *a, const void *b)
{
    return bytes_compare(name_of(*(struct prefix *const *)a), name_of(*(struct prefix *const *)b));
}

void broadcast_send(struct engine *engine)
{
    struct tracking *tracking = &engine->tracking;
    size_t count = 0;
    LIST_EACH(&tracking->due, struct prefix, counted, due_link) count++;
    struct prefix **due = memory_alloc(count * sizeof(*due));
    count = 0;
    LIST_EACH(&tracking->due, struct prefix, prefix, due_link)
    {
        due[count++] = prefix;
        list_remove(&prefix->due_link);
    }
    qsort(due, count, sizeof(struct prefix *), compare_prefixes);
    for (size_t i = 0; i < count; i++) prefix_send(engine, due[i]);
    memory_free(due);
}
