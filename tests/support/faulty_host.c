/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: a machine whose name service hangs, whose name servers
 * are others, and whose certificate authorities are the test's own.
 *
 *   TEPLO_TEST_HANG_S   names that end in ".hang.test" take so many seconds to fail
 *   TEPLO_TEST_CA       this file is opened instead of the system's ca-certificates.crt
 *   TEPLO_TEST_RESOLV_CONF   libevent asks the name servers of this file
 */
#include <dlfcn.h>
#include <event2/dns.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef FILE *open_fn(const char *path, const char *mode);
typedef int resolve_fn(const char *name, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_found);

static void *find_next(const char *symbol)
{
    void *found = dlsym(RTLD_NEXT, symbol);

    if (found == NULL) {
        abort();
    }
    return found;
}

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_found)
{
    const char *seconds = getenv("TEPLO_TEST_HANG_S");
    resolve_fn *next;
    void *found = find_next("getaddrinfo");

    if (name != NULL && seconds != NULL && ends_with(name, ".hang.test")) {
        (void)sleep((unsigned)strtoul(seconds, NULL, 10));
        return EAI_AGAIN;
    }
    memcpy(&next, &found, sizeof(next));
    return next(name, service, hints, ret_found);
}

struct evdns_base *evdns_base_new(struct event_base *base, int flags)
{
    struct evdns_base *(*next)(struct event_base *, int);
    int (*parse)(struct evdns_base *, int, const char *);
    const char *file = getenv("TEPLO_TEST_RESOLV_CONF");
    void *found = find_next("evdns_base_new");
    struct evdns_base *made;

    memcpy(&next, &found, sizeof(next));
    if (file == NULL) {
        return next(base, flags);
    }
    made = next(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    found = find_next("evdns_base_resolv_conf_parse");
    memcpy(&parse, &found, sizeof(parse));
    (void)parse(made, DNS_OPTIONS_ALL, file);
    return made;
}

static FILE *open_instead(const char *symbol, const char *path, const char *mode)
{
    const char *authorities = getenv("TEPLO_TEST_CA");
    void *found = find_next(symbol);
    open_fn *next;

    memcpy(&next, &found, sizeof(next));
    return next(authorities != NULL && ends_with(path, "/ca-certificates.crt") ? authorities : path,
                mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return open_instead("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return open_instead("fopen64", path, mode);
}
