/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/sse_wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/bench/http_conn.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/message.h"
#include "proto/sse.h"

enum { OUT_OF_STEP = 4, SPARE_POSTS = 8, HEAD_MAXIMUM = 4096, NO_CALL = -1 };

static const char initialize[] =
    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
    "\"2024-11-05\",\"capabilities\":{},\"clientInfo\":{\"name\":\"teplo-bench\",\"version\":"
    "\"" TEPLO_VERSION "\"}}}";
static const char initialized[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";

/* A connection for POSTs. */
struct post {
    struct http_conn conn;
    struct sse_wire *wire; /* its owner */
    int64_t id;            /* of the call whose POST is under way, NO_CALL for another message */
    struct list_node in_list;
};

struct sse_wire {
    struct wire wire;
    struct event_base *base;
    const struct http_place *place;
    struct http_conn stream;
    struct sse_reader reader;
    struct list idle; /* struct post, owned */
    struct list busy; /* the same; with a POST that is not replied to yet */
    size_t most_posts;
    struct event *end; /* owned; tells on_end from the loop */
    int error;         /* why it ends; 1: it does not */
    bool is_ready;
    char endpoint[HEAD_MAXIMUM / 4]; /* path; empty: not known yet */
};

static void send_text(struct wire *wire, int64_t id, struct span text);
static void flush(struct wire *wire);
static void close_wire(struct wire *wire);
static void on_stream_body(void *owner, struct span piece);
static void on_stream_reply(void *owner, unsigned status);
static void on_stream_end(void *owner, int error);
static void on_post_body(void *owner, struct span piece);
static void on_post_reply(void *owner, unsigned status);
static void on_post_end(void *owner, int error);
static void end_cb(evutil_socket_t fd, short what, void *arg);

static const struct wire_kind kind = {send_text, flush, close_wire};
static const struct http_conn_events stream_events = {on_stream_body, on_stream_reply,
                                                      on_stream_end};
static const struct http_conn_events post_events = {on_post_body, on_post_reply, on_post_end};

static struct sse_wire *wire_of(struct wire *wire)
{
    return LIST_ITEM(wire, struct sse_wire, wire);
}

struct wire *sse_wire_open(struct event_base *base, const struct http_place *place, unsigned width,
                           const struct wire_events *events, void *owner)
{
    struct sse_wire *self = MEM_NEW(struct sse_wire);
    char head[HEAD_MAXIMUM];
    int length;
    int r = -ENOMEM;

    if (self == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    self->wire = (struct wire){&kind, events, owner};
    self->base = base;
    self->place = place;
    /* An answer may come before its POST's reply, so a few more POSTs than calls are open. */
    self->most_posts = (size_t)width * OUT_OF_STEP + SPARE_POSTS;
    self->error = 1;
    self->stream.fd = -1;
    list_init(&self->idle);
    list_init(&self->busy);
    sse_reader_init(&self->reader, WIRE_TEXT_MAXIMUM);
    self->end = event_new(base, -1, 0, end_cb, self);
    if (self->end != NULL) {
        r = http_conn_open(&self->stream, base, (const struct sockaddr *)&place->address,
                           place->length, &stream_events, self);
    }
    if (r < 0) {
        close_wire(&self->wire);
        errno = -r;
        return NULL;
    }
    length = snprintf(head, sizeof(head),
                      "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n"
                      "Cache-Control: no-store\r\n\r\n",
                      place->path, place->host);
    http_conn_send(&self->stream, (struct span){head, (size_t)length});
    http_conn_flush(&self->stream);
    return &self->wire;
}

static void free_posts(struct list *list)
{
    struct list_node *node;

    while ((node = list_take_first(list)) != NULL) {
        struct post *post = LIST_ITEM(node, struct post, in_list);

        http_conn_close(&post->conn);
        mem_free(post);
    }
}

static void close_wire(struct wire *wire)
{
    struct sse_wire *self = wire_of(wire);

    free_posts(&self->idle);
    free_posts(&self->busy);
    http_conn_close(&self->stream);
    sse_reader_done(&self->reader);
    if (self->end != NULL) {
        event_free(self->end);
    }
    mem_free(self);
}

/* From the loop, so that nobody up the stack is left with a wire that was closed. */
static void end_with(struct sse_wire *self, int error)
{
    if (self->error > 0) {
        self->error = error;
        event_active(self->end, EV_TIMEOUT, 0);
    }
}

static void end_cb(evutil_socket_t fd, short what, void *arg)
{
    struct sse_wire *self = arg;

    (void)fd;
    (void)what;
    self->wire.events->on_end(self->wire.owner, self->error);
}

/* ---- POSTs */

static struct post *open_post(struct sse_wire *self)
{
    struct post *post = NULL;
    int r = -ENOBUFS;

    if (self->busy.count < self->most_posts) {
        post = MEM_NEW(struct post);
        r = -ENOMEM;
    }
    if (post != NULL) {
        post->wire = self;
        r = http_conn_open(&post->conn, self->base, (const struct sockaddr *)&self->place->address,
                           self->place->length, &post_events, post);
    }
    if (r < 0) {
        mem_free(post);
        end_with(self, r);
        return NULL;
    }
    return post;
}

static void send_text(struct wire *wire, int64_t id, struct span text)
{
    struct sse_wire *self = wire_of(wire);
    struct list_node *node = list_take_first(&self->idle);
    struct post *post = node == NULL ? open_post(self) : LIST_ITEM(node, struct post, in_list);
    char head[HEAD_MAXIMUM];
    int length;

    if (post == NULL) {
        return;
    }
    length = snprintf(head, sizeof(head),
                      "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                      "Accept: application/json, text/event-stream\r\nContent-Length: %zu\r\n\r\n",
                      self->endpoint, self->place->host, text.length);
    post->id = id;
    list_append(&self->busy, &post->in_list);
    http_conn_send(&post->conn, (struct span){head, (size_t)length});
    http_conn_send(&post->conn, text);
    http_conn_flush(&post->conn);
}

/* Each POST is a write of its own anyway. */
static void flush(struct wire *wire)
{
    (void)wire;
}

static void on_post_body(void *owner, struct span piece)
{
    (void)owner;
    (void)piece;
}

static void on_post_reply(void *owner, unsigned status)
{
    struct post *post = owner;
    struct sse_wire *self = post->wire;

    if (!list_has(&self->busy, &post->in_list)) {
        end_with(self, -EPROTO);
        return;
    }
    list_remove(&self->busy, &post->in_list);
    list_prepend(&self->idle, &post->in_list);
    if (status >= 200 && status < 300) {
        return;
    }
    if (post->id == NO_CALL) {
        end_with(self, -ECONNREFUSED);
    } else {
        self->wire.events->on_refused(self->wire.owner, post->id);
    }
}

/* A call whose POST broke may be answered still: it is lost only when its time is over. */
static void on_post_end(void *owner, int error)
{
    struct post *post = owner;
    struct sse_wire *self = post->wire;

    list_remove(post->in_list.on, &post->in_list);
    http_conn_close(&post->conn);
    if (post->id == NO_CALL && !self->is_ready) {
        end_with(self, error == 0 ? -ECONNRESET : error);
    }
    mem_free(post);
}

/* ---- the stream */

/* DATA is a path, or a URL at the place of the stream. */
static bool take_endpoint(struct sse_wire *self, struct span data)
{
    char origin[sizeof(self->place->host) + 8];
    const char *slash = strrchr(self->place->path, '/');
    int folder = data.length > 0 && data.at[0] == '/' ? 0 : (int)(slash - self->place->path) + 1;
    int length = snprintf(origin, sizeof(origin), "http://%s/", self->place->host);

    if (span_starts_with(data, (struct span){origin, (size_t)length})) {
        data.at += length - 1;
        data.length -= (size_t)length - 1;
        folder = 0;
    }
    length = snprintf(self->endpoint, sizeof(self->endpoint), "%.*s%.*s", folder, self->place->path,
                      (int)data.length, data.at);
    return data.length > 0 && length < (int)sizeof(self->endpoint);
}

static void on_greeting(struct sse_wire *self, struct span data)
{
    struct message_fault fault;
    struct message message;

    if (message_parse(data, &json_limits_default, &message, &fault) < 0 ||
        !span_is(message.id, "0")) {
        return;
    }
    if (message.kind != MESSAGE_RESULT) {
        end_with(self, -ECONNREFUSED);
        return;
    }
    self->is_ready = true;
    send_text(&self->wire, NO_CALL, (struct span){initialized, sizeof(initialized) - 1});
    self->wire.events->on_ready(self->wire.owner);
}

static void on_event(struct sse_wire *self, const struct sse_event *event)
{
    if (span_is(event->event, "endpoint")) {
        if (!take_endpoint(self, event->data)) {
            end_with(self, -EPROTO);
            return;
        }
        send_text(&self->wire, NO_CALL, (struct span){initialize, sizeof(initialize) - 1});
    } else if (!self->is_ready) {
        on_greeting(self, event->data);
    } else if (span_is(event->event, "message")) {
        self->wire.events->on_text(self->wire.owner, event->data);
    }
}

static void on_stream_body(void *owner, struct span piece)
{
    struct sse_wire *self = owner;
    struct sse_event event;

    if (http_conn_status(&self->stream) != 200) {
        end_with(self, -ECONNREFUSED);
    }
    while (self->error > 0) {
        switch (sse_next(&self->reader, piece, &event)) {
        case SSE_NONE:
            return;
        case SSE_TOO_LONG:
            end_with(self, -EMSGSIZE);
            return;
        case SSE_EVENT:
            on_event(self, &event);
            break;
        }
    }
}

static void on_stream_reply(void *owner, unsigned status)
{
    end_with(owner, status == 200 ? 0 : -ECONNREFUSED);
}

static void on_stream_end(void *owner, int error)
{
    struct sse_wire *self = owner;

    http_conn_close(&self->stream);
    end_with(self, error);
}
