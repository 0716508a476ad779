/* CRC-16 and CRC-64 eight bytes at a step, and the slot of a key.
 *
 * A CRC is linear: the entry of a byte is the XOR of the entries of its bits. So only those eight
 * stand here for each of the eight tables, and the preprocessor unrolls the rest. Table k holds
 * what a byte does to the remainder when k more bytes follow it. */
#include "base/digest.h"

// clang-format off
#define CRC16_BITS_0                                                                               \
    0x1021u, 0x2042u, 0x4084u, 0x8108u, 0x1231u, 0x2462u, 0x48c4u, 0x9188u
#define CRC16_BITS_1                                                                               \
    0x3331u, 0x6662u, 0xccc4u, 0x89a9u, 0x0373u, 0x06e6u, 0x0dccu, 0x1b98u
#define CRC16_BITS_2                                                                               \
    0x3730u, 0x6e60u, 0xdcc0u, 0xa9a1u, 0x4363u, 0x86c6u, 0x1dadu, 0x3b5au
#define CRC16_BITS_3                                                                               \
    0x76b4u, 0xed68u, 0xcaf1u, 0x85c3u, 0x1ba7u, 0x374eu, 0x6e9cu, 0xdd38u
#define CRC16_BITS_4                                                                               \
    0xaa51u, 0x4483u, 0x8906u, 0x022du, 0x045au, 0x08b4u, 0x1168u, 0x22d0u
#define CRC16_BITS_5                                                                               \
    0x45a0u, 0x8b40u, 0x06a1u, 0x0d42u, 0x1a84u, 0x3508u, 0x6a10u, 0xd420u
#define CRC16_BITS_6                                                                               \
    0xb861u, 0x60e3u, 0xc1c6u, 0x93adu, 0x377bu, 0x6ef6u, 0xddecu, 0xabf9u
#define CRC16_BITS_7                                                                               \
    0x47d3u, 0x8fa6u, 0x0f6du, 0x1edau, 0x3db4u, 0x7b68u, 0xf6d0u, 0xfd81u
#define CRC64_BITS_0                                                                               \
    0x7ad870c830358979u, 0xf5b0e190606b12f2u, 0xc038e5739841b68fu, 0xab28ecb46814fe75u,            \
    0x7d08ff3b88be6f81u, 0xfa11fe77117cdf02u, 0xdf7adabd7a6e2d6fu, 0x95ac9329ac4bc9b5u
#define CRC64_BITS_1                                                                               \
    0x89e99ffd73bddf69u, 0x388a19a9bfec2db9u, 0x711433537fd85b72u, 0xe22866a6ffb0b6e4u,            \
    0xef09eb1ea7f6fea3u, 0xf54af06e177a6e2du, 0xc1ccc68f76634f31u, 0xa8c0ab4db4510d09u
#define CRC64_BITS_2                                                                               \
    0xf4125129ce4038beu, 0xc37d8400c417e217u, 0xada22e52d0b85745u, 0x701d7af6f9e73de1u,            \
    0xe03af5edf3ce7bc2u, 0xeb2ccd88bf0b64efu, 0xfd00bd4226815ab5u, 0xd1585cd715952601u
#define CRC64_BITS_3                                                                               \
    0x8ce168638c796306u, 0x329bf69440655567u, 0x6537ed2880caaaceu, 0xca6fda510195559cu,            \
    0xbf8692f15bbd3853u, 0x545403b1efede3cdu, 0xa8a80763dfdbc79au, 0x7a092894e7201c5fu
#define CRC64_BITS_4                                                                               \
    0x3504e58b9ba6dd1eu, 0x6a09cb17374dba3cu, 0xd413962e6e9b7478u, 0x837e0a0f85a17b9bu,            \
    0x2da5324c53d5645du, 0x5b4a6498a7aac8bau, 0xb694c9314f559174u, 0x4670b431c63cb183u
#define CRC64_BITS_5                                                                               \
    0xe39d1389931b9354u, 0xec6301407ea0b5c3u, 0xf39f24d3a5d6f8edu, 0xcc676ff4133a62b1u,            \
    0xb397f9bb7ee35609u, 0x4c76d525a5513f79u, 0x98edaa4b4aa27ef2u, 0x1a8272c5cdd36e8fu
#define CRC64_BITS_6                                                                               \
    0x62a95de6e302eff2u, 0xc552bbcdc605dfe4u, 0xa1fc51c8d49c2ca3u, 0x68a185c2f1afca2du,            \
    0xd1430b85e35f945au, 0x89df31589e28bbdfu, 0x38e744e264c6e4d5u, 0x71ce89c4c98dc9aau
#define CRC64_BITS_7                                                                               \
    0x381d0015c96f4444u, 0x703a002b92de8888u, 0xe074005725bd1110u, 0xebb126fd13edb14bu,            \
    0xfc3b6ba97f4cf1fdu, 0xd32ff101a60e7091u, 0x8d06c450148b7249u, 0x3154aef3718177f9u

#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7)                                                   \
    (((i) & 1 ? b0 : 0) ^ ((i) & 2 ? b1 : 0) ^ ((i) & 4 ? b2 : 0) ^ ((i) & 8 ? b3 : 0) ^           \
     ((i) & 16 ? b4 : 0) ^ ((i) & 32 ? b5 : 0) ^ ((i) & 64 ? b6 : 0) ^ ((i) & 128 ? b7 : 0))
#define ENTRIES_4(i, ...)                                                                          \
    ENTRY((i), __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__),             \
    ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                         \
    ENTRIES_4((i), __VA_ARGS__), ENTRIES_4((i) + 4, __VA_ARGS__),                                  \
    ENTRIES_4((i) + 8, __VA_ARGS__), ENTRIES_4((i) + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                                         \
    ENTRIES_16((i), __VA_ARGS__), ENTRIES_16((i) + 16, __VA_ARGS__),                               \
    ENTRIES_16((i) + 32, __VA_ARGS__), ENTRIES_16((i) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                 \
    { ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__),                                     \
      ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__) }

static const uint16_t crc16_tables[8][256] = {
    TABLE(CRC16_BITS_0), TABLE(CRC16_BITS_1), TABLE(CRC16_BITS_2), TABLE(CRC16_BITS_3),
    TABLE(CRC16_BITS_4), TABLE(CRC16_BITS_5), TABLE(CRC16_BITS_6), TABLE(CRC16_BITS_7),
};
static const uint64_t crc64_tables[8][256] = {
    TABLE(CRC64_BITS_0), TABLE(CRC64_BITS_1), TABLE(CRC64_BITS_2), TABLE(CRC64_BITS_3),
    TABLE(CRC64_BITS_4), TABLE(CRC64_BITS_5), TABLE(CRC64_BITS_6), TABLE(CRC64_BITS_7),
};
// clang-format on

uint16_t crc16(struct bytes bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    size_t left = bytes.size;
    unsigned crc = 0;

    for (; left >= 8; left -= 8, at += 8) {
        crc = crc16_tables[7][crc >> 8 ^ at[0]] ^ crc16_tables[6][(crc & 0xff) ^ at[1]] ^
              crc16_tables[5][at[2]] ^ crc16_tables[4][at[3]] ^ crc16_tables[3][at[4]] ^
              crc16_tables[2][at[5]] ^ crc16_tables[1][at[6]] ^ crc16_tables[0][at[7]];
    }
    for (; left > 0; left--, at++) crc = (crc << 8 & 0xffff) ^ crc16_tables[0][crc >> 8 ^ *at];
    return (uint16_t)crc;
}

uint64_t crc64(uint64_t crc, struct bytes bytes)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    size_t left = bytes.size;

    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        crc ^= word;
        crc = crc64_tables[7][crc & 0xff] ^ crc64_tables[6][crc >> 8 & 0xff] ^
              crc64_tables[5][crc >> 16 & 0xff] ^ crc64_tables[4][crc >> 24 & 0xff] ^
              crc64_tables[3][crc >> 32 & 0xff] ^ crc64_tables[2][crc >> 40 & 0xff] ^
              crc64_tables[1][crc >> 48 & 0xff] ^ crc64_tables[0][crc >> 56];
    }
    for (; left > 0; left--, at++) crc = crc64_tables[0][(crc ^ *at) & 0xff] ^ crc >> 8;
    return crc;
}

uint16_t key_slot(struct bytes key)
{
    /* The hash tag: what stands between the first '{' and the first '}' behind it, unless empty. */
    ptrdiff_t open = bytes_index_of(key, '{');
    if (open >= 0) {
        struct bytes tag = bytes_from(key, (size_t)open + 1);
        ptrdiff_t close = bytes_index_of(tag, '}');
        if (close > 0) key = bytes_of(tag.data, (size_t)close);
    }
    return crc16(key) % SLOT_COUNT;
}
