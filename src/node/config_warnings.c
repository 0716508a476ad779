/* What an operator must be told: options that are set and mean nothing here (yet). */
#include "node/config_internal.h"

static void row_warn(const struct config *config, const struct config_row *row,
                     config_warning_visit visit, void *context)
{
    struct buffer message = { 0 };
    bool is_grave = (row->flags & CONFIG_GRAVE) != 0;
    buffer_append_text(&message, row->name);
    if (!(row->flags & CONFIG_SECRET)) {
        buffer_append_byte(&message, ' ');
        config_write(config, row, &message);
    }
    buffer_printf(&message, " is accepted but means nothing here%s: %s",
                  is_grave ? ", do not rely on it" : "", row->unused);
    buffer_append_byte(&message, '\0');
    visit(context, is_grave, message.data);
    buffer_fini(&message);
}

void config_warnings(const struct config *config, config_warning_visit visit, void *context)
{
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (row->unused != NULL && !config_is_default(config, row))
            row_warn(config, row, visit, context);
    }
}

void config_warnings_of_change(const struct config *config, const struct config *before,
                               config_warning_visit visit, void *context)
{
    size_t count = config_row_count();
    for (size_t i = 0; i < count; i++) {
        const struct config_row *row = config_row_at(i);
        if (row->unused != NULL && !config_equal(config, before, row) &&
            !config_is_default(config, row))
            row_warn(config, row, visit, context);
    }
}
