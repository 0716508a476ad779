/* Values: one row for each number of the format, and one for each type that we store.
 *
 * A new type fills in its rows and nothing else. A number without a step is known to the format
 * and not to this build: reading it is refused by name, because dropping it would lose data. */
#include "base/ensure.h"
#include "persist/internal.h"
#include "persist/rdb_hash.h"
#include "persist/rdb_list.h"
#include "persist/rdb_set.h"
#include "persist/rdb_zset.h"
#include "types/hash.h"

static enum rdb_token string_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor)
{
    enum rdb_token token = rdb_take_string(cursor, &decoder->room, &decoder->value.text);
    if (token != RDB_OK) return token;
    decoder->value.type = VALUE_STRING;
    decoder->is_done = true;
    return RDB_OK;
}

static const struct rdb_codec codecs[RDB_TYPE_LAST + 1] = {
    [0] = { "string", string_step },
    [1] = { "list", rdb_list_step },
    [2] = { "set", rdb_set_step },
    [3] = { "sorted set with text scores", rdb_zset_text_step },
    [4] = { "hash", rdb_hash_step },
    [5] = { "sorted set", rdb_zset_step },
    [6] = { "module value of a pre-release", NULL },
    [7] = { "module value", NULL },
    [9] = { "hash as zipmap", rdb_hash_zipmap_step },
    [10] = { "list as ziplist", rdb_list_ziplist_step },
    [11] = { "set as intset", rdb_set_intset_step },
    [12] = { "sorted set as ziplist", rdb_zset_ziplist_step },
    [13] = { "hash as ziplist", rdb_hash_ziplist_step },
    [14] = { "list as quicklist", rdb_list_ziplists_step },
    [15] = { "stream", rdb_stream_1_step },
    [16] = { "hash as listpack", rdb_hash_listpack_step },
    [17] = { "sorted set as listpack", rdb_zset_listpack_step },
    [18] = { "list as quicklist 2", rdb_list_nodes_step },
    [19] = { "stream 2", rdb_stream_2_step },
    [20] = { "set as listpack", rdb_set_listpack_step },
    [21] = { "stream 3", rdb_stream_3_step },
    [22] = { "hash with field expiry", rdb_hash_times_step },
};

const struct rdb_codec *rdb_codec_at(uint8_t number)
{
    if (number > RDB_TYPE_LAST || codecs[number].name == NULL) return NULL;
    return &codecs[number];
}

void rdb_decoder_fini(struct rdb_decoder *decoder)
{
    rdb_decoder_drop(decoder);
    buffer_fini(&decoder->room);
    buffer_fini(&decoder->second);
}

void rdb_decoder_begin(struct rdb_decoder *decoder, const struct rdb_codec *codec,
                       const struct value_rules *rules)
{
    ensure(codec->step != NULL);
    ensure(decoder->value.object == NULL);
    decoder->codec = codec;
    decoder->rules = rules;
    decoder->left = 0;
    decoder->phase = 0;
    decoder->inner_left = 0;
    decoder->outer_left = 0;
    decoder->parts[0] = decoder->parts[1] = NULL;
    decoder->is_done = false;
    decoder->value = (struct rdb_value){ 0 };
}

void rdb_decoder_drop(struct rdb_decoder *decoder)
{
    if (decoder->value.object != NULL) value_destroy(decoder->value.type, decoder->value.object);
    decoder->value = (struct rdb_value){ 0 };
    decoder->codec = NULL;
}

bool rdb_value_is_empty(const struct rdb_value *value)
{
    return value->type != VALUE_STRING && value->object == NULL;
}

bool rdb_value_expire(struct rdb_value *value, time_ms wall_ms)
{
    struct hash *hash = value->object;
    if (value->type != VALUE_HASH || hash == NULL) return false;
    if (hash_expire(hash, wall_ms, SIZE_MAX, NULL, NULL) == 0 || hash_count(hash) > 0) return false;
    hash_destroy(hash);
    value->object = NULL;
    return true;
}

struct entry *rdb_value_put(struct rdb_value *value, struct keyspace *keyspace,
                            const struct access *access, const struct key *key,
                            const struct put *put)
{
    if (value->type == VALUE_STRING)
        return keyspace_put_string(keyspace, access, key, value->text, put);
    void *object = value->object;
    ensure(object != NULL);
    value->object = NULL;
    return keyspace_put_value(keyspace, access, key, value->type, object, put);
}

/* ---- writing ---- */

static uint8_t string_number(const struct entry *entry)
{
    return RDB_TYPE_STRING;
}

static void string_put(struct rdb_writer *writer, const struct entry *entry)
{
    struct scratch scratch;
    rdb_put_string(writer, entry_string(entry, &scratch));
}

static const struct {
    uint8_t (*number)(const struct entry *entry);
    void (*put)(struct rdb_writer *writer, const struct entry *entry);
} encoders[VALUE_TYPE_COUNT] = {
    [VALUE_STRING] = { string_number, string_put },
    [VALUE_HASH] = { rdb_hash_number, rdb_hash_put },
    [VALUE_LIST] = { rdb_list_number, rdb_list_put },
    [VALUE_SET] = { rdb_set_number, rdb_set_put },
    [VALUE_ZSET] = { rdb_zset_number, rdb_zset_put },
    [VALUE_STREAM] = { rdb_stream_number, rdb_stream_put },
};

enum err rdb_entry_number(const struct entry *entry, int version, uint8_t *number)
{
    enum value_type type = entry_type(entry);
    ensure(type < VALUE_TYPE_COUNT);
    if (encoders[type].number == NULL) return ERR_UNSUPPORTED;
    *number = encoders[type].number(entry);
    /* The old version ends with the third form of streams. */
    if (version == SNAPSHOT_VERSION_OLD && *number > 21) return ERR_UNSUPPORTED;
    return ERR_NONE;
}

void rdb_put_value(struct rdb_writer *writer, const struct entry *entry)
{
    enum value_type type = entry_type(entry);
    ensure(encoders[type].put != NULL);
    encoders[type].put(writer, entry);
}
