/* Comparing, searching and copying of byte slices. */
#include "base/bytes.h"

#include "base/memory.h"

static inline unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t common = MIN(a.size, b.size);
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) return order;
    return (a.size > b.size) - (a.size < b.size);
}

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower((unsigned char)a.data[i]) != lower((unsigned char)b.data[i])) return false;
    return true;
}

bool bytes_is_word(struct bytes bytes, const char *word)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (word[i] == '\0') return false;
        if (lower((unsigned char)bytes.data[i]) != lower((unsigned char)word[i])) return false;
    }
    return word[bytes.size] == '\0';
}

ptrdiff_t bytes_index_of(struct bytes bytes, char byte)
{
    if (bytes.size == 0) return -1;
    const char *at = memchr(bytes.data, byte, bytes.size);
    return at == NULL ? -1 : at - bytes.data;
}

bool bytes_starts_with(struct bytes bytes, struct bytes beginning)
{
    return bytes.size >= beginning.size &&
           (beginning.size == 0 || memcmp(bytes.data, beginning.data, beginning.size) == 0);
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes bytes_trim(struct bytes bytes)
{
    while (bytes.size > 0 && is_blank(bytes.data[0])) bytes = bytes_from(bytes, 1);
    while (bytes.size > 0 && is_blank(bytes.data[bytes.size - 1])) bytes.size--;
    return bytes;
}

char *bytes_copy_text(struct bytes bytes)
{
    char *text = memory_alloc(bytes.size + 1);
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return text;
}

bool bytes_to_text(struct bytes bytes, char *text, size_t capacity)
{
    if (capacity == 0) return false;
    size_t size = MIN(bytes.size, capacity - 1);
    if (size > 0) memcpy(text, bytes.data, size);
    text[size] = '\0';
    return size == bytes.size;
}
