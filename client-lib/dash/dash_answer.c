/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/dash_answer.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <stdio.h>

#include "client-lib/cli/duration.h"

enum { HTTP_NOT_MODIFIED = 304 };

static const struct header {
    const char *name;
    const char *value;
} headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},
    {"Server", "teplo-dash"},
};

static const char closed_policy[] = "default-src 'none'; frame-ancestors 'none'";

static void set_headers(struct evhttp_request *request, const char *type, const char *policy)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(request);

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        (void)evhttp_add_header(out, headers[i].name, headers[i].value);
    }
    (void)evhttp_add_header(out, "Content-Security-Policy", policy);
    if (type != NULL) {
        (void)evhttp_add_header(out, "Content-Type", type);
    }
}

static const char *phrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case HTTP_NOT_MODIFIED:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 503:
        return "Service Unavailable";
    default:
        return "Error";
    }
}

/* HEAD has the length of what GET would have sent, and not that. */
static void reply(struct evhttp_request *request, int status, struct evbuffer *body)
{
    if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
        char length[24];

        (void)snprintf(length, sizeof(length), "%zu", body == NULL ? 0 : evbuffer_get_length(body));
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Length",
                                length);
        body = NULL;
    }
    evhttp_send_reply(request, status, phrase(status), body);
}

static void send_copy(struct evhttp_request *request, int status, struct span text)
{
    struct evbuffer *body = evbuffer_new();

    if (body != NULL) {
        (void)evbuffer_add(body, text.at, text.length);
    }
    reply(request, status, body);
    if (body != NULL) {
        evbuffer_free(body);
    }
}

void dash_answer_json(struct evhttp_request *request, int status, struct span text)
{
    set_headers(request, "application/json", closed_policy);
    send_copy(request, status, text);
}

void dash_answer_fault(struct evhttp_request *request, int status, const char *fault)
{
    char text[256];
    int length = snprintf(text, sizeof(text), "{\"error\":\"%s\"}\n", fault);

    if (status == 405) {
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
    }
    dash_answer_json(request, status, (struct span){text, (size_t)length});
}

void dash_answer_page(struct evhttp_request *request, const struct dash_page *page)
{
    set_headers(request, "text/html; charset=utf-8", page->policy.at);
    send_copy(request, 200, bytes_span(&page->html));
}

static void on_sent(const void *data, size_t length, void *sheet)
{
    (void)data;
    (void)length;
    sheet_drop(sheet);
}

/* The sheet's own bytes, held until they have gone. */
static struct evbuffer *body_of(struct sheet *sheet)
{
    struct evbuffer *body = evbuffer_new();

    if (body != NULL && sheet->length > 0 &&
        evbuffer_add_reference(body, sheet->text, sheet->length, on_sent, sheet_hold(sheet)) < 0) {
        sheet_drop(sheet);
    }
    return body;
}

void dash_answer_sheet(struct evhttp_request *request, struct sheet *sheet)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(request);
    const char *known =
        evhttp_find_header(evhttp_request_get_input_headers(request), "If-None-Match");
    struct evbuffer *body;
    char age[24];

    (void)snprintf(age, sizeof(age), "%" PRId64, duration_now_ms() - sheet->made_ms);
    (void)evhttp_add_header(out, "Teplo-Age-Ms", age);
    if (sheet->status == 200) {
        (void)evhttp_add_header(out, "ETag", sheet->etag);
        if (known != NULL && strcmp(known, sheet->etag) == 0) {
            set_headers(request, NULL, closed_policy);
            reply(request, HTTP_NOT_MODIFIED, NULL);
            return;
        }
    }
    set_headers(request, "application/json", closed_policy);
    body = body_of(sheet);
    reply(request, sheet->status, body);
    if (body != NULL) {
        evbuffer_free(body);
    }
}
