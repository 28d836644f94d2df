/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/page.h"

#include <stdio.h>

#include "client-lib/bench/http_conn.h"
#include "client-lib/bench/sse_wire.h"

enum { PAGE_SECONDS = 10 };

struct page {
    struct http_conn conn;
    struct bytes *out;
    unsigned status; /* 0: no reply yet */
    bool is_over;
};

static void on_body(void *owner, struct span piece)
{
    struct page *page = owner;

    bytes_append_span(page->out, piece);
}

static void on_reply(void *owner, unsigned status)
{
    struct page *page = owner;

    page->status = status;
    page->is_over = true;
}

static void on_end(void *owner, int error)
{
    struct page *page = owner;

    (void)error;
    page->is_over = true;
}

static const struct http_conn_events events = {on_body, on_reply, on_end};

static const char *explain(const struct page *page)
{
    if (page->status == 0) {
        return "no reply";
    }
    if (page->status != 200) {
        return "its status is not 200";
    }
    return page->out->failed ? "it is too long" : NULL;
}

const char *page_get(const char *url, struct bytes *out)
{
    const struct timeval patience = {PAGE_SECONDS, 0};
    struct event_base *base = event_base_new();
    struct page page = {.out = out};
    struct http_place place;
    const char *fault = http_place_find(url, &place);
    char head[2048];
    int length;

    if (fault == NULL && base == NULL) {
        fault = "out of memory";
    }
    if (fault == NULL && http_conn_open(&page.conn, base, (const struct sockaddr *)&place.address,
                                        place.length, &events, &page) < 0) {
        fault = "nobody is there";
    }
    if (fault == NULL) {
        length = snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", place.path,
                          place.host);
        http_conn_send(&page.conn, (struct span){head, (size_t)length});
        http_conn_flush(&page.conn);
        (void)event_base_loopexit(base, &patience);
        while (!page.is_over && !event_base_got_exit(base)) {
            (void)event_base_loop(base, EVLOOP_ONCE);
        }
        http_conn_close(&page.conn);
        fault = explain(&page);
    }
    if (base != NULL) {
        event_base_free(base);
    }
    return fault;
}
