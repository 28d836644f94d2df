/* SPDX-License-Identifier: MIT */
/*
 * One configured upstream MCP endpoint: where it is, what headers it gets, the limits
 * of talking to it, and the lanes that carry POSTs to it.  Counted: its pool and
 * each session hold it.
 */
#ifndef TEPLO_UPSTREAM_SERVER_H
#define TEPLO_UPSTREAM_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "broker/upstream/curl_driver.h"
#include "broker/upstream/lanes.h"
#include "broker/upstream/url.h"

struct server_header {
    const char *name;
    const char *value;
};

struct server_limits {
    int64_t connect_timeout_ms;
    int64_t init_timeout_ms;
    int64_t check_timeout_ms;
    enum conn_reuse conn_reuse;
    int64_t idle_reuse_max_ms;
    size_t response_max_bytes;
    size_t lanes_max;
    struct delivery_policy delivery;
};

struct server_options {
    const char *name;
    const char *url;
    const char *shown; /* the url for people: without what the configuration calls a secret */
    const struct server_header *headers;
    size_t header_count;
    struct server_limits limits;
};

struct server {
    char *name;
    struct url url;
    struct curl_slist *headers; /* "Name: value" for libcurl, Host included if configured */
    struct bytes header_lines;  /* the same as request lines, Host always, for lanes */
    struct server_limits limits;
    struct loop *loop;
    struct curl_driver *streams; /* borrowed: event streams */
    struct lanes *lanes;         /* owned */
    unsigned references;
};

/* With one reference.  NULL: no memory, or not a URL. */
MUST_CHECK struct server *server_new(struct loop *loop, struct curl_driver *streams,
                                     struct curl_driver *posts,
                                     const struct server_options *options);
struct server *server_ref(struct server *server);
void server_unref(struct server *server);
/* On this machine: its host is "localhost" or a loopback address.  Pure. */
bool server_is_local(const struct server *server);
unsigned server_port(const struct server *server);
void server_set_limits(struct server *server, const struct server_limits *limits);

#endif
