/* The rows of sorted sets in the table of value codecs. */
#ifndef EIR_PERSIST_RDB_ZSET_H
#define EIR_PERSIST_RDB_ZSET_H

#include "persist/internal.h"

enum rdb_token rdb_zset_text_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_zset_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_zset_listpack_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_zset_ziplist_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);

uint8_t rdb_zset_number(const struct entry *entry);
void rdb_zset_put(struct rdb_writer *writer, const struct entry *entry);

#endif
