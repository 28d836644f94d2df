/* SPDX-License-Identifier: MIT */
#include "broker/control/http.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "broker/control/loopback.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum {
    REQUEST_MS = 10000, /* from the connect to the last byte of the head */
    UNREAD_MS = 10000,  /* without a byte of the answer being taken */
    ANSWER_MS = 120000, /* in all */
    FINISH_MS = 1000,   /* for the head, once another process serves */
    LINGER_MS = 1000,
    LINGER_BYTES = 1 << 20,
    READ_AT_ONCE = 4096,
    HEAD_MAXIMUM = 1024,
};

/*
 * READING (the request's head) -> RENDERING (the page is written, over several turns perhaps) ->
 * WRITING -> LINGERING (all is sent; what the client still sends is dropped, since closing before
 * it is read would take the answer away from it) -> OVER (handed to the reaper).
 */
enum connection_state { READING, RENDERING, WRITING, LINGERING, OVER };

struct http {
    struct loop *loop;
    struct http_options options;
    struct list all; /* struct connection, owned; oldest first */
    size_t counts[HTTP_DOORS];
    bool is_finishing;
    struct reapable reapable;
};

struct connection {
    struct http *http;
    int fd; /* owned; -1: closed */
    enum http_door door;
    enum connection_state state;
    struct http_request request;
    struct bytes head;
    struct http_answer answer;
    size_t sent;           /* of head and body */
    int64_t answer_due_ms; /* when it must be read at the latest */
    size_t lingered;
    struct event readable;
    struct event writable;
    struct timer patience;
    struct timer turn; /* the next piece of the page */
    struct list_node in_all;
    struct reapable reapable;
};

static void end(struct connection *connection);
static void on_patience_over(void *owner);
static void on_turn(void *owner);
static void readable_cb(evutil_socket_t fd, short what, void *arg);
static void writable_cb(evutil_socket_t fd, short what, void *arg);
static void answer_text(struct connection *connection, enum http_status status,
                        const char *sentence);

struct http *http_new(struct loop *loop, const struct http_options *options)
{
    struct http *http = MEM_NEW(struct http);

    if (http != NULL) {
        http->loop = loop;
        http->options = *options;
        list_init(&http->all);
    }
    return http;
}

static void reap(void *owner)
{
    mem_free(owner);
}

void http_close(struct http *http)
{
    struct list_node *node;

    if (http == NULL) {
        return;
    }
    http->options.on_idle = NULL;
    while ((node = list_first(&http->all)) != NULL) {
        end(LIST_ITEM(node, struct connection, in_all));
    }
    loop_reap(http->loop, &http->reapable, reap, http);
}

bool http_is_idle(const struct http *http)
{
    return list_is_empty(&http->all);
}

void http_finish(struct http *http)
{
    http->is_finishing = true;
    LIST_FOREACH (node, &http->all) {
        struct connection *connection = LIST_ITEM(node, struct connection, in_all);

        if (connection->state == READING) {
            timer_start(&connection->patience, FINISH_MS);
        }
    }
}

/* ---- connections */

/* Who has taken longest to say what it wants makes room; false: nobody is still speaking. */
static bool make_room(struct http *http, enum http_door door)
{
    LIST_FOREACH (node, &http->all) {
        struct connection *connection = LIST_ITEM(node, struct connection, in_all);

        if (connection->door == door && connection->state == READING) {
            end(connection);
            return true;
        }
    }
    return false;
}

static void refuse_connection(int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n";

    (void)!send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

static void begin(struct connection *connection)
{
    struct http *http = connection->http;

    http_request_init(&connection->request);
    bytes_init(&connection->head, HEAD_MAXIMUM);
    timer_init(&connection->patience, http->loop, on_patience_over, connection);
    timer_init(&connection->turn, http->loop, on_turn, connection);
    (void)event_assign(&connection->readable, loop_base(http->loop), connection->fd,
                       EV_READ | EV_PERSIST, readable_cb, connection);
    (void)event_assign(&connection->writable, loop_base(http->loop), connection->fd,
                       EV_WRITE | EV_PERSIST, writable_cb, connection);
    list_append(&http->all, &connection->in_all);
    http->counts[connection->door]++;
    timer_start(&connection->patience, http->is_finishing ? FINISH_MS : REQUEST_MS);
    if (event_add(&connection->readable, NULL) < 0) {
        end(connection);
    }
}

void http_accept(struct http *http, int fd, enum http_door door)
{
    struct connection *connection = NULL;

    if (http->counts[door] < HTTP_CONNECTIONS_MAXIMUM || make_room(http, door)) {
        connection = MEM_NEW(struct connection);
    }
    if (connection == NULL) {
        refuse_connection(fd);
        return;
    }
    connection->http = http;
    connection->fd = fd;
    connection->door = door;
    begin(connection);
}

static void reap_connection(void *owner)
{
    struct connection *connection = owner;

    http_request_done(&connection->request);
    bytes_done(&connection->head);
    bytes_done(&connection->answer.body);
    mem_free(connection);
}

static void end_work(struct http_answer *answer)
{
    if (answer->more != NULL) {
        answer->more = NULL;
        answer->done(answer->work);
    }
}

static void end(struct connection *connection)
{
    struct http *http = connection->http;

    if (connection->state == OVER) {
        return;
    }
    connection->state = OVER;
    (void)event_del(&connection->readable);
    (void)event_del(&connection->writable);
    timer_stop(&connection->patience);
    timer_stop(&connection->turn);
    (void)close(connection->fd);
    connection->fd = -1;
    end_work(&connection->answer);
    list_remove(&http->all, &connection->in_all);
    http->counts[connection->door]--;
    loop_reap(http->loop, &connection->reapable, reap_connection, connection);
    if (list_is_empty(&http->all) && http->options.on_idle != NULL) {
        http->options.on_idle(http->options.owner);
    }
}

static void on_patience_over(void *owner)
{
    struct connection *connection = owner;

    if (connection->state == READING && !connection->http->is_finishing) {
        answer_text(connection, HTTP_STATUS_REQUEST_TIMEOUT,
                    "the request did not come in 10 s; send it at once");
        return;
    }
    end(connection);
}

/* ---- the request */

/* By the credentials of the connection, whatever the mode of a socket that somebody else made. */
static bool is_operator(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

/* NULL, or why this client is not answered; RET_STATUS with what. */
static const char *refusal_of(const struct connection *connection, enum http_status *ret_status)
{
    struct span host = connection->request.host;

    switch (connection->door) {
    case HTTP_DOOR_ADMIN:
        *ret_status = HTTP_STATUS_FORBIDDEN;
        return is_operator(connection->fd)
                   ? NULL
                   : "only root and the user that runs the broker may read here";
    case HTTP_DOOR_PORT:
        *ret_status = HTTP_STATUS_MISDIRECTED_REQUEST;
        return span_is_none(host) || loopback_is_host(host)
                   ? NULL
                   : "the Host is none of this port: it answers to localhost, 127.0.0.1 and [::1]; "
                     "have a reverse proxy send one of these";
    case HTTP_DOORS:
        break;
    }
    return NULL;
}

static const struct http_page *find_page(const struct http *http, struct span path)
{
    for (const struct http_page *page = http->options.pages; page->path != NULL; page++) {
        if (span_is(path, page->path)) {
            return page;
        }
    }
    return NULL;
}

/* The answers that nobody has read yet, together. */
static size_t held_output(const struct http *http)
{
    size_t held = 0;

    LIST_FOREACH (node, &http->all) {
        held += LIST_ITEM(node, struct connection, in_all)->answer.body.capacity;
    }
    return held;
}

static void begin_answer(struct connection *connection)
{
    struct http *http = connection->http;

    (void)event_del(&connection->readable);
    connection->state = RENDERING;
    connection->answer.status = HTTP_STATUS_OK;
    connection->answer.type = "text/plain; charset=utf-8";
    bytes_init(&connection->answer.body, HTTP_ANSWER_MAXIMUM);
    connection->answer_due_ms = loop_now_ms(http->loop) + ANSWER_MS;
    timer_start(&connection->patience, ANSWER_MS);
}

static void on_whole(struct connection *connection)
{
    struct http *http = connection->http;
    const struct http_request *request = &connection->request;
    const struct http_page *page = find_page(http, request->path);
    enum http_status status;
    const char *refusal = refusal_of(connection, &status);

    log_event(LOG_LEVEL_DEBUG, "http", "page=%s", page == NULL ? "-" : page->path);
    if (refusal != NULL) {
        answer_text(connection, status, refusal);
        return;
    }
    if (page == NULL) {
        answer_text(connection, HTTP_STATUS_NOT_FOUND, "no such page; / lists those there are");
        return;
    }
    begin_answer(connection);
    page->answer(http->options.owner, request, &connection->answer);
    on_turn(connection);
}

static void on_request(struct connection *connection)
{
    char buffer[READ_AT_ONCE];
    ssize_t n = recv(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        end(connection);
        return;
    }
    switch (http_request_feed(&connection->request, (struct span){buffer, (size_t)n})) {
    case HTTP_MORE:
        break;
    case HTTP_WHOLE:
        on_whole(connection);
        break;
    case HTTP_REFUSED:
        answer_text(connection, connection->request.status, connection->request.refusal);
        break;
    }
}

/* ---- the answer */

static void write_date(struct bytes *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm utc;

    if (gmtime_r(&now, &utc) != NULL) { /* strftime's names would be those of a locale */
        bytes_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday],
                     utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                     utc.tm_sec);
    }
}

static void write_head(struct connection *connection)
{
    const struct http_answer *answer = &connection->answer;
    struct bytes *head = &connection->head;

    bytes_printf(head, "HTTP/1.1 %d %s\r\n", (int)answer->status, http_status_str(answer->status));
    write_date(head);
    if (answer->status == HTTP_STATUS_METHOD_NOT_ALLOWED) {
        bytes_append_text(head, "Allow: GET, HEAD\r\n");
    }
    bytes_printf(head,
                 "Content-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
                 answer->type, answer->body.length);
    if (connection->request.is_head) {
        bytes_trim(&connection->answer.body, 0);
    }
}

static void begin_writing(struct connection *connection)
{
    connection->state = WRITING;
    write_head(connection);
    timer_start(&connection->patience, UNREAD_MS);
    if (connection->head.failed || event_add(&connection->writable, NULL) < 0) {
        end(connection);
        return;
    }
    writable_cb(connection->fd, EV_WRITE, connection);
}

static void answer_text(struct connection *connection, enum http_status status,
                        const char *sentence)
{
    if (connection->state == READING) {
        begin_answer(connection);
    }
    bytes_trim(&connection->answer.body, 0);
    connection->answer.status = status;
    connection->answer.type = "text/plain; charset=utf-8";
    bytes_printf(&connection->answer.body, "%d %s: %s\n", (int)status, http_status_str(status),
                 sentence);
    begin_writing(connection);
}

/* One more piece of the page, or the page is whole. */
static void on_turn(void *owner)
{
    struct connection *connection = owner;
    struct http_answer *answer = &connection->answer;
    bool has_more = answer->more != NULL && answer->more(answer->work, &answer->body);
    bool is_too_much = answer->body.failed || held_output(connection->http) > HTTP_OUTPUT_MAXIMUM;

    if (has_more && !is_too_much) {
        timer_start(&connection->turn, 0);
        return;
    }
    end_work(answer);
    if (is_too_much) {
        answer_text(connection, HTTP_STATUS_SERVICE_UNAVAILABLE,
                    "there is no room for this answer now; read the ones that are under way");
    } else {
        begin_writing(connection);
    }
}

/* Not sent yet, in up to two parts; how many. */
static int unsent(struct connection *connection, struct iovec *parts)
{
    const struct bytes *pieces[] = {&connection->head, &connection->answer.body};
    size_t skip = connection->sent;
    int count = 0;

    for (int i = 0; i < 2; i++) {
        if (skip < pieces[i]->length) {
            parts[count++] = (struct iovec){pieces[i]->at + skip, pieces[i]->length - skip};
            skip = 0;
        } else {
            skip -= pieces[i]->length;
        }
    }
    return count;
}

static void linger(struct connection *connection)
{
    connection->state = LINGERING;
    (void)event_del(&connection->writable);
    bytes_trim(&connection->answer.body, 0);
    (void)shutdown(connection->fd, SHUT_WR);
    timer_start(&connection->patience, LINGER_MS);
    if (event_add(&connection->readable, NULL) < 0) {
        end(connection);
    }
}

static void on_writable(struct connection *connection)
{
    struct iovec parts[2];
    struct msghdr message = {.msg_iov = parts};
    int64_t left_ms;
    ssize_t n;

    while ((message.msg_iovlen = (size_t)unsent(connection, parts)) > 0) {
        n = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (n < 0) {
            end(connection);
            return;
        }
        connection->sent += (size_t)n;
        left_ms = connection->answer_due_ms - loop_now_ms(connection->http->loop);
        timer_start(&connection->patience, left_ms < UNREAD_MS ? left_ms : UNREAD_MS);
    }
    linger(connection);
}

static void on_lingering(struct connection *connection)
{
    char buffer[READ_AT_ONCE];
    ssize_t n = recv(connection->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    }
    connection->lingered += n > 0 ? (size_t)n : 0;
    if (n <= 0 || connection->lingered > LINGER_BYTES) {
        end(connection);
    }
}

static void readable_cb(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;

    (void)fd;
    (void)what;
    if (connection->state == READING) {
        on_request(connection);
    } else if (connection->state == LINGERING) {
        on_lingering(connection);
    }
}

static void writable_cb(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;

    (void)fd;
    (void)what;
    if (connection->state == WRITING) {
        on_writable(connection);
    }
}
