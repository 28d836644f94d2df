/* SPDX-License-Identifier: MIT */
/*
 * The head of one HTTP/1 request, without a socket: bytes in; what is asked for, or why that is
 * refused, out.  Parsed by libhttp-parser, as the replies of servers are (upstream/exchange.c).
 * Called by http.c.
 *
 * Not by evhttp of libevent, which is at hand as well: it cannot take over a connection that has
 * been accepted already (admin.sock speaks JSON-RPC too), has no bound on connections, and
 * allocates outside of proto/base/mem.h.
 */
#ifndef TEPLO_CONTROL_HTTP_REQUEST_H
#define TEPLO_CONTROL_HTTP_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>

#include "proto/base/bytes.h"

enum { HTTP_HEAD_MAXIMUM = 8192, HTTP_TARGET_MAXIMUM = 2048 };

enum http_take {
    HTTP_MORE,    /* feed more */
    HTTP_WHOLE,   /* it can be answered */
    HTTP_REFUSED, /* `status` and `refusal` are set */
};

/* The headers that say something to us. */
enum http_header { HTTP_HEADER_OTHER, HTTP_HEADER_HOST, HTTP_HEADER_ACCEPT };

struct http_request {
    http_parser parser;
    size_t taken; /* bytes of the head */
    bool has_headers;
    char name[8]; /* of the header being read; longer ones are none of ours */
    size_t name_length;
    bool is_in_value;
    enum http_header header;
    unsigned hosts;
    struct bytes target;
    struct bytes host_header;
    struct bytes accept;
    bool is_whole;
    bool is_head; /* HEAD: the answer has no body */
    /* Of a whole one; in `target` or `host_header`. */
    struct span path;
    struct span query; /* none: there is none */
    struct span host;  /* with its port; none: HTTP/1.0 without one */
    /* Of a refused one. */
    enum http_status status;
    const char *refusal; /* a sentence */
};

void http_request_init(struct http_request *request);
void http_request_done(struct http_request *request);
/* After HTTP_WHOLE or HTTP_REFUSED nothing more is fed. */
enum http_take http_request_feed(struct http_request *request, struct span received);
/* WORD is one of the `&`-separated parts of the query. */
bool http_request_asks(const struct http_request *request, const char *word);
/* The Accept header wants OpenMetrics 1.0.0 at least as much as plain text. */
bool http_request_wants_openmetrics(const struct http_request *request);

#endif
