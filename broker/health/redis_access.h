/* SPDX-License-Identifier: MIT */
/*
 * All that is needed to get to Redis: the url, and what stands beside it in the configuration.
 * Made once, by redis_publisher; the link borrows it.  Pure.
 */
#ifndef TEPLO_HEALTH_REDIS_ACCESS_H
#define TEPLO_HEALTH_REDIS_ACCESS_H

#include "proto/redis_url.h"

/* Borrowed for the call; NULL and "" are none. */
struct redis_access_texts {
    const char *url;
    const char *username; /* this and password: instead of those in the url */
    const char *password;
    const char *sentinel_username;
    const char *sentinel_password;
    const char *tls_ca;
    const char *tls_cert;
    const char *tls_key;
    const char *tls_server_name;
};

/* NULL: none. */
struct redis_credentials {
    char *user;
    char *password; /* a secret */
};

/* Paths, read at each connect. */
struct redis_tls {
    char *ca; /* NULL: what the system trusts */
    char *cert;
    char *key;
    char *server_name; /* NULL: that of the host dialled */
};

struct redis_access {
    struct redis_url url;                 /* its user and password have moved to: */
    struct redis_credentials credentials; /* at Redis */
    struct redis_credentials sentinel;    /* at the sentinels */
    struct redis_tls tls;                 /* if the url has TLS */
};

/* -EINVAL: the url is none.  -ENOMEM.  ACCESS is untouched then. */
MUST_CHECK int redis_access_init(struct redis_access *access,
                                 const struct redis_access_texts *texts);
/* Secrets are wiped. */
void redis_access_done(struct redis_access *access);

#endif
