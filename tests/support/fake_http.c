/* SPDX-License-Identifier: MIT */
#include "tests/support/fake_http.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int length, void *arg);
static void read_cb(struct bufferevent *stream, void *arg);
static void write_cb(struct bufferevent *stream, void *arg);
static void event_cb(struct bufferevent *stream, short what, void *arg);

int fake_http_open(struct fake_http *http, struct loop *loop, const struct fake_http_events *events,
                   void *owner)
{
    *http = (struct fake_http){.loop = loop, .events = events, .owner = owner, .reserved = -1};
    list_init(&http->peers);
    /* The code under test may close at any time. */
    (void)signal(SIGPIPE, SIG_IGN);
    return fake_http_listen(http);
}

static struct sockaddr_in address_of(const struct fake_http *http)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)http->port)};
}

/* Nobody else gets the port meanwhile: another test's client must not find this server, nor ours
   another test's. */
static void reserve(struct fake_http *http)
{
    struct sockaddr_in address = address_of(http);
    int one = 1;

    http->reserved = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(setsockopt(http->reserved, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
    CHECK(bind(http->reserved, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static void unreserve(struct fake_http *http)
{
    if (http->reserved >= 0) {
        (void)close(http->reserved);
        http->reserved = -1;
    }
}

int fake_http_listen(struct fake_http *http)
{
    struct sockaddr_in address = address_of(http);
    socklen_t length = sizeof(address);

    unreserve(http);
    http->listener = evconnlistener_new_bind(loop_base(http->loop), on_accept, http,
                                             LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                             (struct sockaddr *)&address, (int)length);
    if (http->listener == NULL || getsockname(evconnlistener_get_fd(http->listener),
                                              (struct sockaddr *)&address, &length) < 0) {
        return -1;
    }
    http->port = ntohs(address.sin_port);
    return 0;
}

void fake_http_refuse(struct fake_http *http)
{
    if (http->listener != NULL) {
        evconnlistener_free(http->listener);
        http->listener = NULL;
        reserve(http);
    }
}

void fake_http_close(struct fake_http *http)
{
    struct list_node *node;

    fake_http_refuse(http);
    unreserve(http);
    while ((node = list_first(&http->peers)) != NULL) {
        fake_http_cut(LIST_ITEM(node, struct fake_peer, in_http));
    }
}

struct fake_peer *fake_http_first(const struct fake_http *http)
{
    struct list_node *node = list_first(&http->peers);

    CHECK(node != NULL);
    return LIST_ITEM(node, struct fake_peer, in_http);
}

void fake_http_send(struct fake_peer *peer, struct span text)
{
    if (peer->stream != NULL) {
        (void)bufferevent_write(peer->stream, text.at, text.length);
    }
}

void fake_http_reply(struct fake_peer *peer, int status)
{
    fake_http_reply_with(peer, status, SPAN(""));
}

void fake_http_reply_with(struct fake_peer *peer, int status, struct span body)
{
    char text[96];
    int length = snprintf(text, sizeof(text), "HTTP/1.1 %d Said So\r\nContent-Length: %zu\r\n\r\n",
                          status, body.length);

    fake_http_send(peer, (struct span){text, (size_t)length});
    if (body.length > 0) {
        fake_http_send(peer, body);
    }
}

void fake_http_end(struct fake_peer *peer)
{
    peer->ends = true;
    if (peer->stream != NULL && evbuffer_get_length(bufferevent_get_output(peer->stream)) == 0) {
        fake_http_cut(peer);
    }
}

static void reap(void *owner)
{
    free(owner);
}

void fake_http_cut(struct fake_peer *peer)
{
    if (peer->stream == NULL) {
        return;
    }
    /* The other side learns it now; libevent closes the descriptor in a later turn. */
    (void)shutdown(bufferevent_getfd(peer->stream), SHUT_RDWR);
    bufferevent_free(peer->stream);
    peer->stream = NULL;
    list_remove(&peer->http->peers, &peer->in_http);
    loop_reap(peer->http->loop, &peer->reapable, reap, peer);
}

/* ---- coming in */

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int length, void *arg)
{
    const int on = 1;
    struct fake_http *http = arg;
    struct fake_peer *peer = calloc(1, sizeof(*peer));

    /* As servers do: else a second event waits until the first was acknowledged, for 40 ms. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)listener;
    (void)from;
    (void)length;
    CHECK(peer != NULL);
    peer->http = http;
    peer->stream = bufferevent_socket_new(loop_base(http->loop), fd, BEV_OPT_CLOSE_ON_FREE);
    CHECK(peer->stream != NULL);
    bufferevent_setcb(peer->stream, read_cb, write_cb, event_cb, peer);
    (void)bufferevent_enable(peer->stream, EV_READ | EV_WRITE);
    list_append(&http->peers, &peer->in_http);
    http->accepted++;
}

static size_t length_of_body(struct span head)
{
    static const struct span name = SPAN_INIT("\r\nContent-Length:");

    for (size_t i = 0; i + name.length < head.length; i++) {
        if (strncasecmp(head.at + i, name.at, name.length) == 0) {
            return strtoul(head.at + i + name.length, NULL, 10);
        }
    }
    return 0;
}

static struct span cut_word(struct span *text)
{
    const char *blank = memchr(text->at, ' ', text->length);
    struct span word = {text->at, blank == NULL ? text->length : (size_t)(blank - text->at)};

    if (blank != NULL) {
        text->length -= word.length + 1;
        text->at += word.length + 1;
    }
    return word;
}

static bool asks_first(struct span head)
{
    static const struct span expect = SPAN_INIT("\r\nExpect: 100-continue\r\n");

    for (size_t i = 0; i + expect.length < head.length; i++) {
        if (memcmp(head.at + i, expect.at, expect.length) == 0) {
            return true;
        }
    }
    return false;
}

/* HEAD asks before its body.  False: no body will come. */
static bool on_asked(struct fake_peer *peer, struct span head)
{
    struct fake_http *http = peer->http;

    peer->asked = true;
    http->expected++;
    switch (http->manner) {
    case FAKE_HTTP_CONTINUES:
        fake_http_send(peer, SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
        return true;
    case FAKE_HTTP_WAITS:
        return true;
    case FAKE_HTTP_REPLIES:
        (void)evbuffer_drain(bufferevent_get_input(peer->stream), head.length);
        fake_http_reply(peer, http->expect_status);
        peer->asked = false;
        return false;
    case FAKE_HTTP_CUTS:
        fake_http_cut(peer);
        return false;
    }
    return false;
}

/* The first request in the input, if it is there as a whole: told, and taken out.  False: not. */
static bool take_request(struct fake_peer *peer)
{
    struct evbuffer *input = bufferevent_get_input(peer->stream);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    struct fake_request request;
    struct span line;
    size_t length;

    if (end.pos < 0) {
        return false;
    }
    request.head = (struct span){(char *)evbuffer_pullup(input, -1), (size_t)end.pos + 4};
    request.body =
        (struct span){request.head.at + request.head.length, length_of_body(request.head)};
    length = request.head.length + request.body.length;
    if (!peer->asked && asks_first(request.head) && !on_asked(peer, request.head)) {
        return peer->stream != NULL;
    }
    if (evbuffer_get_length(input) < length) {
        return false;
    }
    line = request.head;
    request.method = cut_word(&line);
    request.target = cut_word(&line);
    peer->requests++;
    peer->http->requests++;
    peer->http->events->on_request(peer->http->owner, peer, &request);
    peer->asked = false;
    if (peer->stream != NULL) {
        (void)evbuffer_drain(input, length);
    }
    return peer->stream != NULL;
}

static void read_cb(struct bufferevent *stream, void *arg)
{
    (void)stream;
    while (take_request(arg)) {
    }
}

static void write_cb(struct bufferevent *stream, void *arg)
{
    struct fake_peer *peer = arg;

    (void)stream;
    if (peer->ends) {
        fake_http_cut(peer);
    }
}

static void event_cb(struct bufferevent *stream, short what, void *arg)
{
    struct fake_peer *peer = arg;

    (void)stream;
    (void)what;
    peer->http->events->on_gone(peer->http->owner, peer);
    fake_http_cut(peer);
}
