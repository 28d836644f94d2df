/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/fleet/fleet_shape.h"
#include "client-lib/fleet/resp.h"

/* Memory that a link keeps between exchanges; bytes asked for at once. */
enum { KEEP = 1 << 20, CHUNK = 65536 };

int64_t fleet_link_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void fleet_link_init(struct fleet_link *link)
{
    *link = (struct fleet_link){.fd = -1};
    bytes_init(&link->in, FLEET_LINK_REPLIES_MAXIMUM);
}

void fleet_link_close(struct fleet_link *link)
{
    if (link->fd >= 0) {
        (void)close(link->fd);
        link->fd = -1;
    }
}

void fleet_link_done(struct fleet_link *link)
{
    fleet_link_close(link);
    bytes_done(&link->in);
}

/* ---- faults */

PRINTF_LIKE(3, 4)
static int fail(struct fleet_link *link, int error, const char *format, ...)
{
    char text[FLEET_LINK_WHY_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* Words of the peer may be in it. */
    (void)fleet_clean(link->why, sizeof(link->why), span_of(text));
    fleet_link_close(link);
    return error;
}

/* ---- waiting */

/* The events that came; -ETIMEDOUT, or what poll says. */
static int await(int fd, short events, int64_t end_ms)
{
    struct pollfd entry = {.fd = fd, .events = events};

    for (;;) {
        int64_t left_ms = end_ms - fleet_link_now_ms();
        int n;

        if (left_ms <= 0) {
            return -ETIMEDOUT;
        }
        n = poll(&entry, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n > 0) {
            return entry.revents;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
    }
}

/* ---- connecting */

static int connect_to(struct fleet_link *link, const struct sockaddr *address, socklen_t length,
                      int64_t end_ms)
{
    int error = 0;
    socklen_t size = sizeof(error);
    int r;

    link->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0) {
        return -errno;
    }
    if (connect(link->fd, address, length) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return -errno;
    }
    r = await(link->fd, POLLOUT, end_ms);
    if (r < 0) {
        return r;
    }
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
        return -errno;
    }
    return -error;
}

static int connect_unix(struct fleet_link *link, const struct redis_url *url, int64_t end_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", url->path);
    r = connect_to(link, (const struct sockaddr *)&address, sizeof(address), end_ms);
    return r < 0 ? fail(link, r, "%s cannot be reached: %s", url->shown, strerror(-r)) : 0;
}

static int connect_tcp(struct fleet_link *link, const struct redis_url *url, int64_t end_ms)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    const int on = 1;
    struct addrinfo *found = NULL;
    char port[8];
    int r;

    (void)snprintf(port, sizeof(port), "%u", url->port);
    r = getaddrinfo(url->host, port, &hints, &found);
    if (r != 0) {
        return fail(link, -EHOSTUNREACH, "the name %s is not found: %s", url->host,
                    r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
    }
    r = -EHOSTUNREACH;
    for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
        /* Each address has half of what is left, the last one all of it. */
        int64_t now_ms = fleet_link_now_ms();
        int64_t until_ms = one->ai_next == NULL ? end_ms : now_ms + (end_ms - now_ms) / 2;

        r = connect_to(link, one->ai_addr, one->ai_addrlen, until_ms);
        if (r == 0) {
            (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            break;
        }
        fleet_link_close(link);
    }
    freeaddrinfo(found);
    return r < 0 ? fail(link, r, "%s cannot be reached: %s", url->shown, strerror(-r)) : 0;
}

/*
 * The replies to AUTH, SELECT and PING, of which the last is asked only to be refused: who has
 * not said who he is may not ask long questions, and loses the connection over those.
 */
static int read_welcome(struct fleet_link *link, struct span replies)
{
    struct resp_walk walk = resp_walk_of(replies);
    struct resp reply;

    while (resp_next(&walk, &reply)) {
        if (reply.kind == RESP_ERROR &&
            (walk.at < walk.end || span_starts_with(reply.text, SPAN("NOAUTH")))) {
            link->is_denied = true;
            return fail(link, -EACCES, "Redis refuses: %.*s", (int)reply.text.length,
                        reply.text.at);
        }
        resp_skip(&walk, &reply);
    }
    return 0;
}

static int introduce(struct fleet_link *link, const struct redis_url *url, int64_t end_ms)
{
    struct bytes commands;
    size_t replies = 0;
    struct span answer = SPAN_NONE;
    int r;

    bytes_init(&commands, 8 * REDIS_URL_MAXIMUM);
    if (url->password != NULL) {
        resp_command(&commands, url->user == NULL ? 2 : 3);
        resp_word(&commands, SPAN("AUTH"));
        if (url->user != NULL) {
            resp_word(&commands, span_of(url->user));
        }
        resp_word(&commands, span_of(url->password));
        replies++;
    }
    if (url->database != 0) {
        resp_command(&commands, 2);
        resp_word(&commands, SPAN("SELECT"));
        resp_int(&commands, url->database);
        replies++;
    }
    resp_words(&commands, "PING");
    replies++;
    r = commands.failed ? fail(link, -ENOMEM, "out of memory") : 0;
    if (r == 0) {
        r = fleet_link_exchange(link, bytes_span(&commands), replies, end_ms, &answer);
    }
    if (commands.length > 0) {
        explicit_bzero(commands.at, commands.length);
    }
    bytes_done(&commands);
    return r == 0 ? read_welcome(link, answer) : r;
}

int fleet_link_open(struct fleet_link *link, const struct redis_url *url, int64_t end_ms)
{
    int r;

    fleet_link_close(link);
    link->is_denied = false;
    if (url->has_tls || url->sentinel_count > 0) {
        /* Never a password over a connection that is not the one that was asked for. */
        return fail(link, -EPROTONOSUPPORT,
                    "%s: only redis:// and unix:// can be read from, not TLS and not sentinels",
                    url->shown);
    }
    r = url->path != NULL ? connect_unix(link, url, end_ms) : connect_tcp(link, url, end_ms);
    return r < 0 ? r : introduce(link, url, end_ms);
}

/* ---- an exchange */

static int send_some(struct fleet_link *link, struct span *commands)
{
    ssize_t n = send(link->fd, commands->at, commands->length, MSG_NOSIGNAL);

    if (n >= 0) {
        commands->at += n;
        commands->length -= (size_t)n;
        return 0;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return 0;
    }
    return fail(link, errno == ECONNRESET ? -EPIPE : -errno, "the connection is lost: %s",
                strerror(errno));
}

static int receive_some(struct fleet_link *link)
{
    char *room = bytes_reserve(&link->in, CHUNK);
    ssize_t n;

    if (room == NULL) {
        return fail(link, -EMSGSIZE, "Redis answers with more than %d MiB, or memory is out",
                    FLEET_LINK_REPLIES_MAXIMUM >> 20);
    }
    n = recv(link->fd, room, CHUNK, 0);
    if (n > 0) {
        bytes_added(&link->in, (size_t)n);
        return 0;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n == 0 || errno == ECONNRESET) {
        return fail(link, -EPIPE, "Redis has closed the connection");
    }
    return fail(link, -errno, "the connection is lost: %s", strerror(errno));
}

/* What is there may say more than "no reply": an error before any command was read, for one. */
static int scan(struct fleet_link *link, struct resp_scan *scan, bool *ret_complete)
{
    int r = resp_scan_on(scan, bytes_span(&link->in), ret_complete);

    return r < 0 ? fail(link, r, "what answers does not speak Redis' protocol") : 0;
}

int fleet_link_exchange(struct fleet_link *link, struct span commands, size_t replies,
                        int64_t end_ms, struct span *ret_replies)
{
    struct resp_scan scanned = resp_scan_of(replies);
    bool is_complete = false;

    bytes_trim(&link->in, KEEP);
    while (!is_complete) {
        short events = (short)(POLLIN | (commands.length > 0 ? POLLOUT : 0));
        int r = await(link->fd, events, end_ms);

        if (r == -ETIMEDOUT) {
            return fail(link, r, "Redis does not answer");
        }
        if (r < 0) {
            return fail(link, r, "the connection cannot be waited for: %s", strerror(-r));
        }
        if ((r & POLLOUT) != 0 && send_some(link, &commands) < 0) {
            return -EPIPE;
        }
        if ((r & ~POLLOUT) == 0) {
            continue;
        }
        r = receive_some(link);
        if (r == 0) {
            r = scan(link, &scanned, &is_complete);
        }
        if (r < 0) {
            return r;
        }
    }
    *ret_replies = bytes_span(&link->in);
    return 0;
}
