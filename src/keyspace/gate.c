/* The gate that every write passes, and the look-ups below it.
 *
 * Whatever changes a key comes through gate_put, gate_take or gate_tell; so watching, dirt, told
 * changes and the indexes are kept here and nowhere else. A snapshot without fork will hook in
 * here as well: an entry whose bucket it has not visited is emitted before it changes. */
#include "base/ensure.h"
#include "base/table_inline.h"
#include "keyspace/internal.h"

#define ALWAYS_TOLD                                                                                \
    (1u << CHANGE_EXPIRED | 1u << CHANGE_EVICTED | 1u << CHANGE_FIELDS | 1u << CHANGE_FIELD |      \
     1u << CHANGE_EMPTIED)

#define CLOCK_MASK       0xffffffu
#define LFU_MINUTES_MASK 0xffffu
#define LFU_START        5 /* of the counter: a new key is not the first to be evicted */

static struct bytes key_of(const void *entry)
{
    return entry_key_inline(entry);
}

static struct table_cell *search_cell(const struct keyspace *keyspace, const struct key *key)
{
    const struct table *table = database_table(keyspace_database(keyspace, key->db), key->slot);
    return table_find_inline(table, key->hash, key->bytes, key_of);
}

static inline struct table_cell *find_cell(const struct keyspace *keyspace, const struct key *key)
{
    ensure(key->db < keyspace->database_count);
    if (key->proposed != NULL && key->moves == keyspace->moves &&
        bytes_equal_inline(key_of(table_cell_entry(key->proposed)), key->bytes))
        return key->proposed;
    return search_cell(keyspace, key);
}

struct table_cell *gate_cell(const struct keyspace *keyspace, const struct key *key)
{
    return find_cell(keyspace, key);
}

void gate_tell(struct keyspace *keyspace, const struct access *access, const struct key *key,
               enum change_kind kind)
{
    if (kind != CHANGE_EXPIRED) keyspace->dirty++;
    watches_touch(&keyspace->watches, key, kind == CHANGE_EXPIRED);
    if (access->changes == NULL) return;
    if (((keyspace->told_kinds | ALWAYS_TOLD) >> kind & 1) == 0) return;
    bool is_of_any = (keyspace->wanted_kinds | ALWAYS_TOLD) >> kind & 1;
    if (!is_of_any && keyspace->awaited[keyspace_await_place(key)] == 0) return;
    changes_append(access->changes, kind, key->db, (int32_t)key->slot, key->bytes);
}

void gate_tell_missed(struct keyspace *keyspace, const struct access *access, const struct key *key)
{
    keyspace->stats.misses++;
    if (keyspace->told_kinds >> CHANGE_MISSED & 1 && access->changes != NULL)
        changes_append(access->changes, CHANGE_MISSED, key->db, (int32_t)key->slot, key->bytes);
}

/* Values whose parts take longer than this many frees are garbage. */
#define FREE_AT_ONCE_MAX 64

void gate_discard_value(struct keyspace *keyspace, struct entry *entry)
{
    if (entry_form(entry) != FORM_POINTER) return;
    enum value_type type = entry_type(entry);
    void *value = entry_value(entry);
    if (value_free_effort(type, value) > FREE_AT_ONCE_MAX)
        garbage_add_value(&keyspace->garbage, type, value);
    else
        value_destroy(type, value);
}

struct entry *gate_take(struct keyspace *keyspace, const struct key *key, struct table_cell *cell)
{
    struct entry *entry = table_cell_entry(cell);
    keyspace->moves++;
    database_remove(keyspace_database(keyspace, key->db), &keyspace->rules, key, cell);
    return entry;
}

static void expire(struct keyspace *keyspace, const struct access *access, const struct key *key,
                   struct table_cell *cell)
{
    keyspace->stats.expired++;
    struct entry *entry = gate_take(keyspace, key, cell);
    gate_tell(keyspace, access, key, CHANGE_EXPIRED); /* the key may lie in the entry itself */
    gate_discard_value(keyspace, entry);
    entry_free_shell(entry);
}

static inline __attribute__((always_inline)) struct table_cell *live_cell(
    struct keyspace *keyspace, const struct access *access, const struct key *key)
{
    struct table_cell *cell = find_cell(keyspace, key);
    if (cell == NULL || access->ignores_expiry) return cell;
    if (!entry_is_expired(table_cell_entry(cell), access->wall_ms)) return cell;
    if (access->may_expire) expire(keyspace, access, key, cell);
    return NULL;
}

struct table_cell *gate_live_cell(struct keyspace *keyspace, const struct access *access,
                                  const struct key *key)
{
    return live_cell(keyspace, access, key);
}

void gate_put(struct keyspace *keyspace, const struct access *access, const struct key *key,
              struct table_cell *cell, struct entry *entry, time_ms expiry_before_ms)
{
    struct database *database = keyspace_database(keyspace, key->db);
    if (cell == NULL) {
        keyspace->moves++;
        database_insert(database, &keyspace->rules, key, entry, keyspace->is_clustered);
        gate_tell(keyspace, access, key, CHANGE_NEW);
        return;
    }
    table_cell_set_entry(cell, entry);
    database_expiry_changed(database, key, cell, expiry_before_ms, entry_expiry_inline(entry));
    if (entry_has_items(entry)) database_items_changed(database, key, entry);
    gate_tell(keyspace, access, key, CHANGE_OVERWRITTEN);
}

struct key gate_key_of_entry(const struct keyspace *keyspace, uint32_t db, uint32_t slot,
                             const struct entry *entry)
{
    struct bytes bytes = entry_key_inline(entry);
    return (struct key){
        .bytes = bytes, .hash = hash_bytes(&keyspace->rules.hash_key, bytes), .slot = slot, .db = db
    };
}

/* ---- The access clock ---- */

static uint32_t seconds_of(time_ms wall_ms)
{
    return (uint32_t)(wall_ms / 1000) & CLOCK_MASK;
}

static uint32_t minutes_of(time_ms wall_ms)
{
    return (uint32_t)(wall_ms / 60000) & LFU_MINUTES_MASK;
}

/* The counter after the minutes in which nobody came. */
static uint32_t lfu_decayed(const struct keyspace *keyspace, uint32_t clock, time_ms wall_ms)
{
    uint32_t counter = clock & 0xff;
    if (keyspace->lfu_decay_minutes == 0) return counter;
    uint32_t elapsed = (minutes_of(wall_ms) - (clock >> 8)) & LFU_MINUTES_MASK;
    uint32_t periods = elapsed / keyspace->lfu_decay_minutes;
    return periods > counter ? 0 : counter - periods;
}

static uint32_t lfu_clock(uint32_t counter, time_ms wall_ms)
{
    return minutes_of(wall_ms) << 8 | counter;
}

/* Counts one access: the higher the counter, the less likely it rises. */
static uint32_t lfu_risen(struct keyspace *keyspace, uint32_t counter)
{
    if (counter == 255) return counter;
    uint32_t over = counter > LFU_START ? counter - LFU_START : 0;
    return counter + prng_chance(&keyspace->prng, 1, (uint64_t)over * keyspace->lfu_log_factor + 1);
}

static void touch_lfu(struct keyspace *keyspace, const struct access *access, struct entry *entry)
{
    uint32_t counter = lfu_decayed(keyspace, entry_clock_inline(entry), access->wall_ms);
    entry_clock_set(entry, lfu_clock(lfu_risen(keyspace, counter), access->wall_ms));
}

static inline void touch(struct keyspace *keyspace, const struct access *access,
                         struct entry *entry)
{
    if (access->keeps_clock) return;
    if (keyspace->clock == KEYSPACE_CLOCK_LRU)
        entry_clock_set(entry, seconds_of(access->wall_ms));
    else
        touch_lfu(keyspace, access, entry);
}

void gate_touch(struct keyspace *keyspace, const struct access *access, struct entry *entry)
{
    touch(keyspace, access, entry);
}

uint32_t gate_new_clock(const struct keyspace *keyspace, time_ms wall_ms)
{
    return keyspace->clock == KEYSPACE_CLOCK_LRU ? seconds_of(wall_ms)
                                                 : lfu_clock(LFU_START, wall_ms);
}

uint64_t keyspace_idle_seconds(const struct keyspace *keyspace, const struct entry *entry,
                               time_ms wall_ms)
{
    if (keyspace->clock != KEYSPACE_CLOCK_LRU) return 0;
    return (seconds_of(wall_ms) - entry_clock_inline(entry)) & CLOCK_MASK;
}

uint8_t keyspace_frequency(const struct keyspace *keyspace, const struct entry *entry,
                           time_ms wall_ms)
{
    if (keyspace->clock != KEYSPACE_CLOCK_LFU) return 0;
    return (uint8_t)lfu_decayed(keyspace, entry_clock_inline(entry), wall_ms);
}

void keyspace_set_idle_seconds(struct keyspace *keyspace, struct entry *entry, uint64_t seconds,
                               time_ms wall_ms)
{
    if (keyspace->clock != KEYSPACE_CLOCK_LRU) return;
    uint32_t idle = (uint32_t)MIN(seconds, (uint64_t)CLOCK_MASK);
    entry_clock_set(entry, (seconds_of(wall_ms) - idle) & CLOCK_MASK);
}

void keyspace_set_frequency(struct keyspace *keyspace, struct entry *entry, uint8_t frequency,
                            time_ms wall_ms)
{
    if (keyspace->clock != KEYSPACE_CLOCK_LFU) return;
    entry_clock_set(entry, lfu_clock(frequency, wall_ms));
}

/* ---- Looking up: each command begins here, so all of it is one function ---- */

struct entry *keyspace_find_for_read(struct keyspace *keyspace, const struct access *access,
                                     const struct key *key)
{
    struct table_cell *cell = live_cell(keyspace, access, key);
    if (cell == NULL) {
        gate_tell_missed(keyspace, access, key);
        return NULL;
    }
    keyspace->stats.hits++;
    struct entry *entry = table_cell_entry(cell);
    touch(keyspace, access, entry);
    return entry;
}

struct entry *keyspace_peek(struct keyspace *keyspace, const struct access *access,
                            const struct key *key)
{
    struct table_cell *cell = live_cell(keyspace, access, key);
    return cell == NULL ? NULL : table_cell_entry(cell);
}

struct entry *keyspace_find_for_write(struct keyspace *keyspace, const struct access *access,
                                      const struct key *key)
{
    struct table_cell *cell = live_cell(keyspace, access, key);
    if (cell == NULL) return NULL;
    struct entry *entry = table_cell_entry(cell);
    touch(keyspace, access, entry);
    return entry;
}
