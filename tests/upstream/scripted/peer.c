/* SPDX-License-Identifier: MIT */
#include "tests/upstream/scripted/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, REQUEST_MAXIMUM = 32 << 20, READ_BYTES = 1 << 16, KEEP_BYTES = 1 << 18 };

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int length, void *arg);
static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void flush(void *owner);
static void on_idle(void *owner);
static void on_later(void *owner);

int peers_open(struct peers *peers, struct scripted *scripted, unsigned port,
               const struct peer_events *events, void *owner)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof(address);

    *peers = (struct peers){.scripted = scripted, .events = events, .owner = owner};
    list_init(&peers->all);
    peers->listener =
        evconnlistener_new_bind(loop_base(scripted->loop), on_accept, peers,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC,
                                BACKLOG, (struct sockaddr *)&address, (int)length);
    if (peers->listener == NULL || getsockname(evconnlistener_get_fd(peers->listener),
                                               (struct sockaddr *)&address, &length) < 0) {
        return -1;
    }
    peers->port = ntohs(address.sin_port);
    return 0;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int length, void *arg)
{
    struct peers *peers = arg;
    struct loop *loop = peers->scripted->loop;
    struct peer *peer = calloc(1, sizeof(*peer));
    int on = 1;

    (void)listener;
    (void)from;
    (void)length;
    CHECK(peer != NULL);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peer->peers = peers;
    peer->number = ++peers->last_number;
    peer->fd = fd;
    bytes_init(&peer->in, REQUEST_MAXIMUM);
    bytes_init(&peer->out, SCRIPTED_ANSWER_MAXIMUM);
    deferred_init(&peer->flush_due, loop, flush, peer);
    timer_init(&peer->idle, loop, on_idle, peer);
    timer_init(&peer->later, loop, on_later, peer);
    event_assign(&peer->readable, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, peer);
    event_assign(&peer->writable, loop_base(loop), fd, EV_WRITE, on_writable, peer);
    list_append(&peers->all, &peer->in_peers);
    peers->scripted->counters.connections++;
    if (peers->scripted->settings.accept_silent == 0) {
        CHECK(event_add(&peer->readable, NULL) == 0);
    }
}

/* ---- ending */

static void reap(void *owner)
{
    struct peer *peer = owner;

    bytes_done(&peer->in);
    bytes_done(&peer->out);
    free(peer);
}

void peer_close(struct peer *peer, enum farewell how)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    if (peer->fd < 0) {
        return;
    }
    if (how == FAREWELL_RESET) {
        (void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    } else if (peer->out.length > peer->out_sent) {
        /* As much as the kernel takes: what was said first is seen first. */
        (void)!send(peer->fd, peer->out.at + peer->out_sent, peer->out.length - peer->out_sent,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    (void)event_del(&peer->readable);
    (void)event_del(&peer->writable);
    timer_stop(&peer->idle);
    timer_stop(&peer->later);
    deferred_cancel(&peer->flush_due);
    (void)close(peer->fd);
    peer->fd = -1;
    list_remove(&peer->peers->all, &peer->in_peers);
    loop_reap(peer->peers->scripted->loop, &peer->reapable, reap, peer);
}

static void lose(struct peer *peer)
{
    if (peer->fd >= 0) {
        peer->peers->events->on_gone(peer->peers->owner, peer);
        peer_close(peer, FAREWELL_FIN);
    }
}

void peer_end(struct peer *peer)
{
    peer->ends = true;
    deferred_schedule(&peer->flush_due);
}

static void on_idle(void *owner)
{
    lose(owner);
}

/* ---- going out */

void peer_send(struct peer *peer, struct span text)
{
    if (peer->fd < 0) {
        return;
    }
    bytes_append_span(&peer->out, text);
    deferred_schedule(&peer->flush_due);
}

static void flush(void *owner)
{
    struct peer *peer = owner;
    struct bytes *out = &peer->out;

    if (peer->fd < 0) {
        return;
    }
    while (!out->failed && peer->out_sent < out->length) {
        ssize_t sent =
            send(peer->fd, out->at + peer->out_sent, out->length - peer->out_sent, MSG_NOSIGNAL);

        if (sent < 0 && errno == EAGAIN) {
            CHECK(event_add(&peer->writable, NULL) == 0);
            return;
        }
        if (sent < 0) {
            lose(peer);
            return;
        }
        peer->out_sent += (size_t)sent;
    }
    if (out->failed) {
        lose(peer);
        return;
    }
    peer->out_sent = 0;
    bytes_trim(out, KEEP_BYTES);
    if (peer->ends) {
        peer_close(peer, FAREWELL_FIN);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    flush(arg);
}

static const char *reason_of(int status)
{
    return status == 202 ? "Accepted" : status == 200 ? "OK" : status == 404 ? "Not Found" : "Said";
}

void peer_reply(struct peer *peer, int status, struct span type, struct span body)
{
    const struct scripted_settings *settings = &peer->peers->scripted->settings;
    char head[160];
    int length = snprintf(head, sizeof(head),
                          "HTTP/1.1 %d %s\r\nContent-Type: %.*s\r\nContent-Length: %zu\r\n%s\r\n",
                          status, reason_of(status), (int)type.length, type.at, body.length,
                          settings->close_after_reply == 2 ? "Connection: close\r\n" : "");

    peer_send(peer, (struct span){head, (size_t)length});
    peer_send(peer, body);
    if (settings->close_after_reply != 0) {
        peer_end(peer);
    } else if (settings->idle_close_ms != 0 && peer->fd >= 0) {
        timer_start(&peer->idle, settings->idle_close_ms);
    }
}

void peer_reply_later(struct peer *peer, int64_t delay_ms)
{
    if (peer->fd >= 0) {
        timer_start(&peer->later, delay_ms);
    }
}

static void on_later(void *owner)
{
    peer_reply(owner, 202, SPAN("text/plain"), SPAN("Accepted"));
}

/* ---- coming in */

/* The value of a header of HEAD, or none.  NAME as "\r\nname:". */
static struct span header_of(struct span head, struct span name)
{
    for (size_t i = 0; i + name.length < head.length; i++) {
        if (head.at[i] == '\r' && strncasecmp(head.at + i, name.at, name.length) == 0) {
            const char *value = head.at + i + name.length;
            const char *end = memchr(value, '\r', head.length - i - name.length);

            return (struct span){value, end == NULL ? 0 : (size_t)(end - value)};
        }
    }
    return SPAN_NONE;
}

static struct span cut_word(struct span *text)
{
    const char *blank = memchr(text->at, ' ', text->length);
    struct span word = {text->at, blank == NULL ? text->length : (size_t)(blank - text->at)};

    text->at += word.length + (blank == NULL ? 0 : 1);
    text->length -= word.length + (blank == NULL ? 0 : 1);
    return word;
}

/* The head has come, and the body has not yet. */
static void see_to_expect(struct peer *peer, struct span head)
{
    int64_t how = peer->peers->scripted->settings.expect;

    if (peer->is_continued || how == 0 || header_of(head, SPAN("\r\nExpect:")).at == NULL) {
        return;
    }
    peer->is_continued = true;
    if (how == 1) {
        peer->peers->scripted->counters.continues++;
        peer_send(peer, SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
    } else {
        peer_reply(peer, (int)how, SPAN("text/plain"), SPAN(""));
        peer_end(peer);
    }
}

/* Tells of the first request of the input, if it is there as a whole.  False: it is not. */
static bool take_request(struct peer *peer)
{
    struct span rest = {peer->in.at + peer->in_used, peer->in.length - peer->in_used};
    const char *end = rest.length == 0 ? NULL : memmem(rest.at, rest.length, "\r\n\r\n", 4);
    struct peer_request request;
    struct span head;
    struct span length;
    size_t body_length;

    if (end == NULL) {
        return false;
    }
    head = (struct span){rest.at, (size_t)(end - rest.at) + 4};
    length = header_of(head, SPAN("\r\nContent-Length:"));
    /* The header's line ends the number. */
    body_length = length.at == NULL ? 0 : strtoul(length.at, NULL, 10);
    if (rest.length - head.length < body_length) {
        see_to_expect(peer, head);
        return false;
    }
    request.body = (struct span){head.at + head.length, body_length};
    request.method = cut_word(&head);
    request.target = cut_word(&head);
    peer->in_used += (size_t)(request.body.at - rest.at) + body_length;
    peer->is_continued = false;
    timer_stop(&peer->idle);
    peer->peers->events->on_request(peer->peers->owner, peer, &request);
    return peer->fd >= 0 && !peer->ends;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct peer *peer = arg;
    char *room = bytes_reserve(&peer->in, READ_BYTES);
    ssize_t got = room == NULL ? 0 : recv(fd, room, READ_BYTES, 0);

    (void)what;
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        lose(peer);
        return;
    }
    bytes_added(&peer->in, (size_t)got);
    while (take_request(peer)) {
    }
    if (peer->fd >= 0) {
        bytes_consume(&peer->in, peer->in_used);
        peer->in_used = 0;
    }
}
