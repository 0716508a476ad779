/* HyperLogLog: how many different elements were seen, from 16384 registers, each with the longest
 * row of zeros that the hash of an element ended in. Kept in a string, byte for byte as Valkey
 * keeps it:
 *
 *   | HYLL 4 | encoding 1 | 0 3 | count 8, little-endian; highest bit: out of date | registers |
 *
 *   dense (0): six bits a register, 12288 bytes
 *   sparse (1): runs of equal registers
 *     00llllll            l + 1 zeros, up to 64
 *     01llllll llllllll   l + 1 zeros, up to 16384
 *     1vvvvvll            l + 1 registers of v + 1, up to 4 of up to 32
 *
 * The text comes from clients: runs that do not make 16384 registers are answered as corrupt. */
#ifndef EIR_TYPES_HYPERLOGLOG_H
#define EIR_TYPES_HYPERLOGLOG_H

#include "base/buffer.h"

#define HLL_REGISTERS   16384
#define HLL_HEADER_SIZE 16
#define HLL_DENSE_SIZE  (HLL_HEADER_SIZE + HLL_REGISTERS * 6 / 8)

/* Is this the header of one, and of the right size if it is dense? */
bool hll_is_valid(struct bytes text);
bool hll_is_dense(struct bytes text);
/* An empty one, sparse. */
void hll_create(struct buffer *text);

/* Where an element belongs, and its row of zeros. */
struct hll_place {
    uint32_t index;
    uint8_t value;
};
struct hll_place hll_place_of(struct bytes element);

enum hll_result { HLL_SAME, HLL_CHANGED, HLL_CORRUPT };
/* Would the register grow? For a dense one nothing more needs to be known. */
enum hll_result hll_would_change(struct bytes text, struct hll_place place);
/* Raises a register. A sparse one that would get longer than this becomes dense. */
enum hll_result hll_raise(struct buffer *text, size_t sparse_size_max, struct hll_place place);
/* The same of a dense one, in place. */
void hll_dense_raise(char *text, struct hll_place place);
/* Raises all of them; false: corrupt. */
bool hll_raise_all(struct buffer *text, size_t sparse_size_max,
                   const uint8_t registers[HLL_REGISTERS]);
/* False: corrupt. */
bool hll_to_dense(struct buffer *text);

/* The count that is kept in it; false when it is out of date. */
bool hll_count_kept(struct bytes text, uint64_t *count);
void hll_count_keep(char *text, uint64_t count);
void hll_count_forget(char *text);

/* Takes the larger of each register; false: corrupt. */
bool hll_merge(struct bytes text, uint8_t registers[HLL_REGISTERS]);
uint64_t hll_count(const uint8_t registers[HLL_REGISTERS]);
/* The runs of a sparse one in words: "Z:16384", "z:3 v:1,2". */
void hll_describe(struct bytes text, struct buffer *words);

#endif
