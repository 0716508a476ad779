/* The one `user` line that is true without an ACL.
 *
 * CONFIG REWRITE of Valkey adds it to every file: `user default on nopass ~* &* +@all`, or with
 * the SHA-256 of requirepass. A line that says anything else must not be taken for granted. */
#include "base/digest.h"
#include "node/config_internal.h"

static void password_hex(const struct config *config, char hex[2 * SHA256_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    sha256(bytes_text(config->requirepass), digest);
    digest_hex(digest, sizeof(digest), hex);
}

static bool is_password(const struct config *config, struct bytes rule)
{
    if (config->requirepass[0] == '\0') return bytes_is_word(rule, "nopass");
    if (rule.size == 0) return false;
    struct bytes rest = bytes_from(rule, 1);
    if (rule.data[0] == '>') return bytes_equal(rest, bytes_text(config->requirepass));
    char hex[2 * SHA256_SIZE];
    password_hex(config, hex);
    return rule.data[0] == '#' && bytes_equal(rest, bytes_of(hex, sizeof(hex)));
}

/* Each of these must be there, in one spelling or the other. */
enum user_needs {
    NEEDS_ON = 1,
    NEEDS_PASSWORD = 2,
    NEEDS_KEYS = 4,
    NEEDS_CHANNELS = 8,
    NEEDS_COMMANDS = 16,
    NEEDS_ALL = 31
};

static int need_of(const struct config *config, struct bytes rule)
{
    if (bytes_is_word(rule, "on")) return NEEDS_ON;
    if (bytes_is_word(rule, "~*") || bytes_is_word(rule, "allkeys")) return NEEDS_KEYS;
    if (bytes_is_word(rule, "&*") || bytes_is_word(rule, "allchannels")) return NEEDS_CHANNELS;
    if (bytes_is_word(rule, "+@all") || bytes_is_word(rule, "allcommands")) return NEEDS_COMMANDS;
    return is_password(config, rule) ? NEEDS_PASSWORD : 0;
}

bool config_user_is_default(const struct config *config, const struct config_line *line)
{
    if (line->count < 2 || !bytes_equal(line->words[1], BYTES("default"))) return false;
    int seen = 0;
    for (size_t i = 2; i < line->count; i++) {
        int need = need_of(config, line->words[i]);
        bool is_harmless = bytes_is_word(line->words[i], "sanitize-payload");
        if (need == 0 && !is_harmless) return false;
        seen |= need;
    }
    return seen == NEEDS_ALL;
}

void config_user_print_default(const struct config *config, struct buffer *into)
{
    buffer_append_text(into, "user default on ");
    if (config->requirepass[0] == '\0') {
        buffer_append_text(into, "nopass");
    } else {
        char hex[2 * SHA256_SIZE];
        password_hex(config, hex);
        buffer_append_byte(into, '#');
        buffer_append(into, bytes_of(hex, sizeof(hex)));
    }
    buffer_append_text(into, " ~* &* +@all\n");
}
