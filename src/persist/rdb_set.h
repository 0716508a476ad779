/* The rows of sets in the table of value codecs. */
#ifndef EIR_PERSIST_RDB_SET_H
#define EIR_PERSIST_RDB_SET_H

#include "persist/internal.h"

enum rdb_token rdb_set_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_set_intset_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_set_listpack_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);

uint8_t rdb_set_number(const struct entry *entry);
void rdb_set_put(struct rdb_writer *writer, const struct entry *entry);

#endif
