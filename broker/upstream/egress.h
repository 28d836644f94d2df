/* SPDX-License-Identifier: MIT */
/*
 * How our connections to servers are made, streams and lanes alike: what libcurl may do, and to
 * which addresses.  A name service may be made to answer with an address that no MCP server has
 * (a cloud's metadata service); it is looked at when the socket is opened, so that nothing can
 * change in between.
 */
#ifndef TEPLO_UPSTREAM_EGRESS_H
#define TEPLO_UPSTREAM_EGRESS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "proto/base/check.h"

/* The options of libcurl common to all our connections, and URL.  -EINVAL. */
MUST_CHECK int egress_apply(CURL *easy, const char *url, int64_t connect_timeout_ms);

/* URL's host is an address, not a name: somebody chose it. */
bool egress_is_literal(const char *url);
/* A name may lead there: not link-local (metadata services), not multicast, not "any". */
bool egress_may_reach(const struct sockaddr *address);

#endif
