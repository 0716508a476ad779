/* Kinds of value that are one word on a line: yes or no, numbers, sizes, choices, texts. */
#include "base/memory.h"
#include "base/number.h"
#include "node/config_internal.h"

bool config_refuse(struct buffer *reason, const char *text)
{
    buffer_append_text(reason, text);
    return false;
}

static bool is_one(size_t count, struct buffer *reason)
{
    return count == 1 || config_refuse(reason, "wrong number of arguments");
}

/* ---- yes and no ---- */

static bool bool_read(const struct config_row *row, const struct bytes *words, size_t count,
                      bool adds, void *field, struct buffer *reason)
{
    if (!is_one(count, reason)) return false;
    bool is_yes = bytes_is_word(words[0], "yes");
    if (!is_yes && !bytes_is_word(words[0], "no"))
        return config_refuse(reason, "argument must be 'yes' or 'no'");
    *(bool *)field = is_yes;
    return true;
}

static void bool_print(const struct config_row *row, const void *field, struct buffer *into)
{
    buffer_append_text(into, *(const bool *)field ? "yes" : "no");
}

const struct config_kind config_bool = {
    .name = "bool",
    .size = sizeof(bool),
    .read = bool_read,
    .print = bool_print,
    .write = bool_print,
};

/* ---- numbers ---- */

static bool number_store(const struct config_row *row, int64_t value, void *field,
                         struct buffer *reason)
{
    if (value < row->min || value > row->max) {
        buffer_printf(reason,
                      row->kind == &config_octal
                          ? "argument must be between %llo and %llo inclusive"
                          : "argument must be between %lld and %lld inclusive",
                      (long long)row->min, (long long)row->max);
        return false;
    }
    if (row->least < row->most) value = MAX(row->least, MIN(row->most, value));
    *(int64_t *)field = value;
    return true;
}

static bool int_read(const struct config_row *row, const struct bytes *words, size_t count,
                     bool adds, void *field, struct buffer *reason)
{
    if (!is_one(count, reason)) return false;
    int64_t value;
    if (!number_parse(words[0], &value))
        return config_refuse(reason, "argument couldn't be parsed into an integer");
    return number_store(row, value, field, reason);
}

static void int_print(const struct config_row *row, const void *field, struct buffer *into)
{
    buffer_append_int(into, *(const int64_t *)field);
}

const struct config_kind config_int = {
    .name = "int",
    .size = sizeof(int64_t),
    .read = int_read,
    .print = int_print,
    .write = int_print,
};

static bool octal_parse(struct bytes text, int64_t *value)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    struct bytes digits = bytes_from(text, is_negative);
    if (digits.size == 0 || digits.size > 20) return false; /* 20 x 3 bits fit */
    int64_t sum = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '7') return false;
        sum = sum * 8 + (digits.data[i] - '0');
    }
    *value = is_negative ? -sum : sum;
    return true;
}

static bool octal_read(const struct config_row *row, const struct bytes *words, size_t count,
                       bool adds, void *field, struct buffer *reason)
{
    if (!is_one(count, reason)) return false;
    int64_t value;
    if (!octal_parse(words[0], &value))
        return config_refuse(reason, "argument couldn't be parsed as an octal number");
    return number_store(row, value, field, reason);
}

static void octal_print(const struct config_row *row, const void *field, struct buffer *into)
{
    buffer_printf(into, "%llo", (unsigned long long)*(const int64_t *)field);
}

const struct config_kind config_octal = {
    .name = "octal",
    .size = sizeof(int64_t),
    .read = octal_read,
    .print = octal_print,
    .write = octal_print,
};

/* ---- sizes ---- */

static const struct {
    const char *name;
    uint64_t factor;
} units[] = {
    { "", 1 },        { "b", 1 },    { "k", 1000 },       { "kb", KIB },
    { "m", 1000000 }, { "mb", MIB }, { "g", 1000000000 }, { "gb", GIB },
};

/* Digits and a unit. No digits at all are 0, as in Valkey. What 63 bits cannot hold becomes the
 * largest number: a limit that no machine reaches is no limit either way. */
bool config_memory_parse(struct bytes text, int64_t *value)
{
    size_t digits = 0;
    uint64_t sum = 0;
    for (; digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9'; digits++)
        if (__builtin_mul_overflow(sum, 10u, &sum) ||
            __builtin_add_overflow(sum, (unsigned)(text.data[digits] - '0'), &sum))
            return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!bytes_is_word(bytes_from(text, digits), units[i].name)) continue;
        bool is_over = __builtin_mul_overflow(sum, units[i].factor, &sum) || sum > INT64_MAX;
        *value = is_over ? INT64_MAX : (int64_t)sum;
        return true;
    }
    return false;
}

static bool memory_read(const struct config_row *row, const struct bytes *words, size_t count,
                        bool adds, void *field, struct buffer *reason)
{
    if (!is_one(count, reason)) return false;
    int64_t value;
    bool is_size = config_memory_parse(words[0], &value);
    if (!is_size && row->kind == &config_memory_signed) is_size = number_parse(words[0], &value);
    if (!is_size) return config_refuse(reason, "argument must be a memory value");
    return number_store(row, value, field, reason);
}

/* In the largest unit that leaves no rest: 64mb. */
static void memory_write(const struct config_row *row, const void *field, struct buffer *into)
{
    int64_t value = *(const int64_t *)field;
    static const struct {
        const char *name;
        int64_t factor;
    } binary[] = { { "gb", GIB }, { "mb", MIB }, { "kb", KIB } };
    for (size_t i = 0; i < COUNT_OF(binary) && value > 0; i++) {
        if (value % binary[i].factor != 0) continue;
        buffer_append_int(into, value / binary[i].factor);
        buffer_append_text(into, binary[i].name);
        return;
    }
    buffer_append_int(into, value);
}

const struct config_kind config_memory = {
    .name = "memory",
    .size = sizeof(int64_t),
    .read = memory_read,
    .print = int_print,
    .write = memory_write,
};

/* -1 stands for "no limit". */
const struct config_kind config_memory_signed = {
    .name = "memory or -1",
    .size = sizeof(int64_t),
    .read = memory_read,
    .print = int_print,
    .write = memory_write,
};

static bool percent_read(const struct config_row *row, const struct bytes *words, size_t count,
                         bool adds, void *field, struct buffer *reason)
{
    if (!is_one(count, reason)) return false;
    int64_t value;
    struct bytes word = words[0];
    if (word.size > 1 && word.data[word.size - 1] == '%') {
        uint64_t percent;
        if (!number_parse_unsigned(bytes_of(word.data, word.size - 1), &percent))
            return config_refuse(reason, "argument must be a memory or percent value");
        if (percent > 100)
            return config_refuse(reason, "percentage argument must be less or equal to 100");
        *(int64_t *)field = -(int64_t)percent;
        return true;
    }
    if (!config_memory_parse(word, &value))
        return config_refuse(reason, "argument must be a memory or percent value");
    return number_store(row, value, field, reason);
}

static void percent_print(const struct config_row *row, const void *field, struct buffer *into)
{
    int64_t value = *(const int64_t *)field;
    buffer_append_int(into, value < 0 ? -value : value);
    if (value < 0) buffer_append_byte(into, '%');
}

static void percent_write(const struct config_row *row, const void *field, struct buffer *into)
{
    if (*(const int64_t *)field < 0)
        percent_print(row, field, into);
    else
        memory_write(row, field, into);
}

const struct config_kind config_memory_or_percent = {
    .name = "memory or percent",
    .size = sizeof(int64_t),
    .read = percent_read,
    .print = percent_print,
    .write = percent_write,
};

/* ---- choices ---- */

bool config_words_refuse(const struct config_word *words, struct buffer *reason)
{
    buffer_append_text(reason, "argument(s) must be one of the following: ");
    for (const struct config_word *word = words; word->name != NULL; word++) {
        if (word != words) buffer_append_text(reason, ", ");
        buffer_append_text(reason, word->name);
    }
    return false;
}

static bool enum_read(const struct config_row *row, const struct bytes *words, size_t count,
                      bool adds, void *field, struct buffer *reason)
{
    if (!is_one(count, reason)) return false;
    for (const struct config_word *word = row->words; word->name != NULL; word++) {
        if (!bytes_is_word(words[0], word->name)) continue;
        *(int *)field = word->value;
        return true;
    }
    return config_words_refuse(row->words, reason);
}

static void enum_print(const struct config_row *row, const void *field, struct buffer *into)
{
    for (const struct config_word *word = row->words; word->name != NULL; word++)
        if (word->value == *(const int *)field) {
            buffer_append_text(into, word->name);
            return;
        }
}

const struct config_kind config_enum = {
    .name = "enum",
    .size = sizeof(int),
    .read = enum_read,
    .print = enum_print,
    .write = enum_print,
};

/* ---- texts ---- */

static bool text_read(const struct config_row *row, const struct bytes *words, size_t count,
                      bool adds, void *field, struct buffer *reason)
{
    if (!is_one(count, reason)) return false;
    /* A password cut at its zero byte would be a shorter password than the operator thinks. */
    if (bytes_index_of(words[0], '\0') >= 0)
        return config_refuse(reason, "argument must not contain a zero byte");
    const char *problem = row->check == NULL ? NULL : row->check(words[0]);
    if (problem != NULL) return config_refuse(reason, problem);

    char **text = field;
    memory_free(*text);
    *text = bytes_copy_text(words[0]);
    return true;
}

static void text_print(const struct config_row *row, const void *field, struct buffer *into)
{
    buffer_append_text(into, *(char *const *)field);
}

static void text_write(const struct config_row *row, const void *field, struct buffer *into)
{
    buffer_append_quoted(into, bytes_text(*(char *const *)field));
}

static void text_copy(const void *from, void *to)
{
    *(char **)to = memory_copy_text(*(char *const *)from);
}

static void text_fini(void *field)
{
    memory_free(*(char **)field);
}

const struct config_kind config_text = {
    .name = "text",
    .size = sizeof(char *),
    .read = text_read,
    .print = text_print,
    .write = text_write,
    .copy = text_copy,
    .fini = text_fini,
};
