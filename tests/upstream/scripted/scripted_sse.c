/* SPDX-License-Identifier: MIT */
#include "tests/upstream/scripted/scripted_sse.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/upstream/scripted/scripted_control.h"

/* A POST is its connection. */
struct posting {
    struct peer *peer;
};

static const struct span path = SPAN_INIT("/messages/?session_id=");

static void on_request(void *owner, struct peer *peer, const struct peer_request *request);
static void on_gone(void *owner, struct peer *peer);

const struct peer_events scripted_sse_events = {on_request, on_gone};

/* ---- replies */

static void reply(struct posting *posting, int status)
{
    peer_reply(posting->peer, status, SPAN("text/plain"),
               status == 202 ? SPAN("Accepted") : SPAN("said so"));
}

static void reply_part(struct posting *posting, size_t bytes)
{
    static const struct span whole = SPAN_INIT(
        "HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nAccepted");

    peer_send(posting->peer, (struct span){whole.at, bytes < whole.length ? bytes : whole.length});
    peer_end(posting->peer);
}

static void end_posting(struct posting *posting, enum farewell how)
{
    peer_close(posting->peer, how);
}

static void reply_later(struct posting *posting, int64_t delay_ms)
{
    peer_reply_later(posting->peer, delay_ms);
}

/* ---- streams */

static void frame(struct span text, struct bytes *out)
{
    bytes_append_text(out, "event: message\r\ndata: ");
    bytes_append_span(out, text);
    bytes_append_text(out, "\r\n\r\n");
}

static void send_framed(struct session *session, struct span framed)
{
    peer_send(session->carrier, framed);
}

static void send_filler(struct session *session, size_t bytes)
{
    static const char line[] = ": a comment that says nothing, as a keep-alive would, ....\r\n\r\n";

    for (size_t sent = 0; sent < bytes; sent += sizeof(line) - 1) {
        peer_send(session->carrier, (struct span){line, sizeof(line) - 1});
    }
}

static void forget(struct session *session)
{
    if (session->is_known) {
        session->is_known = false;
        (void)hashmap_take(&session->scripted->sessions, hashmap_number_key(&session->number));
    }
}

static void drop(struct session *session)
{
    forget(session);
    list_remove(&session->scripted->streams, &session->in_streams);
    session_done(session);
    free(session);
}

static void end_session(struct session *session, enum farewell how)
{
    struct peer *peer = session->carrier;

    peer->owner = NULL;
    drop(session);
    if (how == FAREWELL_FIN) {
        peer_end(peer);
    } else {
        peer_close(peer, how);
    }
}

static const struct transport_face face = {reply,       reply_part,  end_posting,
                                           reply_later, frame,       send_framed,
                                           send_filler, end_session, forget};

static void open_stream(struct scripted *scripted, struct peer *peer)
{
    struct session *session = calloc(1, sizeof(*session));
    char text[160];
    int length;

    CHECK(session != NULL);
    session_init(session, scripted, &face, peer);
    session->number = ++scripted->last_session;
    session->is_known = true;
    CHECK(hashmap_add(&scripted->sessions, hashmap_number_key(&session->number), session) == 0);
    list_append(&scripted->streams, &session->in_streams);
    peer->owner = session;
    length = snprintf(text, sizeof(text),
                      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
                      "\r\nevent: endpoint\r\ndata: %s%lld\r\n\r\n",
                      path.at, (long long)session->number);
    peer_send(peer, (struct span){text, (size_t)length});
}

static void on_get(struct scripted *scripted, struct peer *peer, struct span target)
{
    int64_t most = scripted->settings.sessions_max;

    if (span_is(target, "/__stats")) {
        scripted_report(scripted, peer);
    } else if (peer->owner != NULL || !span_is(target, "/sse")) {
        peer_reply(peer, 404, SPAN("text/plain"), SPAN("Not Found"));
    } else if (most != 0 && (int64_t)scripted->streams.count >= most) {
        peer_reply(peer, 503, SPAN("text/plain"), SPAN("Too many sessions"));
    } else {
        scripted->counters.sessions++;
        open_stream(scripted, peer);
    }
}

static struct session *find_session(const struct scripted *scripted, struct span target)
{
    char digits[24];
    int64_t number;

    if (!span_starts_with(target, path) || target.length - path.length >= sizeof(digits)) {
        return NULL;
    }
    memcpy(digits, target.at + path.length, target.length - path.length);
    digits[target.length - path.length] = '\0';
    number = strtoll(digits, NULL, 10);
    return hashmap_find(&scripted->sessions, hashmap_number_key(&number));
}

static void on_request(void *owner, struct peer *peer, const struct peer_request *request)
{
    struct scripted *scripted = owner;
    struct posting posting = {peer};
    struct session *session;

    if (span_is(request->method, "GET")) {
        on_get(scripted, peer, request->target);
        return;
    }
    if (span_is(request->target, "/__ctl")) {
        scripted_control(scripted, peer, request->body);
        return;
    }
    scripted->counters.posts++;
    session = find_session(scripted, request->target);
    if (session == NULL) {
        scripted->counters.unknown_sessions++;
        peer_reply(peer, 404, SPAN("text/plain"), SPAN("Could not find session"));
        return;
    }
    scripted_hear(session, &posting, request->body);
}

static void on_gone(void *owner, struct peer *peer)
{
    (void)owner;
    if (peer->owner != NULL) {
        drop(peer->owner);
        peer->owner = NULL;
    }
}
