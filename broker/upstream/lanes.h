/* SPDX-License-Identifier: MIT */
/*
 * The connections that carry POSTs to one origin.  A lane is a connection that
 * libcurl opened (names, TCP, TLS, certificates) and that we drive with
 * curl_easy_send and curl_easy_recv, one exchange at a time.  Why not plain
 * transfers: libcurl re-sends a POST by itself when a reused connection dies, which
 * would run a tool twice.  A lane cannot replay, knows each byte handed over, and looks
 * at an idle socket before it writes to it.  Where keep_alive.h says so it asks the server
 * first; an exchange whose body has not left goes on to a new lane when its lane fails.
 */
#ifndef TEPLO_UPSTREAM_LANES_H
#define TEPLO_UPSTREAM_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "broker/upstream/curl_driver.h"
#include "broker/upstream/exchange.h"
#include "broker/upstream/keep_alive.h"

struct lanes;

struct lanes_limits {
    enum conn_reuse reuse;
    int64_t idle_reuse_max_ms; /* an idle lane older than this is not used again */
    size_t maximum;            /* lanes in use at a time; more exchanges wait in line */
};

struct lanes_options {
    const char *origin; /* copied */
    int64_t connect_timeout_ms;
    struct lanes_limits limits;
};

struct lanes_figures {
    uint64_t opened;
    uint64_t posts;
    uint64_t stale; /* idle lanes found dead, or too old, before a byte was written to them */
    uint64_t asked; /* exchanges whose lane was asked first */
    uint64_t moved; /* exchanges that went on to a new lane, not heard on the first */
    uint64_t sent_bytes;
    uint64_t received_bytes;
};

MUST_CHECK struct lanes *lanes_new(struct loop *loop, struct curl_driver *driver,
                                   const struct lanes_options *options);
/* Cancels what is left; freed at the end of the turn. */
void lanes_close(struct lanes *lanes);
void lanes_set_limits(struct lanes *lanes, const struct lanes_limits *limits);
/* The server may have been replaced: what was learnt of its keep-alive does not hold any more. */
void lanes_forget(struct lanes *lanes);
const struct lanes_figures *lanes_figures(const struct lanes *lanes);

/*
 * Carry EXCHANGE.  Its on_end runs once, after this returned, TIMEOUT_MS from now at the
 * latest, unless lanes_cancel comes first.
 */
void lanes_post(struct lanes *lanes, struct exchange *exchange, int64_t timeout_ms);
/* Silence.  A connection in the middle of EXCHANGE is closed.  Idempotent. */
void lanes_cancel(struct lanes *lanes, struct exchange *exchange);

#endif
