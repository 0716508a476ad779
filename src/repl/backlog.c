/* The stream's bytes in a chain of counted blocks, and the ids and offsets that name them.
 *
 * While the stream is started there is always a last block, so a cursor always has one to stand
 * in. Blocks leave at the front once the rest still fills the size limit, but never past a block
 * that a cursor pins: a replica that still loads keeps what it will need. Outputs hold references,
 * not pins: a block that they still send may leave the chain and is freed by the last of them. */
#include "repl/backlog.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/prng.h"

/* Small at first, because a node with little traffic should stay cheap; at most 64 KiB, so that a
 * slice is worth its system call and the limit is kept with a precision of one part in sixteen. */
#define BLOCK_CAPACITY_MIN (4 * KIB)
#define BLOCK_CAPACITY_MAX (64 * KIB)

struct backlog_block {
    struct shared shared; /* one reference is the chain's */
    struct backlog_block *next;
    int64_t first; /* offset of data[0] */
    uint32_t pins; /* cursors standing here */
    size_t size;
    size_t capacity;
    char data[];
};

struct backlog {
    struct lineage lineage;
    struct backlog_block *head; /* owned, as is the chain; NULL while not started */
    struct backlog_block *tail;
    size_t size_max;
    size_t held;
    size_t memory;
    uint64_t generation;
    struct prng prng;
};

static void block_release(struct shared *shared)
{
    struct backlog_block *block = CONTAINER_OF(shared, struct backlog_block, shared);
    ensure(block->pins == 0);
    memory_free_sized(block, sizeof(*block) + block->capacity);
}

/* A new last block. */
static void block_add(struct backlog *backlog)
{
    size_t capacity = MIN(backlog->held, backlog->size_max / 16);
    capacity = MIN(MAX(capacity, BLOCK_CAPACITY_MIN), BLOCK_CAPACITY_MAX);
    struct backlog_block *block = memory_alloc(sizeof(*block) + capacity);
    *block = (struct backlog_block){ .shared = { .references = 1, .release = block_release },
                                     .first = backlog->lineage.offset + 1,
                                     .capacity = capacity };
    if (backlog->tail == NULL)
        backlog->head = block;
    else
        backlog->tail->next = block;
    backlog->tail = block;
    backlog->memory += sizeof(*block) + capacity;
}

/* The first block leaves the chain. */
static void block_unlink_first(struct backlog *backlog)
{
    struct backlog_block *block = backlog->head;
    ensure(block != NULL);
    ensure(backlog->held >= block->size);
    backlog->head = block->next;
    if (backlog->head == NULL) backlog->tail = NULL;
    backlog->held -= block->size;
    backlog->memory -= sizeof(*block) + block->capacity;
    block->next = NULL;
    shared_drop(&block->shared);
}

static void backlog_trim(struct backlog *backlog)
{
    while (backlog->head != backlog->tail && backlog->head->pins == 0 &&
           backlog->held - backlog->head->size >= backlog->size_max)
        block_unlink_first(backlog);
}

static void backlog_drop_all(struct backlog *backlog)
{
    while (backlog->head != NULL) block_unlink_first(backlog);
    ensure(backlog->held == 0);
    ensure(backlog->memory == 0);
    backlog->generation++;
}

static void lineage_forget_former(struct lineage *lineage)
{
    memset(lineage->former_id, '0', REPL_ID_SIZE);
    lineage->former_end = -1;
}

struct backlog *backlog_create(size_t size_max, uint64_t seed)
{
    struct backlog *backlog = memory_alloc_zero(sizeof(*backlog));
    backlog->size_max = MAX(size_max, BACKLOG_SIZE_MIN);
    prng_init(&backlog->prng, seed);
    prng_hex(&backlog->prng, backlog->lineage.id, REPL_ID_SIZE);
    lineage_forget_former(&backlog->lineage);
    backlog->lineage.db = BACKLOG_DB_UNKNOWN;
    return backlog;
}

void backlog_destroy(struct backlog *backlog)
{
    if (backlog == NULL) return;
    backlog_drop_all(backlog);
    memory_free(backlog);
}

void backlog_resize(struct backlog *backlog, size_t size_max)
{
    backlog->size_max = MAX(size_max, BACKLOG_SIZE_MIN);
    backlog_trim(backlog);
}

const struct lineage *backlog_lineage(const struct backlog *backlog)
{
    return &backlog->lineage;
}

bool backlog_is_started(const struct backlog *backlog)
{
    ensure((backlog->head == NULL) == (backlog->tail == NULL));
    return backlog->tail != NULL;
}

void backlog_start(struct backlog *backlog)
{
    if (backlog_is_started(backlog)) return;
    block_add(backlog);
}

void backlog_stop(struct backlog *backlog)
{
    backlog_drop_all(backlog);
    prng_hex(&backlog->prng, backlog->lineage.id, REPL_ID_SIZE);
    lineage_forget_former(&backlog->lineage);
    backlog->lineage.db = BACKLOG_DB_UNKNOWN;
}

/* ---- identity ---- */

static void lineage_shift(struct lineage *lineage)
{
    memcpy(lineage->former_id, lineage->id, REPL_ID_SIZE);
    lineage->former_end = lineage->offset + 1;
}

void backlog_fork_id(struct backlog *backlog)
{
    lineage_shift(&backlog->lineage);
    prng_hex(&backlog->prng, backlog->lineage.id, REPL_ID_SIZE);
    backlog->lineage.db = BACKLOG_DB_UNKNOWN;
}

void backlog_adopt_id(struct backlog *backlog, const char *id)
{
    if (memcmp(backlog->lineage.id, id, REPL_ID_SIZE) == 0) return;
    lineage_shift(&backlog->lineage);
    memcpy(backlog->lineage.id, id, REPL_ID_SIZE);
}

void backlog_restart(struct backlog *backlog, const char *id, int64_t offset, int db)
{
    ensure(offset >= 0);
    backlog_drop_all(backlog);
    memcpy(backlog->lineage.id, id, REPL_ID_SIZE);
    lineage_forget_former(&backlog->lineage);
    backlog->lineage.offset = offset;
    backlog->lineage.db = db;
    backlog_start(backlog);
}

uint64_t backlog_generation(const struct backlog *backlog)
{
    return backlog->generation;
}

/* ---- appending ---- */

/* Copies into the tail and into new blocks behind it. */
static void backlog_write(struct backlog *backlog, struct bytes bytes)
{
    while (bytes.size > 0) {
        struct backlog_block *tail = backlog->tail;
        if (tail->size == tail->capacity) {
            block_add(backlog);
            tail = backlog->tail;
        }
        size_t part = MIN(bytes.size, tail->capacity - tail->size);
        memcpy(tail->data + tail->size, bytes.data, part);
        tail->size += part;
        backlog->held += part;
        backlog->lineage.offset += (int64_t)part;
        bytes = bytes_from(bytes, part);
    }
}

/* "*3\r\n" and "$11\r\n". */
static void backlog_write_head(struct backlog *backlog, char type, size_t count)
{
    char head[NUMBER_TEXT_MAX + 3];
    head[0] = type;
    size_t size = 1 + number_print_unsigned(count, head + 1);
    head[size++] = '\r';
    head[size++] = '\n';
    backlog_write(backlog, bytes_of(head, size));
}

static void backlog_write_bulk(struct backlog *backlog, struct bytes value)
{
    backlog_write_head(backlog, '$', value.size);
    backlog_write(backlog, value);
    backlog_write(backlog, BYTES("\r\n"));
}

static void backlog_write_select(struct backlog *backlog, int db)
{
    if (db == BACKLOG_DB_ANY || db == backlog->lineage.db) return;
    ensure(db >= 0);
    char text[NUMBER_TEXT_MAX];
    size_t size = number_print(db, text);
    backlog_write(backlog, BYTES("*2\r\n$6\r\nSELECT\r\n"));
    backlog_write_bulk(backlog, bytes_of(text, size));
    backlog->lineage.db = db;
}

/* The head of a bulk string: "$", digits, line end; with the line end behind the value. */
#define BULK_EXTRA (NUMBER_TEXT_MAX + 5)

static char *print_head(char *at, char type, size_t count)
{
    *at++ = type;
    if (count < 10)
        *at++ = (char)('0' + count);
    else
        at += number_print_unsigned(count, at);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

/* The usual case: all of the command surely fits into the last block. */
static bool append_in_place(struct backlog *backlog, size_t argc, const struct bytes *argv)
{
    struct backlog_block *tail = backlog->tail;
    size_t room = tail->capacity - tail->size;
    size_t bound = BULK_EXTRA * (argc + 1);
    if (argc > tail->capacity / BULK_EXTRA) return false;
    for (size_t i = 0; i < argc && bound <= room; i++) bound += MIN(argv[i].size, room);
    if (bound > room) return false;

    char *start = tail->data + tail->size;
    char *at = print_head(start, '*', argc);
    for (size_t i = 0; i < argc; i++) {
        at = print_head(at, '$', argv[i].size);
        if (argv[i].size > 0) memcpy(at, argv[i].data, argv[i].size);
        at += argv[i].size;
        *at++ = '\r';
        *at++ = '\n';
    }
    size_t size = (size_t)(at - start);
    ensure(size <= room);
    tail->size += size;
    backlog->held += size;
    backlog->lineage.offset += (int64_t)size;
    return true;
}

void backlog_append_command(struct backlog *backlog, int db, size_t argc, const struct bytes *argv)
{
    ensure(argc > 0);
    if (!backlog_is_started(backlog)) return;
    backlog_write_select(backlog, db);
    if (append_in_place(backlog, argc, argv)) return;
    backlog_write_head(backlog, '*', argc);
    for (size_t i = 0; i < argc; i++) backlog_write_bulk(backlog, argv[i]);
    backlog_trim(backlog);
}

void backlog_append_record(struct backlog *backlog, int db, struct bytes record)
{
    if (!backlog_is_started(backlog)) return;
    backlog_write_select(backlog, db);
    backlog_write(backlog, record);
    backlog_trim(backlog);
}

void backlog_forget_db(struct backlog *backlog)
{
    backlog->lineage.db = BACKLOG_DB_UNKNOWN;
}

void backlog_append_applied(struct backlog *backlog, struct bytes bytes, int db)
{
    ensure(backlog_is_started(backlog));
    backlog_write(backlog, bytes);
    backlog->lineage.db = db;
    backlog_trim(backlog);
}

/* ---- reading ---- */

int64_t backlog_first_offset(const struct backlog *backlog)
{
    if (backlog->head == NULL) return backlog->lineage.offset + 1;
    ensure(backlog->head->first == backlog->lineage.offset + 1 - (int64_t)backlog->held);
    return backlog->head->first;
}

size_t backlog_held(const struct backlog *backlog)
{
    return backlog->held;
}

size_t backlog_size_max(const struct backlog *backlog)
{
    return backlog->size_max;
}

size_t backlog_memory(const struct backlog *backlog)
{
    return backlog->memory;
}

enum backlog_verdict backlog_check(const struct backlog *backlog, struct bytes id, int64_t offset)
{
    const struct lineage *lineage = &backlog->lineage;
    bool is_former = bytes_equal_nocase(id, bytes_of(lineage->former_id, REPL_ID_SIZE)) &&
                     lineage->former_end >= 0;

    if (!backlog_is_started(backlog)) return BACKLOG_NOT_STARTED;
    if (!bytes_equal_nocase(id, bytes_of(lineage->id, REPL_ID_SIZE))) {
        if (!is_former) return BACKLOG_ID_UNKNOWN;
        if (offset > lineage->former_end) return BACKLOG_OFFSET_OF_ANOTHER_HISTORY;
    }
    if (offset < backlog_first_offset(backlog)) return BACKLOG_OFFSET_GONE;
    if (offset > lineage->offset + 1) return BACKLOG_OFFSET_AHEAD;
    return BACKLOG_CONTINUES;
}

const char *backlog_verdict_text(enum backlog_verdict verdict)
{
    switch (verdict) {
    case BACKLOG_CONTINUES: return "continues";
    case BACKLOG_NOT_STARTED: return "no backlog";
    case BACKLOG_ID_UNKNOWN: return "replication id unknown here";
    case BACKLOG_OFFSET_OF_ANOTHER_HISTORY: return "offset beyond the end of the former id";
    case BACKLOG_OFFSET_GONE: return "offset no longer in the backlog";
    case BACKLOG_OFFSET_AHEAD: return "offset ahead of this node";
    }
    ensure_unreachable();
}

static void cursor_move(struct backlog_cursor *cursor, struct backlog_block *block, size_t at)
{
    if (cursor->block != block) {
        block->pins++;
        shared_hold(&block->shared);
        if (cursor->block != NULL) {
            ensure(cursor->block->pins > 0);
            cursor->block->pins--;
            shared_drop(&cursor->block->shared);
        }
        cursor->block = block;
    }
    cursor->at = at;
}

void backlog_cursor_set(struct backlog *backlog, struct backlog_cursor *cursor, int64_t offset)
{
    ensure(backlog_is_started(backlog));
    ensure(cursor->block == NULL);
    ensure(offset + 1 >= backlog_first_offset(backlog));
    ensure(offset <= backlog->lineage.offset);

    struct backlog_block *block = backlog->head;
    while (block->next != NULL && block->next->first <= offset + 1) block = block->next;
    cursor_move(cursor, block, (size_t)(offset + 1 - block->first));
    cursor->offset = offset;
    cursor->generation = backlog->generation;
}

void backlog_cursor_clear(struct backlog *backlog, struct backlog_cursor *cursor)
{
    if (cursor->block != NULL) {
        ensure(cursor->block->pins > 0);
        cursor->block->pins--;
        shared_drop(&cursor->block->shared);
    }
    *cursor = (struct backlog_cursor){ 0 };
    backlog_trim(backlog);
}

size_t backlog_cursor_hand_out(struct backlog *backlog, struct backlog_cursor *cursor,
                               struct output *output)
{
    ensure(cursor->block != NULL);
    ensure(cursor->generation == backlog->generation);

    size_t total = 0;
    for (;;) {
        struct backlog_block *block = cursor->block;
        ensure(cursor->at <= block->size);
        size_t size = block->size - cursor->at;
        output_append_shared(output, &block->shared, bytes_of(block->data + cursor->at, size));
        total += size;
        if (block->next == NULL) {
            cursor->at = block->size;
            break;
        }
        cursor_move(cursor, block->next, 0);
    }
    cursor->offset += (int64_t)total;
    ensure(cursor->offset == backlog->lineage.offset);
    backlog_trim(backlog);
    return total;
}
