/* SPDX-License-Identifier: MIT */
#include "broker/control/http_request.h"

#include <stdlib.h>
#include <strings.h>

#include "broker/control/http_accept.h"

enum { HOST_MAXIMUM = 512, ACCEPT_MAXIMUM = 2048, STOP = 1, NO_BODY = 1 };

static int on_url(http_parser *parser, const char *at, size_t length);
static int on_header_field(http_parser *parser, const char *at, size_t length);
static int on_header_value(http_parser *parser, const char *at, size_t length);
static int on_headers_complete(http_parser *parser);
static int on_message_complete(http_parser *parser);

static const http_parser_settings settings = {.on_url = on_url,
                                              .on_header_field = on_header_field,
                                              .on_header_value = on_header_value,
                                              .on_headers_complete = on_headers_complete,
                                              .on_message_complete = on_message_complete};

void http_request_init(struct http_request *request)
{
    *request = (struct http_request){.status = HTTP_STATUS_OK};
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
    bytes_init(&request->target, HTTP_TARGET_MAXIMUM);
    bytes_init(&request->host_header, HOST_MAXIMUM);
    bytes_init(&request->accept, ACCEPT_MAXIMUM);
}

void http_request_done(struct http_request *request)
{
    bytes_done(&request->target);
    bytes_done(&request->host_header);
    bytes_done(&request->accept);
}

/* The first refusal stays. */
static int refuse(struct http_request *request, enum http_status status, const char *sentence)
{
    if (request->refusal == NULL) {
        request->status = status;
        request->refusal = sentence;
    }
    return STOP;
}

static enum http_take refuse_size(struct http_request *request)
{
    if (request->has_headers) {
        (void)refuse(request, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE,
                     "the head of a request may have 8192 bytes; send fewer or shorter headers");
    } else {
        (void)refuse(request, HTTP_STATUS_URI_TOO_LONG,
                     "the target of a request may have 2048 bytes; see / for the pages there are");
    }
    return HTTP_REFUSED;
}

enum http_take http_request_feed(struct http_request *request, struct span received)
{
    size_t room = HTTP_HEAD_MAXIMUM - request->taken;
    size_t length = received.length < room ? received.length : room;
    size_t used = http_parser_execute(&request->parser, &settings, received.at, length);

    request->taken += used;
    if (request->refusal != NULL) {
        return HTTP_REFUSED;
    }
    if (request->is_whole) {
        return HTTP_WHOLE;
    }
    if (used < length) {
        (void)refuse(
            request, HTTP_STATUS_BAD_REQUEST,
            "this is no HTTP/1.1 request; write `GET /metrics HTTP/1.1` and a Host header");
        return HTTP_REFUSED;
    }
    return request->taken == HTTP_HEAD_MAXIMUM ? refuse_size(request) : HTTP_MORE;
}

/* ---- what the parser finds */

static int on_url(http_parser *parser, const char *at, size_t length)
{
    struct http_request *request = parser->data;

    bytes_append(&request->target, at, length);
    if (request->target.failed) {
        (void)refuse_size(request);
        return STOP;
    }
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t length)
{
    struct http_request *request = parser->data;

    request->has_headers = true;
    if (request->is_in_value) {
        request->is_in_value = false;
        request->name_length = 0;
    }
    for (size_t i = 0; i < length; i++, request->name_length++) {
        if (request->name_length < sizeof(request->name)) {
            request->name[request->name_length] = at[i];
        }
    }
    return 0;
}

static bool is_named(const struct http_request *request, struct span name)
{
    return request->name_length == name.length &&
           strncasecmp(request->name, name.at, name.length) == 0;
}

static void begin_value(struct http_request *request)
{
    request->is_in_value = true;
    request->header = HTTP_HEADER_OTHER;
    if (is_named(request, SPAN("host"))) {
        request->header = HTTP_HEADER_HOST;
        request->hosts++;
    } else if (is_named(request, SPAN("accept"))) {
        request->header = HTTP_HEADER_ACCEPT;
        if (request->accept.length > 0) { /* several such headers are one list */
            bytes_append_char(&request->accept, ',');
        }
    }
}

static int on_header_value(http_parser *parser, const char *at, size_t length)
{
    struct http_request *request = parser->data;

    if (!request->is_in_value) {
        begin_value(request);
    }
    switch (request->header) {
    case HTTP_HEADER_OTHER:
        break;
    case HTTP_HEADER_HOST:
        bytes_append(&request->host_header, at, length);
        break;
    case HTTP_HEADER_ACCEPT:
        bytes_append(&request->accept, at, length);
        break;
    }
    return 0;
}

static struct span part_of(const struct http_request *request, const struct http_parser_url *url,
                           enum http_parser_url_fields field)
{
    return (url->field_set & (1U << field)) == 0
               ? SPAN_NONE
               : (struct span){request->target.at + url->field_data[field].off,
                               url->field_data[field].len};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* `/path?query`, or with `http://host` in front as for a proxy. */
static int take_target(struct http_request *request)
{
    struct http_parser_url url;

    http_parser_url_init(&url);
    if (request->target.length == 0 ||
        http_parser_parse_url(request->target.at, request->target.length, 0, &url) != 0) {
        return refuse(request, HTTP_STATUS_BAD_REQUEST,
                      "the target of the request is no path; write it as in `GET /metrics "
                      "HTTP/1.1`");
    }
    request->path = part_of(request, &url, UF_PATH);
    request->query = part_of(request, &url, UF_QUERY);
    if (request->hosts > 0) {
        request->host = bytes_span(&request->host_header);
        while (request->host.length > 0 && is_blank(request->host.at[request->host.length - 1])) {
            request->host.length--;
        }
    }
    if ((url.field_set & (1U << UF_HOST)) != 0) {
        struct span host = part_of(request, &url, UF_HOST);

        /* It decides, and its port does not matter. */
        request->host = host;
    }
    return 0;
}

static bool has_body(const http_parser *parser)
{
    return (parser->flags & F_CHUNKED) != 0 ||
           ((parser->flags & F_CONTENTLENGTH) != 0 && parser->content_length > 0);
}

static int judge(struct http_request *request)
{
    const http_parser *parser = &request->parser;

    if (parser->http_major != 1) {
        return refuse(request, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED,
                      "only HTTP/1.1 and 1.0 are spoken here");
    }
    if (parser->method != HTTP_GET && parser->method != HTTP_HEAD) {
        return refuse(request, HTTP_STATUS_METHOD_NOT_ALLOWED,
                      "only GET and HEAD are answered: pages are for reading, orders go to "
                      "teploctl");
    }
    if (has_body(parser)) {
        return refuse(request, HTTP_STATUS_PAYLOAD_TOO_LARGE,
                      "a request here has no body; send none");
    }
    if (request->hosts > 1 || (request->hosts == 0 && parser->http_minor > 0)) {
        return refuse(request, HTTP_STATUS_BAD_REQUEST,
                      "an HTTP/1.1 request has one Host header; send exactly one");
    }
    if (request->host_header.failed || request->accept.failed) {
        return refuse(request, HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE,
                      "Host may have 512 bytes and Accept 2048; send shorter ones");
    }
    return take_target(request);
}

static int on_headers_complete(http_parser *parser)
{
    struct http_request *request = parser->data;

    request->is_head = parser->method == HTTP_HEAD;
    return judge(request) == 0 ? NO_BODY : -1;
}

static int on_message_complete(http_parser *parser)
{
    struct http_request *request = parser->data;

    request->is_whole = true;
    /* What follows it is not for this connection any more. */
    http_parser_pause(parser, 1);
    return 0;
}

/* ---- what is asked for */

bool http_request_asks(const struct http_request *request, const char *word)
{
    struct span rest = request->query;

    while (rest.length > 0) {
        const char *end = memchr(rest.at, '&', rest.length);
        size_t length = end == NULL ? rest.length : (size_t)(end - rest.at);

        if (span_is((struct span){rest.at, length}, word)) {
            return true;
        }
        rest.at += length;
        rest.length -= length;
        if (rest.length > 0) {
            rest.at++;
            rest.length--;
        }
    }
    return false;
}

bool http_request_wants_openmetrics(const struct http_request *request)
{
    return http_accept_prefers_openmetrics(bytes_span(&request->accept));
}
