/* SPDX-License-Identifier: MIT */
#include "proto/redis_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "proto/base/bytes.h"
#include "proto/base/mem.h"

enum { PORT_DEFAULT = 6379, PORT_MAXIMUM = 65535, DATABASE_MAXIMUM = 65535, SHOWN_MAXIMUM = 320 };

static void wipe(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
    }
    mem_free(text);
}

void redis_url_done(struct redis_url *url)
{
    mem_free(url->path);
    mem_free(url->host);
    mem_free(url->user);
    wipe(url->password);
    mem_free(url->shown);
    *url = (struct redis_url){0};
}

/* ---- small pieces */

/* What stands before SEPARATOR, or NONE without one; REST is what follows. */
static struct span take_before(struct span *rest, char separator)
{
    const char *found = memchr(rest->at, separator, rest->length);
    struct span before = SPAN_NONE;

    if (found != NULL) {
        before = (struct span){rest->at, (size_t)(found - rest->at)};
        rest->length -= before.length + 1;
        rest->at = found + 1;
    }
    return before;
}

static int number_of(struct span digits, unsigned maximum, unsigned *ret_number)
{
    unsigned number = 0;

    if (digits.length < 1 || digits.length > 5) {
        return -EINVAL;
    }
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9') {
            return -EINVAL;
        }
        number = number * 10 + (unsigned)(digits.at[i] - '0');
    }
    if (number > maximum) {
        return -EINVAL;
    }
    *ret_number = number;
    return 0;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    char lower = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    const char *found = lower == '\0' ? NULL : strchr(digits, lower);

    return found == NULL ? -1 : (int)(found - digits);
}

/* A copy of TEXT with its %XX replaced. */
static int decode(struct span text, char **ret_decoded)
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
                return -EINVAL;
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

/* ---- redis:// */

static int set_credentials(struct redis_url *url, struct span credentials)
{
    struct span password = credentials;
    struct span user = take_before(&password, ':');
    int r;

    if (span_is_none(user)) {
        return decode(credentials, &url->user);
    }
    r = decode(password, &url->password);
    if (r == 0 && user.length > 0) {
        r = decode(user, &url->user);
    }
    return r;
}

static bool is_host(struct span host)
{
    for (size_t i = 0; i < host.length; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
                   host.at[i]) == NULL) {
            return false;
        }
    }
    return host.length > 0 && host.length < 256;
}

static int set_bracketed_host(struct redis_url *url, struct span *place)
{
    struct span rest = {place->at + 1, place->length - 1};
    struct span host = take_before(&rest, ']');
    struct in6_addr address;
    int r;

    if (span_is_none(host) || (rest.length > 0 && rest.at[0] != ':')) {
        return -EINVAL;
    }
    r = copy(host, &url->host);
    if (r == 0 && inet_pton(AF_INET6, url->host, &address) != 1) {
        r = -EINVAL;
    }
    *place = rest.length > 0 ? (struct span){rest.at + 1, rest.length - 1} : SPAN_NONE;
    return r;
}

static int set_place(struct redis_url *url, struct span place)
{
    struct span port = place;
    unsigned number = PORT_DEFAULT;
    int r;

    if (place.length > 0 && place.at[0] == '[') {
        r = set_bracketed_host(url, &port);
    } else {
        struct span host = take_before(&port, ':');

        if (span_is_none(host)) {
            host = place;
            port = SPAN_NONE;
        }
        r = is_host(host) ? copy(host, &url->host) : -EINVAL;
    }
    if (r == 0 && !span_is_none(port)) {
        r = number_of(port, PORT_MAXIMUM, &number);
    }
    url->port = (uint16_t)number;
    return number == 0 ? -EINVAL : r;
}

static int set_shown(struct redis_url *url)
{
    char shown[SHOWN_MAXIMUM];
    bool is_bracketed = url->host != NULL && strchr(url->host, ':') != NULL;

    if (url->path != NULL) {
        (void)snprintf(shown, sizeof(shown), "unix://%s?db=%u", url->path, url->database);
    } else {
        (void)snprintf(shown, sizeof(shown), "redis://%s%s%s:%u/%u", is_bracketed ? "[" : "",
                       url->host, is_bracketed ? "]" : "", url->port, url->database);
    }
    return copy(span_of(shown), &url->shown);
}

static int parse_tcp(struct redis_url *url, struct span rest)
{
    struct span database = rest;
    struct span place = take_before(&database, '/');
    const char *at_sign;
    int r = 0;

    if (span_is_none(place)) {
        place = rest;
        database = SPAN_NONE;
    }
    at_sign = memrchr(place.at, '@', place.length);
    if (at_sign != NULL) {
        size_t length = (size_t)(at_sign - place.at);

        r = set_credentials(url, (struct span){place.at, length});
        place = (struct span){at_sign + 1, place.length - length - 1};
    }
    if (r == 0 && database.length > 0) {
        r = number_of(database, DATABASE_MAXIMUM, &url->database);
    }
    return r < 0 ? r : set_place(url, place);
}

/* ---- unix:// */

static int parse_unix(struct redis_url *url, struct span rest)
{
    struct span query = rest;
    struct span path = take_before(&query, '?');
    struct sockaddr_un address;
    int r = 0;

    if (span_is_none(path)) {
        path = rest;
    } else if (!span_starts_with(query, SPAN("db="))) {
        return -EINVAL;
    } else {
        r = number_of((struct span){query.at + 3, query.length - 3}, DATABASE_MAXIMUM,
                      &url->database);
    }
    if (r < 0 || path.length == 0 || path.at[0] != '/') {
        return -EINVAL;
    }
    r = decode(path, &url->path);
    return r == 0 && strlen(url->path) >= sizeof(address.sun_path) ? -EINVAL : r;
}

int redis_url_init(struct redis_url *url, const char *text)
{
    struct span whole = span_of(text);
    struct redis_url made = {0};
    int r = -EINVAL;

    if (whole.length > REDIS_URL_MAXIMUM) {
        return -EINVAL;
    }
    if (span_starts_with(whole, SPAN("redis://"))) {
        r = parse_tcp(&made, (struct span){whole.at + 8, whole.length - 8});
    } else if (span_starts_with(whole, SPAN("unix://"))) {
        r = parse_unix(&made, (struct span){whole.at + 7, whole.length - 7});
    }
    if (r == 0) {
        r = set_shown(&made);
    }
    if (r < 0) {
        redis_url_done(&made);
        return r;
    }
    *url = made;
    return 0;
}
