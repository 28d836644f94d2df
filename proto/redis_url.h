/* SPDX-License-Identifier: MIT */
/*
 * Where Redis is:
 *   redis://[user[:password]@]host[:port][/database]     redis://:password@host
 *   unix:///path[?db=N]
 * User, password and path may be percent-encoded.  Read by the broker, and by the programs that
 * look at a fleet.  Pure.
 */
#ifndef TEPLO_PROTO_REDIS_URL_H
#define TEPLO_PROTO_REDIS_URL_H

#include <stdint.h>

#include "proto/base/check.h"

struct redis_url {
    char *path; /* of a Unix socket; NULL: TCP */
    char *host; /* a name, or an address without brackets; NULL with a path */
    uint16_t port;
    char *user;     /* NULL: the default one */
    char *password; /* NULL: none.  A secret. */
    unsigned database;
    char *shown; /* for people: no user, no password */
};

enum { REDIS_URL_MAXIMUM = 2048 };

/* -EINVAL: none of these forms.  -ENOMEM.  URL is untouched then. */
MUST_CHECK int redis_url_init(struct redis_url *url, const char *text);
/* The password is wiped, not only freed. */
void redis_url_done(struct redis_url *url);

#endif
