/* Kinds of value that are sets of flags, and those that name other nodes. */
#include "base/memory.h"
#include "base/number.h"
#include "node/config_internal.h"

/* ---- notify-keyspace-events: one letter a class ---- */

static bool notify_read(const struct config_row *row, const struct bytes *words, size_t count,
                        bool adds, void *field, struct buffer *reason)
{
    if (count != 1) return config_refuse(reason, "wrong number of arguments");
    unsigned flags = 0;
    for (size_t i = 0; i < words[0].size; i++) {
        char letter = words[0].data[i];
        ptrdiff_t bit = bytes_index_of(BYTES(CONFIG_NOTIFY_LETTERS), letter);
        if (letter != 'A' && bit < 0)
            return config_refuse(reason, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        flags |= letter == 'A' ? CONFIG_NOTIFY_ALL : 1u << bit;
    }
    *(unsigned *)field = flags;
    return true;
}

/* Valkey forgets to show n beside A; a configuration file must not forget it. */
static void notify_append(unsigned flags, bool shows_all, struct buffer *into)
{
    static const char order[] = "g$lshzxetdnKEm";
    bool has_all = (flags & CONFIG_NOTIFY_ALL) == CONFIG_NOTIFY_ALL;
    if (has_all) buffer_append_byte(into, 'A');
    for (const char *letter = order; *letter != '\0'; letter++) {
        unsigned flag = 1u << bytes_index_of(BYTES(CONFIG_NOTIFY_LETTERS), *letter);
        bool is_hidden =
            has_all && (flag & (CONFIG_NOTIFY_ALL | (shows_all ? 0 : CONFIG_NOTIFY_NEW)));
        if ((flags & flag) && !is_hidden) buffer_append_byte(into, *letter);
    }
}

static void notify_print(const struct config_row *row, const void *field, struct buffer *into)
{
    notify_append(*(const unsigned *)field, false, into);
}

static void notify_write(const struct config_row *row, const void *field, struct buffer *into)
{
    buffer_append_byte(into, '"');
    notify_append(*(const unsigned *)field, true, into);
    buffer_append_byte(into, '"');
}

const struct config_kind config_notify_flags = {
    .name = "event classes",
    .size = sizeof(unsigned),
    .read = notify_read,
    .print = notify_print,
    .write = notify_write,
};

/* ---- shutdown-on-...: several words ---- */

static const struct config_word *word_find(const struct config_word *words, struct bytes text)
{
    for (; words->name != NULL; words++)
        if (bytes_is_word(text, words->name)) return words;
    return NULL;
}

static bool shutdown_read(const struct config_row *row, const struct bytes *words, size_t count,
                          bool adds, void *field, struct buffer *reason)
{
    unsigned flags = 0;
    for (size_t i = 0; i < count; i++) {
        const struct config_word *word = word_find(row->words, words[i]);
        if (word == NULL) return config_words_refuse(row->words, reason);
        flags |= (unsigned)word->value;
    }
    if (count == 0) return config_words_refuse(row->words, reason);
    if ((flags & CONFIG_SHUTDOWN_SAVE) && (flags & CONFIG_SHUTDOWN_NOSAVE))
        return config_refuse(reason,
                             "shutdown options SAVE and NOSAVE can't be used simultaneously");
    *(unsigned *)field = flags;
    return true;
}

static void shutdown_print(const struct config_row *row, const void *field, struct buffer *into)
{
    unsigned flags = *(const unsigned *)field;
    bool is_first = true;
    for (const struct config_word *word = row->words; word->name != NULL; word++) {
        bool is_in = word->value == 0 ? flags == 0 : (flags & (unsigned)word->value) != 0;
        if (!is_in) continue;
        if (!is_first) buffer_append_byte(into, ' ');
        buffer_append_text(into, word->name);
        is_first = false;
    }
}

const struct config_kind config_shutdown_flags = {
    .name = "shutdown flags",
    .size = sizeof(unsigned),
    .takes_many = true,
    .read = shutdown_read,
    .print = shutdown_print,
    .write = shutdown_print,
};

/* ---- replicaof ---- */

static bool primary_read(const struct config_row *row, const struct bytes *words, size_t count,
                         bool adds, void *field, struct buffer *reason)
{
    if (count != 2) return config_refuse(reason, "wrong number of arguments");
    if (!config_is_plain(words[0])) return config_refuse(reason, "Invalid primary host");
    struct config_replicaof *primary = field;
    int64_t port = 0;
    bool is_none = bytes_is_word(words[0], "no") && bytes_is_word(words[1], "one");
    if (!is_none && (!number_parse(words[1], &port) || port < row->min || port > row->max))
        return config_refuse(reason, "Invalid primary port");

    memory_free(primary->host);
    primary->host = bytes_copy_text(is_none ? BYTES_EMPTY : words[0]);
    primary->port = port;
    return true;
}

static void primary_print(const struct config_row *row, const void *field, struct buffer *into)
{
    const struct config_replicaof *primary = field;
    if (primary->host[0] == '\0') return;
    buffer_printf(into, "%s %lld", primary->host, (long long)primary->port);
}

static void primary_write(const struct config_row *row, const void *field, struct buffer *into)
{
    const struct config_replicaof *primary = field;
    if (primary->host[0] == '\0') buffer_append_text(into, "no one");
    primary_print(row, field, into);
}

static void primary_copy(const void *from, void *to)
{
    *(struct config_replicaof *)to = *(const struct config_replicaof *)from;
    ((struct config_replicaof *)to)->host =
        memory_copy_text(((const struct config_replicaof *)from)->host);
}

static void primary_fini(void *field)
{
    memory_free(((struct config_replicaof *)field)->host);
}

const struct config_kind config_primary = {
    .name = "host and port",
    .size = sizeof(struct config_replicaof),
    .takes_many = true,
    .read = primary_read,
    .print = primary_print,
    .write = primary_write,
    .copy = primary_copy,
    .fini = primary_fini,
};

/* ---- cluster-seeds: host:port or host:port@busport ---- */

#define SEED_COUNT_MAX 1000

static bool port_parse(struct bytes text, uint16_t *port)
{
    int64_t value;
    if (!number_parse(text, &value) || value < 1 || value > UINT16_MAX) return false;
    *port = (uint16_t)value;
    return true;
}

/* The port stands behind the last colon, so that an IPv6 address may stand bare or in []. */
static bool seed_parse(struct bytes text, struct config_seed *seed)
{
    *seed = (struct config_seed){ 0 };
    ptrdiff_t at = bytes_index_of(text, '@');
    if (at >= 0 && !port_parse(bytes_from(text, (size_t)at + 1), &seed->bus_port)) return false;
    struct bytes address = at < 0 ? text : bytes_of(text.data, (size_t)at);

    size_t colon = address.size;
    while (colon > 0 && address.data[colon - 1] != ':') colon--;
    if (colon == 0 || !port_parse(bytes_from(address, colon), &seed->port)) return false;
    struct bytes host = bytes_of(address.data, colon - 1);
    if (host.size > 1 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = bytes_of(host.data + 1, host.size - 2);
    if (!config_is_plain(host) || bytes_index_of(host, '[') >= 0 || bytes_index_of(host, ']') >= 0)
        return false;
    seed->host = bytes_copy_text(host);
    return true;
}

static void seeds_fini(void *field)
{
    struct config_seeds *list = field;
    for (size_t i = 0; i < list->count; i++) memory_free(list->items[i].host);
    memory_free(list->items);
    *list = (struct config_seeds){ 0 };
}

static bool seeds_read(const struct config_row *row, const struct bytes *words, size_t count,
                       bool adds, void *field, struct buffer *reason)
{
    if (count == 1 && words[0].size == 0) count = 0;
    if (count > SEED_COUNT_MAX) return config_refuse(reason, "Too many cluster seeds specified.");
    struct config_seeds list = { 0 };
    if (count > 0) list.items = memory_alloc_zero(count * sizeof(*list.items));
    for (; list.count < count; list.count++) {
        if (seed_parse(words[list.count], &list.items[list.count])) continue;
        seeds_fini(&list);
        return config_refuse(reason, "argument(s) must be host:port or host:port@busport");
    }
    seeds_fini(field);
    *(struct config_seeds *)field = list;
    return true;
}

static void seeds_print(const struct config_row *row, const void *field, struct buffer *into)
{
    const struct config_seeds *list = field;
    for (size_t i = 0; i < list->count; i++) {
        const struct config_seed *seed = &list->items[i];
        bool is_ipv6 = strchr(seed->host, ':') != NULL;
        if (i > 0) buffer_append_byte(into, ' ');
        buffer_printf(into, is_ipv6 ? "[%s]:%u" : "%s:%u", seed->host, seed->port);
        if (seed->bus_port != 0) buffer_printf(into, "@%u", seed->bus_port);
    }
}

static void seeds_write(const struct config_row *row, const void *field, struct buffer *into)
{
    if (((const struct config_seeds *)field)->count == 0) buffer_append_text(into, "\"\"");
    seeds_print(row, field, into);
}

static void seeds_copy(const void *from, void *to)
{
    const struct config_seeds *source = from;
    struct config_seeds *target = to;
    *target = (struct config_seeds){ .count = source->count };
    if (source->count == 0) return;
    target->items = memory_alloc(source->count * sizeof(*target->items));
    for (size_t i = 0; i < source->count; i++) {
        target->items[i] = source->items[i];
        target->items[i].host = memory_copy_text(source->items[i].host);
    }
}

const struct config_kind config_seed_list = {
    .name = "seeds",
    .size = sizeof(struct config_seeds),
    .takes_many = true,
    .read = seeds_read,
    .print = seeds_print,
    .write = seeds_write,
    .copy = seeds_copy,
    .fini = seeds_fini,
};
