/* Reading and printing nodes.conf. What Valkey 9.1 accepts from its own history is accepted here:
 * a missing line of variables, a missing last line end, missing fields behind the address, blank
 * lines, CR LF, lines in any order. What it would die of, or would silently read as a zero, is
 * refused with line and reason: a wrong epoch is worse than no start. */
#include "cluster/conf.h"

#include "base/ensure.h"
#include "base/memory.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>

#define CONF_NODES_MAX  16384 /* one node a slot: nobody has more */
#define CONF_VARS_MAX   64
#define BUS_PORT_OFFSET 10000

void conf_init(struct conf *conf)
{
    *conf = (struct conf){ 0 };
}

void conf_fini(struct conf *conf)
{
    for (size_t i = 0; i < conf->var_count; i++) {
        memory_free(conf->vars[i].name);
        memory_free(conf->vars[i].value);
    }
    memory_free(conf->vars);
    memory_free(conf->open_slots);
    memory_free(conf->nodes);
    *conf = (struct conf){ 0 };
}

const char *conf_find_var(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->var_count; i++)
        if (strcmp(conf->vars[i].name, name) == 0) return conf->vars[i].value;
    return NULL;
}

/* ---- Reading ----------------------------------------------------------------------------- */

struct conf_reader {
    struct conf *conf;
    struct bytes line; /* what is left of it */
    unsigned line_number;
    bool has_myself;
    char *why;
};

/* Always false, so that a parser can return it. */
static bool refuse(struct conf_reader *reader, const char *reason, struct bytes what)
{
    snprintf(reader->why, CONF_WHY_SIZE, "line %u: %s '%.*s'", reader->line_number, reason,
             (int)MIN(what.size, 80), what.size > 0 ? what.data : "");
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line; empty at its end. */
static struct bytes next_word(struct bytes *line)
{
    size_t start = 0;
    while (start < line->size && is_blank(line->data[start])) start++;
    size_t end = start;
    while (end < line->size && !is_blank(line->data[end])) end++;
    struct bytes word = bytes_of(line->data + start, end - start);
    *line = bytes_from(*line, end);
    return word;
}

/* Cuts `text` at the first `separator`; the rest is empty when there is none. */
static struct bytes cut(struct bytes *text, char separator)
{
    ptrdiff_t at = bytes_index_of(*text, separator);
    struct bytes head = at < 0 ? *text : bytes_of(text->data, (size_t)at);
    *text = at < 0 ? bytes_of(text->data + text->size, 0) : bytes_from(*text, (size_t)at + 1);
    return head;
}

static bool parse_port(struct bytes text, uint16_t *port)
{
    uint64_t value;
    if (!number_parse_unsigned(text, &value) || value > UINT16_MAX) return false;
    *port = (uint16_t)value;
    return true;
}

/* "ip:port@bus"; the last colon separates, so that an IPv6 address needs no brackets. Without
 * "@bus", as versions before 4.0 wrote it, the bus is where it is by default. */
static bool parse_address(struct conf_reader *reader, struct bytes text, struct address *address)
{
    struct bytes rest = text;
    struct bytes client = cut(&rest, '@');
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < client.size; i++)
        if (client.data[i] == ':') colon = (ptrdiff_t)i;
    if (colon < 0) return refuse(reader, "address without a port", text);

    struct bytes ip = bytes_of(client.data, (size_t)colon);
    if (!bytes_to_text(ip, address->ip, sizeof(address->ip)))
        return refuse(reader, "address too long", text);
    if (!parse_port(bytes_from(client, (size_t)colon + 1), &address->port))
        return refuse(reader, "bad port in", text);
    if (client.size < text.size)
        return parse_port(rest, &address->bus_port) || refuse(reader, "bad bus port in", text);
    if (address->port > UINT16_MAX - BUS_PORT_OFFSET) return refuse(reader, "no bus port in", text);
    address->bus_port = (uint16_t)(address->port + BUS_PORT_OFFSET);
    return true;
}

static bool set_text(struct bytes value, char *text, size_t capacity)
{
    return bytes_to_text(value, text, capacity);
}

static bool parse_field(struct conf_node *node, struct bytes name, struct bytes value)
{
    if (bytes_is_word(name, "shard-id")) return node_id_parse(value, &node->shard_id);
    if (bytes_is_word(name, "nodename"))
        return set_text(value, node->nodename, sizeof(node->nodename));
    if (bytes_is_word(name, "availability-zone"))
        return set_text(value, node->zone, sizeof(node->zone));
    if (bytes_is_word(name, "client-ipv4"))
        return set_text(value, node->client_ipv4, sizeof(node->client_ipv4));
    if (bytes_is_word(name, "client-ipv6"))
        return set_text(value, node->client_ipv6, sizeof(node->client_ipv6));
    if (bytes_is_word(name, "client-tcp-port")) return parse_port(value, &node->client_port);
    if (bytes_is_word(name, "client-tls-port")) return parse_port(value, &node->client_tls_port);
    if (bytes_is_word(name, "tls-port")) return parse_port(value, &node->address.port_other);
    if (!bytes_is_word(name, "tcp-port")) return false;
    node->port_other_is_tcp = true;
    return parse_port(value, &node->address.port_other);
}

/* "address,hostname,name=value,..."; everything behind the address may be missing. */
static bool parse_place(struct conf_reader *reader, struct bytes text, struct conf_node *node)
{
    if (!parse_address(reader, cut(&text, ','), &node->address)) return false;
    struct bytes hostname = cut(&text, ',');
    if (!set_text(hostname, node->hostname, sizeof(node->hostname)))
        return refuse(reader, "host name too long", hostname);
    while (text.size > 0) {
        struct bytes field = cut(&text, ',');
        struct bytes value = field;
        struct bytes name = cut(&value, '=');
        if (!parse_field(node, name, value)) return refuse(reader, "bad field", field);
    }
    return true;
}

static const struct conf_flag {
    const char *name;
    uint16_t flag;
} conf_flags[] = {
    { "myself", NODE_MYSELF }, { "master", NODE_PRIMARY },
    { "slave", NODE_REPLICA }, { "fail?", NODE_PFAIL },
    { "fail", NODE_FAIL },     { "handshake", NODE_HANDSHAKE },
    { "noaddr", NODE_NOADDR }, { "nofailover", NODE_NOFAILOVER },
    { "noflags", 0 },
};

static bool parse_flags(struct conf_reader *reader, struct bytes text, struct conf_node *node)
{
    while (text.size > 0) {
        struct bytes name = cut(&text, ',');
        size_t i = 0;
        while (i < COUNT_OF(conf_flags) && !bytes_equal(name, bytes_text(conf_flags[i].name))) i++;
        if (i == COUNT_OF(conf_flags)) return refuse(reader, "unknown flag", name);
        node->flags |= conf_flags[i].flag;
    }
    if (!(node->flags & NODE_MYSELF)) return true;
    if (reader->has_myself) return refuse(reader, "a second node is", BYTES("myself"));
    reader->has_myself = true;
    return true;
}

static bool parse_number(struct conf_reader *reader, struct bytes text, uint64_t *value)
{
    return number_parse_unsigned(text, value) || refuse(reader, "bad number", text);
}

static bool parse_time(struct conf_reader *reader, struct bytes text, time_ms *value)
{
    return (number_parse(text, value) && *value >= 0) || refuse(reader, "bad time", text);
}

/* "[slot->-id]" migrating to, "[slot-<-id]" importing from. */
static bool parse_open_slot(struct conf_reader *reader, struct bytes text, bool is_mine)
{
    struct bytes rest = bytes_of(text.data + 1, text.size - 1);
    struct bytes number = cut(&rest, '-');
    uint64_t slot;
    struct conf_open_slot open = { 0 };
    bool is_valid = number_parse_unsigned(number, &slot) && slot < SLOT_COUNT &&
                    rest.size == 2 + NODE_ID_SIZE + 1 && rest.data[1] == '-' &&
                    (rest.data[0] == '>' || rest.data[0] == '<') &&
                    rest.data[rest.size - 1] == ']' &&
                    node_id_parse(bytes_of(rest.data + 2, NODE_ID_SIZE), &open.partner);
    if (!is_valid) return refuse(reader, "bad open slot", text);
    if (!is_mine) return true; /* another node's: means nothing here */

    struct conf *conf = reader->conf;
    if (conf->open_slot_count == conf->open_slot_capacity) {
        conf->open_slot_capacity = MAX(16, conf->open_slot_capacity * 2);
        conf->open_slots =
            memory_realloc(conf->open_slots, conf->open_slot_capacity * sizeof(*conf->open_slots));
    }
    open.slot = (uint16_t)slot;
    open.is_importing = rest.data[0] == '<';
    conf->open_slots[conf->open_slot_count++] = open;
    return true;
}

/* "n" or "a-b". A slot that two lines claim stays with the first, as in Valkey. */
static bool parse_range(struct conf_reader *reader, struct bytes text, struct slot_set *taken,
                        struct conf_node *node)
{
    struct bytes rest = text;
    struct bytes from = cut(&rest, '-');
    uint64_t first, last;
    if (!number_parse_unsigned(from, &first)) return refuse(reader, "bad slot", text);
    if (from.size == text.size)
        last = first;
    else if (!number_parse_unsigned(rest, &last))
        return refuse(reader, "bad slot", text);
    if (first >= SLOT_COUNT || last >= SLOT_COUNT) return refuse(reader, "bad slot", text);

    for (uint64_t slot = first; slot <= last; slot++) {
        if (slot_set_has(taken, (unsigned)slot)) continue;
        slot_set_add(taken, (unsigned)slot);
        slot_set_add(&node->slots, (unsigned)slot);
    }
    return true;
}

static struct conf_node *add_node(struct conf *conf)
{
    if (conf->node_count == conf->node_capacity) {
        conf->node_capacity = MAX(4, conf->node_capacity * 2);
        conf->nodes = memory_realloc(conf->nodes, conf->node_capacity * sizeof(*conf->nodes));
    }
    struct conf_node *node = &conf->nodes[conf->node_count++];
    *node = (struct conf_node){ 0 };
    return node;
}

static bool parse_identity(struct conf_reader *reader, struct conf_node *node)
{
    struct bytes id = next_word(&reader->line);
    if (!node_id_parse(id, &node->id)) return refuse(reader, "bad node id", id);
    if (!parse_place(reader, next_word(&reader->line), node)) return false;
    if (!parse_flags(reader, next_word(&reader->line), node)) return false;

    struct bytes primary = next_word(&reader->line);
    if (bytes_equal(primary, BYTES("-"))) return true;
    return node_id_parse(primary, &node->primary_id) || refuse(reader, "bad primary", primary);
}

static bool parse_node(struct conf_reader *reader, struct slot_set *taken)
{
    if (reader->conf->node_count == CONF_NODES_MAX)
        return refuse(reader, "more nodes than", BYTES("16384"));
    struct conf_node *node = add_node(reader->conf);
    if (!parse_identity(reader, node)) return false;
    if (node->flags & NODE_MYSELF) reader->conf->myself = reader->conf->node_count - 1;
    if (!parse_time(reader, next_word(&reader->line), &node->ping_sent_ms)) return false;
    if (!parse_time(reader, next_word(&reader->line), &node->pong_received_ms)) return false;
    if (!parse_number(reader, next_word(&reader->line), &node->config_epoch)) return false;
    struct bytes state = next_word(&reader->line);
    if (state.size == 0) return refuse(reader, "line ends before its link state", BYTES_EMPTY);
    node->is_connected = bytes_equal(state, BYTES("connected"));

    for (;;) {
        struct bytes word = next_word(&reader->line);
        if (word.size == 0) return true;
        bool is_valid = word.data[0] == '['
                            ? parse_open_slot(reader, word, node->flags & NODE_MYSELF)
                            : parse_range(reader, word, taken, node);
        if (!is_valid) return false;
    }
}

static bool add_var(struct conf_reader *reader, struct bytes name, struct bytes value)
{
    struct conf *conf = reader->conf;
    if (conf->var_count == CONF_VARS_MAX) return refuse(reader, "too many variables at", name);
    char *text = bytes_copy_text(name);
    if (conf_find_var(conf, text) != NULL) {
        memory_free(text);
        return refuse(reader, "variable named twice", name);
    }
    if (conf->var_count == conf->var_capacity) {
        conf->var_capacity = MAX(4, conf->var_capacity * 2);
        conf->vars = memory_realloc(conf->vars, conf->var_capacity * sizeof(*conf->vars));
    }
    conf->vars[conf->var_count++] = (struct conf_var){ text, bytes_copy_text(value) };
    return true;
}

static bool parse_vars(struct conf_reader *reader)
{
    for (;;) {
        struct bytes name = next_word(&reader->line);
        if (name.size == 0) return true;
        struct bytes value = next_word(&reader->line);
        if (value.size == 0) return refuse(reader, "variable without a value", name);

        bool is_valid = true;
        if (bytes_is_word(name, "currentepoch"))
            is_valid = parse_number(reader, value, &reader->conf->current_epoch);
        else if (bytes_is_word(name, "lastvoteepoch"))
            is_valid = parse_number(reader, value, &reader->conf->last_vote_epoch);
        else if (bytes_starts_with(name, BYTES("eir-")))
            is_valid = add_var(reader, name, value);
        if (!is_valid) return false; /* other variables are a later Valkey's: skipped */
    }
}

static bool parse_line(struct conf_reader *reader, struct slot_set *taken)
{
    struct bytes peek = reader->line;
    struct bytes word = next_word(&peek);
    if (word.size == 0) return true;
    if (!bytes_is_word(word, "vars")) return parse_node(reader, taken);
    reader->line = peek;
    return parse_vars(reader);
}

/* A file may lack its line of variables, or carry an older one than its nodes: the current epoch
 * is at least every epoch that the file shows. */
static void raise_current_epoch(struct conf *conf)
{
    conf->current_epoch = MAX(conf->current_epoch, conf->last_vote_epoch);
    for (size_t i = 0; i < conf->node_count; i++)
        conf->current_epoch = MAX(conf->current_epoch, conf->nodes[i].config_epoch);
}

static int compare_ids(const void *a, const void *b)
{
    return node_id_compare(a, b);
}

/* Sorted rather than each against each: a file of a thousand nodes is read by each of them. */
static bool ids_are_unique(struct conf_reader *reader)
{
    const struct conf *conf = reader->conf;
    struct node_id *ids = memory_alloc(MAX(conf->node_count, 1) * sizeof(*ids));
    for (size_t i = 0; i < conf->node_count; i++) ids[i] = conf->nodes[i].id;
    qsort(ids, conf->node_count, sizeof(*ids), compare_ids);

    bool is_unique = true;
    for (size_t i = 1; i < conf->node_count && is_unique; i++)
        if (node_id_equal(&ids[i - 1], &ids[i]))
            is_unique = refuse(reader, "node named twice", bytes_of(ids[i].hex, NODE_ID_SIZE));
    memory_free(ids);
    return is_unique;
}

enum err conf_parse(struct bytes text, struct conf *conf, char *why)
{
    ensure(conf->node_count == 0);
    ensure(conf->var_count == 0);
    why[0] = 0;
    if (bytes_trim(text).size == 0) return ERR_NOT_FOUND;

    struct conf_reader reader = { .conf = conf, .why = why };
    struct slot_set taken = { 0 };
    while (text.size > 0) {
        reader.line = cut(&text, '\n');
        reader.line_number++;
        if (memchr(reader.line.data, 0, reader.line.size) != NULL)
            refuse(&reader, "zero byte in", BYTES_EMPTY);
        else if (parse_line(&reader, &taken))
            continue;
        return ERR_MALFORMED;
    }
    if (!reader.has_myself) {
        refuse(&reader, "the file ends and no node is", BYTES("myself"));
        return ERR_MALFORMED;
    }
    if (!ids_are_unique(&reader)) return ERR_MALFORMED;
    raise_current_epoch(conf);
    return ERR_NONE;
}

/* ---- Printing ---------------------------------------------------------------------------- */

static void print_field(struct buffer *into, const char *name, const char *value)
{
    if (value[0] != 0) buffer_printf(into, ",%s=%s", name, value);
}

static void print_place(const struct conf_node *node, struct buffer *into)
{
    const struct address *address = &node->address;
    buffer_printf(into, "%s:%u@%u,%s", address->ip, address->port, address->bus_port,
                  node->hostname);
    print_field(into, "availability-zone", node->zone);
    if (node->client_tls_port > 0)
        buffer_printf(into, ",client-tls-port=%u", node->client_tls_port);
    if (node->client_port > 0) buffer_printf(into, ",client-tcp-port=%u", node->client_port);
    print_field(into, "client-ipv6", node->client_ipv6);
    print_field(into, "client-ipv4", node->client_ipv4);
    buffer_printf(into, ",%s=%u", node->port_other_is_tcp ? "tcp-port" : "tls-port",
                  address->port_other);
    print_field(into, "nodename", node->nodename);
    if (!node_id_is_none(&node->shard_id))
        buffer_printf(into, ",shard-id=%.40s", node->shard_id.hex);
}

static void print_flags(uint16_t flags, struct buffer *into)
{
    bool is_first = true;
    for (size_t i = 0; i < COUNT_OF(conf_flags); i++) {
        if (!(flags & conf_flags[i].flag)) continue;
        if (!is_first) buffer_append_byte(into, ',');
        buffer_append_text(into, conf_flags[i].name);
        is_first = false;
    }
    if (is_first) buffer_append_text(into, "noflags");
}

static void print_slots(const struct slot_set *slots, struct buffer *into)
{
    unsigned slot = 0, first, last;
    while (slot_set_next_range(slots, &slot, &first, &last)) {
        if (first == last)
            buffer_printf(into, " %u", first);
        else
            buffer_printf(into, " %u-%u", first, last);
    }
}

void conf_print_node(const struct conf_node *node, const struct conf_open_slot *open_slots,
                     size_t open_slot_count, struct buffer *into)
{
    ensure(!node_id_is_none(&node->id));
    buffer_append(into, bytes_of(node->id.hex, NODE_ID_SIZE));
    buffer_append_byte(into, ' ');
    print_place(node, into);
    buffer_append_byte(into, ' ');
    print_flags(node->flags, into);
    buffer_append_byte(into, ' ');
    if (node_id_is_none(&node->primary_id))
        buffer_append_byte(into, '-');
    else
        buffer_append(into, bytes_of(node->primary_id.hex, NODE_ID_SIZE));
    buffer_printf(into, " %lld %lld %llu %s", (long long)node->ping_sent_ms,
                  (long long)node->pong_received_ms, (unsigned long long)node->config_epoch,
                  node->is_connected ? "connected" : "disconnected");
    print_slots(&node->slots, into);
    for (size_t i = 0; i < open_slot_count; i++)
        buffer_printf(into, " [%u-%c-%.40s]", open_slots[i].slot,
                      open_slots[i].is_importing ? '<' : '>', open_slots[i].partner.hex);
    buffer_append_byte(into, '\n');
}

void conf_print_vars_begin(uint64_t current_epoch, uint64_t last_vote_epoch, struct buffer *into)
{
    buffer_printf(into, "vars currentEpoch %llu lastVoteEpoch %llu",
                  (unsigned long long)current_epoch, (unsigned long long)last_vote_epoch);
}

void conf_print_var(const char *name, struct bytes value, struct buffer *into)
{
    ensure(strncmp(name, "eir-", 4) == 0);
    ensure(value.size > 0); /* a Valkey node dies of a name without a value */
    buffer_append_byte(into, ' ');
    buffer_append_text(into, name);
    buffer_append_byte(into, ' ');
    buffer_append(into, value);
}

void conf_print_vars_end(struct buffer *into)
{
    buffer_append_byte(into, '\n');
}

void conf_print(const struct conf *conf, struct buffer *into)
{
    for (size_t i = 0; i < conf->node_count; i++) {
        bool is_myself = i == conf->myself;
        conf_print_node(&conf->nodes[i], conf->open_slots, is_myself ? conf->open_slot_count : 0,
                        into);
    }
    conf_print_vars_begin(conf->current_epoch, conf->last_vote_epoch, into);
    for (size_t i = 0; i < conf->var_count; i++)
        conf_print_var(conf->vars[i].name, bytes_text(conf->vars[i].value), into);
    conf_print_vars_end(into);
}
