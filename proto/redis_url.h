/* SPDX-License-Identifier: MIT */
/*
 * Where Redis is:
 *   redis://[user[:password]@]host[:port][/database]     redis://:password@host
 *   unix:///path[?db=N]
 *   sentinel://[user[:password]@]host[:port][,...]/master[/database]
 *   rediss://  sentinels://                              the same through TLS, all of it
 * User, password and path may be percent-encoded.  User and password are for Redis, not for the
 * sentinels.  Read by the broker, and by the programs that look at a fleet.  Pure.
 */
#ifndef TEPLO_PROTO_REDIS_URL_H
#define TEPLO_PROTO_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/check.h"

enum { REDIS_URL_MAXIMUM = 2048, REDIS_URL_SENTINELS = 8 };

struct redis_node {
    char *host; /* a name, or an address without brackets; never NULL */
    uint16_t port;
};

/* One of path, host and sentinels says where. */
struct redis_url {
    char *path; /* of a Unix socket; NULL: TCP */
    char *host; /* of Redis, as in redis_node; NULL with a path, or if the sentinels know it */
    uint16_t port;
    struct redis_node sentinels[REDIS_URL_SENTINELS];
    size_t sentinel_count;
    char *master;   /* what the sentinels call it; NULL without sentinels */
    bool has_tls;   /* never with a path */
    char *user;     /* NULL: the default one */
    char *password; /* NULL: none.  A secret. */
    unsigned database;
    char *shown; /* for people: no user, no password */
};

/* -EINVAL: none of these forms.  -ENOMEM.  URL is untouched then. */
MUST_CHECK int redis_url_init(struct redis_url *url, const char *text);
/* The password is wiped, not only freed. */
void redis_url_done(struct redis_url *url);

/*
 * What is wrong with TEXT and what to do, as the rest of a sentence that begins with "the url":
 * "has no host; ...".  It repeats nothing of TEXT.  NULL: nothing is, or there is no memory.
 */
const char *redis_url_refusal(const char *text);

#endif
