/* Writing tokens: integers, lengths and strings into a block that goes to the sink when full. */
#include "base/compress.h"
#include "base/digest.h"
#include "base/ensure.h"
#include "base/number.h"
#include "persist/internal.h"
#include "types/listpack.h"

/* One write to a pipe or file; large enough that the calls do not count, small enough that a
 * progress report comes often. */
#define BLOCK_SIZE (64 * KIB)

#define INTEGER_TEXT_MAX  11 /* "-2147483648" */
#define COMPRESS_SIZE_MIN 21 /* below, what could be saved is less than the header costs */

void rdb_writer_init(struct rdb_writer *writer, struct sink *sink, bool is_compressed,
                     bool has_checksum)
{
    *writer = (struct rdb_writer){ .sink = sink,
                                   .is_compressed = is_compressed,
                                   .has_checksum = has_checksum };
}

void rdb_writer_fini(struct rdb_writer *writer)
{
    buffer_fini(&writer->block);
    buffer_fini(&writer->packed);
    buffer_fini(&writer->framed);
}

static void emit(struct rdb_writer *writer, struct bytes bytes)
{
    if (writer->err || bytes.size == 0) return;
    if (writer->has_checksum) writer->crc = crc64(writer->crc, bytes);
    writer->err = writer->sink->write(writer->sink, bytes);
    writer->bytes += bytes.size;
}

void rdb_flush(struct rdb_writer *writer)
{
    emit(writer, buffer_bytes(&writer->block));
    buffer_clear(&writer->block);
}

void rdb_put_bytes(struct rdb_writer *writer, struct bytes bytes)
{
    if (writer->block.size + bytes.size > BLOCK_SIZE) rdb_flush(writer);
    for (; bytes.size >= BLOCK_SIZE; bytes = bytes_from(bytes, BLOCK_SIZE))
        emit(writer, bytes_of(bytes.data, BLOCK_SIZE));
    buffer_append(&writer->block, bytes);
    ensure(writer->block.size <= BLOCK_SIZE);
}

void rdb_put_byte(struct rdb_writer *writer, uint8_t byte)
{
    rdb_put_bytes(writer, bytes_of(&byte, 1));
}

void rdb_put_little(struct rdb_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    ensure(size <= sizeof(bytes));
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> 8 * i);
    rdb_put_bytes(writer, bytes_of(bytes, size));
}

static void put_big(struct rdb_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    ensure(size <= sizeof(bytes));
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    rdb_put_bytes(writer, bytes_of(bytes, size));
}

void rdb_put_length(struct rdb_writer *writer, uint64_t length)
{
    if (length < 1u << 6) {
        rdb_put_byte(writer, (uint8_t)length);
    } else if (length < 1u << 14) {
        put_big(writer, 0x4000 | length, 2);
    } else if (length <= UINT32_MAX) {
        rdb_put_byte(writer, 0x80);
        put_big(writer, length, 4);
    } else {
        rdb_put_byte(writer, 0x81);
        put_big(writer, length, 8);
    }
}

/* "c0" 1 byte, "c1" 2 bytes, "c2" 4 bytes, all little-endian and signed. */
static bool put_as_integer(struct rdb_writer *writer, struct bytes text)
{
    int64_t value;
    if (text.size == 0 || text.size > INTEGER_TEXT_MAX) return false;
    if (!number_parse(text, &value) || value < INT32_MIN || value > INT32_MAX) return false;
    unsigned form = value == (int8_t)value ? 0 : value == (int16_t)value ? 1 : 2;
    rdb_put_byte(writer, (uint8_t)(0xc0 | form));
    rdb_put_little(writer, (uint64_t)value, (size_t)1 << form);
    return true;
}

/* "c3", packed size, size, packed bytes; only when that is four bytes shorter at least. */
static bool put_compressed(struct rdb_writer *writer, struct bytes text)
{
    if (!writer->is_compressed || text.size < COMPRESS_SIZE_MIN || text.size > UINT32_MAX)
        return false;
    buffer_clear(&writer->packed);
    char *packed = buffer_reserve(&writer->packed, text.size);
    size_t size = lzf_pack(text, packed, text.size - 4);
    if (size > 0) {
        rdb_put_byte(writer, 0xc3);
        rdb_put_length(writer, size);
        rdb_put_length(writer, text.size);
        rdb_put_bytes(writer, bytes_of(packed, size));
    }
    buffer_trim(&writer->packed, BLOCK_SIZE);
    return size > 0;
}

void rdb_put_string(struct rdb_writer *writer, struct bytes text)
{
    if (put_as_integer(writer, text)) return;
    if (put_compressed(writer, text)) return;
    rdb_put_length(writer, text.size);
    rdb_put_bytes(writer, text);
}

void rdb_put_listpack(struct rdb_writer *writer, struct bytes body, size_t count)
{
    char head[LISTPACK_FRAME_HEAD];
    struct buffer *framed = &writer->framed;
    listpack_frame(head, body.size, count);
    buffer_clear(framed);
    buffer_append(framed, bytes_of(head, sizeof(head)));
    buffer_append(framed, body);
    buffer_append_byte(framed, (char)0xff);
    rdb_put_string(writer, buffer_bytes(framed));
    buffer_trim(framed, BLOCK_SIZE);
}
