/* The turn: parse what arrived, look keys up ahead in stages, execute in the order of arrival.
 *
 * Received bytes are parsed where they lie; only what is left at the end (half a request, or what
 * must wait) is copied into the session. A session with something left over is fed from its own
 * buffer first. A request that must wait stays unexecuted in there, and everything behind it. */
#include "base/ensure.h"
#include "base/memory.h"
#include "engine/internal.h"
#include "engine/words.h"
#include "resp/plain.h"

/* --- timers ------------------------------------------------------------------------------ */

void engine_wake_paused(struct engine *engine)
{
    time_ms until_ms;
    bool is_changed = engine->permit_generation != engine->permit.generation;
    engine->permit_generation = engine->permit.generation;
    if (is_changed) blocking_permit_changed(engine);
    if (list_is_empty(&engine->paused)) return;
    if (!is_changed && engine_pause(engine, &until_ms) != PAUSE_NONE) return;
    /* Whoever must still wait is paused again when its command is looked at. */
    LIST_EACH(&engine->paused, struct session, session, blocked.link)
    {
        bool waits_for_slot = session->blocked.deadline.due_ms == TIME_NEVER;
        if (is_changed || !waits_for_slot) session_unblock(engine, session);
    }
}

static void handle_timeouts(struct engine *engine)
{
    struct heap_node *node;
    if (engine->clock.now_ms >= engine->pause_until_ms) engine->pause = PAUSE_NONE;
    while ((node = heap_take_due(&engine->deadlines, engine->clock.now_ms)) != NULL) {
        struct session *session = CONTAINER_OF(node, struct session, blocked.deadline);
        ensure(session->magic == SESSION_MAGIC);
        void (*timed_out)(struct engine *, struct session *) = session->blocked.timed_out;
        blocking_note_vain(engine, session);
        session_unblock(engine, session);
        if (timed_out != NULL) timed_out(engine, session);
        if (session->output.size > 0) session_has_output(engine, session);
    }
    engine_wake_paused(engine);
}

time_ms engine_deadline(const struct engine *engine)
{
    if (!list_is_empty(&engine->work)) return engine->clock.now_ms;
    if (engine->room.is_evicting) return engine->clock.now_ms + 1;
    time_ms due_ms = heap_due_ms(&engine->deadlines);
    return engine->waiting.is_ready ? MIN(due_ms, engine->waiting.retry_ms) : due_ms;
}

bool engine_is_busy(const struct engine *engine)
{
    return !list_is_empty(&engine->work);
}

/* --- a batch ----------------------------------------------------------------------------- */

/* The long way, measured by itself. */
static void run_long(struct engine *engine, struct batch_item *item)
{
    struct feed *feed = item->feed;
    const struct keyspace *keyspace = engine->keyspace;
    const struct bytes *argv = engine->batch.argv + item->argv_at;
    engine->request_bytes = item->end - feed->executed;
    if (engine_run_request(engine, feed->session, item, argv) == MUST_WAIT)
        feed->is_halted = true;
    else
        feed->executed = item->end;
    engine->plain.is_known = false;
    if (engine->keyspace == keyspace) return;
    for (uint32_t i = 0; i < engine->batch.key_count; i++) engine->batch.keys[i].proposed = NULL;
}

/* So many keys before it is needed, a long value is brought in as a whole: earlier, and those of
 * a batch push each other out of the nearest cache again (a GET of 512 bytes took a third more). */
#define KEYS_CLOSER 8

static void batch_run(struct engine *engine)
{
    struct batch *batch = &engine->batch;
    if (batch->count > 1 || batch->key_count > 1) {
        keyspace_look_ahead(engine->keyspace, batch->keys, batch->key_count);
        if (batch->has_members) members_look_ahead(engine->keyspace, batch);
    }

    uint32_t measured = 0;
    uint32_t closer = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_item *item = &batch->items[i];
        for (; closer < batch->key_count && closer < item->key_at + KEYS_CLOSER; closer++)
            keyspace_look_closer(engine->keyspace, &batch->keys[closer]);
        struct feed *feed = item->feed;
        struct session *session = feed->session;
        if (feed->is_halted) continue;
        if (session->blocked.reason != BLOCK_NONE || session->close != SESSION_STAYS) {
            feed->is_halted = true;
        } else if (engine_run_plain(engine, session, item, batch->argv + item->argv_at)) {
            feed->executed = item->end;
        } else {
            engine_measure_plain(engine, batch->items + measured, i - measured);
            measured = i + 1;
            run_long(engine, item);
        }
        if (engine->waiting.is_ready) {
            engine_measure_plain(engine, batch->items + measured, i + 1 - measured);
            measured = i + 1;
            blocking_serve(engine);
        }
    }
    engine_measure_plain(engine, batch->items + measured, batch->count - measured);
    batch->count = 0;
    batch->argc = 0;
    batch->key_count = 0;
    batch->has_members = false;
}

/* Of the same connection, and mostly of the same collection: what is known of its key, and will be
 * found, is shared. Their last bytes differ first. */
static inline bool is_key_before(const struct batch *batch, const struct batch_item *item,
                                 struct bytes text)
{
    const struct batch_item *before = item - 1;
    if (item == batch->items || before->feed != item->feed || before->key_count != 1) return false;
    const struct key *key = &batch->keys[before->key_at];
    size_t size = key->bytes.size;
    return size == text.size && size > 0 && key->bytes.data[size - 1] == text.data[size - 1] &&
           key->db == (uint32_t)item->feed->session->db && bytes_equal_inline(key->bytes, text);
}

static void batch_add_keys(struct engine *engine, struct batch *batch, struct batch_item *item,
                           const struct bytes *argv)
{
    const struct command_entry *entry = item->entry;
    item->key_index = item->key_count = 0;
    item->key_at = batch->key_count;
    if (entry == NULL || entry->key_shape == KEYS_ABSENT || entry->key_first <= 0) return;
    uint32_t first = (uint32_t)entry->key_first;
    if (first >= item->argc || batch->key_count == BATCH_KEYS) return;

    uint32_t db = (uint32_t)item->feed->session->db;
    uint32_t last = entry->key_shape == KEYS_RANGE ? item->argc - 1 : first;
    item->key_index = first;
    if (entry->command->member > 0) batch->has_members = true;
    if (last == first && is_key_before(batch, item, argv[first])) {
        item->key_at = item[-1].key_at;
        item->key_count = 1;
        return;
    }
    for (uint32_t i = first; i <= last && batch->key_count < BATCH_KEYS;
         i += (uint32_t)entry->key_step)
        batch->keys[batch->key_count++] = keyspace_key(engine->keyspace, db, argv[i]);
    item->key_count = batch->key_count - item->key_at;
}

/* Room for a request of so many arguments behind those that wait. */
static void batch_make_room(struct engine *engine, uint32_t argc)
{
    struct batch *batch = &engine->batch;
    bool has_room = batch->argc + argc <= batch->argv_capacity &&
                    batch->key_count + argc <= BATCH_KEYS; /* all of them may be keys */
    if (batch->count < BATCH_COUNT && has_room) return;
    batch_run(engine);
    if (argc <= batch->argv_capacity) return;
    batch->argv_capacity = argc;
    batch->argv = memory_realloc(batch->argv, argc * sizeof(*batch->argv));
}

static inline struct command_entry *find_entry(struct engine *engine, const struct bytes *argv,
                                               uint32_t argc)
{
    struct recent_command *recent = &engine->batch.recent;
    struct bytes name = argv[0];
    if (recent->size == name.size && recent->word == word_read(name.data, name.size))
        return recent->entry;
    struct command_entry *entry = engine_find_entry(engine, argv, argc);
    *recent = (struct recent_command){ .size = 0 };
    bool is_alone = entry != NULL && entry->parent == NULL && entry->sub_count == 0;
    if (is_alone && name.size <= sizeof(recent->word))
        *recent = (struct recent_command){ word_read(name.data, name.size), name.size, entry };
    return entry;
}

/* The arguments stand in their place already. */
static void batch_add(struct engine *engine, struct feed *feed, uint32_t argc)
{
    struct batch *batch = &engine->batch;
    struct batch_item *item = &batch->items[batch->count++];
    const struct bytes *argv = batch->argv + batch->argc;
    item->entry = find_entry(engine, argv, argc);
    item->feed = feed;
    item->argv_at = batch->argc;
    item->argc = argc;
    item->ran_plain = false;
    item->end = feed->parsed;
    batch->argc += argc;
    batch_add_keys(engine, batch, item, argv);
}

static void batch_add_request(struct engine *engine, struct feed *feed,
                              const struct request *request)
{
    batch_make_room(engine, request->argc);
    struct batch *batch = &engine->batch;
    memcpy(batch->argv + batch->argc, request->argv, request->argc * sizeof(*request->argv));
    batch_add(engine, feed, request->argc);
}

/* --- feeding ----------------------------------------------------------------------------- */

/* A protocol error is answered after what came before it. */
static void refuse_input(struct engine *engine, struct feed *feed, const struct request *request,
                         enum request_result result)
{
    struct session *session = feed->session;
    batch_run(engine);
    if (feed->is_halted) return;
    feed->is_halted = true;
    feed->executed = feed->parsed = feed->view.size;
    if (result == REQUEST_ERROR) {
        engine_error(engine, &session->writer, request->error);
        session_close(engine, session, SESSION_CLOSES_FLUSHED);
    } else {
        session_close(engine, session, SESSION_CLOSES_NOW);
    }
}

/* Requests of the usual shape, straight into the batch; answers how many of `count`. */
static uint32_t feed_parse_plain(struct engine *engine, struct feed *feed, uint32_t count)
{
    struct batch *batch = &engine->batch;
    const struct session *session = feed->session;
    bool may_be_plain = session->is_authenticated && session->parser.needed == 0 &&
                        engine->settings.bulk_size_max >= REQUEST_PLAIN_BULK;
    if (!may_be_plain) return 0;
    for (uint32_t i = 0; i < count; i++) {
        batch_make_room(engine, REQUEST_PLAIN_ARGC);
        if (feed->is_halted) return i;
        uint32_t argc;
        struct bytes rest = bytes_from(feed->view, feed->parsed);
        size_t size = request_parse_plain(rest, batch->argv + batch->argc, &argc);
        if (size == 0) return i;
        feed->parsed += size;
        batch_add(engine, feed, argc);
    }
    return count;
}

static struct request_limits request_limits_of(const struct engine *engine,
                                               const struct session *session)
{
    return (struct request_limits){ .is_unauthenticated = !session->is_authenticated,
                                    .bulk_size_max = engine->settings.bulk_size_max };
}

/* Parses up to SESSION_COMMANDS requests of the feed into the batch. Answers true when there may
 * be more. */
static bool feed_parse(struct engine *engine, struct feed *feed)
{
    struct session *session = feed->session;
    struct request *request = &engine->batch.request;
    if (session->close != SESSION_STAYS) feed->is_halted = true; /* by what its buffer held */
    if (feed->is_halted) return false;
    for (uint32_t i = 0; i < SESSION_COMMANDS; i++) {
        i += feed_parse_plain(engine, feed, SESSION_COMMANDS - i);
        if (feed->is_halted || feed->parsed == feed->view.size) return false;
        if (i == SESSION_COMMANDS) return true;
        struct request_limits limits = request_limits_of(engine, session);
        enum request_result result =
            request_parse(&session->parser, bytes_from(feed->view, feed->parsed), &limits, request);
        if (result == REQUEST_MORE) {
            feed->wants_more = true;
            return false;
        }
        if (result == REQUEST_ERROR || result == REQUEST_HANGUP) {
            refuse_input(engine, feed, request, result);
            return false;
        }
        feed->parsed += request->consumed;
        if (result == REQUEST_SKIP) continue;
        batch_add_request(engine, feed, request);
        /* The arguments may lie in the request's own memory (quotes), or the next request may be
         * read under other limits (AUTH): then it runs at once. */
        if (request->unquoted.size > 0 || limits.is_unauthenticated) {
            batch_run(engine);
            buffer_clear(&request->unquoted);
        }
    }
    return true;
}

static struct feed *feed_add(struct engine *engine, struct session *session)
{
    struct batch *batch = &engine->batch;
    ensure(batch->feed_count < batch->feed_capacity);
    struct feed *feed = &batch->feeds[batch->feed_count++];
    *feed = (struct feed){ .session = session };
    return feed;
}

/* Memory that half a request gets before its bytes are there: more would let it be promised. */
#define AHEAD_MAX (256 * KIB)

/* Where `coming` bytes of so many that are wanted find no room, it is made for all of them at once,
 * within reason. */
static void reserve_wanted(struct buffer *input, size_t wanted, size_t coming)
{
    if (input->capacity - input->size >= coming) return;
    buffer_reserve(input, MAX(coming, MIN(wanted, (size_t)AHEAD_MAX)));
}

/* What was not executed stays with the session. */
static void feed_finish(struct engine *engine, struct feed *feed)
{
    struct session *session = feed->session;
    list_remove(&session->work_link);
    if (session->close != SESSION_STAYS) {
        buffer_clear(&session->input);
        return;
    }
    /* Requests that were only skipped need no execution. */
    if (!feed->is_halted) feed->executed = feed->parsed;
    if (feed->parsed > feed->executed) {
        request_parser_fini(&session->parser);
        request_parser_init(&session->parser);
    }
    if (feed->is_direct && feed->wants_more && !feed->is_halted)
        reserve_wanted(&session->input, session->parser.needed, feed->view.size - feed->executed);
    if (feed->is_direct)
        buffer_append(&session->input, bytes_from(feed->view, feed->executed));
    else if (session->input.size > 0) /* its only request may have taken it (batch_item_source) */
        buffer_consume(&session->input, feed->executed);
    if (session->input.size == 0) buffer_trim(&session->input, SESSION_INPUT_KEPT);
    /* Of a request that is under way its known size counts, so that chance has no part in it. */
    size_t wanted = feed->wants_more ? session->parser.needed : 0;
    if (MAX(session->input.size, wanted) > engine->settings.query_buffer_max) {
        engine->counters.queries_over_limit++;
        session_close(engine, session, SESSION_CLOSES_NOW);
        return;
    }
    bool can_go_on = feed->is_halted || !feed->wants_more;
    if (session->input.size > 0 && can_go_on && session->blocked.reason == BLOCK_NONE)
        list_append(&engine->work, &session->work_link);
}

static bool is_direct(const struct session *session)
{
    return session->input.size == 0 && session->blocked.reason == BLOCK_NONE &&
           !list_link_is_in(&session->work_link) && session->fed_pieces == 1;
}

/* Half a request waits in its buffer, and nothing else. */
static bool is_torn(const struct session *session)
{
    return session->parser.needed > session->input.size && session->input.size > 0 &&
           session->blocked.reason == BLOCK_NONE && !list_link_is_in(&session->work_link) &&
           session->fed_pieces == 1;
}

/* Bytes that join half a request, if there is room, though it asks for less. Where it cannot say
 * how much is missing (a line without an end), as many as it has: each look begins at the line's
 * start, and a line whose end is at hand must not look too long. */
#define TORN_STEP 64

/* As much of the bytes joins the half request as makes it whole; answers how much. So what follows
 * it need not be copied. */
static size_t join_torn(struct engine *engine, struct session *session, struct bytes bytes)
{
    struct request *request = &engine->batch.request;
    struct request_limits limits = request_limits_of(engine, session);
    struct buffer *input = &session->input;
    size_t joined = 0;
    enum request_result result = REQUEST_MORE;
    while (result == REQUEST_MORE && joined < bytes.size) {
        bool is_known = session->parser.needed > input->size + 1;
        size_t wanted = is_known ? session->parser.needed - input->size : input->size;
        reserve_wanted(input, wanted, MIN(wanted, bytes.size - joined));
        wanted = MAX(wanted, MIN((size_t)TORN_STEP, input->capacity - input->size));
        size_t taken = MIN(wanted, bytes.size - joined);
        buffer_append(input, bytes_of(bytes.data + joined, taken));
        joined += taken;
        result = request_parse(&session->parser, buffer_bytes(input), &limits, request);
    }
    if (result == REQUEST_READY || result == REQUEST_SKIP) {
        ensure(request->consumed <= input->size);
        joined -= input->size - request->consumed;
        input->size = request->consumed;
    }
    buffer_clear(&request->unquoted);
    return joined;
}

/* Bytes for a session that has some already join its buffer; the rest, which is returned, is read
 * where it lies. */
static struct bytes keep_bytes(struct engine *engine, struct session *session, struct bytes bytes)
{
    if (is_direct(session)) return bytes;
    size_t kept = bytes.size;
    if (is_torn(session))
        kept = join_torn(engine, session, bytes);
    else
        buffer_append(&session->input, bytes);
    if (session->blocked.reason == BLOCK_NONE && !list_link_is_in(&session->work_link))
        list_append(&engine->work, &session->work_link);
    return bytes_from(bytes, kept);
}

/* A connection may bring several pieces in one turn: they go through its buffer. */
static void count_pieces(struct engine *engine, const struct engine_input *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct session *session = inputs[i].session;
        ensure(session->magic == SESSION_MAGIC);
        session->bytes_in += inputs[i].bytes.size;
        engine->counters.bytes_in += inputs[i].bytes.size;
        if (session->fed_turn != engine->turn) session->fed_pieces = 0;
        session->fed_turn = engine->turn;
        session->fed_pieces++;
    }
}

/* The sessions that have something to parse: those of earlier turns first. */
static void collect_feeds(struct engine *engine, const struct engine_input *inputs, size_t count)
{
    struct batch *batch = &engine->batch;
    count_pieces(engine, inputs, count);
    size_t needed = count;
    for (size_t i = 0; i < count; i++) {
        struct session *session = inputs[i].session;
        session->fed_rest = BYTES_EMPTY;
        if (session->close == SESSION_STAYS)
            session->fed_rest = keep_bytes(engine, session, inputs[i].bytes);
    }
    LIST_EACH(&engine->work, struct session, working, work_link) needed++;
    batch->feed_count = 0;
    if (needed > batch->feed_capacity) {
        batch->feed_capacity = (uint32_t)(needed + needed / 2 + 16);
        memory_free(batch->feeds);
        batch->feeds = memory_alloc(batch->feed_capacity * sizeof(*batch->feeds));
    }
    LIST_EACH(&engine->work, struct session, waiting, work_link)
    {
        feed_add(engine, waiting)->view = buffer_bytes(&waiting->input);
    }
    for (size_t i = 0; i < count; i++) {
        struct session *session = inputs[i].session;
        if (session->fed_rest.size == 0) continue;
        struct feed *feed = feed_add(engine, session); /* behind that of its buffer */
        feed->is_direct = true;
        feed->view = session->fed_rest;
    }
}

void engine_turn(struct engine *engine, struct engine_clock clock,
                 const struct engine_input *inputs, size_t count)
{
    struct batch *batch = &engine->batch;
    engine->turn++;
    engine->clock = clock;
    engine->access.wall_ms = clock.wall_ms;
    uint64_t start = engine->ticks();
    engine->turn_ticks = engine->ticks_last = start;
    engine->plain.is_known = false;
    handle_timeouts(engine);
    if (engine->waiting.is_ready) blocking_serve(engine);
    if (engine->settings.memory_max > 0)
        room_check(engine);
    else if (engine->room.is_evicting || engine->room.is_lacking)
        room_forget(engine);
    collect_feeds(engine, inputs, count);

    bool has_more = batch->feed_count > 0;
    while (has_more) {
        has_more = false;
        for (uint32_t i = 0; i < batch->feed_count; i++)
            if (feed_parse(engine, &batch->feeds[i])) has_more = true;
        batch_run(engine);
        if (engine->ticks_last - start > TURN_BUDGET_NS) break;
    }
    for (uint32_t i = 0; i < batch->feed_count; i++) feed_finish(engine, &batch->feeds[i]);
    request_trim(&batch->request);
}
