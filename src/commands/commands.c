/* Putting the families together. */
#include "commands/commands.h"
#include "commands/rows.h"
#include "engine/engine.h"

static void register_family(struct engine *engine, const struct command *rows)
{
    size_t count = 0;
    while (rows[count].name != NULL) count++;
    engine_register(engine, rows, count);
}

void commands_register(struct engine *engine)
{
    register_family(engine, string_commands);
    register_family(engine, string_edit_commands);
    register_family(engine, bitmap_commands);
    register_family(engine, bitfield_commands);
    register_family(engine, hyperloglog_commands);
    register_family(engine, lcs_commands);
    register_family(engine, stream_commands);
    register_family(engine, stream_group_commands);
    register_family(engine, stream_info_commands);
    register_family(engine, stream_pending_commands);
    register_family(engine, stream_read_commands);
    register_family(engine, key_commands);
    register_family(engine, expiry_commands);
    register_family(engine, dump_commands);
    register_family(engine, scan_commands);
    register_family(engine, object_commands);
    register_family(engine, server_commands);
    register_family(engine, set_commands);
    register_family(engine, set_combine_commands);
    register_family(engine, sort_commands);
    register_family(engine, function_commands);
    register_family(engine, hash_commands);
    register_family(engine, hash_count_commands);
    register_family(engine, hash_ex_commands);
    register_family(engine, hash_expiry_commands);
    register_family(engine, hash_scan_commands);
    register_family(engine, list_commands);
    register_family(engine, list_move_commands);
    register_family(engine, lolwut_commands);
    register_family(engine, geo_commands);
    register_family(engine, geo_search_commands);
    register_family(engine, zset_commands);
    register_family(engine, zset_combine_commands);
    register_family(engine, zset_pop_commands);
    register_family(engine, zset_range_commands);
}
