/* Glob patterns. One place to go back to is enough: when the text after a star fails, only the
 * last star can help, so a match costs at most pattern x text steps. */
#include "base/glob.h"

static inline unsigned char fold(char c, bool nocase)
{
    unsigned char byte = (unsigned char)c;
    return nocase && byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

/* Does the class that starts behind `[` at `*at` hold `c`? Moves `*at` behind the class; one that
 * is not closed ends with the pattern. */
static bool class_holds(struct bytes pattern, size_t *at, unsigned char c, bool nocase)
{
    size_t i = *at;
    bool negated = i < pattern.size && pattern.data[i] == '^';
    if (negated) i++;
    bool holds = false;
    while (i < pattern.size && pattern.data[i] != ']') {
        if (pattern.data[i] == '\\' && i + 1 < pattern.size) {
            if (fold(pattern.data[i + 1], nocase) == c) holds = true;
            i += 2;
        } else if (i + 2 < pattern.size && pattern.data[i + 1] == '-') {
            unsigned char low = fold(pattern.data[i], nocase);
            unsigned char high = fold(pattern.data[i + 2], nocase);
            if (low > high) {
                unsigned char swap = low;
                low = high;
                high = swap;
            }
            if (c >= low && c <= high) holds = true;
            i += 3;
        } else {
            if (fold(pattern.data[i], nocase) == c) holds = true;
            i++;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return holds != negated;
}

/* Does the pattern's element at `*at`, which is no star, match `c`? Moves behind it. */
static bool element_matches(struct bytes pattern, size_t *at, char c, bool nocase)
{
    char element = pattern.data[(*at)++];
    if (element == '?') return true;
    if (element == '[') return class_holds(pattern, at, fold(c, nocase), nocase);
    if (element == '\\' && *at < pattern.size) element = pattern.data[(*at)++];
    return fold(element, nocase) == fold(c, nocase);
}

static bool matches(struct bytes pattern, struct bytes text, bool nocase)
{
    size_t p = 0;
    size_t t = 0;
    size_t star_p = SIZE_MAX; /* behind the last star; and where its run of text ends for now */
    size_t star_t = 0;

    while (t < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star_p = ++p;
            star_t = t;
            if (p == pattern.size) return true;
            continue;
        }
        if (p < pattern.size && element_matches(pattern, &p, text.data[t], nocase)) {
            t++;
            continue;
        }
        if (star_p == SIZE_MAX) return false;
        p = star_p;
        t = ++star_t;
    }
    while (p < pattern.size && pattern.data[p] == '*') p++;
    return p == pattern.size;
}

bool glob_matches(struct bytes pattern, struct bytes text)
{
    return matches(pattern, text, false);
}

bool glob_matches_nocase(struct bytes pattern, struct bytes text)
{
    return matches(pattern, text, true);
}
