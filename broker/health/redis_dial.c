/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "broker/runtime/log.h"

enum {
    DIAL_DEADLINE_MS = 10000,
    /* A port that does not know TLS may wait for more of what it takes for a command. */
    HANDSHAKE_MS = 5000,
    /* Unanswered data for so long ends a connection whose other end is gone. */
    UNANSWERED_MS = 10000,
};

static void look_up(struct redis_dial *dial);
static void connect_next(struct redis_dial *dial);
static bool try_connect(struct redis_dial *dial, const struct sockaddr *address, size_t length);
static void secure(struct redis_dial *dial, evutil_socket_t fd);
static void fail(struct redis_dial *dial, const char *what, const char *why);
static void fail_tls(struct redis_dial *dial, const char *why);
static void on_deadline(void *owner);
static void on_failing(void *owner);
static void lookup_cb(int error, struct evutil_addrinfo *addresses, void *arg);
static void connected_cb(struct bufferevent *stream, short what, void *arg);
static void secured_cb(struct bufferevent *stream, short what, void *arg);
static void evdns_log_cb(int is_warning, const char *text);

void redis_dial_init(struct redis_dial *dial, struct loop *loop,
                     const struct redis_dial_events *events, void *owner)
{
    *dial = (struct redis_dial){.loop = loop, .events = events, .owner = owner};
    timer_init(&dial->deadline, loop, on_deadline, dial);
    deferred_init(&dial->failing, loop, on_failing, dial);
}

void redis_dial_done(struct redis_dial *dial)
{
    CHECK(redis_dial_is_quiet(dial));
    redis_tls_store_done(&dial->store);
    if (dial->names != NULL) {
        evdns_base_free(dial->names, 0);
        dial->names = NULL;
    }
}

bool redis_dial_is_quiet(const struct redis_dial *dial)
{
    return dial->state == REDIS_DIAL_IDLE;
}

static void drop_addresses(struct redis_dial *dial)
{
    if (dial->addresses != NULL) {
        evutil_freeaddrinfo(dial->addresses);
    }
    dial->addresses = dial->next = NULL;
}

void redis_dial_cancel(struct redis_dial *dial)
{
    timer_stop(&dial->deadline);
    deferred_cancel(&dial->failing);
    drop_addresses(dial);
    dial->is_due = false;
    switch (dial->state) {
    case REDIS_DIAL_IDLE:
    case REDIS_DIAL_FORGETTING:
        return;
    case REDIS_DIAL_CONNECTING:
    case REDIS_DIAL_SECURING:
        bufferevent_free(dial->stream);
        dial->stream = NULL;
        dial->state = REDIS_DIAL_IDLE;
        return;
    case REDIS_DIAL_LOOKING:
        dial->state = REDIS_DIAL_FORGETTING;
        dial->names_are_old = true;
        /* The callback comes in a later turn, so the request and evdns must stay until then. */
        evdns_getaddrinfo_cancel(dial->lookup);
        return;
    }
}

/* ---- start */

static bool connect_path(struct redis_dial *dial)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", dial->target.path);
    return try_connect(dial, (const struct sockaddr *)&address, sizeof(address));
}

/* 1: connecting, 0: that failed, -1: HOST is no address but a name. */
static int connect_literal(struct redis_dial *dial)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(dial->target.port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(dial->target.port)};

    if (inet_pton(AF_INET, dial->target.host, &v4.sin_addr) == 1) {
        return try_connect(dial, (const struct sockaddr *)&v4, sizeof(v4));
    }
    if (inet_pton(AF_INET6, dial->target.host, &v6.sin6_addr) == 1) {
        return try_connect(dial, (const struct sockaddr *)&v6, sizeof(v6));
    }
    return -1;
}

static void start(struct redis_dial *dial)
{
    int r = dial->target.path != NULL ? connect_path(dial) : connect_literal(dial);

    if (r < 0) {
        look_up(dial);
    } else if (r == 0) {
        fail(dial, "connect", strerror(errno));
    }
}

void redis_dial_start(struct redis_dial *dial, const struct redis_dial_target *target)
{
    dial->target = *target;
    timer_start(&dial->deadline, target->within_ms > 0 ? target->within_ms : DIAL_DEADLINE_MS);
    if (dial->state == REDIS_DIAL_FORGETTING) {
        dial->is_due = true;
        return;
    }
    CHECK(dial->state == REDIS_DIAL_IDLE);
    start(dial);
}

static bool ensure_names(struct redis_dial *dial)
{
    if (dial->names != NULL && dial->names_are_old) {
        evdns_base_free(dial->names, 0);
        dial->names = NULL;
    }
    if (dial->names == NULL) {
        /* evdns would write lines of its own to stderr. */
        evdns_set_log_fn(evdns_log_cb);
        dial->names = evdns_base_new(loop_base(dial->loop), EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                                EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        dial->names_are_old = false;
    }
    if (dial->names != NULL) {
        /* Time enough to ask a second server before our deadline. */
        (void)evdns_base_set_option(dial->names, "timeout", "2");
    }
    return dial->names != NULL;
}

static void look_up(struct redis_dial *dial)
{
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct evdns_getaddrinfo_request *lookup;
    char port[8];

    if (!ensure_names(dial)) {
        fail(dial, "lookup", "no name server: is there an /etc/resolv.conf?");
        return;
    }
    (void)snprintf(port, sizeof(port), "%u", dial->target.port);
    dial->state = REDIS_DIAL_LOOKING;
    lookup = evdns_getaddrinfo(dial->names, dial->target.host, port, &hints, lookup_cb, dial);
    /* A name of /etc/hosts is answered before the return. */
    if (dial->state == REDIS_DIAL_LOOKING) {
        dial->lookup = lookup;
    }
}

static void on_forgotten(struct redis_dial *dial, struct evutil_addrinfo *addresses)
{
    if (addresses != NULL) {
        evutil_freeaddrinfo(addresses);
    }
    if (dial->is_due) {
        dial->is_due = false;
        start(dial);
    } else {
        dial->events->on_quiet(dial->owner);
    }
}

static void lookup_cb(int error, struct evutil_addrinfo *addresses, void *arg)
{
    struct redis_dial *dial = arg;
    bool is_forgotten = dial->state == REDIS_DIAL_FORGETTING;

    dial->state = REDIS_DIAL_IDLE;
    dial->lookup = NULL;
    if (is_forgotten) {
        on_forgotten(dial, addresses);
        return;
    }
    if (error != 0 || addresses == NULL) {
        dial->names_are_old = true;
        fail(dial, "lookup", evutil_gai_strerror(error));
        return;
    }
    dial->addresses = dial->next = addresses;
    connect_next(dial);
}

/* ---- connect */

static void connect_next(struct redis_dial *dial)
{
    while (dial->next != NULL) {
        const struct evutil_addrinfo *address = dial->next;

        dial->next = address->ai_next;
        if (try_connect(dial, address->ai_addr, address->ai_addrlen)) {
            return;
        }
    }
    fail(dial, "connect", strerror(errno));
}

static bool try_connect(struct redis_dial *dial, const struct sockaddr *address, size_t length)
{
    struct bufferevent *stream =
        bufferevent_socket_new(loop_base(dial->loop), -1, BEV_OPT_CLOSE_ON_FREE);

    if (stream == NULL) {
        errno = ENOMEM;
        return false;
    }
    bufferevent_setcb(stream, NULL, NULL, connected_cb, dial);
    if (bufferevent_socket_connect(stream, address, (int)length) < 0) {
        int saved = errno;

        bufferevent_free(stream);
        errno = saved;
        return false;
    }
    /* libevent makes this one without. */
    (void)evutil_make_socket_closeonexec(bufferevent_getfd(stream));
    dial->stream = stream;
    dial->state = REDIS_DIAL_CONNECTING;
    return true;
}

/* A peer that vanished without a word would else be found out only by our deadlines. */
static void watch_for_silence(evutil_socket_t fd)
{
    int on = 1;
    unsigned unanswered_ms = UNANSWERED_MS;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof(unanswered_ms));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void finish(struct redis_dial *dial, struct bufferevent *stream)
{
    dial->stream = NULL;
    dial->state = REDIS_DIAL_IDLE;
    timer_stop(&dial->deadline);
    bufferevent_setcb(stream, NULL, NULL, NULL, NULL);
    dial->events->on_connected(dial->owner, stream);
}

static void connected_cb(struct bufferevent *stream, short what, void *arg)
{
    struct redis_dial *dial = arg;
    evutil_socket_t fd = bufferevent_getfd(stream);
    int error = EVUTIL_SOCKET_ERROR();

    if ((what & BEV_EVENT_CONNECTED) == 0) {
        dial->stream = NULL;
        dial->state = REDIS_DIAL_IDLE;
        bufferevent_free(stream);
        errno = error;
        connect_next(dial);
        return;
    }
    drop_addresses(dial);
    if (dial->target.path == NULL) {
        watch_for_silence(fd);
    }
    if (dial->target.tls == NULL) {
        finish(dial, stream);
        return;
    }
    /* The socket stays, for another kind of stream. */
    (void)bufferevent_setfd(stream, -1);
    bufferevent_free(stream);
    dial->stream = NULL;
    dial->state = REDIS_DIAL_IDLE;
    secure(dial, fd);
}

/* ---- TLS */

static const char *certified_name(const struct redis_dial_target *target)
{
    return target->tls->server_name != NULL ? target->tls->server_name : target->host;
}

static struct bufferevent *make_secure(struct redis_dial *dial, evutil_socket_t fd, SSL *ssl)
{
    struct bufferevent *stream;

    /* libevent frees it in some of its failures and not in others. */
    (void)SSL_up_ref(ssl);
    stream = bufferevent_openssl_socket_new(loop_base(dial->loop), fd, ssl,
                                            BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    SSL_free(ssl);
    return stream;
}

/* The last of OpenSSL's errors, or 0; libevent puts its own kind among them. */
static unsigned long tls_error_of(struct bufferevent *stream)
{
    unsigned long error;

    do {
        error = bufferevent_get_openssl_error(stream);
    } while (error != 0 && ERR_GET_LIB(error) == 0);
    return error;
}

/* FD is ours to close. */
static void secure(struct redis_dial *dial, evutil_socket_t fd)
{
    char why[REDIS_TLS_WHY];
    SSL *ssl = redis_tls_new(&dial->store, dial->target.tls, certified_name(&dial->target), why);

    if (ssl == NULL) {
        (void)evutil_closesocket(fd);
        fail_tls(dial, why);
        return;
    }
    dial->stream = make_secure(dial, fd, ssl);
    if (dial->stream == NULL) {
        (void)evutil_closesocket(fd);
        fail(dial, "TLS", strerror(ENOMEM));
        return;
    }
    bufferevent_openssl_set_allow_dirty_shutdown(dial->stream, 1);
    bufferevent_setcb(dial->stream, NULL, NULL, secured_cb, dial);
    dial->state = REDIS_DIAL_SECURING;
    timer_start(&dial->deadline, HANDSHAKE_MS);
}

static void secured_cb(struct bufferevent *stream, short what, void *arg)
{
    struct redis_dial *dial = arg;
    char why[REDIS_TLS_WHY];

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        finish(dial, stream);
        return;
    }
    redis_tls_explain(bufferevent_openssl_get_ssl(stream), tls_error_of(stream),
                      certified_name(&dial->target), why);
    dial->stream = NULL;
    dial->state = REDIS_DIAL_IDLE;
    bufferevent_free(stream);
    fail_tls(dial, why);
}

/* ---- failure */

static void fail_as(struct redis_dial *dial, enum redis_fault fault)
{
    timer_stop(&dial->deadline);
    drop_addresses(dial);
    dial->fault = fault;
    deferred_schedule(&dial->failing);
}

static void fail(struct redis_dial *dial, const char *what, const char *why)
{
    (void)snprintf(dial->why, sizeof(dial->why), "%s: %s", what, why);
    fail_as(dial, REDIS_FAULT_LOST);
}

static void fail_tls(struct redis_dial *dial, const char *why)
{
    (void)snprintf(dial->why, sizeof(dial->why), "%s", why);
    fail_as(dial, REDIS_FAULT_TLS);
}

static void on_failing(void *owner)
{
    struct redis_dial *dial = owner;

    dial->events->on_failed(dial->owner, dial->fault, dial->why);
}

static void on_deadline(void *owner)
{
    struct redis_dial *dial = owner;
    enum redis_dial_state state = dial->state;

    redis_dial_cancel(dial);
    if (state == REDIS_DIAL_SECURING) {
        fail_tls(dial, "no answer to the handshake within 5 s; is that a TLS port?");
    } else {
        fail(dial, state == REDIS_DIAL_CONNECTING ? "connect" : "lookup", "no answer in time");
    }
}

enum redis_fault redis_dial_explain(struct bufferevent *stream, short what,
                                    const struct redis_dial_target *target,
                                    char why[REDIS_DIAL_WHY])
{
    int error = EVUTIL_SOCKET_ERROR();
    unsigned long tls_error = target->tls == NULL ? 0 : tls_error_of(stream);

    if (ERR_SYSTEM_ERROR(tls_error)) {
        error = ERR_GET_REASON(tls_error); /* the connection's, not TLS' */
    } else if (tls_error != 0) {
        redis_tls_explain(bufferevent_openssl_get_ssl(stream), tls_error, certified_name(target),
                          why);
        return REDIS_FAULT_TLS;
    }
    (void)snprintf(why, REDIS_DIAL_WHY, "%s",
                   (what & BEV_EVENT_EOF) != 0 ? "closed by the other end" : strerror(error));
    return REDIS_FAULT_LOST;
}

static void evdns_log_cb(int is_warning, const char *text)
{
    (void)is_warning;
    log_event(LOG_LEVEL_DEBUG, "evdns", "text=%s", log_quote(text));
}
