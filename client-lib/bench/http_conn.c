/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/http_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10, OUT_MAXIMUM = 128 << 20 };

static int on_body(http_parser *parser, const char *at, size_t length);
static int on_message_complete(http_parser *parser);
static void read_cb(evutil_socket_t fd, short what, void *arg);
static void write_cb(evutil_socket_t fd, short what, void *arg);

static const http_parser_settings settings = {.on_body = on_body,
                                              .on_message_complete = on_message_complete};

int http_conn_open(struct http_conn *conn, struct event_base *base, const struct sockaddr *address,
                   socklen_t length, const struct http_conn_events *events, void *owner)
{
    const int on = 1;
    int r = 0;

    *conn = (struct http_conn){.events = events, .owner = owner};
    bytes_init(&conn->out, OUT_MAXIMUM);
    http_parser_init(&conn->parser, HTTP_RESPONSE);
    conn->parser.data = conn;
    conn->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (conn->fd < 0) {
        return -errno;
    }
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    conn->readable = event_new(base, conn->fd, EV_READ | EV_PERSIST, read_cb, conn);
    conn->writable = event_new(base, conn->fd, EV_WRITE, write_cb, conn);
    if (connect(conn->fd, address, length) < 0 && errno != EINPROGRESS) {
        r = -errno;
    } else if (conn->readable == NULL || conn->writable == NULL ||
               event_add(conn->readable, NULL) < 0) {
        r = -ENOMEM;
    }
    if (r < 0) {
        http_conn_close(conn);
    }
    return r;
}

void http_conn_close(struct http_conn *conn)
{
    if (conn->readable != NULL) {
        event_free(conn->readable);
        conn->readable = NULL;
    }
    if (conn->writable != NULL) {
        event_free(conn->writable);
        conn->writable = NULL;
    }
    if (conn->fd >= 0) {
        (void)close(conn->fd);
        conn->fd = -1;
    }
    bytes_done(&conn->out);
}

void http_conn_send(struct http_conn *conn, struct span text)
{
    bytes_append_span(&conn->out, text);
}

/* Not told from here: who sends may be deep inside somebody's events. */
void http_conn_flush(struct http_conn *conn)
{
    ssize_t n;

    if (conn->out.length == 0 || event_pending(conn->writable, EV_WRITE, NULL)) {
        return;
    }
    n = send(conn->fd, conn->out.at, conn->out.length, MSG_NOSIGNAL);
    if (n > 0) {
        bytes_consume(&conn->out, (size_t)n);
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        conn->error = -errno;
        event_active(conn->readable, EV_READ, 0);
    } else if (conn->out.length > 0) {
        (void)event_add(conn->writable, NULL);
    }
}

unsigned http_conn_status(const struct http_conn *conn)
{
    return conn->parser.status_code;
}

static void write_cb(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    http_conn_flush(arg);
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
    const struct http_conn *conn = parser->data;

    conn->events->on_body(conn->owner, (struct span){at, length});
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    struct http_conn *conn = parser->data;

    if (!http_should_keep_alive(parser)) {
        conn->is_last = true;
    }
    conn->events->on_reply(conn->owner, parser->status_code);
    return 0;
}

static void read_cb(evutil_socket_t fd, short what, void *arg)
{
    static char buffer[READ_SIZE]; /* one thread, and no call comes back here */
    struct http_conn *conn = arg;
    ssize_t n;
    size_t parsed;

    (void)what;
    if (conn->error < 0) {
        conn->events->on_end(conn->owner, conn->error);
        return;
    }
    n = recv(fd, buffer, sizeof(buffer), 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            conn->events->on_end(conn->owner, -errno);
        }
        return;
    }
    /* Nothing read ends a body without a length. */
    parsed = http_parser_execute(&conn->parser, &settings, buffer, (size_t)n);
    if (n == 0 || conn->is_last) {
        conn->events->on_end(conn->owner, 0);
    } else if (parsed != (size_t)n || HTTP_PARSER_ERRNO(&conn->parser) != HPE_OK) {
        conn->events->on_end(conn->owner, -EPROTO);
    }
}
