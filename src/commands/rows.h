/* The arrays that commands.c registers; each is closed by a row without a name. */
#ifndef EIR_COMMANDS_ROWS_H
#define EIR_COMMANDS_ROWS_H

#include "engine/command.h"

extern const struct command string_commands[];
extern const struct command string_edit_commands[];
extern const struct command bitmap_commands[];
extern const struct command bitfield_commands[];
extern const struct command hyperloglog_commands[];
extern const struct command lcs_commands[];
extern const struct command stream_commands[];
extern const struct command stream_group_commands[];
extern const struct command stream_info_commands[];
extern const struct command stream_pending_commands[];
extern const struct command stream_read_commands[];
extern const struct command key_commands[];
extern const struct command expiry_commands[];
extern const struct command dump_commands[];
extern const struct command scan_commands[];
extern const struct command object_commands[];
extern const struct command server_commands[];
extern const struct command set_commands[];
extern const struct command set_combine_commands[];
extern const struct command sort_commands[];
extern const struct command function_commands[];
extern const struct command hash_commands[];
extern const struct command hash_count_commands[];
extern const struct command hash_ex_commands[];
extern const struct command hash_expiry_commands[];
extern const struct command hash_scan_commands[];
extern const struct command list_commands[];
extern const struct command list_move_commands[];
extern const struct command lolwut_commands[];
extern const struct command geo_commands[];
extern const struct command geo_search_commands[];
extern const struct command zset_commands[];
extern const struct command zset_combine_commands[];
extern const struct command zset_pop_commands[];
extern const struct command zset_range_commands[];

#endif
