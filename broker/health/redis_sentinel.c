/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_sentinel.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/health/redis_command.h"

enum {
    SENTINEL_MS = 2000,     /* for one of them, from its lookup to its answer */
    OUTPUT_MAXIMUM = 16384, /* our commands fit */
};

/* How far one came. */
enum { NOT_REACHED = 1, NO_TLS, ANSWERED };

static void ask_current(struct redis_sentinel *sentinel);
static void on_connected(void *owner, struct bufferevent *stream);
static void on_dial_failed(void *owner, enum redis_fault fault, const char *why);
static void on_dial_quiet(void *owner);
static void on_deadline(void *owner);
static void give_up(struct redis_sentinel *sentinel, unsigned far, const char *why);
static void readable_cb(struct bufferevent *stream, void *arg);
static void stream_cb(struct bufferevent *stream, short what, void *arg);

static const struct redis_dial_events dial_events = {on_connected, on_dial_failed, on_dial_quiet};

void redis_sentinel_init(struct redis_sentinel *sentinel, struct loop *loop,
                         const struct redis_access *access,
                         const struct redis_sentinel_events *events, void *owner)
{
    *sentinel =
        (struct redis_sentinel){.loop = loop, .access = access, .events = events, .owner = owner};
    redis_dial_init(&sentinel->dial, loop, &dial_events, sentinel);
    timer_init(&sentinel->deadline, loop, on_deadline, sentinel);
}

void redis_sentinel_done(struct redis_sentinel *sentinel)
{
    redis_dial_done(&sentinel->dial);
}

bool redis_sentinel_is_quiet(const struct redis_sentinel *sentinel)
{
    return redis_dial_is_quiet(&sentinel->dial);
}

void redis_sentinel_cancel(struct redis_sentinel *sentinel)
{
    timer_stop(&sentinel->deadline);
    redis_dial_cancel(&sentinel->dial);
    if (sentinel->stream != NULL) {
        bufferevent_free(sentinel->stream);
        redis_reader_done(&sentinel->reader);
        sentinel->stream = NULL;
    }
}

static void on_dial_quiet(void *owner)
{
    struct redis_sentinel *sentinel = owner;

    sentinel->events->on_quiet(sentinel->owner);
}

/* ---- ask */

void redis_sentinel_start(struct redis_sentinel *sentinel)
{
    sentinel->asked = 0;
    sentinel->furthest = 0;
    ask_current(sentinel);
}

static const struct redis_node *current_node(const struct redis_sentinel *sentinel)
{
    return &sentinel->access->url.sentinels[sentinel->current];
}

static struct redis_dial_target current_target(const struct redis_sentinel *sentinel)
{
    return (struct redis_dial_target){.host = current_node(sentinel)->host,
                                      .port = current_node(sentinel)->port,
                                      .tls = sentinel->access->url.has_tls ? &sentinel->access->tls
                                                                           : NULL};
}

static void ask_current(struct redis_sentinel *sentinel)
{
    struct redis_dial_target target = current_target(sentinel);

    sentinel->asked++;
    timer_start(&sentinel->deadline, SENTINEL_MS);
    redis_dial_start(&sentinel->dial, &target);
}

static int say(struct redis_sentinel *sentinel, struct redis_command *command)
{
    return redis_command_append(command, bufferevent_get_output(sentinel->stream), OUTPUT_MAXIMUM);
}

static int send_question(struct redis_sentinel *sentinel)
{
    const struct redis_credentials *credentials = &sentinel->access->sentinel;
    struct redis_command command;
    int r = 0;

    sentinel->owed = 0;
    if (credentials->user != NULL || credentials->password != NULL) {
        redis_command_auth(&command, credentials);
        r = say(sentinel, &command);
        explicit_bzero(&command, sizeof(command));
        sentinel->owed++;
    }
    redis_command_begin(&command, "SENTINEL get-master-addr-by-name");
    redis_command_add(&command, sentinel->access->url.master);
    return r < 0 ? r : say(sentinel, &command);
}

static void on_connected(void *owner, struct bufferevent *stream)
{
    struct redis_sentinel *sentinel = owner;

    if (redis_reader_init(&sentinel->reader) < 0) {
        bufferevent_free(stream);
        give_up(sentinel, NOT_REACHED, strerror(ENOMEM));
        return;
    }
    sentinel->stream = stream;
    bufferevent_setcb(stream, readable_cb, NULL, stream_cb, sentinel);
    if (bufferevent_enable(stream, EV_READ | EV_WRITE) < 0 || send_question(sentinel) < 0) {
        give_up(sentinel, NOT_REACHED, strerror(ENOMEM));
    }
}

/* ---- answer */

static void found(struct redis_sentinel *sentinel, const char *host, uint16_t port)
{
    char copy[256];

    (void)snprintf(copy, sizeof(copy), "%s", host); /* the reply goes with the stream */
    redis_sentinel_cancel(sentinel);
    sentinel->current = (sentinel->current + 1) % sentinel->access->url.sentinel_count;
    sentinel->events->on_found(sentinel->owner, copy, port);
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING && strlen(reply->str) < 256 && *reply->str != '\0';
}

static void on_answer(struct redis_sentinel *sentinel, const redisReply *reply)
{
    char why[128];
    long port = 0;

    if (reply->type == REDIS_REPLY_ERROR) {
        give_up(sentinel, ANSWERED, reply->str);
        return;
    }
    if (reply->type == REDIS_REPLY_NIL) {
        (void)snprintf(why, sizeof(why), "it knows no master called %.64s",
                       sentinel->access->url.master);
        give_up(sentinel, ANSWERED, why);
        return;
    }
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && is_text(reply->element[0]) &&
        is_text(reply->element[1])) {
        port = strtol(reply->element[1]->str, NULL, 10);
    }
    if (port < 1 || port > UINT16_MAX) {
        give_up(sentinel, ANSWERED, "that is no sentinel");
        return;
    }
    found(sentinel, reply->element[0]->str, (uint16_t)port);
}

static void on_reply(struct redis_sentinel *sentinel, const redisReply *reply)
{
    if (sentinel->owed == 0) {
        on_answer(sentinel, reply);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        /* Some error replies repeat the words of the command: a password. */
        give_up(sentinel, ANSWERED,
                "user or password are wrong; they come from redis.sentinel_username and "
                "redis.sentinel_password");
    } else {
        sentinel->owed--;
    }
}

static void readable_cb(struct bufferevent *stream, void *arg)
{
    struct redis_sentinel *sentinel = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    redisReply *reply = NULL;
    size_t length;

    while ((length = evbuffer_get_contiguous_space(input)) > 0) {
        if (redis_reader_feed(&sentinel->reader, evbuffer_pullup(input, (ev_ssize_t)length),
                              length) < 0) {
            give_up(sentinel, NOT_REACHED, strerror(ENOMEM));
            return;
        }
        (void)evbuffer_drain(input, length);
    }
    /* Whatever comes of a reply, a closed stream ends this. */
    while (sentinel->stream == stream) {
        if (redis_reader_next(&sentinel->reader, &reply) < 0) {
            give_up(sentinel, ANSWERED, redis_reader_error(&sentinel->reader));
            return;
        }
        if (reply == NULL) {
            return;
        }
        on_reply(sentinel, reply);
        freeReplyObject(reply);
    }
}

/* ---- the next one */

static void give_up(struct redis_sentinel *sentinel, unsigned far, const char *why)
{
    const struct redis_node *node = current_node(sentinel);

    if (far > sentinel->furthest) {
        sentinel->furthest = far;
        (void)snprintf(sentinel->why, sizeof(sentinel->why), "%.64s:%u: %.288s", node->host,
                       node->port, why);
    }
    redis_sentinel_cancel(sentinel);
    sentinel->current = (sentinel->current + 1) % sentinel->access->url.sentinel_count;
    if (sentinel->asked < sentinel->access->url.sentinel_count) {
        ask_current(sentinel);
    } else {
        sentinel->events->on_failed(sentinel->owner, sentinel->why);
    }
}

static void on_dial_failed(void *owner, enum redis_fault fault, const char *why)
{
    give_up(owner, fault == REDIS_FAULT_TLS ? NO_TLS : NOT_REACHED, why);
}

static void on_deadline(void *owner)
{
    give_up(owner, NOT_REACHED, "no answer within 2 s");
}

static void stream_cb(struct bufferevent *stream, short what, void *arg)
{
    struct redis_sentinel *sentinel = arg;
    struct redis_dial_target target = current_target(sentinel);
    char why[REDIS_DIAL_WHY];
    enum redis_fault fault = redis_dial_explain(stream, what, &target, why);

    give_up(sentinel, fault == REDIS_FAULT_TLS ? NO_TLS : NOT_REACHED, why);
}
