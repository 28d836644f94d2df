/* SPDX-License-Identifier: MIT */
#include "broker/upstream/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "proto/base/mem.h"

enum { HEADER_LINES_MAXIMUM = 1 << 16 };

static int add_header(struct server *server, const char *name, const char *value)
{
    struct bytes line;
    const char *text;
    struct curl_slist *longer = NULL;

    bytes_init(&line, HEADER_LINES_MAXIMUM);
    bytes_append_text(&line, name);
    bytes_append_text(&line, ": ");
    bytes_append_text(&line, value);
    text = bytes_text(&line);
    if (text != NULL) {
        longer = curl_slist_append(server->headers, text);
        bytes_append_span(&server->header_lines, bytes_span(&line));
        bytes_append_text(&server->header_lines, "\r\n");
    }
    bytes_done(&line);
    if (longer == NULL) {
        return -1;
    }
    server->headers = longer;
    return server->header_lines.failed ? -1 : 0;
}

static bool has_header(const struct server_options *options, const char *name)
{
    for (size_t i = 0; i < options->header_count; i++) {
        if (strcasecmp(options->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int add_headers(struct server *server, const struct server_options *options)
{
    if (!has_header(options, "Host") && add_header(server, "Host", server->url.host) < 0) {
        return -1;
    }
    for (size_t i = 0; i < options->header_count; i++) {
        if (add_header(server, options->headers[i].name, options->headers[i].value) < 0) {
            return -1;
        }
    }
    return has_header(options, "User-Agent")
               ? 0
               : add_header(server, "User-Agent", "teplo/" TEPLO_VERSION);
}

static void free_server(struct server *server)
{
    lanes_close(server->lanes);
    curl_slist_free_all(server->headers);
    bytes_done(&server->header_lines);
    url_done(&server->url);
    mem_free(server->name);
    mem_free(server);
}

static struct lanes_limits lanes_limits_of(const struct server_limits *limits)
{
    return (struct lanes_limits){.reuse = limits->conn_reuse,
                                 .idle_reuse_max_ms = limits->idle_reuse_max_ms,
                                 .maximum = limits->lanes_max};
}

struct server *server_new(struct loop *loop, struct curl_driver *streams, struct curl_driver *posts,
                          const struct server_options *options)
{
    struct server *server = MEM_NEW(struct server);
    struct lanes_options lanes;

    if (server == NULL) {
        return NULL;
    }
    bytes_init(&server->header_lines, HEADER_LINES_MAXIMUM);
    server->references = 1;
    server->limits = options->limits;
    server->loop = loop;
    server->streams = streams;
    server->name = mem_copy_text(options->name, strlen(options->name));
    if (server->name == NULL || url_init(&server->url, options->url) < 0 ||
        add_headers(server, options) < 0) {
        free_server(server);
        return NULL;
    }
    if (options->shown != NULL) {
        mem_free(server->url.shown);
        server->url.shown = mem_copy_text(options->shown, strlen(options->shown));
        if (server->url.shown == NULL) {
            free_server(server);
            return NULL;
        }
    }
    lanes = (struct lanes_options){.origin = server->url.origin,
                                   .connect_timeout_ms = options->limits.connect_timeout_ms,
                                   .limits = lanes_limits_of(&options->limits)};
    server->lanes = lanes_new(loop, posts, &lanes);
    if (server->lanes == NULL) {
        free_server(server);
        return NULL;
    }
    return server;
}

struct server *server_ref(struct server *server)
{
    server->references++;
    return server;
}

void server_unref(struct server *server)
{
    if (server == NULL) {
        return;
    }
    CHECK(server->references > 0);
    if (--server->references == 0) {
        free_server(server);
    }
}

/* The part of an origin behind its last colon: "scheme://host:port". */
static const char *port_of(const struct server *server)
{
    return strrchr(server->url.origin, ':') + 1;
}

unsigned server_port(const struct server *server)
{
    return (unsigned)strtoul(port_of(server), NULL, 10);
}

bool server_is_local(const struct server *server)
{
    const char *host = strstr(server->url.origin, "://") + 3;
    struct span name = {host, (size_t)(port_of(server) - 1 - host)};
    char text[INET_ADDRSTRLEN];
    struct in_addr address;

    if (name.length >= sizeof(text)) {
        return false;
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)name.length, name.at);
    if (strcasecmp(text, "localhost") == 0 || strcmp(text, "[::1]") == 0) {
        return true;
    }
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

void server_set_limits(struct server *server, const struct server_limits *limits)
{
    struct lanes_limits lanes = lanes_limits_of(limits);

    server->limits = *limits;
    lanes_set_limits(server->lanes, &lanes);
}
