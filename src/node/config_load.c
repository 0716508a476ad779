/* Reading a configuration: file, standard input and command line as one text, line by line.
 *
 * Later lines override earlier ones, `save` lines add up. An included file is read where its line
 * stands. Words that carry security are never skipped: what we cannot honour of them is refused. */
#include "base/ensure.h"
#include "base/memory.h"
#include "node/config_internal.h"

#define CONFIG_TEXT_MAX   (16 * MIB) /* a file; real ones have some 100 KB */
#define INCLUDE_DEPTH_MAX 16
#define INCLUDE_COUNT_MAX 1000 /* in all: files that include each other twice double each time */

struct user_line {
    int64_t number;
    char *text; /* owned */
};

struct parser {
    struct config *config;
    struct disk *disk; /* NULL: nothing can be included */
    struct config_error *error;
    bool *named; /* owned; by row: a line named it already */
    int depth;   /* of includes */
    int included;
    struct user_line *users; /* owned; judged at the end, when the password is known */
    size_t user_count;
    struct bytes line; /* at hand */
    int64_t number;
};

static bool refuse(struct parser *parser, const char *reason)
{
    parser->error->kind = CONFIG_ERROR_LINE;
    parser->error->line = parser->number;
    buffer_append(&parser->error->text, parser->line);
    buffer_append_text(&parser->error->reason, reason);
    return false;
}

static bool refuse_directive(struct parser *parser)
{
    return refuse(parser, "Bad directive or wrong number of arguments");
}

static bool refuse_file(struct config_error *error, const char *name, enum err err)
{
    error->kind = CONFIG_ERROR_FILE;
    buffer_printf(&error->reason, "Fatal error, can't open config file '%s': %s", name,
                  err == ERR_NOT_FOUND ? "No such file or directory" : err_text(err));
    return false;
}

/* ---- lines that are options ---- */

static bool option_read(struct parser *parser, const struct config_row *row,
                        const struct bytes *words, size_t count)
{
    bool *named = &parser->named[config_row_index(row)];
    struct config_line inner = { 0 };
    if (row->kind->takes_many && count == 1 && words[0].size > 0) {
        if (!config_line_init(&inner, words[0])) return refuse(parser, "wrong number of arguments");
        words = inner.words;
        count = inner.count;
    }
    struct buffer reason = { 0 };
    bool is_read =
        row->kind->read(row, words, count, *named, config_field(parser->config, row), &reason);
    if (!is_read) {
        buffer_append_byte(&reason, '\0');
        refuse(parser, reason.data);
    }
    buffer_fini(&reason);
    config_line_fini(&inner);
    *named = true;
    return is_read;
}

static void name_ignore(void *context, const char *name)
{
}

/* A working directory that is not there is found out here, where the line is known. */
static bool directory_check(struct parser *parser)
{
    if (parser->disk == NULL) return true;
    enum err err = disk_list(parser->disk, parser->config->dir, name_ignore, NULL);
    if (!err) return true;
    return refuse(parser, err == ERR_NOT_FOUND ? "No such file or directory" : err_text(err));
}

/* ---- lines that are no options ---- */

static bool rename_read(struct parser *parser, const struct bytes *words, size_t count)
{
    if (count != 2 || words[0].size == 0) return refuse_directive(parser);
    if (bytes_index_of(words[0], '\0') >= 0 || bytes_index_of(words[1], '\0') >= 0)
        return refuse(parser, "argument must not contain a zero byte");
    struct config_renames *renames = &parser->config->renames;
    renames->items = memory_realloc(renames->items, (renames->count + 1) * sizeof(*renames->items));
    renames->items[renames->count++] = (struct config_rename){ .from = bytes_copy_text(words[0]),
                                                               .to = bytes_copy_text(words[1]),
                                                               .line = parser->number };
    return true;
}

static bool user_read(struct parser *parser, const struct bytes *words, size_t count)
{
    if (count == 0) return refuse_directive(parser);
    if (bytes_index_of(parser->line, '\0') >= 0)
        return refuse(parser, "argument must not contain a zero byte");
    parser->users =
        memory_realloc(parser->users, (parser->user_count + 1) * sizeof(*parser->users));
    parser->users[parser->user_count++] =
        (struct user_line){ .number = parser->number, .text = bytes_copy_text(parser->line) };
    return true;
}

static bool module_read(struct parser *parser, const struct bytes *words, size_t count)
{
    if (count == 0) return refuse_directive(parser);
    return refuse(parser, "loadmodule is not supported: this server has no modules");
}

static bool sentinel_read(struct parser *parser, const struct bytes *words, size_t count)
{
    return refuse(parser, "sentinel directive while not in sentinel mode");
}

/* Options that lost their meaning in Valkey too, and are still found in files. */
static bool retired_read(struct parser *parser, const struct bytes *words, size_t count)
{
    return count == 1 || refuse_directive(parser);
}

static bool include_read(struct parser *parser, const struct bytes *words, size_t count);

static const struct {
    const char *name;
    bool (*read)(struct parser *parser, const struct bytes *words, size_t count);
} directives[] = {
    { "include", include_read },
    { "rename-command", rename_read },
    { "user", user_read },
    { "loadmodule", module_read },
    { "sentinel", sentinel_read },
    { "dynamic-hz", retired_read },
    { "events-per-io-thread", retired_read },
    { "io-threads-do-reads", retired_read },
    { "list-max-ziplist-entries", retired_read },
    { "list-max-ziplist-value", retired_read },
    { "lua-enable-deprecated-api", retired_read },
    { "lua-replicate-commands", retired_read },
    { "sanitize-dump-payload", retired_read },
};

static bool words_read(struct parser *parser, const struct bytes *words, size_t count)
{
    const struct config_row *row = config_row_find(words[0]);
    if (row != NULL) {
        bool is_read = option_read(parser, row, words + 1, count - 1);
        bool is_dir = row->offset == offsetof(struct config, dir);
        return is_read && (!is_dir || directory_check(parser));
    }
    for (size_t i = 0; i < COUNT_OF(directives); i++)
        if (bytes_is_word(words[0], directives[i].name))
            return directives[i].read(parser, words + 1, count - 1);
    return refuse_directive(parser);
}

static bool text_read(struct parser *parser, struct bytes text)
{
    size_t at = 0;
    parser->number = 0;
    while (config_next_line(text, &at, &parser->number, &parser->line)) {
        if (parser->line.size == 0 || parser->line.data[0] == '#') continue;
        struct config_line line;
        if (!config_line_init(&line, parser->line))
            return refuse(parser, "Unbalanced quotes in configuration line");
        bool is_read = line.count == 0 || words_read(parser, line.words, line.count);
        config_line_fini(&line);
        if (!is_read) return false;
    }
    return true;
}

/* ---- include ---- */

static bool file_read_whole(struct parser *parser, const char *name, bool may_be_absent)
{
    struct buffer text = { 0 };
    enum err err = disk_read_whole(parser->disk, name, CONFIG_TEXT_MAX, &text);
    bool is_read;
    if (err == ERR_NOT_FOUND && may_be_absent) {
        is_read = true;
    } else if (err) {
        is_read = refuse_file(parser->error, name, err);
    } else {
        struct bytes line = parser->line;
        int64_t number = parser->number;
        parser->depth++;
        is_read = text_read(parser, buffer_bytes(&text));
        parser->depth--;
        parser->line = line;
        parser->number = number;
    }
    buffer_fini(&text);
    return is_read;
}

static bool include_read(struct parser *parser, const struct bytes *words, size_t count)
{
    if (count != 1 || words[0].size == 0 || bytes_index_of(words[0], '\0') >= 0)
        return refuse_directive(parser);
    if (parser->disk == NULL) return refuse(parser, "include is not possible here");
    if (parser->depth == INCLUDE_DEPTH_MAX || ++parser->included > INCLUDE_COUNT_MAX)
        return refuse(parser, "included files are nested too deeply");

    /* From the `dir` line on, names are relative to that directory, as in Valkey. */
    struct buffer path = { 0 };
    if (words[0].data[0] != '/' && parser->config->dir[0] != '\0')
        buffer_printf(&path, "%s/", parser->config->dir);
    buffer_append(&path, words[0]);
    struct config_names names = { 0 };
    bool is_pattern = config_names_expand(&names, parser->disk, buffer_bytes(&path));
    bool is_read = true;
    for (size_t i = 0; i < names.count && is_read; i++)
        is_read = file_read_whole(parser, names.items[i], is_pattern);
    config_names_fini(&names);
    buffer_fini(&path);
    return is_read;
}

/* ---- the whole ---- */

static bool users_check(struct parser *parser)
{
    bool is_fine = true;
    for (size_t i = 0; i < parser->user_count && is_fine; i++) {
        struct config_line line;
        parser->line = bytes_text(parser->users[i].text);
        parser->number = parser->users[i].number;
        bool is_split = config_line_init(&line, parser->line);
        ensure(is_split); /* as it was when it was kept */
        is_fine = config_user_is_default(parser->config, &line);
        config_line_fini(&line);
        if (!is_fine)
            refuse(parser, "user is not supported yet: only the default user exists here, who may "
                           "do everything, with the password of requirepass");
    }
    return is_fine;
}

static bool whole_check(const struct config *config, struct config_error *error)
{
    const char *reason = NULL;
    if (config->cluster_enabled && config->replicaof.host[0] != '\0')
        reason = "replicaof directive not allowed in cluster mode";
    if (!config->cluster_enabled && config->cluster_shards > 0)
        reason = "cluster-shards needs cluster-enabled yes";
    if (reason == NULL) return true;
    error->kind = CONFIG_ERROR_WHOLE;
    buffer_append_text(&error->reason, reason);
    return false;
}

bool config_parse(struct config *config, struct disk *disk, struct bytes text,
                  struct config_error *error)
{
    struct parser parser = { .config = config, .disk = disk, .error = error };
    parser.named = memory_alloc_zero(config_row_count() * sizeof(*parser.named));
    bool is_read = text_read(&parser, text) && users_check(&parser) && whole_check(config, error);
    for (size_t i = 0; i < parser.user_count; i++) memory_free(parser.users[i].text);
    memory_free(parser.users);
    memory_free(parser.named);
    return is_read;
}

/* The absolute form of a name: "." and ".." resolved by text alone. */
static char *absolute_path(const char *directory, const char *name)
{
    struct buffer path = { 0 };
    if (name[0] != '/') buffer_printf(&path, "%s/", directory);
    buffer_append_text(&path, name);

    struct buffer clean = { 0 };
    for (size_t at = 0; at < path.size;) {
        struct bytes rest = bytes_from(buffer_bytes(&path), at);
        ptrdiff_t end = bytes_index_of(rest, '/');
        struct bytes part = bytes_of(rest.data, end < 0 ? rest.size : (size_t)end);
        at += part.size + 1;
        if (bytes_equal(part, BYTES("..")))
            while (clean.size > 0 && clean.data[--clean.size] != '/') {}
        if (part.size == 0 || bytes_equal(part, BYTES(".")) || bytes_equal(part, BYTES("..")))
            continue;
        buffer_append_byte(&clean, '/');
        buffer_append(&clean, part);
    }
    buffer_fini(&path);
    if (clean.size == 0) buffer_append_byte(&clean, '/');
    size_t size;
    return buffer_take(&clean, &size);
}

static void text_add(struct buffer *text, struct bytes more)
{
    if (text->size > 0 && text->data[text->size - 1] != '\n') buffer_append_byte(text, '\n');
    buffer_append(text, more);
}

bool config_load(struct config *config, struct disk *disk, const char *directory,
                 const struct config_arguments *arguments, struct bytes input,
                 struct config_error *error)
{
    struct buffer text = { 0 };
    if (arguments->file != NULL) {
        memory_free(config->file);
        config->file = absolute_path(directory, arguments->file);
        enum err err = disk_read_whole(disk, config->file, CONFIG_TEXT_MAX, &text);
        if (err) {
            buffer_fini(&text);
            return refuse_file(error, config->file, err);
        }
    }
    text_add(&text, input);
    if (arguments->options.size > 0) {
        buffer_append_byte(&text, '\n');
        buffer_append(&text, buffer_bytes(&arguments->options));
    }
    bool is_read = config_parse(config, disk, buffer_bytes(&text), error);
    buffer_fini(&text);

    char *dir = absolute_path(directory, config->dir);
    config_directory_set(config, dir);
    memory_free(dir);
    return is_read;
}
