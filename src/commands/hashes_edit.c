/* Editing a hash, and naming fields by FIELDS n field ..., for all commands that do so. */
#include "base/memory.h"
#include "commands/hashes.h"
#include "keyspace/inline.h"

bool hash_edit_begin(struct call *call, struct hash_edit *edit)
{
    edit->key = call_key(call, 1);
    if (!call_find_for_write(call, &edit->key, VALUE_HASH, &edit->entry)) return false;
    if (edit->entry != NULL && !hash_is_small(entry_value(edit->entry)))
        edit->entry = keyspace_expire_fields(call->keyspace, call->access, &edit->key, edit->entry);
    edit->hash = edit->entry == NULL ? NULL : entry_value(edit->entry);
    edit->rules = keyspace_value_rules(call->keyspace);
    edit->now_ms = hash_now(call);
    return true;
}

void hash_edit_open(struct hash_edit *edit)
{
    if (edit->hash == NULL) edit->hash = hash_create();
}

bool hash_edit_has_times(const struct hash_edit *edit)
{
    return edit->entry != NULL && entry_has_items(edit->entry);
}

void hash_edit_told(struct call *call, struct hash_edit *edit)
{
    if (edit->entry == NULL) {
        edit->entry = keyspace_put_value(call->keyspace, call->access, &edit->key, VALUE_HASH,
                                         edit->hash, PUT_PLAIN);
        return;
    }
    call_edited(call, &edit->key, edit->entry, edit->hash);
    if (!hash_is_small(edit->hash)) keyspace_items_changed(call->keyspace, &edit->key, edit->entry);
}

void hash_edit_end(struct call *call, struct hash_edit *edit)
{
    if (edit->hash != NULL && hash_count(edit->hash) == 0) call_emptied(call, &edit->key);
}

/* ---- FIELDS n field ... ---- */

const char fields_error[] =
    "ERR numfields should be greater than 0 and match the provided number of fields";

uint32_t fields_word_find(const struct call *call, uint32_t at)
{
    while (at < call->argc && !call_arg_is(call, at, "fields")) at++;
    return at;
}

bool field_words_parse(struct call *call, uint32_t at, uint32_t step, const char *error,
                       struct field_words *words)
{
    int64_t count;
    if (at + 1 >= call->argc) {
        reply_error(call, error);
        return false;
    }
    if (!call_integer(call, at + 1, &count)) return false;
    uint32_t given = call->argc - at - 2;
    if (count <= 0 || count > given || (uint64_t)count * step != given) {
        reply_error(call, error);
        return false;
    }
    *words = (struct field_words){ .at = at + 2, .count = (uint32_t)count, .step = step };
    return true;
}

/* ---- what is propagated ---- */

void field_list_init(struct field_list *list, uint32_t head, uint32_t fields_max)
{
    *list = (struct field_list){
        .argv = memory_alloc((head + (size_t)fields_max) * sizeof(struct bytes)), .head = head
    };
}

void field_list_add(struct field_list *list, struct bytes field)
{
    list->argv[list->head + list->count++] = field;
}

void field_list_fini(struct field_list *list)
{
    memory_free(list->argv);
}

void propagate_expired(struct call *call, struct bytes key, struct field_list *list)
{
    ensure(list->head == 2);
    if (list->count == 0) {
        call_propagate_nothing(call);
        return;
    }
    keyspace_count_expired_fields(call->keyspace, list->count);
    list->argv[0] = BYTES("HDEL");
    list->argv[1] = key;
    call_propagate(call, 2 + list->count, list->argv);
}

void propagate_fields(struct call *call, struct bytes name, struct bytes key, struct bytes time,
                      struct field_list *list)
{
    char number[NUMBER_TEXT_MAX];
    uint32_t at = 0;
    list->argv[at++] = name;
    list->argv[at++] = key;
    if (list->head == 5) list->argv[at++] = time;
    list->argv[at++] = BYTES("FIELDS");
    list->argv[at++] = bytes_of(number, number_print(list->count, number));
    ensure(at == list->head);
    call_propagate(call, at + list->count, list->argv);
}
