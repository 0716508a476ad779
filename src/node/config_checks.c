/* Checks of texts: names of files, hosts, addresses, templates. */
#include "node/config_internal.h"
#include <arpa/inet.h>

static bool has_slash(struct bytes text)
{
    return bytes_index_of(text, '/') >= 0;
}

const char *config_check_file_name(struct bytes text)
{
    if (text.size == 0) return "dbfilename can't be empty";
    return has_slash(text) ? "dbfilename can't be a path, just a filename" : NULL;
}

const char *config_check_log_name(struct bytes text)
{
    if (text.size == 0) return "appendfilename can't be empty";
    return has_slash(text) ? "appendfilename can't be a path, just a filename" : NULL;
}

const char *config_check_directory_name(struct bytes text)
{
    if (text.size == 0) return "appenddirname can't be empty";
    return has_slash(text) ? "appenddirname can't be a path, just a dirname" : NULL;
}

const char *config_check_nodes_file(struct bytes text)
{
    return text.size == 0 ? "cluster-config-file can't be empty" : NULL;
}

const char *config_check_dir(struct bytes text)
{
    return text.size == 0 ? "dir can't be empty" : NULL;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Room in the bus messages: 255 bytes and a terminator. */
#define HOSTNAME_SIZE_MAX 255

const char *config_check_hostname(struct bytes text)
{
    if (text.size > HOSTNAME_SIZE_MAX) return "Hostnames must be less than 256 characters";
    for (size_t i = 0; i < text.size; i++)
        if (!is_letter_or_digit(text.data[i]) && text.data[i] != '-' && text.data[i] != '.')
            return "Hostnames may only contain alphanumeric characters, hyphens or dots";
    return NULL;
}

const char *config_check_nodename(struct bytes text)
{
    if (text.size > HOSTNAME_SIZE_MAX)
        return "Announced human node name must be less than 256 characters";
    for (size_t i = 0; i < text.size; i++)
        if (!is_letter_or_digit(text.data[i]) && strchr("-._", text.data[i]) == NULL)
            return "Announced human node name contained invalid character";
    return NULL;
}

/* The name is part of what a cluster id is made from, and travels in formation messages. */
#define CLUSTER_NAME_SIZE_MAX 64

const char *config_check_cluster_name(struct bytes text)
{
    if (text.size > CLUSTER_NAME_SIZE_MAX) return "cluster-name must be at most 64 characters";
    for (size_t i = 0; i < text.size; i++)
        if (!is_letter_or_digit(text.data[i]) && strchr("-._", text.data[i]) == NULL)
            return "cluster-name may only contain alphanumeric characters, hyphens, dots or "
                   "underscores";
    return NULL;
}

/* The ip field of a bus header: 45 characters and a terminator. */
#define ANNOUNCED_SIZE_MAX 45

const char *config_check_announced_ip(struct bytes text)
{
    if (text.size > ANNOUNCED_SIZE_MAX) return "cluster-announce-ip is too long";
    for (size_t i = 0; i < text.size; i++)
        if (!is_letter_or_digit(text.data[i]) && strchr("-.:_", text.data[i]) == NULL)
            return "cluster-announce-ip contains invalid character";
    return NULL;
}

static bool is_address(struct bytes text, int family)
{
    char copy[INET6_ADDRSTRLEN + 1];
    unsigned char address[sizeof(struct in6_addr)];
    return text.size == 0 ||
           (bytes_to_text(text, copy, sizeof(copy)) && inet_pton(family, copy, address) == 1);
}

const char *config_check_ipv4(struct bytes text)
{
    return is_address(text, AF_INET) ? NULL : "Invalid IPv4 address";
}

const char *config_check_ipv6(struct bytes text)
{
    return is_address(text, AF_INET6) ? NULL : "Invalid IPv6 address";
}

const char *config_check_locale(struct bytes text)
{
    bool is_known = text.size == 0 || bytes_equal(text, BYTES("C")) ||
                    bytes_equal(text, BYTES("POSIX")) || bytes_equal(text, BYTES("C.UTF-8")) ||
                    bytes_equal(text, BYTES("C.utf8"));
    return is_known ? NULL : "Invalid locale name";
}

/* {title} and {server-mode} may be empty, so a template of nothing else is refused. */
const char *config_check_title(struct bytes text)
{
    static const char bad[] = "template format is invalid or contains unknown variables";
    static const struct bytes names[] = {
        BYTES("{title}"),       BYTES("{server-mode}"), BYTES("{listen-addr}"), BYTES("{port}"),
        BYTES("{config-file}"), BYTES("{tls-port}"),    BYTES("{unixsocket}"),
    };
    bool says_something = false;
    for (size_t at = 0; at < text.size;) {
        struct bytes rest = bytes_from(text, at);
        if (rest.data[0] != '{') {
            says_something = says_something || rest.data[0] != ' ';
            at++;
            continue;
        }
        size_t name = 0;
        while (name < COUNT_OF(names) && !bytes_starts_with(rest, names[name])) name++;
        if (name == COUNT_OF(names)) return bad;
        says_something = says_something || name >= 2;
        at += names[name].size;
    }
    return says_something ? NULL : bad;
}

/* Silence here would leave the server open to everybody whom the file was to keep out. */
const char *config_check_aclfile(struct bytes text)
{
    return text.size == 0 ? NULL
                          : "aclfile is not supported yet: users other than the default "
                            "one do not exist here, requirepass protects that one";
}
