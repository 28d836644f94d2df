/* SPDX-License-Identifier: MIT */
#include "proto/redis_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "proto/base/bytes.h"
#include "proto/base/mem.h"

enum {
    PORT_DEFAULT = 6379,
    SENTINEL_PORT_DEFAULT = 26379,
    PORT_MAXIMUM = 65535,
    DATABASE_MAXIMUM = 65535,
    HOST_MAXIMUM = 255,
    SHOWN_MAXIMUM = REDIS_URL_MAXIMUM + 512, /* default ports make it longer than the text */
};

/* What is made, and why it was refused. */
struct parse {
    struct redis_url url;
    const char *refusal;
};

static int parse_server(struct parse *parse, struct span rest);
static int parse_sentinels(struct parse *parse, struct span rest);
static int parse_path(struct parse *parse, struct span rest);
static int set_shown(struct redis_url *url);

static const struct {
    const char *scheme;
    int (*parse)(struct parse *parse, struct span rest);
    bool has_tls;
} forms[] = {
    {"redis://", parse_server, false},       {"rediss://", parse_server, true},
    {"sentinel://", parse_sentinels, false}, {"sentinels://", parse_sentinels, true},
    {"unix://", parse_path, false},
};

/* ---- life */

static void wipe(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
    }
    mem_free(text);
}

void redis_url_done(struct redis_url *url)
{
    for (size_t i = 0; i < REDIS_URL_SENTINELS; i++) {
        mem_free(url->sentinels[i].host);
    }
    mem_free(url->path);
    mem_free(url->host);
    mem_free(url->master);
    mem_free(url->user);
    wipe(url->password);
    mem_free(url->shown);
    *url = (struct redis_url){0};
}

static int refuse(struct parse *parse, const char *refusal)
{
    parse->refusal = refusal;
    return -EINVAL;
}

/* Visible ASCII, and no backslash: some readers take it for a slash. */
static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.at[i];

        if (byte <= 0x20 || byte >= 0x7f || byte == '\\') {
            return false;
        }
    }
    return true;
}

static int parse_whole(struct parse *parse, struct span whole)
{
    if (whole.length > REDIS_URL_MAXIMUM) {
        return refuse(parse, "is longer than 2048 bytes; shorten it");
    }
    if (!is_plain(whole)) {
        return refuse(parse, "has a space, a backslash, a control byte or a letter beyond ASCII; "
                             "write it as %XX");
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct span scheme = span_of(forms[i].scheme);

        if (span_starts_with(whole, scheme)) {
            parse->url.has_tls = forms[i].has_tls;
            return forms[i].parse(
                parse, (struct span){whole.at + scheme.length, whole.length - scheme.length});
        }
    }
    return refuse(parse, "does not begin with redis://, rediss://, unix://, sentinel:// or "
                         "sentinels://; write it whole, as in redis://host:6379/0");
}

int redis_url_init(struct redis_url *url, const char *text)
{
    struct parse parse = {0};
    int r = parse_whole(&parse, span_of(text));

    if (r == 0) {
        r = set_shown(&parse.url);
    }
    if (r < 0) {
        redis_url_done(&parse.url);
        return r;
    }
    *url = parse.url;
    return 0;
}

const char *redis_url_refusal(const char *text)
{
    struct parse parse = {0};

    (void)parse_whole(&parse, span_of(text));
    redis_url_done(&parse.url);
    return parse.refusal;
}

/* ---- small pieces */

/* What stands before SEPARATOR, or all of it without one; REST is what follows, or none. */
static struct span take_before(struct span *rest, char separator)
{
    const char *found = rest->length == 0 ? NULL : memchr(rest->at, separator, rest->length);
    struct span before = *rest;

    if (found == NULL) {
        *rest = SPAN_NONE;
        return before;
    }
    before.length = (size_t)(found - before.at);
    *rest = (struct span){found + 1, rest->length - before.length - 1};
    return before;
}

/* Up to five digits; -1 if that is something else, or more than MAXIMUM. */
static long number_of(struct span digits, long maximum)
{
    long number = 0;

    if (digits.length < 1 || digits.length > 5) {
        return -1;
    }
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9') {
            return -1;
        }
        number = number * 10 + (digits.at[i] - '0');
    }
    return number > maximum ? -1 : number;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    const char *found = lower == '\0' ? NULL : strchr(digits, lower);

    return found == NULL ? -1 : (int)(found - digits);
}

/* A copy of TEXT with its %XX replaced. */
static int decode(struct parse *parse, struct span text, char **ret_decoded)
{
    char *decoded = mem_new(text.length + 1);
    size_t length = 0;

    if (decoded == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];

        if (c == '%') {
            int high = i + 2 < text.length ? hex_digit(text.at[i + 1]) : -1;
            int low = i + 2 < text.length ? hex_digit(text.at[i + 2]) : -1;

            if (high < 0 || low < 0 || high + low == 0) {
                wipe(decoded);
                return refuse(parse, "is not usable: a % without two hex digits, or a %00; write a "
                                     "% itself as %25");
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        decoded[length++] = c;
    }
    *ret_decoded = decoded;
    return 0;
}

static int copy(struct span text, char **ret_copy)
{
    *ret_copy = mem_copy_text(text.at, text.length);
    return *ret_copy == NULL ? -ENOMEM : 0;
}

static bool is_made_of(struct span text, const char *others)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_letter && strchr(others, c) == NULL) {
            return false;
        }
    }
    return text.length > 0 && text.length <= HOST_MAXIMUM;
}

/* ---- hosts */

static int set_host(struct parse *parse, struct span host, char **ret_host)
{
    if (host.length == 0) {
        return refuse(parse, "has no host; write it as in redis://host:6379/0");
    }
    if (!is_made_of(host, "._-")) {
        return refuse(parse, "has a host that is none; write a name or an address, an IPv6 one in "
                             "brackets");
    }
    return copy(host, ret_host);
}

/* REST begins with a bracket; it is what follows the other one, or none. */
static int set_bracketed_host(struct parse *parse, struct span *rest, char **ret_host)
{
    struct in6_addr address;
    struct span host;
    int r;

    *rest = (struct span){rest->at + 1, rest->length - 1};
    host = take_before(rest, ']');
    r = copy(host, ret_host);
    if (r < 0) {
        return r;
    }
    if (span_is_none(*rest) || inet_pton(AF_INET6, *ret_host, &address) != 1) {
        return refuse(parse, "is not usable: no IPv6 address in its brackets; correct it, as in "
                             "redis://[::1]:6379/0");
    }
    if (rest->length > 0 && rest->at[0] != ':') {
        return refuse(parse, "has something else than a port behind the ]; correct it");
    }
    *rest = rest->length == 0 ? SPAN_NONE : (struct span){rest->at + 1, rest->length - 1};
    return 0;
}

/* host, host:port or [address]:port. */
static int set_node(struct parse *parse, struct span place, char **ret_host, uint16_t *ret_port)
{
    struct span port = place;
    long number;
    int r = place.length > 0 && place.at[0] == '['
                ? set_bracketed_host(parse, &port, ret_host)
                : set_host(parse, take_before(&port, ':'), ret_host);

    if (r < 0 || span_is_none(port)) {
        return r;
    }
    number = number_of(port, PORT_MAXIMUM);
    if (number < 1) {
        return refuse(parse, "has a port that is none; write a number from 1 to 65535");
    }
    *ret_port = (uint16_t)number;
    return 0;
}

/* ---- redis://, rediss:// */

/* Takes user and password off PLACE. */
static int set_credentials(struct parse *parse, struct span *place)
{
    const char *at_sign = place->length == 0 ? NULL : memrchr(place->at, '@', place->length);
    struct span password;
    struct span user;
    int r = 0;

    if (at_sign == NULL) {
        return 0;
    }
    password = (struct span){place->at, (size_t)(at_sign - place->at)};
    *place = (struct span){at_sign + 1, place->length - password.length - 1};
    user = take_before(&password, ':');
    if (!span_is_none(password)) {
        r = decode(parse, password, &parse->url.password);
    }
    if (r == 0 && (user.length > 0 || span_is_none(password))) {
        r = decode(parse, user, &parse->url.user);
    }
    return r;
}

static int set_database(struct parse *parse, struct span database)
{
    long number = database.length == 0 ? 0 : number_of(database, DATABASE_MAXIMUM);

    if (number < 0) {
        return refuse(parse, "has something else than a database number behind the host; write it "
                             "as in redis://host:6379/0, and a / in a password as %2F");
    }
    parse->url.database = (unsigned)number;
    return 0;
}

static int parse_server(struct parse *parse, struct span rest)
{
    struct span place = take_before(&rest, '/');
    int r = set_database(parse, rest);

    /* That first: a bare / in a password ends the place too early. */
    if (r == 0) {
        r = set_credentials(parse, &place);
    }
    parse->url.port = PORT_DEFAULT;
    return r < 0 ? r : set_node(parse, place, &parse->url.host, &parse->url.port);
}

/* ---- sentinel://, sentinels:// */

static int add_sentinel(struct parse *parse, struct span place)
{
    struct redis_url *url = &parse->url;
    struct redis_node *node = &url->sentinels[url->sentinel_count];

    if (url->sentinel_count == REDIS_URL_SENTINELS) {
        return refuse(parse, "names more than 8 sentinels; leave some out");
    }
    node->port = SENTINEL_PORT_DEFAULT;
    url->sentinel_count++;
    return set_node(parse, place, &node->host, &node->port);
}

static int parse_sentinels(struct parse *parse, struct span rest)
{
    struct span places = take_before(&rest, '/');
    struct span master = take_before(&rest, '/');
    int r = set_credentials(parse, &places);

    if (r == 0 && !is_made_of(master, "._-")) {
        return refuse(parse, "does not say what the sentinels call the master; write it as in "
                             "sentinel://host1,host2,host3/mymaster");
    }
    while (r == 0 && !span_is_none(places)) {
        r = add_sentinel(parse, take_before(&places, ','));
    }
    if (r == 0) {
        r = copy(master, &parse->url.master);
    }
    return r < 0 ? r : set_database(parse, rest);
}

/* ---- unix:// */

static int parse_path(struct parse *parse, struct span rest)
{
    struct span path = take_before(&rest, '?');
    struct sockaddr_un address;
    long database = 0;
    int r;

    if (!span_is_none(rest)) {
        database = span_starts_with(rest, SPAN("db="))
                       ? number_of((struct span){rest.at + 3, rest.length - 3}, DATABASE_MAXIMUM)
                       : -1;
    }
    if (database < 0) {
        return refuse(parse, "has something else than ?db= and a number behind the path; correct "
                             "it");
    }
    parse->url.database = (unsigned)database;
    r = decode(parse, path, &parse->url.path);
    if (r == 0 && (path.length < 2 || parse->url.path[0] != '/' ||
                   strlen(parse->url.path) >= sizeof(address.sun_path))) {
        r = refuse(parse, "has no usable path; write it whole, in at most 107 bytes, as in "
                          "unix:///run/redis/redis.sock");
    }
    return r;
}

/* ---- for people */

static void show_node(struct bytes *out, const char *host, uint16_t port)
{
    bool is_bracketed = strchr(host, ':') != NULL;

    bytes_printf(out, is_bracketed ? "[%s]:%u" : "%s:%u", host, port);
}

static int set_shown(struct redis_url *url)
{
    struct bytes out;
    int r;

    bytes_init(&out, SHOWN_MAXIMUM);
    if (url->path != NULL) {
        bytes_printf(&out, "unix://%s?db=%u", url->path, url->database);
    } else if (url->host != NULL) {
        bytes_append_text(&out, url->has_tls ? "rediss://" : "redis://");
        show_node(&out, url->host, url->port);
        bytes_printf(&out, "/%u", url->database);
    } else {
        bytes_append_text(&out, url->has_tls ? "sentinels://" : "sentinel://");
        for (size_t i = 0; i < url->sentinel_count; i++) {
            bytes_append_text(&out, i == 0 ? "" : ",");
            show_node(&out, url->sentinels[i].host, url->sentinels[i].port);
        }
        bytes_printf(&out, "/%s/%u", url->master, url->database);
    }
    r = out.failed ? -ENOMEM : copy(bytes_span(&out), &url->shown);
    bytes_done(&out);
    return r;
}
