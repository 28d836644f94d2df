/* SPDX-License-Identifier: MIT */
/*
 * Called by session.c; calls curl_driver (the GET) and lanes (the POSTs).
 *
 * libcurl's callbacks only record: bytes go to `inbox`, and on_inbox, deferred,
 * decodes them.  So whatever a session does with an event may call libcurl.
 */
#include "broker/upstream/sse_transport.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "broker/runtime/clock.h"
#include "broker/upstream/egress.h"
#include "broker/upstream/stream_fault.h"
#include "proto/base/mem.h"
#include "proto/sse.h"

enum { INBOX_MAXIMUM = 8 << 20, INBOX_KEEP = 1 << 16 };

struct sse_transport {
    struct transport transport;
    struct server *server; /* counted */
    struct transfer stream;
    struct curl_slist *headers;
    struct bytes inbox;
    int64_t inbox_us; /* when its first byte came */
    struct deferred inbox_due;
    struct sse_reader reader;
    struct url endpoint;
    struct bytes post_head; /* request line and headers up to the length */
    bool is_named;          /* the endpoint is known */
    bool is_ended;          /* the stream is over: tell it after what came before */
    CURLcode end_code;
    uint64_t received;
    bool closed;
    struct reapable reapable;
};

/* One POST under way. */
struct carrier {
    struct exchange exchange;
    struct parcel *parcel; /* borrowed; NULL when cancelled */
    struct server *server; /* counted: the lanes live as long as the POST */
    struct reapable reapable;
};

static void sse_open(struct transport *transport);
static int sse_send(struct transport *transport, struct parcel *parcel, struct span text,
                    int64_t timeout_ms);
static void sse_close(struct transport *transport);
static uint64_t sse_bytes_received(const struct transport *transport);
static void on_inbox(void *owner);
static void on_stream_done(void *owner, CURLcode code);
struct delivery_moments parcel_moments(const struct parcel *parcel)
{
    const struct delivery_moments none = {0};

    return parcel->carrier == NULL ? none : parcel->carrier->exchange.delivery.at;
}

static void on_post_end(struct exchange *exchange);
static size_t write_cb(char *at, size_t size, size_t count, void *arg);

static const struct transport_ops ops = {"sse", sse_open, sse_send, sse_close, sse_bytes_received};

static struct sse_transport *of(struct transport *transport)
{
    return LIST_ITEM(transport, struct sse_transport, transport);
}

struct transport *sse_transport_new(struct server *server, const struct transport_events *events,
                                    void *owner)
{
    struct sse_transport *sse = MEM_NEW(struct sse_transport);

    if (sse == NULL) {
        return NULL;
    }
    sse->transport = (struct transport){.ops = &ops, .events = events, .owner = owner};
    sse->server = server_ref(server);
    bytes_init(&sse->inbox, INBOX_MAXIMUM);
    bytes_init(&sse->post_head, server->header_lines.maximum + (size_t)2 * URL_MAXIMUM);
    sse_reader_init(&sse->reader, server->limits.response_max_bytes);
    deferred_init(&sse->inbox_due, server->loop, on_inbox, sse);
    return &sse->transport;
}

static struct curl_slist *stream_headers(const struct server *server)
{
    struct curl_slist *list = curl_slist_append(NULL, "Accept: text/event-stream");

    for (const struct curl_slist *header = server->headers; list != NULL && header != NULL;
         header = header->next) {
        struct curl_slist *longer = curl_slist_append(list, header->data);

        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static CURL *stream_easy(struct sse_transport *sse)
{
    CURL *easy = curl_easy_init();

    sse->headers = stream_headers(sse->server);
    if (easy == NULL || sse->headers == NULL ||
        egress_apply(easy, sse->server->url.text, sse->server->limits.connect_timeout_ms) < 0 ||
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, sse->headers) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_cb) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, sse) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

static void sse_open(struct transport *transport)
{
    struct sse_transport *sse = of(transport);
    CURL *easy = stream_easy(sse);

    if (easy == NULL ||
        transfer_open(&sse->stream, sse->server->streams, easy, on_stream_done, sse) < 0) {
        on_stream_done(sse, CURLE_OUT_OF_MEMORY);
    }
}

static void reap(void *owner)
{
    struct sse_transport *sse = owner;

    curl_slist_free_all(sse->headers);
    bytes_done(&sse->inbox);
    bytes_done(&sse->post_head);
    sse_reader_done(&sse->reader);
    url_done(&sse->endpoint);
    server_unref(sse->server);
    mem_free(sse);
}

static void sse_close(struct transport *transport)
{
    struct sse_transport *sse = of(transport);

    if (sse->closed) {
        return;
    }
    sse->closed = true;
    deferred_cancel(&sse->inbox_due);
    transfer_close(&sse->stream);
    loop_reap(sse->server->loop, &sse->reapable, reap, sse);
}

static uint64_t sse_bytes_received(const struct transport *transport)
{
    return ((const struct sse_transport *)(const void *)transport)->received;
}

_Static_assert(offsetof(struct sse_transport, transport) == 0, "the cast above relies on it");

/* ---- coming in */

static size_t write_cb(char *at, size_t size, size_t count, void *arg)
{
    struct sse_transport *sse = arg;
    size_t length = size * count;

    if (sse->inbox.length == 0) {
        sse->inbox_us = clock_now_us();
    }
    bytes_append(&sse->inbox, at, length);
    sse->received += length;
    deferred_schedule(&sse->inbox_due);
    /* A short count makes libcurl end the transfer. */
    return sse->inbox.failed ? 0 : length;
}

static void on_stream_done(void *owner, CURLcode code)
{
    struct sse_transport *sse = owner;

    sse->is_ended = true;
    sse->end_code = code;
    deferred_schedule(&sse->inbox_due);
}

static void end_stream(struct sse_transport *sse, struct transport_end *end)
{
    deferred_cancel(&sse->inbox_due);
    sse->transport.events->on_closed(sse->transport.owner, end);
}

static void write_post_head(struct sse_transport *sse)
{
    struct bytes *head = &sse->post_head;

    bytes_append_text(head, "POST ");
    bytes_append_text(head, sse->endpoint.target);
    bytes_append_text(head, " HTTP/1.1\r\n");
    bytes_append_span(head, bytes_span(&sse->server->header_lines));
    bytes_append_text(head, "Accept: application/json, text/event-stream\r\n"
                            "Content-Type: application/json\r\n"
                            "Content-Length: ");
}

/* The first event.  False: the stream is over, and that has been told. */
static bool on_endpoint(struct sse_transport *sse, const struct sse_event *event)
{
    struct transport_end end;
    int r;

    if (!span_is(event->event, "endpoint")) {
        stream_fault_protocol(&end, "the stream's first event is not \"endpoint\"", sse->server);
        end_stream(sse, &end);
        return false;
    }
    r = url_init_relative(&sse->endpoint, &sse->server->url, event->data);
    if (r < 0) {
        if (r == -ENOMEM) {
            stream_fault_of_code(&end, CURLE_OUT_OF_MEMORY, sse->server);
        } else {
            stream_fault_protocol(&end, "the endpoint it names is not a URL", sse->server);
        }
        end_stream(sse, &end);
        return false;
    }
    /* Our headers carry credentials: they go to the configured origin only. */
    if (!url_same_origin(&sse->endpoint, &sse->server->url)) {
        char what[160];

        (void)snprintf(what, sizeof(what), "the endpoint it names is on another origin, %.80s",
                       sse->endpoint.origin);
        stream_fault_protocol(&end, what, sse->server);
        end_stream(sse, &end);
        return false;
    }
    write_post_head(sse);
    if (sse->post_head.failed) {
        stream_fault_of_code(&end, CURLE_OUT_OF_MEMORY, sse->server);
        end_stream(sse, &end);
        return false;
    }
    sse->is_named = true;
    sse->transport.events->on_open(sse->transport.owner);
    return !sse->closed;
}

static bool on_event(struct sse_transport *sse, const struct sse_event *event)
{
    struct transport_end end;

    if (!sse->is_named) {
        return on_endpoint(sse, event);
    }
    if (span_is(event->event, "endpoint")) {
        stream_fault_protocol(&end, "it named an endpoint twice", sse->server);
        end_stream(sse, &end);
        return false;
    }
    if (span_is(event->event, "message")) {
        sse->transport.events->on_text(sse->transport.owner, event->data);
    }
    return !sse->closed;
}

/* An event that did not fit: some call's answer, as a rule, and the stream goes on behind it. */
static bool on_oversize(struct sse_transport *sse, const struct sse_event *event)
{
    struct transport_end end;

    if (!sse->is_named) {
        if (sse->received <= sse->reader.data.maximum) {
            /* So few bytes would have fitted: it is we who had no room for them. */
            stream_fault_of_code(&end, CURLE_OUT_OF_MEMORY, sse->server);
        } else {
            stream_fault_protocol(&end, "the stream begins with an endless event", sse->server);
        }
        end_stream(sse, &end);
        return false;
    }
    sse->transport.events->on_oversize(sse->transport.owner, event->data,
                                       bytes_span(&sse->reader.tail));
    return !sse->closed;
}

/* The reply has a Content-Encoding, though we ask for none: the text cannot be read. */
static bool is_encoded(CURL *easy)
{
    struct curl_header *header = NULL;

    return curl_easy_header(easy, "Content-Encoding", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
           header->value[0] != '\0' && strcasecmp(header->value, "identity") != 0;
}

/* The reply to the GET is an event stream, as far as can be told now.  False: over, and told. */
static bool is_event_stream(struct sse_transport *sse)
{
    struct transport_end end;
    long status = 0;
    char *type = NULL;

    (void)curl_easy_getinfo(sse->stream.easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(sse->stream.easy, CURLINFO_CONTENT_TYPE, &type);
    if (status != 200 || type == NULL || strncasecmp(type, "text/event-stream", 17) != 0) {
        stream_fault_of_status(&end, (int)status, type, sse->server);
    } else if (is_encoded(sse->stream.easy)) {
        stream_fault_encoded(&end, sse->server);
    } else {
        return true;
    }
    end_stream(sse, &end);
    return false;
}

static bool decode_inbox(struct sse_transport *sse)
{
    struct span chunk = bytes_span(&sse->inbox);
    struct sse_event event;
    struct transport_end end;
    enum sse_status status;

    if (chunk.length > 0 && !sse->is_named && !is_event_stream(sse)) {
        return false;
    }
    if (sse_reader_is_between(&sse->reader)) {
        sse->transport.heard_us = sse->inbox_us;
    }
    while ((status = sse_next(&sse->reader, chunk, &event)) != SSE_NONE) {
        bool goes_on = status == SSE_EVENT ? on_event(sse, &event) : on_oversize(sse, &event);

        if (!goes_on) {
            return false;
        }
        sse->transport.heard_us = sse->inbox_us;
    }
    if (sse->inbox.failed) {
        stream_fault_oversize(&end, sse->server);
        end_stream(sse, &end);
        return false;
    }
    bytes_trim(&sse->inbox, INBOX_KEEP);
    return true;
}

static void on_inbox(void *owner)
{
    struct sse_transport *sse = owner;
    struct transport_end end;

    if (!decode_inbox(sse) || !sse->is_ended) {
        return;
    }
    if (sse->end_code == CURLE_OK && !sse->is_named) {
        if (!is_event_stream(sse)) {
            return;
        }
        stream_fault_protocol(&end, "the stream ended before its \"endpoint\" event", sse->server);
    } else {
        stream_fault_of_code(&end, sse->end_code, sse->server);
    }
    end_stream(sse, &end);
}

/* ---- going out */

static int sse_send(struct transport *transport, struct parcel *parcel, struct span text,
                    int64_t timeout_ms)
{
    struct sse_transport *sse = of(transport);
    struct carrier *carrier = MEM_NEW(struct carrier);

    CHECK(sse->is_named && !sse->closed && parcel->carrier == NULL);
    if (carrier == NULL || exchange_init(&carrier->exchange, bytes_span(&sse->post_head), text,
                                         on_post_end, carrier) < 0) {
        mem_free(carrier);
        return -ENOMEM;
    }
    carrier->parcel = parcel;
    carrier->server = server_ref(sse->server);
    parcel->carrier = carrier;
    lanes_post(sse->server->lanes, &carrier->exchange, timeout_ms);
    return 0;
}

static void reap_carrier(void *owner)
{
    struct carrier *carrier = owner;

    exchange_done(&carrier->exchange);
    server_unref(carrier->server);
    mem_free(carrier);
}

static void carrier_close(struct carrier *carrier)
{
    carrier->parcel->carrier = NULL;
    carrier->parcel = NULL;
    lanes_cancel(carrier->server->lanes, &carrier->exchange);
    loop_reap(carrier->server->loop, &carrier->reapable, reap_carrier, carrier);
}

void parcel_cancel(struct parcel *parcel)
{
    if (parcel->carrier != NULL) {
        carrier_close(parcel->carrier);
    }
}

size_t parcel_handed_over(const struct parcel *parcel)
{
    const struct delivery *delivery;

    if (parcel->carrier == NULL) {
        return 0;
    }
    delivery = &parcel->carrier->exchange.delivery;
    /* What may have left counts as one byte of it. */
    return delivery->body_sent == 0 && delivery->body_offered ? 1 : delivery->body_sent;
}

static void on_post_end(struct exchange *exchange)
{
    struct carrier *carrier = exchange->owner;
    struct parcel *parcel = carrier->parcel;

    carrier_close(carrier);
    parcel->on_delivered(parcel, &exchange->delivery);
}
