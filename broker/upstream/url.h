/* SPDX-License-Identifier: MIT */
/* http(s) URLs, by libcurl's URL parser (RFC 3986). */
#ifndef TEPLO_UPSTREAM_URL_H
#define TEPLO_UPSTREAM_URL_H

#include <stdbool.h>

#include "proto/base/bytes.h"
#include "proto/base/check.h"

struct url {
    char *text;   /* whole */
    char *origin; /* scheme://host:port, the port always named */
    char *host;   /* as it goes into a Host header: with the port unless it is the scheme's own */
    char *target; /* path and query: what stands in a request line */
    char *shown;  /* scheme://host[:port]/path: safe to show, no query, no user */
};

enum { URL_MAXIMUM = 2048 };

/* -EINVAL: not an absolute http(s) URL, or with a user, a fragment or control bytes. -ENOMEM. */
MUST_CHECK int url_init(struct url *url, const char *text);
/* REFERENCE resolved against BASE.  -EINVAL as above. */
MUST_CHECK int url_init_relative(struct url *url, const struct url *base, struct span reference);
void url_done(struct url *url);
bool url_same_origin(const struct url *a, const struct url *b);

#endif
