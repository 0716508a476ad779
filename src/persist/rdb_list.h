/* The rows of lists in the table of value codecs. */
#ifndef EIR_PERSIST_RDB_LIST_H
#define EIR_PERSIST_RDB_LIST_H

#include "persist/internal.h"

enum rdb_token rdb_list_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_list_ziplist_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_list_ziplists_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_list_nodes_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);

uint8_t rdb_list_number(const struct entry *entry);
void rdb_list_put(struct rdb_writer *writer, const struct entry *entry);

#endif
