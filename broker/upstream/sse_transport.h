/* SPDX-License-Identifier: MIT */
/*
 * HTTP+SSE (MCP 2024-11-05, basic/transports): one long GET brings events, the first
 * of which names the endpoint; every message of ours is a POST to it.
 * Knows no JSON-RPC.
 */
#ifndef TEPLO_UPSTREAM_SSE_TRANSPORT_H
#define TEPLO_UPSTREAM_SSE_TRANSPORT_H

#include "broker/upstream/server.h"
#include "broker/upstream/transport.h"

/* NULL without memory.  SERVER is counted. */
MUST_CHECK struct transport *sse_transport_new(struct server *server,
                                               const struct transport_events *events, void *owner);

#endif
