/* SPDX-License-Identifier: MIT */
#include "broker/control/config_rules.h"

#include <strings.h>

enum {
    NAME_MAXIMUM = 32,
    URL_MAXIMUM = 2048,
    PORT_MAXIMUM = 65535,
};

static const char *check_authority(struct span authority);

/* ---- names */

static bool is_one_of(struct span text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (span_is(text, *words)) {
            return true;
        }
    }
    return false;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

/* A small letter, then up to 31 small letters, digits and OTHERS. */
static bool is_name(struct span name, const char *others)
{
    if (name.length == 0 || name.length > NAME_MAXIMUM || !is_lower(name.at[0])) {
        return false;
    }
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];

        if (!is_lower(c) && !is_digit(c) && (c == '\0' || strchr(others, c) == NULL)) {
            return false;
        }
    }
    return true;
}

/* Dashboards parse these as numbers. */
static const char *const numbers[] = {"inf", "infinity", "nan", NULL};

const char *config_rules_server_name(struct span name)
{
    static const char *const sockets[] = {"teplo", "admin", NULL};

    if (!is_name(name, "_-")) {
        return "is no usable name; begin with a small letter, then up to 31 small letters, digits, "
               "_ and -";
    }
    if (is_one_of(name, sockets)) {
        return "is the name of one of teplo's own sockets; choose another";
    }
    return is_one_of(name, numbers) ? "reads as a number in dashboards; choose another name" : NULL;
}

const char *config_rules_namespace(struct span name)
{
    if (!is_name(name, "-")) {
        return "is no usable name; begin with a small letter, then up to 31 small letters, digits "
               "and -";
    }
    return is_one_of(name, numbers) ? "reads as a number in dashboards; choose another name" : NULL;
}

/* ---- headers */

bool config_rules_is_token(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];

        if (!is_alphanumeric(c) && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return name.length > 0;
}

/* What teplo writes itself, with the reason. */
static const struct {
    const char *name;
    const char *refusal;
} own_headers[] = {
    {"Accept", "is prescribed by MCP and set by teplo; remove it"},
    {"Accept-Encoding", "would bring compressed answers, which teplo does not read; remove it"},
    {"Connection", "is teplo's own: it decides how long a connection is kept; remove it"},
    {"Content-Length", "is teplo's own: it measures each request; remove it"},
    {"Content-Type", "is teplo's own: a request is always application/json; remove it"},
    {"Expect", "is teplo's own: it decides when a request's body is sent; remove it"},
    {"Transfer-Encoding", "is teplo's own: it frames each request; remove it"},
    {"Upgrade", "is teplo's own: it speaks HTTP/1.1 only; remove it"},
};

const char *config_rules_header_name(struct span name)
{
    if (!config_rules_is_token(name)) {
        return "is no header name; write the name alone, as in \"Authorization\"";
    }
    for (size_t i = 0; i < sizeof(own_headers) / sizeof(own_headers[0]); i++) {
        if (name.length == strlen(own_headers[i].name) &&
            strncasecmp(name.at, own_headers[i].name, name.length) == 0) {
            return own_headers[i].refusal;
        }
    }
    return NULL;
}

const char *config_rules_header_value(struct span value)
{
    bool is_blank = true;

    for (size_t i = 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.at[i];

        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return "has a control byte in its value, such as a line break; remove that";
        }
        is_blank = is_blank && (byte == ' ' || byte == '\t');
    }
    return is_blank ? "has an empty value; give it one, or remove the header" : NULL;
}

/* ---- urls */

static struct span behind(struct span text, size_t length)
{
    return (struct span){text.at + length, text.length - length};
}

/* The part of TEXT before the first of BYTES. */
static struct span before(struct span text, const char *bytes)
{
    size_t length = 0;

    while (length < text.length && strchr(bytes, text.at[length]) == NULL) {
        length++;
    }
    return (struct span){text.at, length};
}

static bool has(struct span text, char c)
{
    return text.length > 0 && memchr(text.at, c, text.length) != NULL;
}

static bool starts_with_scheme(struct span url, const char *scheme)
{
    size_t length = strlen(scheme);

    return url.length >= length && strncasecmp(url.at, scheme, length) == 0;
}

/* Visible ASCII, and no backslash: some readers take it for a slash. */
static bool is_plain(struct span url)
{
    for (size_t i = 0; i < url.length; i++) {
        unsigned char byte = (unsigned char)url.at[i];

        if (byte <= 0x20 || byte >= 0x7f || byte == '\\') {
            return false;
        }
    }
    return true;
}

const char *config_rules_url(struct span url)
{
    struct span authority;

    if (url.length > URL_MAXIMUM) {
        return "is longer than 2048 bytes; shorten it";
    }
    if (!starts_with_scheme(url, "http://") && !starts_with_scheme(url, "https://")) {
        return "does not begin with http:// or https://; write it whole, as in "
               "http://host:8000/sse";
    }
    if (!is_plain(url)) {
        return "has a space, a backslash, a control byte or a letter beyond ASCII; write it as %XX";
    }
    if (has(url, '#')) {
        return "has a fragment; remove the # and what follows it";
    }
    authority = before(behind(url, starts_with_scheme(url, "https") ? 8 : 7), "/?");
    if (has(authority, '@')) {
        return "has a user or a password before the @; use an Authorization header instead";
    }
    return check_authority(authority);
}

static bool is_number(struct span text, size_t digits)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!is_digit(text.at[i])) {
            return false;
        }
    }
    return text.length > 0 && text.length <= digits;
}

static bool is_port(struct span text)
{
    int port = 0;

    if (!is_number(text, 5)) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        port = port * 10 + (text.at[i] - '0');
    }
    return port > 0 && port <= PORT_MAXIMUM;
}

static bool is_host(struct span host, const char *others)
{
    for (size_t i = 0; i < host.length; i++) {
        if (!is_alphanumeric(host.at[i]) && strchr(others, host.at[i]) == NULL) {
            return false;
        }
    }
    return host.length > 0;
}

/* host, host:port or [address]:port. */
static const char *check_authority(struct span authority)
{
    bool is_bracketed = authority.length > 0 && authority.at[0] == '[';
    struct span host = before(authority, is_bracketed ? "]" : ":");
    struct span rest = behind(authority, host.length);

    if (host.length == 0) {
        return "has no host; write it as in scheme://host:port/";
    }
    if (is_bracketed && rest.length > 0) {
        host = behind(host, 1);
        rest = behind(rest, 1);
    }
    if (!is_host(host, is_bracketed ? ":.%-_~" : ".-_~")) {
        return "has a host that is none; write a name or an address, an IPv6 one in brackets";
    }
    if (rest.length > 0 && (rest.at[0] != ':' || !is_port(behind(rest, 1)))) {
        return "has a port that is none; write a number from 1 to 65535";
    }
    return NULL;
}
