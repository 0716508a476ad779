/* Long doubles as text. */
#include "commands/long_double.h"
#include "base/ensure.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool long_double_parse(struct bytes text, long double *value)
{
    char copy[LONG_DOUBLE_MAX];
    if (text.size == 0 || text.size >= sizeof(copy)) return false;
    unsigned char first = (unsigned char)text.data[0];
    if (first == ' ' || (first >= '\t' && first <= '\r')) return false;
    if (memchr(text.data, '\0', text.size) != NULL) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';

    char *end;
    errno = 0;
    *value = strtold(copy, &end);
    if (*end != '\0' || isnan(*value)) return false;
    if (errno == ERANGE && (isinf(*value) || *value == 0)) return false;
    return true;
}

size_t long_double_print(long double value, char text[LONG_DOUBLE_MAX])
{
    int size = snprintf(text, LONG_DOUBLE_MAX, "%.17Lf", value);
    ensure(size > 0 && size < LONG_DOUBLE_MAX);
    while (text[size - 1] == '0') size--;
    if (text[size - 1] == '.') size--;
    if (size == 2 && text[0] == '-' && text[1] == '0') {
        text[0] = '0';
        size = 1;
    }
    return (size_t)size;
}
