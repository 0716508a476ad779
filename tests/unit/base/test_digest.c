/* Digests, checksums, slots and the keyed hash against published and recorded values. */
#include "base/digest.h"

#include "base/hash.h"
#include "base/prng.h"
#include "lib/expect.h"
#include "lib/suite.h"

struct hex {
    char data[64];
    size_t size;
};

static unsigned digit(char c)
{
    return (unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0');
}

static struct bytes unhex(const char *text, struct hex *hex)
{
    hex->size = strlen(text) / 2;
    for (size_t i = 0; i < hex->size; i++)
        hex->data[i] = (char)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return bytes_of(hex->data, hex->size);
}

// clang-format off
static const struct { const char *message; uint16_t crc; unsigned slot; } crc16_vectors[] = {
    { "", 0x0000, 0 },
    { "61", 0x7c87, 15495 },
    { "666f6f", 0xaf96, 12182 },
    { "626172", 0x93c5, 5061 },
    { "313233343536373839", 0x31c3, 12739 },
    { "7b75736572313030307d2e666f6c6c6f77696e67", 0x6fba, 3443 }, /* {user1000}.following */
    { "7b75736572313030307d2e666f6c6c6f77657273", 0x0e70, 3443 },
    { "666f6f7b7d7b6261727d", 0xe0ab, 8363 },       /* foo{}{bar}: an empty tag is none */
    { "666f6f7b7b6261727d7d7a6170", 0x6fda, 4015 }, /* foo{{bar}}zap: the tag is "{bar" */
    { "666f6f7b6261727d7b7a61707d", 0xd2a2, 5061 }, /* foo{bar}{zap}: the first one counts */
    { "7b7d", 0x7b99, 15257 },
    { "7b61", 0xa824, 10276 },
    { "617d627b637d", 0x4b44, 7365 },
    { "6b65793a7b7461677d3a31", 0x626f, 8338 },
    { "68c3a96c6c6f", 0xab35, 11061 },
};
static const struct { const char *message; uint64_t crc; } crc64_vectors[] = {
    { "", 0 },
    { "313233343536373839", 0xe9c6d914c4b8d9cau },
    { "61", 0x5fb354025b277b14u },
    { "54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f67",
      0xbf7ee596c3aa372bu },
    { "0000000000000000", 0 },
    { "ffffffffffffffffffffffffffffffff", 0x48b295d4cfcb611bu },
};
static const struct { const char *message; uint64_t hash; } siphash_vectors[] = {
    { "", 0xabac0158050fc4dcu },
    { "61", 0x1c2697ab786a6237u },
    { "414243", 0xf9ba51d374f7a757u },
    { "666f6f", 0xf48086de629287d8u },
    { "3132333435363738", 0x11a8ebb5cd0da9ceu },
    { "313233343536373839", 0xf3c7afb338b5c3eeu },
    { "54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f67",
      0x9bd930430f05b1ceu },
    { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f", 0xf17997ec4b4a6065u },
};
// clang-format on

START_TEST(crc16_and_slots_are_those_of_the_protocol)
{
    struct hex hex;
    for (size_t i = 0; i < COUNT_OF(crc16_vectors); i++) {
        struct bytes message = unhex(crc16_vectors[i].message, &hex);
        ck_assert_uint_eq(crc16(message), crc16_vectors[i].crc);
        ck_assert_uint_eq(key_slot(message), crc16_vectors[i].slot);
    }
}
END_TEST

START_TEST(crc64_is_that_of_snapshots)
{
    struct hex hex;
    for (size_t i = 0; i < COUNT_OF(crc64_vectors); i++)
        ck_assert(crc64(0, unhex(crc64_vectors[i].message, &hex)) == crc64_vectors[i].crc);
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    ck_assert(crc64(0, bytes_of(all, sizeof(all))) == 0x88bfa574e806500eu);
}
END_TEST

/* Bit by bit, as the polynomials are defined. */
static uint16_t crc16_slow(struct bytes bytes)
{
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (unsigned)(unsigned char)bytes.data[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
    }
    return (uint16_t)crc;
}

static uint64_t crc64_slow(uint64_t crc, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= (unsigned char)bytes.data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x95ac9329ac4bc9b5u : crc >> 1;
    }
    return crc;
}

START_TEST(eight_bytes_at_a_step_give_what_single_bits_give)
{
    struct prng prng;
    prng_init(&prng, 4);
    char text[100];
    for (int i = 0; i < 2000; i++) {
        size_t size = (size_t)prng_below(&prng, sizeof(text));
        for (size_t j = 0; j < size; j++) text[j] = (char)prng_next(&prng);
        struct bytes whole = bytes_of(text, size);
        expect(crc16(whole) == crc16_slow(whole));
        size_t cut = (size_t)prng_below(&prng, size + 1);
        uint64_t chained = crc64(crc64(0, bytes_of(text, cut)), bytes_from(whole, cut));
        expect(chained == crc64_slow(0, whole));
        expect(crc64(0, whole) == chained);
    }
}
END_TEST

START_TEST(siphash_1_3_is_as_published)
{
    struct hex hex;
    struct hash_key key = { { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u } };
    for (size_t i = 0; i < COUNT_OF(siphash_vectors); i++)
        ck_assert(hash_bytes(&key, unhex(siphash_vectors[i].message, &hex)) ==
                  siphash_vectors[i].hash);
    /* With a key of zeros: what Python 3.11 gives for hash(b"...") with PYTHONHASHSEED=0. */
    struct hash_key zero = { { 0, 0 } };
    ck_assert(hash_bytes(&zero, BYTES("abc")) == 0xc03bc3a0042630f2u);
    ck_assert(hash_bytes(&zero, BYTES("12345678")) == 0x3489982430560a87u);
    ck_assert(hash_bytes(&zero, BYTES("123456789")) == 0x0fbc0f0007965fcfu);
}
END_TEST

static void expect_digest(const uint8_t *digest, size_t size, const char *expected)
{
    char hex[65] = { 0 };
    digest_hex(digest, size, hex);
    ck_assert_str_eq(hex, expected);
}

START_TEST(sha1_and_sha256_are_those_of_fips_180)
{
    uint8_t digest[SHA256_SIZE];
    sha1(BYTES(""), digest);
    expect_digest(digest, SHA1_SIZE, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    sha1(BYTES("abc"), digest);
    expect_digest(digest, SHA1_SIZE, "a9993e364706816aba3e25717850c26c9cd0d89d");
    sha1(BYTES("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    expect_digest(digest, SHA1_SIZE, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    sha256(BYTES(""), digest);
    expect_digest(digest, SHA256_SIZE,
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(BYTES("abc"), digest);
    expect_digest(digest, SHA256_SIZE,
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(BYTES("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    expect_digest(digest, SHA256_SIZE,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

START_TEST(padding_is_right_at_every_length)
{
    /* SHA-1 and SHA-256 of the digests of all prefixes of 0..199 'a's: one value that any wrong
     * padding changes. Computed with Python's hashlib. */
    char text[200];
    memset(text, 'a', sizeof(text));
    uint8_t all1[200 * SHA1_SIZE], all256[200 * SHA256_SIZE], digest[SHA256_SIZE];
    for (size_t size = 0; size < 200; size++) {
        sha1(bytes_of(text, size), all1 + size * SHA1_SIZE);
        sha256(bytes_of(text, size), all256 + size * SHA256_SIZE);
    }
    sha1(bytes_of(all1, sizeof(all1)), digest);
    expect_digest(digest, SHA1_SIZE, "8a18f04bac7c86cfcffa6a93e5cb21ae0159deac");
    sha256(bytes_of(all256, sizeof(all256)), digest);
    expect_digest(digest, SHA256_SIZE,
                  "752c007f38611cfbf5fa42cb1cea3d8e086491c844d0cc4defd632cb81423506");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("digest");
    tcase_add_test(tests, crc16_and_slots_are_those_of_the_protocol);
    tcase_add_test(tests, crc64_is_that_of_snapshots);
    tcase_add_test(tests, eight_bytes_at_a_step_give_what_single_bits_give);
    tcase_add_test(tests, siphash_1_3_is_as_published);
    tcase_add_test(tests, sha1_and_sha256_are_those_of_fips_180);
    tcase_add_test(tests, padding_is_right_at_every_length);
    return suite_run("base/digest", tests);
}
