/* SPDX-License-Identifier: MIT */
#include "broker/control/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

enum { PORT_MAXIMUM = 65535, PORT_DIGITS = 5, FIRST_OCTET_SHIFT = 24, LOOPBACK_OCTET = 127 };

/* HOST without brackets, and what follows the colon behind it; a port of none: there is none. */
static bool split(struct span text, struct span *ret_host, struct span *ret_port)
{
    bool is_bracketed = text.length > 0 && text.at[0] == '[';
    const char *end;
    size_t length;

    if (text.length == 0) {
        return false;
    }
    end = memchr(text.at, is_bracketed ? ']' : ':', text.length);
    if (is_bracketed && end == NULL) {
        return false;
    }
    length = end == NULL ? text.length : (size_t)(end - text.at);
    *ret_host =
        is_bracketed ? (struct span){text.at + 1, length - 1} : (struct span){text.at, length};
    length += is_bracketed ? 1 : 0;
    *ret_port = SPAN_NONE;
    if (length < text.length) {
        if (text.at[length] != ':') {
            return false;
        }
        *ret_port = (struct span){text.at + length + 1, text.length - length - 1};
    }
    return ret_host->length > 0;
}

/* -1: no port. */
static int port_of(struct span text)
{
    int port = 0;

    if (text.length == 0 || text.length > PORT_DIGITS) {
        return -1;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return -1;
        }
        port = port * 10 + (text.at[i] - '0');
    }
    return port > PORT_MAXIMUM ? -1 : port;
}

/* The address that HOST names, with PORT; false: none, or not one of this host alone. */
static bool resolve(struct span host, in_port_t port, struct loopback *ret)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char text[INET6_ADDRSTRLEN];

    if (host.length >= sizeof(text)) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)host.length, host.at);
    *ret = (struct loopback){0};
    if (strcasecmp(text, "localhost") == 0) {
        four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else if (inet_pton(AF_INET, text, &four.sin_addr) != 1) {
        if (inet_pton(AF_INET6, text, &six.sin6_addr) != 1 ||
            memcmp(&six.sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback)) != 0) {
            return false;
        }
        memcpy(&ret->address, &six, sizeof(six));
        ret->length = sizeof(six);
        return true;
    }
    memcpy(&ret->address, &four, sizeof(four));
    ret->length = sizeof(four);
    return ntohl(four.sin_addr.s_addr) >> FIRST_OCTET_SHIFT == LOOPBACK_OCTET;
}

const char *loopback_read(struct span text, struct loopback *ret_loopback)
{
    struct span host;
    struct span port;

    if (!split(text, &host, &port) || port_of(port) < 0) {
        return "is no address with a port; write it as in \"127.0.0.1:9464\", \"[::1]:9464\" or "
               "\"localhost:9464\"";
    }
    if (!resolve(host, (in_port_t)port_of(port), ret_loopback)) {
        return "is no loopback address: the pages are not encrypted and ask for no password; "
               "listen on 127.0.0.1, [::1] or localhost, and put a reverse proxy before it for "
               "other hosts";
    }
    return NULL;
}

bool loopback_is_host(struct span host)
{
    struct loopback ignored;
    struct span name;
    struct span port;

    return split(host, &name, &port) && (span_is_none(port) || port_of(port) >= 0) &&
           resolve(name, 0, &ignored);
}

bool loopback_is_bound(const struct loopback *loopback, int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof(bound);
    const struct sockaddr_in *four = (const void *)&loopback->address;

    if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0 || length != loopback->length ||
        bound.ss_family != loopback->address.ss_family) {
        return false;
    }
    if (four->sin_port == 0) { /* at the same place in both families */
        ((struct sockaddr_in *)(void *)&bound)->sin_port = 0;
    }
    return memcmp(&bound, &loopback->address, length) == 0;
}

void loopback_name(int fd, char *text, size_t size)
{
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof(bound);
    char address[INET6_ADDRSTRLEN] = "?";
    in_port_t port = 0;

    if (getsockname(fd, (struct sockaddr *)&bound, &length) == 0 && bound.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)&bound;

        (void)inet_ntop(AF_INET6, &six->sin6_addr, address, sizeof(address));
        port = ntohs(six->sin6_port);
        (void)snprintf(text, size, "[%s]:%u", address, port);
        return;
    }
    if (bound.ss_family == AF_INET) {
        const struct sockaddr_in *four = (const void *)&bound;

        (void)inet_ntop(AF_INET, &four->sin_addr, address, sizeof(address));
        port = ntohs(four->sin_port);
    }
    (void)snprintf(text, size, "%s:%u", address, port);
}
