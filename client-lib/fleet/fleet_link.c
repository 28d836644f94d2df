/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_link.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/fleet/fleet_dial.h"
#include "client-lib/fleet/fleet_shape.h"
#include "client-lib/fleet/fleet_take.h"
#include "client-lib/fleet/fleet_tls.h"
#include "client-lib/fleet/resp.h"
#include "proto/base/mem.h"

/* Memory that a link keeps between exchanges; bytes asked for at once. */
enum { KEEP = 1 << 20, CHUNK = 65536, SENTINELS_SHARE = 2 };

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
    fleet_tls_free(link->tls);
    link->tls = NULL;
    if (link->fd >= 0) {
        (void)close(link->fd);
        link->fd = -1;
    }
}

static void forget_moved(struct fleet_link *link)
{
    mem_free(link->moved.host);
    link->moved = (struct redis_node){0};
}

void fleet_link_done(struct fleet_link *link)
{
    fleet_link_close(link);
    forget_moved(link);
    bytes_done(&link->in);
}

/* ---- faults */

PRINTF_LIKE(3, 4)
static int fail(struct fleet_link *link, int error, const char *format, ...)
{
    char text[4 * FLEET_LINK_WHY_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    /* Words of the peer may be in it. */
    (void)fleet_clean(link->why, sizeof(link->why), span_of(text));
    fleet_link_close(link);
    return error;
}

/* ---- connecting */

static int greet(struct fleet_link *link, const char *host, int64_t end_ms)
{
    char why[FLEET_TLS_WHY_SIZE] = "";
    int r = -EAGAIN;

    link->tls = fleet_tls_new(link->fd, host, why);
    if (link->tls == NULL) {
        return fail(link, -EPROTO, "%s", why);
    }
    while (r == -EAGAIN) {
        r = fleet_tls_greet(link->tls, why);
        if (r == -EAGAIN) {
            int waited = fleet_dial_await(link->fd, fleet_tls_events(link->tls), end_ms);

            r = waited < 0 ? waited : -EAGAIN;
        }
    }
    if (r == -EPROTO) {
        return fail(link, r, "%s", why);
    }
    return r < 0 ? fail(link, r, "%s does not answer to TLS: is that a TLS port?", host) : 0;
}

static int dial_node(struct fleet_link *link, const struct redis_url *url,
                     const struct redis_node *node, int64_t end_ms)
{
    char why[FLEET_DIAL_WHY_SIZE] = "";

    link->fd = fleet_dial_tcp(node, end_ms, why);
    if (link->fd < 0) {
        int error = link->fd;

        link->fd = -1;
        return fail(link, error, "%s", why);
    }
    return url->has_tls ? greet(link, node->host, end_ms) : 0;
}

static int dial_path(struct fleet_link *link, const char *path, int64_t end_ms)
{
    char why[FLEET_DIAL_WHY_SIZE] = "";

    link->fd = fleet_dial_unix(path, end_ms, why);
    if (link->fd < 0) {
        int error = link->fd;

        link->fd = -1;
        return fail(link, error, "%s", why);
    }
    return 0;
}

/* ---- sentinels */

/* A sentinel's answer: [host, port]. */
static int take_master(struct fleet_link *link, struct span replies, struct redis_node *ret_node)
{
    struct resp_walk walk = resp_walk_of(replies);
    struct resp reply;
    struct span host;
    uint64_t port;

    if (!resp_next(&walk, &reply) || reply.kind != RESP_ARRAY || reply.count != 2) {
        return fail(link, -ENOENT, "the sentinel does not know the master%s%.*s",
                    reply.kind == RESP_ERROR ? ": " : "", (int)reply.text.length,
                    reply.kind == RESP_ERROR ? reply.text.at : "");
    }
    host = fleet_take_text(&walk);
    if (host.length == 0 || host.length > 255 || !fleet_read_count(fleet_take_text(&walk), &port) ||
        port < 1 || port > UINT16_MAX) {
        return fail(link, -EPROTO, "the sentinel's answer is no place");
    }
    ret_node->host = mem_copy_text(host.at, host.length);
    ret_node->port = (uint16_t)port;
    return ret_node->host == NULL ? fail(link, -ENOMEM, "out of memory") : 0;
}

/* Until one knows where the master is. */
static int ask_sentinels(struct fleet_link *link, const struct redis_url *url, int64_t end_ms,
                         struct redis_node *ret_node)
{
    struct bytes command;
    int r = -EHOSTUNREACH;

    bytes_init(&command, 4 * REDIS_URL_MAXIMUM);
    resp_command(&command, 3);
    resp_word(&command, SPAN("SENTINEL"));
    resp_word(&command, SPAN("get-master-addr-by-name"));
    resp_word(&command, span_of(url->master));
    for (size_t i = 0; i < url->sentinel_count && r < 0 && !command.failed; i++) {
        int64_t now_ms = fleet_link_now_ms();
        int64_t until_ms = now_ms + (end_ms - now_ms) / SENTINELS_SHARE;
        struct span replies;

        r = dial_node(link, url, &url->sentinels[i], until_ms);
        if (r == 0) {
            r = fleet_link_exchange(link, bytes_span(&command), 1, until_ms, &replies);
        }
        if (r == 0) {
            r = take_master(link, replies, ret_node);
        }
        fleet_link_close(link);
    }
    bytes_done(&command);
    return r;
}

static int dial_master(struct fleet_link *link, const struct redis_url *url, int64_t end_ms)
{
    struct redis_node master = {0};
    int r = ask_sentinels(link, url, end_ms, &master);

    if (r == 0) {
        r = dial_node(link, url, &master, end_ms);
    }
    mem_free(master.host);
    return r;
}

/* ---- who we are */

/* Behind a comma some errors repeat the words of the command, and one of them is a password. */
static struct span without_words(struct span error)
{
    const char *comma = memchr(error.at, ',', error.length);

    return comma == NULL ? error : (struct span){error.at, (size_t)(comma - error.at)};
}

/*
 * The replies to AUTH, SELECT and PING, of which the last is asked only to be refused: who has not
 * said who he is may not ask long questions, and loses the connection over those.
 */
static int read_welcome(struct fleet_link *link, struct span replies)
{
    struct resp_walk walk = resp_walk_of(replies);
    struct resp reply;

    while (resp_next(&walk, &reply)) {
        if (reply.kind == RESP_ERROR &&
            (walk.at < walk.end || span_starts_with(reply.text, SPAN("NOAUTH")))) {
            link->is_denied = true;
            reply.text = without_words(reply.text);
            return fail(link, -EACCES, "Redis refuses: %.*s", (int)reply.text.length,
                        reply.text.at);
        }
        resp_skip(&walk, &reply);
    }
    return 0;
}

/* AUTH and SELECT, where they are needed, and PING: the number of commands. */
static size_t write_introduction(const struct redis_url *url, struct bytes *out)
{
    size_t count = 0;

    if (url->password != NULL) {
        resp_command(out, url->user == NULL ? 2 : 3);
        resp_word(out, SPAN("AUTH"));
        if (url->user != NULL) {
            resp_word(out, span_of(url->user));
        }
        resp_word(out, span_of(url->password));
        count++;
    }
    if (url->database != 0) {
        resp_command(out, 2);
        resp_word(out, SPAN("SELECT"));
        resp_int(out, url->database);
        count++;
    }
    resp_words(out, "PING");
    return count + 1;
}

static int introduce(struct fleet_link *link, const struct redis_url *url, int64_t end_ms)
{
    struct bytes commands;
    size_t replies;
    struct span answer = SPAN_NONE;
    int r;

    bytes_init(&commands, 8 * REDIS_URL_MAXIMUM);
    replies = write_introduction(url, &commands);
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
    const struct redis_node node = {.host = url->host, .port = url->port};
    bool was_moved = link->moved.host != NULL;
    int r;

    fleet_link_close(link);
    link->is_denied = false;
    if (was_moved) {
        r = dial_node(link, url, &link->moved, end_ms);
    } else if (url->path != NULL) {
        r = dial_path(link, url->path, end_ms);
    } else {
        r = url->sentinel_count > 0 ? dial_master(link, url, end_ms)
                                    : dial_node(link, url, &node, end_ms);
    }
    if (r == 0) {
        r = introduce(link, url, end_ms);
    }
    if (r < 0 && was_moved) {
        forget_moved(link);
    }
    return r;
}

bool fleet_link_follow(struct fleet_link *link, const struct redis_url *url, struct span error)
{
    /* MOVED 3999 127.0.0.1:6381; without a host it is the one that answered. */
    const char *blank = error.length == 0 ? NULL : memrchr(error.at, ' ', error.length);
    const char *colon = error.length == 0 ? NULL : memrchr(error.at, ':', error.length);
    struct span host;
    struct span port;
    uint64_t number;

    if (!span_starts_with(error, SPAN("MOVED ")) || colon == NULL || colon < blank) {
        return false;
    }
    host = (struct span){blank + 1, (size_t)(colon - blank) - 1};
    port = (struct span){colon + 1, error.length - (size_t)(colon - error.at) - 1};
    if (host.length == 0) {
        host = span_of(link->moved.host == NULL ? url->host : link->moved.host);
    }
    if (span_is_none(host) || host.length > 255 || !fleet_read_count(port, &number) || number < 1 ||
        number > UINT16_MAX) {
        return false;
    }
    fleet_link_close(link);
    forget_moved(link);
    link->moved.host = mem_copy_text(host.at, host.length);
    link->moved.port = (uint16_t)number;
    return link->moved.host != NULL;
}

/* ---- an exchange */

static ssize_t put(struct fleet_link *link, struct span bytes)
{
    ssize_t n;

    if (link->tls != NULL) {
        return fleet_tls_write(link->tls, bytes);
    }
    n = send(link->fd, bytes.at, bytes.length, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

static ssize_t get(struct fleet_link *link, char *room, size_t size)
{
    ssize_t n;

    if (link->tls != NULL) {
        return fleet_tls_read(link->tls, room, size);
    }
    n = recv(link->fd, room, size, 0);
    return n < 0 ? -errno : n;
}

/* 1: some has gone, 0: there is no room now. */
static int send_some(struct fleet_link *link, struct span *commands)
{
    ssize_t n = commands->length == 0 ? 0 : put(link, *commands);

    if (n >= 0) {
        commands->at += n;
        commands->length -= (size_t)n;
        return n > 0;
    }
    if (n == -EAGAIN || n == -EINTR) {
        return 0;
    }
    /* What it has said before it closed is still to be read. */
    commands->length = 0;
    return 0;
}

/* An error that came before the end may say why it came. */
static int lost(struct fleet_link *link)
{
    struct resp_walk walk = resp_walk_of(bytes_span(&link->in));
    struct resp said;
    const char *alert = link->tls == NULL ? NULL : fleet_tls_alert(link->tls);

    if (alert != NULL) {
        return fail(link, -EPIPE, "TLS: Redis refuses: %s; does it want $TEPLO_REDIS_CERT?", alert);
    }
    if (link->in.length > 0 && resp_next(&walk, &said) && said.kind == RESP_ERROR) {
        said.text = without_words(said.text);
        if (span_starts_with(said.text, SPAN("NOAUTH"))) {
            /* It hangs up on strangers with long commands. */
            link->is_denied = true;
            return fail(link, -EACCES, "Redis refuses: %.*s", (int)said.text.length, said.text.at);
        }
        return fail(link, -EPIPE, "Redis has closed the connection: %.*s", (int)said.text.length,
                    said.text.at);
    }
    return fail(link, -EPIPE, "Redis has closed the connection");
}

/* 1: some has come, 0: there is nothing now. */
static int receive_some(struct fleet_link *link)
{
    char *room = bytes_reserve(&link->in, CHUNK);
    ssize_t n;

    if (room == NULL) {
        return fail(link, -EMSGSIZE, "Redis answers with more than %d MiB, or memory is out",
                    FLEET_LINK_REPLIES_MAXIMUM >> 20);
    }
    n = get(link, room, CHUNK);
    if (n > 0) {
        bytes_added(&link->in, (size_t)n);
        return 1;
    }
    if (n == -EAGAIN || n == -EINTR) {
        return 0;
    }
    return n == 0 || n == -ECONNRESET
               ? lost(link)
               : fail(link, (int)n, "the connection is lost: %s", strerror((int)-n));
}

static int wait_for_more(struct fleet_link *link, struct span commands, int64_t end_ms)
{
    short events = (short)(POLLIN | (commands.length > 0 ? POLLOUT : 0));
    int r;

    if (link->tls != NULL) {
        events = (short)(events | fleet_tls_events(link->tls));
    }
    r = fleet_dial_await(link->fd, events, end_ms);
    if (r == -ETIMEDOUT) {
        return fail(link, r, "Redis does not answer");
    }
    return r < 0 ? fail(link, r, "the connection cannot be waited for: %s", strerror(-r)) : 0;
}

int fleet_link_exchange(struct fleet_link *link, struct span commands, size_t replies,
                        int64_t end_ms, struct span *ret_replies)
{
    struct resp_scan scan = resp_scan_of(replies);
    bool is_complete = false;

    bytes_trim(&link->in, KEEP);
    while (!is_complete) {
        int sent = send_some(link, &commands);
        int received = receive_some(link);
        int r = received < 0 ? received : 0;

        if (received > 0 && resp_scan_on(&scan, bytes_span(&link->in), &is_complete) < 0) {
            r = fail(link, -EPROTO, "what answers does not speak Redis' protocol");
        }
        if (r == 0 && sent + received == 0) {
            r = wait_for_more(link, commands, end_ms);
        }
        if (r < 0) {
            return r;
        }
    }
    *ret_replies = bytes_span(&link->in);
    return 0;
}
