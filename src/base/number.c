/* Numbers as text. Doubles are printed with the digits of decimal.h, laid out
 * as Valkey lays them out: plain where that stays short, else with an exponent. */
#include "base/number.h"

#include "base/decimal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define INT64_DIGITS_MAX 20

#define DIGITS_SAFE 19 /* so many never overflow */

/* Eight digits at once: pairs of neighbours are added with their weights, three times. */
static inline bool eight_digits_read(const char *at, uint64_t *value)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    /* '0' to '9' alone have this upper half, and keep it with six more. */
    uint64_t halves = (word & 0xf0 * ones) | ((word + 0x06 * ones) & 0xf0 * ones) >> 4;
    if (halves != 0x33 * ones) return false;
    word = (word & 0x0f * ones) * (10 * (1 << 8) + 1) >> 8;
    word = (word & 0x00ff00ff00ff00ffu) * (100 * (1 << 16) + 1) >> 16;
    *value = (word & 0x0000ffff0000ffffu) * (10000 * ((uint64_t)1 << 32) + 1) >> 32;
    return true;
}

static inline bool few_digits_read(struct bytes text, uint64_t *value)
{
    uint64_t sum = 0, eight;
    size_t i = 0;
    for (; text.size - i >= 8; i += 8) {
        if (!eight_digits_read(text.data + i, &eight)) return false;
        sum = sum * 100000000 + eight;
    }
    for (; i < text.size; i++) {
        unsigned digit = (unsigned char)text.data[i] - '0';
        if (digit > 9) return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

static bool digits_read(struct bytes text, uint64_t *value)
{
    if (text.size <= DIGITS_SAFE) return few_digits_read(text, value);
    uint64_t sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned char)text.data[i] - '0';
        if (digit > 9) return false;
        if (__builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool number_parse_unsigned(struct bytes text, uint64_t *value)
{
    if (text.size == 0 || text.size > INT64_DIGITS_MAX) return false;
    if (text.data[0] == '0' && text.size > 1) return false;
    return digits_read(text, value);
}

bool number_parse_loose(struct bytes text, uint64_t *value)
{
    ptrdiff_t end = bytes_index_of(text, '\0');
    if (end >= 0) text.size = (size_t)end;
    while (text.size > 0 && memchr(" \t\n\v\f\r", text.data[0], 6) != NULL)
        text = bytes_from(text, 1);
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (is_negative || (text.size > 0 && text.data[0] == '+')) text = bytes_from(text, 1);
    if (text.size == 0 || !digits_read(text, value)) return false;
    if (is_negative) *value = 0 - *value;
    return true;
}

bool number_parse(struct bytes text, int64_t *value)
{
    uint64_t magnitude;
    if (text.size == 0) return false;
    if (text.data[0] != '-') {
        if (!number_parse_unsigned(text, &magnitude) || magnitude > INT64_MAX) return false;
        *value = (int64_t)magnitude;
        return true;
    }
    if (!number_parse_unsigned(bytes_from(text, 1), &magnitude)) return false;
    if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1) return false; /* "-0" is no form */
    *value = (int64_t)(0 - magnitude);
    return true;
}

static inline unsigned digits_count(uint64_t value)
{
    /* clang-format off */
    static const uint64_t powers[INT64_DIGITS_MAX] = {
        0 /* zero has a digit too */, 10u, 100u, 1000u, 10000u, 100000u, 1000000u, 10000000u,
        100000000u, 1000000000u, 10000000000u, 100000000000u, 1000000000000u, 10000000000000u,
        100000000000000u, 1000000000000000u, 10000000000000000u, 100000000000000000u,
        1000000000000000000u, 10000000000000000000u,
    };
    /* clang-format on */
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned least = bits * 1233 >> 12; /* by the logarithm of two, 0.30103 */
    return least + (value >= powers[least]);
}

size_t number_print_unsigned(uint64_t value, char *text)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    size_t size = digits_count(value);
    char *at = text + size;
    while (value >= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(text, pairs + 2 * value, 2);
    else
        text[0] = (char)('0' + value);
    return size;
}

size_t number_print(int64_t value, char *text)
{
    if (value >= 0) return number_print_unsigned((uint64_t)value, text);
    text[0] = '-';
    return 1 + number_print_unsigned(0 - (uint64_t)value, text + 1);
}

/* Most are short integers, which need no strtod. */
static bool short_integer_parse(struct bytes text, double *value)
{
    uint64_t digits;
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (is_negative) text = bytes_from(text, 1);
    if (text.size == 0 || text.size > 15 || !digits_read(text, &digits)) return false;
    *value = is_negative ? -(double)digits : (double)digits;
    return true;
}

bool number_parse_double(struct bytes text, double *value)
{
    if (short_integer_parse(text, value)) return true;
    char copy[256]; /* longer texts are no numbers that anybody means */
    if (text.size == 0 || text.size >= sizeof(copy)) return false;
    if (text.data[0] == ' ' || (text.data[0] >= '\t' && text.data[0] <= '\r')) return false;
    if (memchr(text.data, '\0', text.size) != NULL) return false;
    bytes_to_text(text, copy, sizeof(copy));

    if (strpbrk(copy, "xXpP(") != NULL) return false; /* hex and nan(...) are strtod's own */

    char *end;
    errno = 0;
    double parsed = strtod(copy, &end);
    if (*end != '\0' || end == copy || isnan(parsed)) return false;
    /* Too large and too small are refused; "inf" in words is not, nor is a subnormal number. */
    if (errno == ERANGE && (isinf(parsed) || parsed == 0)) return false;
    *value = parsed;
    return true;
}

static size_t print_plain(const struct decimal *decimal, char *text)
{
    size_t size = 0;
    int point = decimal->exponent;
    if (point <= 0) {
        text[size++] = '0';
        text[size++] = '.';
        for (int i = point; i < 0; i++) text[size++] = '0';
    }
    for (int i = 0; i < decimal->count; i++) {
        if (i == point && i > 0) text[size++] = '.';
        text[size++] = decimal->digits[i];
    }
    for (int i = decimal->count; i < point; i++) text[size++] = '0';
    return size;
}

static size_t print_scientific(const struct decimal *decimal, char *text)
{
    size_t size = 0;
    text[size++] = decimal->digits[0];
    if (decimal->count > 1) text[size++] = '.';
    for (int i = 1; i < decimal->count; i++) text[size++] = decimal->digits[i];
    text[size++] = 'e';
    int exponent = decimal->exponent - 1;
    if (exponent > 0) text[size++] = '+';
    return size + number_print(exponent, text + size);
}

size_t number_print_double(double value, char *text)
{
    if (isnan(value)) return memcpy(text, "nan", 3), 3;
    if (isinf(value)) return value > 0 ? (memcpy(text, "inf", 3), 3) : (memcpy(text, "-inf", 4), 4);
    if (value == 0 && signbit(value)) return memcpy(text, "-0", 2), 2;
    /* Valkey takes half the range of its integers for safe. */
    if (value >= -0x1p62 && value <= 0x1p62 && value == (double)(int64_t)value)
        return number_print((int64_t)value, text);

    size_t sign = value < 0 ? 1 : 0;
    if (sign) text[0] = '-';
    struct decimal decimal;
    decimal_of(fabs(value), &decimal);

    /* Plain: an integer with fewer than 7 zeros behind its digits; a fraction whose last digit
     * stands in one of the first six places, or whose first is not below the fourth. */
    int last = decimal.exponent - decimal.count; /* power of ten of the last digit */
    int first = abs(decimal.exponent - 1);
    bool plain = last >= 0 ? first < decimal.count + 7 : last > -7 || first < 4;
    if (plain) return sign + print_plain(&decimal, text + sign);
    return sign + print_scientific(&decimal, text + sign);
}

bool number_parse_memory(struct bytes text, int64_t *value)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {
        { "", 1 },           { "b", 1 },
        { "k", 1000 },       { "kb", 1024 },
        { "m", 1000000 },    { "mb", 1024 * 1024 },
        { "g", 1000000000 }, { "gb", 1024 * 1024 * 1024 },
    };
    /* No digits at all are a zero, and zeros may lead, as in Valkey. */
    int64_t number = 0;
    size_t digits = 0;
    for (; digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9'; digits++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, text.data[digits] - '0', &number))
            return false;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!bytes_is_word(bytes_from(text, digits), units[i].name)) continue;
        return !__builtin_mul_overflow(number, units[i].factor, value);
    }
    return false;
}

void number_print_human(uint64_t value, char *text)
{
    static const char letters[] = "BKMGTPE";
    if (value < 1024) {
        snprintf(text, NUMBER_TEXT_MAX, "%lluB", (unsigned long long)value);
        return;
    }
    size_t unit = 0;
    double scaled = (double)value;
    while (scaled >= 1024 && unit + 2 < sizeof(letters)) {
        scaled /= 1024;
        unit++;
    }
    snprintf(text, NUMBER_TEXT_MAX, "%.2f%c", scaled, letters[unit]);
}
