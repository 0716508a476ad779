/* The rows of hashes in the table of value codecs. */
#ifndef EIR_PERSIST_RDB_HASH_H
#define EIR_PERSIST_RDB_HASH_H

#include "persist/internal.h"

enum rdb_token rdb_hash_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_hash_times_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_hash_listpack_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_hash_ziplist_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);
enum rdb_token rdb_hash_zipmap_step(struct rdb_decoder *decoder, struct rdb_cursor *cursor);

uint8_t rdb_hash_number(const struct entry *entry);
void rdb_hash_put(struct rdb_writer *writer, const struct entry *entry);

#endif
