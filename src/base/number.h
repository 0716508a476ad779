/* Numbers as text, exactly as the protocol wants them. */
#ifndef EIR_BASE_NUMBER_H
#define EIR_BASE_NUMBER_H

#include "base/bytes.h"

#define NUMBER_TEXT_MAX 32

/* Optional minus, digits, no leading zero, no plus, no space: the canonical form only. This is
 * also the test of whether a string may be kept as an integer. */
bool number_parse(struct bytes text, int64_t *value);
bool number_parse_unsigned(struct bytes text, uint64_t *value);
/* As strtoull reads a whole text, up to a zero byte: white space, a sign and leading zeros are
 * allowed, and a negative number counts from the upper end. Cursors of SCAN are read like this. */
bool number_parse_loose(struct bytes text, uint64_t *value);
/* Decimal text; returns its length; no terminator. `text` holds NUMBER_TEXT_MAX bytes. */
size_t number_print(int64_t value, char *text);
size_t number_print_unsigned(uint64_t value, char *text);

/* A float as clients may send it: decimal, read in full, without spaces; no NaN, nothing that a
 * double cannot hold. Accepts inf. */
bool number_parse_double(struct bytes text, double *value);
/* Text that reads back the same, in the digits that Valkey takes (decimal.h); integral values up to
 * 2^62 without a point or exponent,
 * "inf", "-inf", "nan"; returns the length. */
#define NUMBER_DOUBLE_MAX 40
size_t number_print_double(double value, char *text);

/* "100", "1k", "64mb", "2gb": powers of 1000 for k m g, of 1024 for kb mb gb; case ignored. */
bool number_parse_memory(struct bytes text, int64_t *value);
/* "1.50M": with two decimals, as INFO prints sizes. `text` holds NUMBER_TEXT_MAX bytes. */
void number_print_human(uint64_t value, char *text);

#endif
