/* SPDX-License-Identifier: MIT */
#include "broker/upstream/lane_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/runtime/clock.h"
#include "broker/upstream/egress.h"
#include "proto/base/mem.h"

enum { READ_SIZE = 16384 };

static void on_connected(void *owner, CURLcode code);
static void on_readable(struct lane *lane);
static void on_patience_over(void *owner);
static void readable_cb(evutil_socket_t fd, short what, void *arg);
static void writable_cb(evutil_socket_t fd, short what, void *arg);

struct lane *lane_open(struct lanes *set, struct exchange *exchange)
{
    struct lane *lane = MEM_NEW(struct lane);
    CURL *easy = curl_easy_init();

    if (lane == NULL || easy == NULL ||
        egress_apply(easy, set->origin, set->connect_timeout_ms) < 0 ||
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK) {
        curl_easy_cleanup(easy);
        mem_free(lane);
        return NULL;
    }
    lane->set = set;
    lane->fd = -1;
    timer_init(&lane->patience, set->loop, on_patience_over, lane);
    lane->state = LANE_OPENING;
    if (transfer_open(&lane->transfer, set->driver, easy, on_connected, lane) < 0) {
        mem_free(lane);
        return NULL;
    }
    lane->exchange = exchange;
    exchange->lane = lane;
    list_append(&set->busy, &lane->in_state);
    set->figures.opened++;
    return lane;
}

static void reap(void *owner)
{
    mem_free(owner);
}

void lane_close(struct lane *lane)
{
    if (lane->state == LANE_CLOSED) {
        return;
    }
    lane->state = LANE_CLOSED;
    if (lane->exchange != NULL) {
        lane->exchange->lane = NULL;
        lane->exchange = NULL;
    }
    timer_stop(&lane->patience);
    if (lane->fd >= 0) {
        (void)event_del(&lane->readable);
        (void)event_del(&lane->writable);
    }
    transfer_close(&lane->transfer);
    if (lane->owns_fd) {
        (void)close(lane->fd);
    }
    list_remove(lane->in_state.on, &lane->in_state);
    lanes_on_closed(lane->set, lane);
    loop_reap(lane->set->loop, &lane->reapable, reap, lane);
}

/*
 * The server cannot have heard what LANE carries, and LANE had been kept alive: a new lane may
 * carry it.  On a new one the same would come of it again.
 */
static bool is_unheard(const struct lane *lane)
{
    const struct delivery *delivery = &lane->exchange->delivery;

    return delivery->idled_us >= 0 && delivery_is_untouched(delivery);
}

static void pass_on(struct lane *lane)
{
    struct exchange *exchange = lane->exchange;

    lane_close(lane);
    lanes_on_unheard(lane->set, exchange);
}

/* The lane's exchange ended with END; the lane goes on, idle, only after a clean reply. */
static void finish(struct lane *lane, enum delivery_end end)
{
    struct exchange *exchange = lane->exchange;
    struct lanes *set = lane->set;
    bool reusable = end == DELIVERY_REPLIED && exchange->keep_alive && keep_alive_keeps(&set->keep);

    if (is_unheard(lane)) {
        pass_on(lane);
        return;
    }
    exchange->lane = NULL;
    lane->exchange = NULL;
    if (reusable) {
        lane->state = LANE_IDLE;
        lane->idle_since_us = clock_now_us();
        (void)event_del(&lane->writable);
        list_remove(&set->busy, &lane->in_state);
        list_append(&set->idle, &lane->in_state);
        lanes_on_idle(set, lane);
    } else {
        lane_close(lane);
    }
    lanes_on_end(set, exchange, end);
    lanes_on_room(set);
}

/* A reply to the head alone is no answer, if it is of success or refuses to be asked. */
static void on_reply(struct lane *lane)
{
    const struct delivery *delivery = &lane->exchange->delivery;

    if (exchange_is_asking(lane->exchange) &&
        (delivery->status / 100 == 2 || delivery->status == 417)) {
        keep_alive_on_deaf(&lane->set->keep, clock_now_us());
    }
    finish(lane, DELIVERY_REPLIED);
}

static void on_patience_over(void *owner)
{
    struct lane *lane = owner;

    CHECK(exchange_is_asking(lane->exchange) && is_unheard(lane));
    keep_alive_on_deaf(&lane->set->keep, clock_now_us());
    pass_on(lane);
}

static void on_broken(struct lane *lane, const char *what)
{
    struct exchange *exchange = lane->exchange;

    if (exchange == NULL) {
        keep_alive_on_close(&lane->set->keep, clock_now_us() - lane->idle_since_us);
        lane_close(lane);
        return;
    }
    if (exchange->delivery.idled_us >= 0 && exchange->delivery.reply_bytes == 0) {
        /* Its close and our request passed each other. */
        keep_alive_on_close(&lane->set->keep, exchange->delivery.idled_us);
    }
    (void)snprintf(exchange->delivery.detail, sizeof(exchange->delivery.detail), "%s", what);
    finish(lane, DELIVERY_BROKEN);
}

/* No event of LANE's would come any more: not the server's doing, so that nothing is learnt. */
static void on_unwatched(struct lane *lane, enum delivery_end end)
{
    struct delivery *delivery = &lane->exchange->delivery;

    (void)snprintf(delivery->detail, sizeof(delivery->detail),
                   "the system cannot watch the connection");
    finish(lane, end);
}

/* A server that refuses a long request may have said so before it hung up: read that first. */
static void on_send_failed(struct lane *lane)
{
    struct exchange *exchange = lane->exchange;

    on_readable(lane);
    if (lane->exchange == exchange) {
        on_broken(lane, "the connection broke while the request was being sent");
    }
}

static bool is_not_now(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/*
 * An open connection is libcurl's to read and write only where it encrypts: curl_easy_send and
 * curl_easy_recv look through all of libcurl's connections for theirs each time, which at 256
 * lanes costs as much as the rest of a call.
 */
static CURLcode put(struct lane *lane, struct span bytes, size_t *ret_sent)
{
    ssize_t n;

    if (lane->set->is_encrypted) {
        return curl_easy_send(lane->transfer.easy, bytes.at, bytes.length, ret_sent);
    }
    n = send(lane->fd, bytes.at, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
        return is_not_now(errno) ? CURLE_AGAIN : CURLE_SEND_ERROR;
    }
    *ret_sent = (size_t)n;
    return CURLE_OK;
}

static CURLcode get(struct lane *lane, char *room, size_t size, size_t *ret_length)
{
    ssize_t n;

    if (lane->set->is_encrypted) {
        return curl_easy_recv(lane->transfer.easy, room, size, ret_length);
    }
    n = recv(lane->fd, room, size, MSG_DONTWAIT);
    if (n < 0) {
        return is_not_now(errno) ? CURLE_AGAIN : CURLE_RECV_ERROR;
    }
    *ret_length = (size_t)n;
    return CURLE_OK;
}

static void send_more(struct lane *lane)
{
    struct exchange *exchange = lane->exchange;
    struct span unsent = exchange_unsent(exchange);

    while (unsent.length > 0) {
        size_t sent = 0;
        CURLcode code;

        if (lane->set->is_encrypted) {
            /* TLS writes record by record and counts them only when the last one is out. */
            exchange_offer(exchange);
        }
        code = put(lane, unsent, &sent);
        if (code == CURLE_AGAIN) {
            if (event_add(&lane->writable, NULL) < 0) {
                on_unwatched(lane, DELIVERY_BROKEN);
            }
            return;
        }
        if (code != CURLE_OK) {
            on_send_failed(lane);
            return;
        }
        if (exchange->delivery.at.sent_us == 0) {
            exchange->delivery.at.sent_us = clock_now_us();
        }
        exchange_sent(exchange, sent);
        lane->set->figures.sent_bytes += sent;
        unsent = exchange_unsent(exchange);
    }
    (void)event_del(&lane->writable);
}

bool lane_is_alive(const struct lane *lane)
{
    char byte;

    CHECK(lane->state == LANE_IDLE);
    /* EAGAIN is the one good answer: an end or stray bytes mean that the server gave it up. */
    return recv(lane->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

void lane_carry(struct lane *lane, struct exchange *exchange, enum keep_alive_use use,
                int64_t idled_us)
{
    CHECK(lane->state == LANE_IDLE && exchange->lane == NULL && use != KEEP_ALIVE_NOT);
    list_remove(&lane->set->idle, &lane->in_state);
    list_append(&lane->set->busy, &lane->in_state);
    lane->state = LANE_BUSY;
    lane->exchange = exchange;
    exchange->lane = lane;
    exchange_begin(exchange, idled_us);
    if (use == KEEP_ALIVE_ASKING) {
        exchange_ask(exchange);
    }
    if (exchange->asks) {
        timer_start(&lane->patience, KEEP_ALIVE_PATIENCE_MS);
    }
    send_more(lane);
}

/*
 * What libcurl keeps for a connection (some 10 KB) is of no use where nothing is encrypted.  It
 * closes its descriptor with it, so that the lane goes on with another one of the same socket;
 * where there is none to be had, all stays as it is.
 */
static void take_socket(struct lane *lane, curl_socket_t fd)
{
    int own = lane->set->is_encrypted ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

    lane->owns_fd = own >= 0;
    lane->fd = lane->owns_fd ? own : fd;
    if (lane->owns_fd) {
        transfer_close(&lane->transfer);
    }
}

static void on_connected(void *owner, CURLcode code)
{
    struct lane *lane = owner;
    struct exchange *exchange = lane->exchange;
    curl_socket_t fd = CURL_SOCKET_BAD;

    CHECK(lane->state == LANE_OPENING && exchange != NULL);
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(lane->transfer.easy, CURLINFO_ACTIVESOCKET, &fd);
    }
    if (fd == CURL_SOCKET_BAD) {
        (void)snprintf(exchange->delivery.detail, sizeof(exchange->delivery.detail),
                       "cannot connect to %s: %s", lane->set->origin, curl_easy_strerror(code));
        finish(lane, DELIVERY_UNSENT);
        return;
    }
    take_socket(lane, fd);
    (void)event_assign(&lane->readable, loop_base(lane->set->loop), lane->fd, EV_READ | EV_PERSIST,
                       readable_cb, lane);
    (void)event_assign(&lane->writable, loop_base(lane->set->loop), lane->fd, EV_WRITE | EV_PERSIST,
                       writable_cb, lane);
    if (event_add(&lane->readable, NULL) < 0) {
        on_unwatched(lane, DELIVERY_UNSENT);
        return;
    }
    lane->state = LANE_BUSY;
    send_more(lane);
}

static void on_stream_end(struct lane *lane)
{
    if (lane->exchange != NULL && exchange_feed_end(lane->exchange)) {
        on_reply(lane);
        return;
    }
    on_broken(lane, "the server closed the connection without a reply");
}

static void note_status(struct delivery *delivery)
{
    if (delivery->status != 0 && delivery->at.status_us == 0) {
        delivery->at.status_us = clock_now_us();
    }
}

/* False: the lane is over, or rests. */
static bool on_received(struct lane *lane, struct span received)
{
    struct exchange *exchange = lane->exchange;

    lane->set->figures.received_bytes += received.length;
    if (exchange == NULL) {
        lane_close(lane);
        return false;
    }
    if (!exchange_feed(exchange, received)) {
        on_broken(lane, "the server's reply is not HTTP");
        return false;
    }
    note_status(&exchange->delivery);
    if (exchange->replied) {
        on_reply(lane);
        return false;
    }
    if (lane->patience.armed && !exchange_is_asking(exchange)) {
        timer_stop(&lane->patience);
        send_more(lane);
    }
    return lane->state == LANE_BUSY;
}

static void on_readable(struct lane *lane)
{
    char buffer[READ_SIZE];

    /* The loop drains what TLS has decoded already: no event would come for it. */
    while (lane->state == LANE_BUSY || lane->state == LANE_IDLE) {
        size_t length = 0;
        CURLcode code = get(lane, buffer, sizeof(buffer), &length);

        if (code == CURLE_AGAIN) {
            return;
        }
        if (code != CURLE_OK) {
            on_broken(lane, "the connection broke while the reply was awaited");
            return;
        }
        if (length == 0) {
            on_stream_end(lane);
            return;
        }
        if (!on_received(lane, (struct span){buffer, length})) {
            return;
        }
    }
}

static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    on_readable(arg);
}

static void writable_cb(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    send_more(arg);
}
