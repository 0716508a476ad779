/* Patterns of SORT: the element takes the place of the first star in a key's name. */
#include "commands/hashes.h"
#include "commands/sort.h"

/* Where the name ends and a field begins: at the first arrow behind the star, if something stands
 * behind that. */
static struct bytes split_field(struct bytes pattern, size_t star, struct bytes *field)
{
    *field = (struct bytes){ 0 };
    for (size_t at = star + 1; at + 2 < pattern.size; at++) {
        if (pattern.data[at] != '-' || pattern.data[at + 1] != '>') continue;
        *field = bytes_from(pattern, at + 2);
        return bytes_of(pattern.data, at);
    }
    return pattern;
}

static bool find_in(const struct sort *sort, const struct entry *entry, struct bytes field,
                    struct sort_found *found, struct bytes *text)
{
    if (field.data == NULL) {
        if (entry_type(entry) != VALUE_STRING) return false;
        *text = entry_string(entry, &found->scratch);
        return true;
    }
    if (entry_type(entry) != VALUE_HASH) return false;
    if (!hash_find(entry_value(entry), field, hash_now(sort->call), &found->item)) return false;
    *text = found->item.value;
    return true;
}

bool sort_pattern_find(struct sort *sort, struct bytes pattern, struct bytes element,
                       struct sort_found *found, struct bytes *text)
{
    struct call *call = sort->call;
    if (bytes_equal(pattern, BYTES("#"))) {
        *text = element;
        return true;
    }
    ptrdiff_t star = bytes_index_of(pattern, '*');
    if (star < 0) return false;
    struct bytes field;
    struct bytes name = split_field(pattern, (size_t)star, &field);
    buffer_clear(&sort->name);
    buffer_append(&sort->name, bytes_of(name.data, (size_t)star));
    buffer_append(&sort->name, element);
    buffer_append(&sort->name, bytes_from(name, (size_t)star + 1));
    struct key key =
        keyspace_key(call->keyspace, (uint32_t)call->session->db, buffer_bytes(&sort->name));
    const struct entry *entry = keyspace_find_for_read(call->keyspace, call->access, &key);
    return entry != NULL && find_in(sort, entry, field, found, text);
}
