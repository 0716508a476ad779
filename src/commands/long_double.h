/* The wide floats of INCRBYFLOAT and HINCRBYFLOAT, as text. */
#ifndef EIR_COMMANDS_LONG_DOUBLE_H
#define EIR_COMMANDS_LONG_DOUBLE_H

#include "base/bytes.h"

/* What strtold reads in full, without spaces; no NaN, nothing that overflows. */
bool long_double_parse(struct bytes text, long double *value);
/* 17 digits behind the point, without the zeros at the end and never as an exponent. The longest
 * value has 4933 digits before the point. */
#define LONG_DOUBLE_MAX (5 * 1024)
size_t long_double_print(long double value, char text[LONG_DOUBLE_MAX]);

#endif
