/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/sse_wire.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static const struct span scheme = SPAN_INIT("http://");

/* HOST[:PORT], or [HOST]:PORT, into two texts. */
static const char *split(struct span authority, char *host, size_t size, const char **ret_port)
{
    char *colon;
    char *end;

    if (authority.length == 0 || authority.length >= size) {
        return "the host is missing or too long";
    }
    memcpy(host, authority.at, authority.length);
    host[authority.length] = '\0';
    end = host[0] == '[' ? strchr(host, ']') : host;
    if (end == NULL) {
        return "']' is missing";
    }
    colon = strchr(end, ':');
    *ret_port = colon == NULL ? "80" : colon + 1;
    if (colon != NULL) {
        *colon = '\0';
    }
    if (host[0] == '[') {
        *end = '\0';
        memmove(host, host + 1, strlen(host));
    }
    return NULL;
}

const char *http_place_find(const char *url, struct http_place *ret_place)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct span rest = span_of(url);
    char host[sizeof(ret_place->host)];
    const char *port;
    const char *fault;
    int r;

    if (!span_starts_with(rest, scheme)) {
        return "it must begin with http://";
    }
    rest.at += scheme.length;
    rest.length = strcspn(rest.at, "/?#");
    fault = split(rest, host, sizeof(host), &port);
    if (fault != NULL) {
        return fault;
    }
    if (strlen(rest.at + rest.length) >= sizeof(ret_place->path)) {
        return "its path is too long";
    }
    r = getaddrinfo(host, port, &hints, &found);
    if (r != 0) {
        return gai_strerror(r);
    }
    memcpy(&ret_place->address, found->ai_addr, found->ai_addrlen);
    ret_place->length = found->ai_addrlen;
    freeaddrinfo(found);
    (void)snprintf(ret_place->host, sizeof(ret_place->host), "%.*s", (int)rest.length, rest.at);
    (void)snprintf(ret_place->path, sizeof(ret_place->path), "%s",
                   rest.at[rest.length] == '/' ? rest.at + rest.length : "/");
    return NULL;
}
