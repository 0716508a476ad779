/* What is wrong with a configuration, told as operators of Valkey know it. */
#include "node/config_internal.h"

/* Tools look for this line with the version that we are compatible with. */
#define COMPATIBLE_VERSION "9.1.2"

void config_error_init(struct config_error *error)
{
    *error = (struct config_error){ 0 };
}

void config_error_fini(struct config_error *error)
{
    buffer_fini(&error->text);
    buffer_fini(&error->reason);
}

void config_error_print(const struct config_error *error, struct buffer *into)
{
    if (error->kind != CONFIG_ERROR_FILE)
        buffer_append_text(into,
                           "\n*** FATAL CONFIG FILE ERROR (Version " COMPATIBLE_VERSION ") ***\n");
    if (error->kind == CONFIG_ERROR_LINE) {
        buffer_printf(into, "Reading the configuration file, at line %lld\n>>> '",
                      (long long)error->line);
        buffer_append(into, buffer_bytes(&error->text));
        buffer_append_text(into, "'\n");
    }
    buffer_append(into, buffer_bytes(&error->reason));
    buffer_append_byte(into, '\n');
}

void config_error_rename(struct config_error *error, const struct config_rename *rename,
                         const char *reason)
{
    error->kind = CONFIG_ERROR_LINE;
    error->line = rename->line;
    buffer_clear(&error->text);
    buffer_clear(&error->reason);
    buffer_printf(&error->text, "rename-command %s ", rename->from);
    if (rename->to[0] == '\0') buffer_append_text(&error->text, "\"\"");
    buffer_append_text(&error->text, rename->to);
    buffer_append_text(&error->reason, reason);
}
