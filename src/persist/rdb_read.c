/* Reading tokens. A token that is not wholly there leaves no trace: the caller comes again with
 * more. Sizes are compared with what remains and with limits before any memory is taken. */
#include "base/compress.h"
#include "base/ensure.h"
#include "base/number.h"
#include "persist/internal.h"

bool rdb_version_is_foreign(int version)
{
    return version > SNAPSHOT_VERSION_OLD && version < SNAPSHOT_VERSION;
}

bool rdb_version_is_readable(int version, bool is_relaxed)
{
    if (version < 1) return false;
    return version <= SNAPSHOT_VERSION_OLD || version == SNAPSHOT_VERSION || is_relaxed;
}

enum rdb_token rdb_bad(struct rdb_cursor *cursor, enum err err, const char *why)
{
    ensure(err != ERR_NONE);
    cursor->err = err;
    cursor->why = why;
    return RDB_BAD;
}

enum rdb_token rdb_take_bytes(struct rdb_cursor *cursor, size_t size, struct bytes *bytes)
{
    ensure(cursor->at <= cursor->input.size);
    if (cursor->input.size - cursor->at < size) {
        cursor->needed = cursor->at + size;
        return RDB_MORE;
    }
    *bytes = bytes_of(cursor->input.data + cursor->at, size);
    cursor->at += size;
    return RDB_OK;
}

enum rdb_token rdb_take_little(struct rdb_cursor *cursor, size_t size, uint64_t *value)
{
    struct bytes bytes;
    enum rdb_token token = rdb_take_bytes(cursor, size, &bytes);
    if (token != RDB_OK) return token;
    *value = 0;
    for (size_t i = size; i-- > 0;) *value = *value << 8 | (uint8_t)bytes.data[i];
    return RDB_OK;
}

static enum rdb_token take_big(struct rdb_cursor *cursor, size_t size, uint64_t *value)
{
    struct bytes bytes;
    enum rdb_token token = rdb_take_bytes(cursor, size, &bytes);
    if (token != RDB_OK) return token;
    *value = 0;
    for (size_t i = 0; i < size; i++) *value = *value << 8 | (uint8_t)bytes.data[i];
    return RDB_OK;
}

enum rdb_token rdb_take_byte(struct rdb_cursor *cursor, uint8_t *byte)
{
    uint64_t value;
    enum rdb_token token = rdb_take_little(cursor, 1, &value);
    if (token == RDB_OK) *byte = (uint8_t)value;
    return token;
}

/* A length, or the number of a special encoding of strings. */
static enum rdb_token take_length_or_form(struct rdb_cursor *cursor, uint64_t *length,
                                          bool *is_form)
{
    uint8_t first;
    uint8_t low;
    *is_form = false;
    enum rdb_token token = rdb_take_byte(cursor, &first);
    if (token != RDB_OK) return token;
    switch (first >> 6) {
    case 0: *length = first; return RDB_OK;
    case 1:
        token = rdb_take_byte(cursor, &low);
        if (token == RDB_OK) *length = (uint64_t)(first & 63) << 8 | low;
        return token;
    case 3:
        *is_form = true;
        *length = first & 63;
        return RDB_OK;
    }
    if (first == 0x80) return take_big(cursor, 4, length);
    if (first == 0x81) return take_big(cursor, 8, length);
    return rdb_bad(cursor, ERR_MALFORMED, "a length of unknown form");
}

enum rdb_token rdb_take_length(struct rdb_cursor *cursor, uint64_t *length)
{
    bool is_form;
    enum rdb_token token = take_length_or_form(cursor, length, &is_form);
    if (token == RDB_OK && is_form)
        return rdb_bad(cursor, ERR_MALFORMED, "a string where a length must be");
    return token;
}

static enum rdb_token take_integer(struct rdb_cursor *cursor, unsigned form, struct buffer *room,
                                   struct bytes *text)
{
    uint64_t raw;
    enum rdb_token token = rdb_take_little(cursor, (size_t)1 << form, &raw);
    if (token != RDB_OK) return token;
    int64_t value = form == 0 ? (int8_t)raw : form == 1 ? (int16_t)raw : (int32_t)raw;
    buffer_clear(room);
    buffer_append_int(room, value);
    *text = buffer_bytes(room);
    return RDB_OK;
}

static enum rdb_token take_compressed(struct rdb_cursor *cursor, struct buffer *room,
                                      struct bytes *text)
{
    uint64_t packed_size;
    uint64_t size;
    struct bytes packed;
    enum rdb_token token = rdb_take_length(cursor, &packed_size);
    if (token == RDB_OK) token = rdb_take_length(cursor, &size);
    if (token != RDB_OK) return token;
    if (packed_size > RDB_STRING_MAX || size > RDB_STRING_MAX)
        return rdb_bad(cursor, ERR_TOO_LARGE, "a compressed string over 4 GiB");
    if (size == 0 || packed_size == 0 || size / RDB_LZF_RATIO_MAX > packed_size)
        return rdb_bad(cursor, ERR_MALFORMED, "a compressed string of impossible size");
    token = rdb_take_bytes(cursor, (size_t)packed_size, &packed);
    if (token != RDB_OK) return token;

    buffer_trim(room, 64 * KIB);
    char *into = buffer_reserve(room, (size_t)size);
    if (!lzf_unpack(packed, into, (size_t)size))
        return rdb_bad(cursor, ERR_MALFORMED, "a compressed string that does not unpack");
    *text = bytes_of(into, (size_t)size);
    return RDB_OK;
}

enum rdb_token rdb_take_string(struct rdb_cursor *cursor, struct buffer *room, struct bytes *text)
{
    uint64_t length;
    bool is_form;
    enum rdb_token token = take_length_or_form(cursor, &length, &is_form);
    if (token != RDB_OK) return token;
    if (!is_form) {
        if (length > RDB_STRING_MAX) return rdb_bad(cursor, ERR_TOO_LARGE, "a string over 4 GiB");
        return rdb_take_bytes(cursor, (size_t)length, text);
    }
    if (length <= 2) return take_integer(cursor, (unsigned)length, room, text);
    if (length == 3) return take_compressed(cursor, room, text);
    return rdb_bad(cursor, ERR_MALFORMED, "a string of unknown form");
}
