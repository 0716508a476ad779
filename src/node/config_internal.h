/* What the configuration's files share: kinds of value, tables of rows, words of a line. */
#ifndef EIR_NODE_CONFIG_INTERNAL_H
#define EIR_NODE_CONFIG_INTERNAL_H

#include "node/config.h"

/* How values of one shape are read, printed, copied and given back. `field` points into a
 * struct config; one that is all zero is valid for `read` and `fini`. */
struct config_kind {
    const char *name;
    size_t size;     /* of the field */
    bool takes_many; /* several words a line, or one that is split at its spaces */
    /* False leaves the field alone and puts into `reason` what was expected. `adds`: an earlier
     * line of the same start named this option already. */
    bool (*read)(const struct config_row *row, const struct bytes *words, size_t count, bool adds,
                 void *field, struct buffer *reason);
    /* As CONFIG GET shows it. */
    void (*print)(const struct config_row *row, const void *field, struct buffer *into);
    /* As a configuration line needs it, behind the name. */
    void (*write)(const struct config_row *row, const void *field, struct buffer *into);
    void (*copy)(const void *from, void *to); /* NULL: byte by byte */
    void (*fini)(void *field);                /* NULL: nothing is owned */
};

extern const struct config_kind config_bool, config_int, config_octal, config_enum, config_text,
    config_memory, config_memory_signed, config_memory_or_percent;
extern const struct config_kind config_list, config_save_list, config_output_limit_list,
    config_oom_list, config_percentile_list, config_notify_flags, config_shutdown_flags,
    config_primary, config_seed_list;

bool config_memory_parse(struct bytes text, int64_t *value);
/* Puts `text` into `reason`; false. */
bool config_refuse(struct buffer *reason, const char *text);
/* Puts "argument(s) must be one of ..." into `reason`; false. */
bool config_words_refuse(const struct config_word *words, struct buffer *reason);

/* A word that needs no quotes on a line and has no second meaning in one. */
bool config_is_plain(struct bytes word);
bool config_is_pattern(struct bytes word);

/* Checks of texts. */
const char *config_check_file_name(struct bytes text);
const char *config_check_directory_name(struct bytes text);
const char *config_check_log_name(struct bytes text);
const char *config_check_nodes_file(struct bytes text);
const char *config_check_dir(struct bytes text);
const char *config_check_hostname(struct bytes text);
const char *config_check_nodename(struct bytes text);
const char *config_check_announced_ip(struct bytes text);
const char *config_check_ipv4(struct bytes text);
const char *config_check_ipv6(struct bytes text);
const char *config_check_locale(struct bytes text);
const char *config_check_title(struct bytes text);
const char *config_check_aclfile(struct bytes text);
const char *config_check_cluster_name(struct bytes text);

struct config_table {
    const struct config_row *rows;
    size_t count;
};
extern const struct config_table config_table_network, config_table_tls, config_table_process,
    config_table_keyspace, config_table_commands, config_table_durability, config_table_replication,
    config_table_cluster;

#define CONFIG_FIELD(name) .offset = offsetof(struct config, name)

size_t config_row_index(const struct config_row *row);
void *config_field(struct config *config, const struct config_row *row);
const void *config_field_const(const struct config *config, const struct config_row *row);
/* True when the value is the one that `preset` describes. */
bool config_is_default(const struct config *config, const struct config_row *row);
/* The value as a configuration line needs it. */
void config_write(const struct config *config, const struct config_row *row, struct buffer *into);
bool config_equal(const struct config *a, const struct config *b, const struct config_row *row);

/* The words of one line: quotes and escapes are resolved into one block that is owned here. */
struct config_line {
    struct buffer text;
    struct bytes *words; /* owned; they point into text */
    size_t count;
};
/* False: a quote is not closed; there is nothing to give back then. */
NODISCARD bool config_line_init(struct config_line *line, struct bytes text);
void config_line_fini(struct config_line *line);

/* One line of a text, without spaces at its ends; false at the end. Counts in `*number`. */
bool config_next_line(struct bytes text, size_t *at, int64_t *number, struct bytes *line);

/* Names of files, in order. */
struct config_names {
    char **items; /* owned, as is each name */
    size_t count;
};
/* What the path stands for; true when it is a pattern, so that a name may be absent. */
bool config_names_expand(struct config_names *names, struct disk *disk, struct bytes path);
void config_names_fini(struct config_names *names);

/* The `user` line that says what is the case without an ACL: the default user, who may do
 * everything, with the password of requirepass or none. */
bool config_user_is_default(const struct config *config, const struct config_line *line);
void config_user_print_default(const struct config *config, struct buffer *into);

#endif
