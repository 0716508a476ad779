/* Kinds of value that are several words on a line: addresses, save points, limits, flags. */
#include "base/memory.h"
#include "base/number.h"
#include "node/config_internal.h"
#include <math.h>

#define BIND_COUNT_MAX 16

static bool is_nothing(const struct bytes *words, size_t count)
{
    return count == 0 || (count == 1 && words[0].size == 0);
}

static void separate(struct buffer *into, size_t index)
{
    if (index > 0) buffer_append_byte(into, ' ');
}

/* ---- addresses ---- */

static void list_fini(void *field)
{
    struct config_words *list = field;
    for (size_t i = 0; i < list->count; i++) memory_free(list->items[i]);
    memory_free(list->items);
    *list = (struct config_words){ 0 };
}

static bool list_read(const struct config_row *row, const struct bytes *words, size_t count,
                      bool adds, void *field, struct buffer *reason)
{
    if (is_nothing(words, count)) count = 0;
    if (count > BIND_COUNT_MAX) return config_refuse(reason, "Too many bind addresses specified.");
    for (size_t i = 0; i < count; i++)
        if (!config_is_plain(words[i]))
            return config_refuse(reason, "Failed to bind to specified addresses.");

    struct config_words *list = field;
    list_fini(list);
    if (count > 0) list->items = memory_alloc(count * sizeof(*list->items));
    for (size_t i = 0; i < count; i++) list->items[i] = bytes_copy_text(words[i]);
    list->count = count;
    return true;
}

static void list_print(const struct config_row *row, const void *field, struct buffer *into)
{
    const struct config_words *list = field;
    for (size_t i = 0; i < list->count; i++) {
        separate(into, i);
        buffer_append_text(into, list->items[i]);
    }
}

static void list_write(const struct config_row *row, const void *field, struct buffer *into)
{
    if (((const struct config_words *)field)->count == 0) buffer_append_text(into, "\"\"");
    list_print(row, field, into);
}

static void list_copy(const void *from, void *to)
{
    const struct config_words *source = from;
    struct config_words *target = to;
    *target = (struct config_words){ .count = source->count };
    if (source->count == 0) return;
    target->items = memory_alloc(source->count * sizeof(*target->items));
    for (size_t i = 0; i < source->count; i++)
        target->items[i] = memory_copy_text(source->items[i]);
}

const struct config_kind config_list = {
    .name = "list",
    .size = sizeof(struct config_words),
    .takes_many = true,
    .read = list_read,
    .print = list_print,
    .write = list_write,
    .copy = list_copy,
    .fini = list_fini,
};

/* ---- save points ---- */

static bool save_read(const struct config_row *row, const struct bytes *words, size_t count,
                      bool adds, void *field, struct buffer *reason)
{
    static const char bad[] = "Invalid save parameters";
    struct config_save_points *list = field;
    bool clears = count == 1 && words[0].size == 0;
    if (count % 2 == 1 && !clears) return config_refuse(reason, bad);

    size_t kept = adds && !clears ? list->count : 0;
    size_t added = count / 2;
    struct config_save_point *items = NULL;
    if (kept + added > 0) items = memory_alloc((kept + added) * sizeof(*items));
    for (size_t i = 0; i < added; i++) {
        struct config_save_point *point = &items[kept + i];
        if (number_parse(words[2 * i], &point->seconds) && point->seconds >= 1 &&
            number_parse(words[2 * i + 1], &point->changes) && point->changes >= 0)
            continue;
        memory_free(items);
        return config_refuse(reason, bad);
    }
    if (kept > 0) memcpy(items, list->items, kept * sizeof(*items));
    memory_free(list->items);
    *list = (struct config_save_points){ .items = items, .count = kept + added };
    return true;
}

static void save_print(const struct config_row *row, const void *field, struct buffer *into)
{
    const struct config_save_points *list = field;
    for (size_t i = 0; i < list->count; i++) {
        separate(into, i);
        buffer_append_int(into, list->items[i].seconds);
        buffer_append_byte(into, ' ');
        buffer_append_int(into, list->items[i].changes);
    }
}

static void save_write(const struct config_row *row, const void *field, struct buffer *into)
{
    if (((const struct config_save_points *)field)->count == 0) buffer_append_text(into, "\"\"");
    save_print(row, field, into);
}

static void save_copy(const void *from, void *to)
{
    const struct config_save_points *source = from;
    struct config_save_points *target = to;
    *target = (struct config_save_points){ .count = source->count };
    if (source->count == 0) return;
    target->items = memory_alloc(source->count * sizeof(*target->items));
    memcpy(target->items, source->items, source->count * sizeof(*target->items));
}

static void save_fini(void *field)
{
    memory_free(((struct config_save_points *)field)->items);
    *(struct config_save_points *)field = (struct config_save_points){ 0 };
}

const struct config_kind config_save_list = {
    .name = "save points",
    .size = sizeof(struct config_save_points),
    .takes_many = true,
    .read = save_read,
    .print = save_print,
    .write = save_write,
    .copy = save_copy,
    .fini = save_fini,
};

/* ---- client-output-buffer-limit ---- */

static int client_class(struct bytes word)
{
    if (bytes_is_word(word, "normal")) return CONFIG_CLIENT_NORMAL;
    if (bytes_is_word(word, "replica") || bytes_is_word(word, "slave"))
        return CONFIG_CLIENT_REPLICA;
    return bytes_is_word(word, "pubsub") ? CONFIG_CLIENT_PUBSUB : -1;
}

static bool limits_read(const struct config_row *row, const struct bytes *words, size_t count,
                        bool adds, void *field, struct buffer *reason)
{
    if (is_nothing(words, count)) return true;
    if (count % 4 != 0)
        return config_refuse(reason, "Wrong number of arguments in buffer limit configuration.");

    struct config_output_limits limits = *(struct config_output_limits *)field;
    for (size_t i = 0; i < count; i += 4) {
        int class = client_class(words[i]);
        if (class < 0)
            return config_refuse(reason,
                                 "Invalid client class specified in buffer limit configuration.");
        struct config_output_limit *limit = &limits.of[class];
        if (words[i + 1].size == 0 || words[i + 2].size == 0 ||
            !config_memory_parse(words[i + 1], &limit->hard_bytes) ||
            !config_memory_parse(words[i + 2], &limit->soft_bytes) ||
            !number_parse(words[i + 3], &limit->soft_seconds) || limit->soft_seconds < 0)
            return config_refuse(reason,
                                 "Error in hard, soft or soft_seconds setting in buffer limit "
                                 "configuration.");
    }
    *(struct config_output_limits *)field = limits;
    return true;
}

static void limits_append(const struct config_output_limits *limits, const char *replica,
                          struct buffer *into)
{
    const char *names[CONFIG_CLIENT_CLASS_COUNT] = { "normal", replica, "pubsub" };
    for (size_t i = 0; i < CONFIG_CLIENT_CLASS_COUNT; i++) {
        const struct config_output_limit *limit = &limits->of[i];
        separate(into, i);
        buffer_printf(into, "%s %lld %lld %lld", names[i], (long long)limit->hard_bytes,
                      (long long)limit->soft_bytes, (long long)limit->soft_seconds);
    }
}

static void limits_print(const struct config_row *row, const void *field, struct buffer *into)
{
    limits_append(field, "slave", into);
}

static void limits_write(const struct config_row *row, const void *field, struct buffer *into)
{
    limits_append(field, "replica", into);
}

const struct config_kind config_output_limit_list = {
    .name = "output limits",
    .size = sizeof(struct config_output_limits),
    .takes_many = true,
    .read = limits_read,
    .print = limits_print,
    .write = limits_write,
};

/* ---- oom-score-adj-values ---- */

static bool oom_read(const struct config_row *row, const struct bytes *words, size_t count,
                     bool adds, void *field, struct buffer *reason)
{
    struct config_oom_values values;
    if (count != COUNT_OF(values.of)) return config_refuse(reason, "wrong number of arguments");
    for (size_t i = 0; i < COUNT_OF(values.of); i++) {
        int64_t value;
        if (!number_parse(words[i], &value) || value < row->min || value > row->max)
            return config_refuse(reason,
                                 "Invalid oom-score-adj-values, elements must be between -2000 "
                                 "and 2000.");
        values.of[i] = (int)value;
    }
    *(struct config_oom_values *)field = values;
    return true;
}

static void oom_print(const struct config_row *row, const void *field, struct buffer *into)
{
    const struct config_oom_values *values = field;
    buffer_printf(into, "%d %d %d", values->of[0], values->of[1], values->of[2]);
}

const struct config_kind config_oom_list = {
    .name = "oom scores",
    .size = sizeof(struct config_oom_values),
    .takes_many = true,
    .read = oom_read,
    .print = oom_print,
    .write = oom_print,
};

/* ---- latency-tracking-info-percentiles ---- */

static bool percentiles_read(const struct config_row *row, const struct bytes *words, size_t count,
                             bool adds, void *field, struct buffer *reason)
{
    struct config_percentiles *list = field;
    if (is_nothing(words, count)) count = 0;
    double *items = count == 0 ? NULL : memory_alloc(count * sizeof(*items));
    const char *problem = NULL;
    for (size_t i = 0; i < count && problem == NULL; i++) {
        if (!number_parse_double(words[i], &items[i]))
            problem = "Invalid latency-tracking-info-percentiles parameters";
        else if (items[i] < 0.0 || items[i] > 100.0)
            problem = "latency-tracking-info-percentiles parameters should sit between "
                      "[0.0,100.0]";
    }
    if (problem != NULL) {
        memory_free(items);
        return config_refuse(reason, problem);
    }
    memory_free(list->items);
    *list = (struct config_percentiles){ .items = items, .count = count };
    return true;
}

/* At most six digits behind the point, and no zeros at the end. */
static void percentile_append(double value, struct buffer *into)
{
    buffer_printf(into, "%.6f", value);
    while (into->data[into->size - 1] == '0') into->size--;
    if (into->data[into->size - 1] == '.') into->size--;
}

static void percentiles_print(const struct config_row *row, const void *field, struct buffer *into)
{
    const struct config_percentiles *list = field;
    for (size_t i = 0; i < list->count; i++) {
        separate(into, i);
        percentile_append(list->items[i], into);
    }
}

static void percentiles_write(const struct config_row *row, const void *field, struct buffer *into)
{
    if (((const struct config_percentiles *)field)->count == 0) buffer_append_text(into, "\"\"");
    percentiles_print(row, field, into);
}

static void percentiles_copy(const void *from, void *to)
{
    const struct config_percentiles *source = from;
    struct config_percentiles *target = to;
    *target = (struct config_percentiles){ .count = source->count };
    if (source->count == 0) return;
    target->items = memory_alloc(source->count * sizeof(double));
    memcpy(target->items, source->items, source->count * sizeof(double));
}

static void percentiles_fini(void *field)
{
    memory_free(((struct config_percentiles *)field)->items);
}

const struct config_kind config_percentile_list = {
    .name = "percentiles",
    .size = sizeof(struct config_percentiles),
    .takes_many = true,
    .read = percentiles_read,
    .print = percentiles_print,
    .write = percentiles_write,
    .copy = percentiles_copy,
    .fini = percentiles_fini,
};
