/* SPDX-License-Identifier: MIT */
/*
 * The only glue between curl_multi and the loop.  Completions come from a deferred
 * function, never from inside libcurl: whoever gets one may call libcurl.
 * Knows no MCP and no HTTP.
 */
#ifndef TEPLO_UPSTREAM_CURL_DRIVER_H
#define TEPLO_UPSTREAM_CURL_DRIVER_H

#include <curl/curl.h>
#include <stdbool.h>

#include "broker/runtime/loop.h"

struct curl_driver;

/* One easy handle in a driver; embedded by its owner, who also sets the handle's options. */
struct transfer {
    CURL *easy; /* owned; NULL when closed */
    struct curl_driver *driver;
    void (*on_done)(void *owner, CURLcode code);
    void *owner;
    CURLcode code;
    struct list_node in_driver; /* its driver's list of live transfers, or of finished ones */
};

/* CACHED_CONNECTIONS: idle connections kept; 0 for handles that never share one. */
MUST_CHECK struct curl_driver *curl_driver_new(struct loop *loop, long cached_connections);
/* All transfers must be closed. */
void curl_driver_free(struct curl_driver *driver);

/*
 * Start EASY, which the transfer owns from now on, also on failure.  on_done runs once,
 * later; a CONNECT_ONLY handle stays in the driver after it, connected.  -EIO.
 */
MUST_CHECK int transfer_open(struct transfer *transfer, struct curl_driver *driver, CURL *easy,
                             void (*on_done)(void *owner, CURLcode code), void *owner);
/* Silence from now on; the connection is closed or goes back to the cache.  Idempotent. */
void transfer_close(struct transfer *transfer);

#endif
