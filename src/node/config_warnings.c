/* What an operator must be told at start: options that are set and mean nothing here (yet). */
#include "node/config_internal.h"

void config_warnings(const struct config *config,
                     void (*visit)(void *context, bool is_grave, const char *message),
                     void *context)
{
    struct buffer message = { 0 };
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (row->unused == NULL || config_is_default(config, row)) continue;
        bool is_grave = (row->flags & CONFIG_GRAVE) != 0;
        buffer_clear(&message);
        buffer_append_text(&message, row->name);
        if (!(row->flags & CONFIG_SECRET)) {
            buffer_append_byte(&message, ' ');
            config_write(config, row, &message);
        }
        buffer_printf(&message, " is accepted but means nothing here%s: %s",
                      is_grave ? ", do not rely on it" : "", row->unused);
        buffer_append_byte(&message, '\0');
        visit(context, is_grave, message.data);
    }
    buffer_fini(&message);
}
