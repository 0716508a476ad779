/* The digits that a double is printed with. */
#ifndef EIR_BASE_DECIMAL_H
#define EIR_BASE_DECIMAL_H

#include "base/bytes.h"

#define DECIMAL_DIGITS_MAX 20

/* Significant digits without point or trailing zeros; value = 0.d1d2d3... x 10^exponent. */
struct decimal {
    char digits[DECIMAL_DIGITS_MAX];
    int count;
    int exponent;
};

/* Of a positive, finite value: digits that read back as the same, as few as possible but for rare
 * cases. */
void decimal_of(double value, struct decimal *decimal);

#endif
