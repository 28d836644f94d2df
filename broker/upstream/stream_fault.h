/* SPDX-License-Identifier: MIT */
/* Words for the ways an event stream fails to be one: what happened, and the remedy. Pure. */
#ifndef TEPLO_UPSTREAM_STREAM_FAULT_H
#define TEPLO_UPSTREAM_STREAM_FAULT_H

#include <curl/curl.h>

#include "broker/upstream/server.h"
#include "broker/upstream/transport.h"

/* libcurl's verdict on the GET; CURLE_OK means that the server ended the stream. */
void stream_fault_of_code(struct transport_end *end, CURLcode code, const struct server *server);
/* A status other than 200, or a content type (NULL: none) other than text/event-stream. */
void stream_fault_of_status(struct transport_end *end, int status, const char *type,
                            const struct server *server);
/* The peer is no MCP server on HTTP+SSE: WHAT says by what one sees it. */
void stream_fault_protocol(struct transport_end *end, const char *what,
                           const struct server *server);
/* The stream has a Content-Encoding. */
void stream_fault_encoded(struct transport_end *end, const struct server *server);
void stream_fault_oversize(struct transport_end *end, const struct server *server);

#endif
