/* The engine's table of commands: rows made ready to be called.
 *
 * An entry adds to a row what derives from it, and its statistics. Names are found in an
 * open-addressed table by their length and bytes, three words wide, folded to lower case. */
#ifndef EIR_ENGINE_TABLE_H
#define EIR_ENGINE_TABLE_H

#include "engine/engine.h"

#define COMMAND_NAME_MAX 24

/* How the first key is found without walking the specs. */
enum key_shape {
    KEYS_ABSENT,
    KEYS_ONE,   /* argument `key_first` and no other */
    KEYS_RANGE, /* from key_first to the end (or key_last), every key_step */
    KEYS_OTHER, /* ask keys_find */
};

struct command_entry {
    const struct command *command; /* borrowed */
    struct command_entry *parent;  /* of a subcommand */
    struct command_entry *subs;    /* owned, an array */
    uint32_t sub_count;
    char *name;        /* owned: "get", "config|get" */
    uint64_t words[3]; /* its own word, folded */
    size_t word_size;
    uint32_t flags; /* the row's, and CMD_MOVABLE_KEYS */
    uint32_t acl;   /* the row's, and what the flags say */
    bool is_plain;  /* see engine_run_plain */
    uint8_t key_shape;
    int16_t key_first, key_last, key_step; /* as COMMAND INFO shows them */
    struct command_statistics statistics;
};

/* rename-command: the entry stands in no place, and is found by this name alone. */
struct command_renamed {
    struct command_entry *entry; /* borrowed; owned when it was removed */
    char *name;                  /* owned; NULL: removed */
};

struct command_table {
    struct command_entry **entries; /* owned; in the order of registration */
    uint32_t count;
    uint32_t capacity;
    struct command_entry **places; /* owned; open-addressed, borrowed entries */
    uint32_t place_mask;
    struct command_renamed *renamed; /* owned; a handful */
    uint32_t renamed_count;
};

void command_statistics_reset(struct command_statistics *statistics);

void command_table_init(struct command_table *table);
void command_table_fini(struct command_table *table);
void command_table_add(struct command_table *table, const struct command *row);
/* A top-level command, or NULL. */
struct command_entry *command_table_find(const struct command_table *table, struct bytes name);
/* As a primary names it in its stream, where commands that it makes itself are never renamed. */
struct command_entry *command_table_find_streamed(const struct command_table *table,
                                                  struct bytes name);
/* Gives a top-level command another name, which may be longer than those of rows; an empty one
 * removes it. ERR_NOT_FOUND: no such command; ERR_EXISTS: the new name is taken. */
NODISCARD enum err command_table_rename(struct command_table *table, struct bytes from,
                                        struct bytes to);
struct command_entry *command_entry_find_sub(const struct command_entry *parent, struct bytes name);
/* "get" or "config|get". */
struct command_entry *command_table_find_full(const struct command_table *table, struct bytes name);

/* Every key of a request; false when the arguments make no sense. */
bool keys_find(const struct command_entry *entry, const struct bytes *argv, uint32_t argc,
               struct key_places *places);
/* The flags of a spec, those that are understood included. */
uint32_t key_spec_flags(const struct command *command, const struct key_spec *spec);

#endif
