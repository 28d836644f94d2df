/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/dash_place.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* ---- addresses */

static bool is_loopback(const char *host)
{
    struct in6_addr six;
    struct in_addr four;

    if (inet_pton(AF_INET, host, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static bool is_address(const char *host)
{
    struct in6_addr any;

    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static bool copy_host(char host[DASH_HOST_SIZE], struct span text)
{
    if (text.length == 0 || text.length >= DASH_HOST_SIZE ||
        memchr(text.at, '\0', text.length) != NULL) {
        return false;
    }
    memcpy(host, text.at, text.length);
    host[text.length] = '\0';
    return true;
}

static bool read_port(struct span text, uint16_t *ret_port)
{
    unsigned long port = 0;

    if (text.length == 0 || text.length > 5) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (!isdigit((unsigned char)text.at[i])) {
            return false;
        }
        port = port * 10 + (unsigned long)(text.at[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port <= UINT16_MAX;
}

/* `host`, `host:port`, `[six]`, `[six]:port`; no port is none.  Without brackets there is one
 * colon. */
static bool split(struct span text, struct span *ret_host, struct span *ret_port)
{
    const char *colon;
    const char *end = text.at + text.length;

    *ret_port = SPAN_NONE;
    if (text.length > 0 && text.at[0] == '[') {
        const char *bracket = memchr(text.at, ']', text.length);

        if (bracket == NULL || (bracket + 1 < end && bracket[1] != ':')) {
            return false;
        }
        *ret_host = (struct span){text.at + 1, (size_t)(bracket - text.at - 1)};
        colon = bracket + 1;
        if (memchr(ret_host->at, ':', ret_host->length) == NULL) {
            return false;
        }
    } else {
        colon = text.length == 0 ? NULL : memchr(text.at, ':', text.length);
        if (colon == NULL) {
            *ret_host = text;
            return text.length > 0;
        }
        *ret_host = (struct span){text.at, (size_t)(colon - text.at)};
    }
    if (colon < end) {
        *ret_port = (struct span){colon + 1, (size_t)(end - colon - 1)};
    }
    return ret_host->length > 0;
}

bool dash_place_parse(struct dash_place *ret_place, const char *text)
{
    struct dash_place place = {0};
    struct span host;
    struct span port;

    if (!split(span_of(text), &host, &port) || !read_port(port, &place.port) ||
        !copy_host(place.host, host)) {
        return false;
    }
    if (strcasecmp(place.host, "localhost") == 0) {
        (void)copy_host(place.host, SPAN("127.0.0.1"));
    }
    if (!is_address(place.host)) {
        return false;
    }
    *ret_place = place;
    return true;
}

bool dash_place_is_loopback(const struct dash_place *place)
{
    return is_loopback(place->host);
}

bool dash_place_is_any(const struct dash_place *place)
{
    struct in6_addr six;
    struct in_addr four;

    if (inet_pton(AF_INET, place->host, &four) == 1) {
        return four.s_addr == INADDR_ANY;
    }
    return inet_pton(AF_INET6, place->host, &six) == 1 && IN6_IS_ADDR_UNSPECIFIED(&six);
}

/* ---- names */

static bool is_same_address(const char *one, const char *other)
{
    struct in6_addr a6;
    struct in6_addr b6;
    struct in_addr a4;
    struct in_addr b4;

    if (inet_pton(AF_INET, one, &a4) == 1) {
        return inet_pton(AF_INET, other, &b4) == 1 && a4.s_addr == b4.s_addr;
    }
    return inet_pton(AF_INET6, one, &a6) == 1 && inet_pton(AF_INET6, other, &b6) == 1 &&
           memcmp(&a6, &b6, sizeof(a6)) == 0;
}

bool dash_place_serves(const struct dash_place *place, const struct dash_names *names,
                       struct span host)
{
    char name[DASH_HOST_SIZE];
    struct span bare;
    struct span port;
    uint16_t number;
    size_t length;

    if (!split(host, &bare, &port) || (!span_is_none(port) && !read_port(port, &number)) ||
        !copy_host(name, bare)) {
        return false;
    }
    length = strlen(name);
    if (length > 1 && name[length - 1] == '.') {
        name[length - 1] = '\0';
    }
    if (strcasecmp(name, "localhost") == 0 || is_loopback(name) ||
        is_same_address(name, place->host) || (dash_place_is_any(place) && is_address(name))) {
        return true;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(name, names->names[i]) == 0) {
            return true;
        }
    }
    return false;
}
