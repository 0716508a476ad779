/* One field of INFO: name, colon, value, line end. */
#include "node/info.h"

void info_int(struct buffer *into, const char *name, int64_t value)
{
    buffer_append_text(into, name);
    buffer_append_byte(into, ':');
    buffer_append_int(into, value);
    buffer_append_text(into, "\r\n");
}

void info_text(struct buffer *into, const char *name, const char *value)
{
    buffer_append_text(into, name);
    buffer_append_byte(into, ':');
    buffer_append_text(into, value);
    buffer_append_text(into, "\r\n");
}

void info_figures(struct buffer *into, const struct info_figure *figures, size_t count)
{
    for (size_t i = 0; i < count; i++) info_int(into, figures[i].name, figures[i].value);
}
