/* SPDX-License-Identifier: MIT */
#include "proto/redis_redirect.h"

#include <errno.h>
#include <string.h>

#include "proto/base/bytes.h"

/* Five digits at most, and nothing behind them; -1 if not. */
static long port_of(const char *text)
{
    long port = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0') {
        return -1;
    }
    for (; *text != '\0'; text++) {
        port = port * 10 + (*text - '0');
    }
    return port;
}

/* A node that does not know its own name calls itself "?". */
static bool is_host(struct span host)
{
    for (size_t i = 0; i < host.length; i++) {
        unsigned char byte = (unsigned char)host.at[i];

        if (byte <= 0x20 || byte >= 0x7f || byte == '?') {
            return false;
        }
    }
    return true;
}

int redis_redirect_read(struct redis_redirect *redirect, const char *reply)
{
    bool is_ask = strncmp(reply, "ASK ", 4) == 0;
    bool is_moved = strncmp(reply, "MOVED ", 6) == 0;
    const char *place = is_ask || is_moved ? strchr(reply + (is_ask ? 4 : 6), ' ') : NULL;
    const char *colon = place == NULL ? NULL : strrchr(place, ':');
    long port = colon == NULL ? -1 : port_of(colon + 1);
    struct span host;

    if (port < 1 || port > UINT16_MAX) {
        return -EINVAL;
    }
    host = (struct span){place + 1, (size_t)(colon - place - 1)};
    if (host.length >= sizeof(redirect->host) || !is_host(host)) {
        return -EINVAL;
    }
    *redirect = (struct redis_redirect){.is_ask = is_ask, .port = (uint16_t)port};
    memcpy(redirect->host, host.at, host.length);
    return 0;
}
