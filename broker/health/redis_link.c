/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "broker/health/redis_backoff.h"
#include "broker/health/redis_pilot.h"
#include "broker/health/redis_reader.h"
#include "broker/runtime/clock.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum {
    PENDING_MAXIMUM = 512,    /* one more closes the link */
    OUTPUT_MAXIMUM = 1 << 20, /* one byte more closes the link */
    INPUT_AT_ONCE = 16384,    /* what is not read yet waits in the kernel */
    SLOW_MS = 1000,
    DEAD_MS = 3000,
    BACKOFF_LAST_MS = 4000,
    BACKOFF_LAST_CHOICE_MS = 1000, /* where sentinels or another node may know better */
    TLS_ALERT = 0x15, /* the first byte of what a TLS port says to those who speak in the open */
};

enum link_state {
#define STATE(name, text, successors) LINK_##name,
#include "broker/health/redis_link_states.def"
#undef STATE
};

enum greeting { GREETING_AUTH, GREETING_SELECT, GREETING_ROLE, GREETING_NAME, GREETING_ASKING };

struct pending {
    unsigned tag; /* the owner's, or an enum greeting */
    bool is_greeting;
    int64_t sent_ms;
};

/*
 * stream and reader are there in GREETING and READY, and only then.  pending holds what is
 * owed: until the deferred `ending` has run, also what a broken connection left behind.
 */
struct redis_link {
    struct loop *loop;
    struct redis_access access;
    char client_name[48];
    const struct redis_link_events *events;
    void *owner;
    enum link_state state;
    struct redis_pilot pilot;   /* busy in CONNECTING, watches in READY */
    struct bufferevent *stream; /* ours */
    bool is_in_transaction;
    bool is_heard; /* something has come */
    bool is_alert; /* and it began as what a TLS port says */
    struct redis_reader reader;
    struct pending pending[PENDING_MAXIMUM];
    size_t first_pending;
    size_t pending_count;
    bool is_slow; /* said so about the oldest pending */
    unsigned failures;
    struct timer retry;
    struct timer deadline;
    struct deferred ending;
    bool is_dropped; /* by the owner, who needs no on_closed */
    enum redis_fault fault;
    char why[384];
    struct reapable reapable;
};

static void on_retry(void *owner);
static void on_connected(void *owner, struct bufferevent *stream);
static void on_not_connected(void *owner, enum redis_fault fault, const char *why);
static void on_switched(void *owner, const char *host);
static void on_quiet(void *owner);
static void on_deadline(void *owner);
static void on_ending(void *owner);
static void greet(struct redis_link *link);
static void on_greeting(struct redis_link *link, enum greeting greeting, const redisReply *reply);
static void fail(struct redis_link *link, enum redis_fault fault, const char *why);
static void reap(void *owner);
static void readable_cb(struct bufferevent *stream, void *arg);
static void stream_cb(struct bufferevent *stream, short what, void *arg);

static const struct redis_pilot_events pilot_events = {on_connected, on_not_connected, on_switched,
                                                       on_quiet};

static void set_state(struct redis_link *link, enum link_state next)
{
    static const struct {
        const char *text;
        unsigned successors;
    } table[] = {
#define BIT(name) (1U << LINK_##name)
#define STATE(name, text, successors) {text, successors},
#include "broker/health/redis_link_states.def"
#undef STATE
#undef BIT
    };

    CHECK((table[link->state].successors & (1U << next)) != 0);
    log_event(LOG_LEVEL_DEBUG, "redis_link", "from=%s to=%s", table[link->state].text,
              table[next].text);
    link->state = next;
}

/* ---- life */

struct redis_link *redis_link_new(struct loop *loop, struct redis_access *access,
                                  const char *client_name, const struct redis_link_events *events,
                                  void *owner)
{
    struct redis_link *link = MEM_NEW(struct redis_link);

    if (link == NULL) {
        return NULL;
    }
    link->loop = loop;
    link->access = *access;
    *access = (struct redis_access){0};
    (void)snprintf(link->client_name, sizeof(link->client_name), "%s", client_name);
    link->events = events;
    link->owner = owner;
    redis_pilot_init(&link->pilot, loop, &link->access, &pilot_events, link);
    timer_init(&link->retry, loop, on_retry, link);
    timer_init(&link->deadline, loop, on_deadline, link);
    deferred_init(&link->ending, loop, on_ending, link);
    timer_start(&link->retry, 0);
    return link;
}

static void close_stream(struct redis_link *link)
{
    timer_stop(&link->deadline);
    link->is_slow = link->is_in_transaction = link->is_heard = link->is_alert = false;
    if (link->stream != NULL) {
        bufferevent_free(link->stream);
        redis_reader_done(&link->reader);
        link->stream = NULL;
    }
}

void redis_link_free(struct redis_link *link)
{
    if (link == NULL || link->state == LINK_CLOSED) {
        return;
    }
    set_state(link, LINK_CLOSED);
    timer_stop(&link->retry);
    deferred_cancel(&link->ending);
    redis_pilot_cancel(&link->pilot);
    close_stream(link);
    link->pending_count = 0;
    on_quiet(link);
}

static void on_quiet(void *owner)
{
    struct redis_link *link = owner;

    if (link->state == LINK_CLOSED && redis_pilot_is_quiet(&link->pilot)) {
        loop_reap(link->loop, &link->reapable, reap, link);
    }
}

static void reap(void *owner)
{
    struct redis_link *link = owner;

    redis_pilot_done(&link->pilot);
    redis_access_done(&link->access);
    mem_free(link);
}

bool redis_link_is_ready(const struct redis_link *link)
{
    return link->state == LINK_READY;
}

const char *redis_link_url(const struct redis_link *link)
{
    return link->access.url.shown;
}

const char *redis_link_place(struct redis_link *link)
{
    return redis_aim_place(&link->pilot.aim);
}

void redis_link_settle(struct redis_link *link)
{
    link->failures = 0;
    redis_aim_worked(&link->pilot.aim);
}

/* ---- connect */

static void on_retry(void *owner)
{
    struct redis_link *link = owner;

    CHECK(link->pending_count == 0);
    set_state(link, LINK_CONNECTING);
    redis_pilot_start(&link->pilot);
}

static void on_not_connected(void *owner, enum redis_fault fault, const char *why)
{
    fail(owner, fault, why);
}

static void on_switched(void *owner, const char *host)
{
    fail(owner, REDIS_FAULT_SWITCHED, host);
}

static void on_connected(void *owner, struct bufferevent *stream)
{
    struct redis_link *link = owner;

    if (redis_reader_init(&link->reader) < 0) {
        bufferevent_free(stream);
        fail(link, REDIS_FAULT_MEMORY, "");
        return;
    }
    link->stream = stream;
    set_state(link, LINK_GREETING);
    bufferevent_setcb(stream, readable_cb, NULL, stream_cb, link);
    bufferevent_setwatermark(stream, EV_READ, 0, INPUT_AT_ONCE);
    if (bufferevent_enable(stream, EV_READ | EV_WRITE) < 0) {
        fail(link, REDIS_FAULT_MEMORY, "");
        return;
    }
    greet(link);
}

/* ---- send */

static int send_as(struct redis_link *link, struct redis_command *command, struct pending pending)
{
    size_t last = (link->first_pending + link->pending_count) % PENDING_MAXIMUM;
    int r =
        link->pending_count == PENDING_MAXIMUM
            ? -ENOBUFS
            : redis_command_append(command, bufferevent_get_output(link->stream), OUTPUT_MAXIMUM);

    if (r < 0) {
        fail(link, r == -ENOMEM ? REDIS_FAULT_MEMORY : REDIS_FAULT_TIMEOUT,
             "too much is unanswered");
        return r;
    }
    /* The turn's time may be some ms old: an answer would seem later than it is. */
    pending.sent_ms = clock_now_ms();
    link->pending[last] = pending;
    link->pending_count++;
    if (!link->deadline.armed) {
        timer_start(&link->deadline, SLOW_MS);
    }
    return 0;
}

/* A transaction is asked for as a whole. */
static int send_asking(struct redis_link *link)
{
    struct redis_command asking;

    if (link->is_in_transaction) {
        return 0;
    }
    redis_command_begin(&asking, "ASKING");
    return send_as(link, &asking, (struct pending){.tag = GREETING_ASKING, .is_greeting = true});
}

static bool is_word(const struct redis_command *command, const char *word)
{
    return command->lengths[0] == strlen(word) &&
           memcmp(command->words[0], word, command->lengths[0]) == 0;
}

int redis_link_send(struct redis_link *link, struct redis_command *command, unsigned tag)
{
    int r = 0;

    if (link->state != LINK_READY) {
        return -ENOTCONN;
    }
    if (redis_aim_is_asking(&link->pilot.aim)) {
        r = send_asking(link);
        link->is_in_transaction =
            is_word(command, "MULTI") || (link->is_in_transaction && !is_word(command, "EXEC"));
    }
    return r < 0 ? r : send_as(link, command, (struct pending){.tag = tag});
}

/* ---- greet */

static void greet_with(struct redis_link *link, struct redis_command *command,
                       enum greeting greeting)
{
    if (link->state == LINK_GREETING) {
        (void)send_as(link, command, (struct pending){.tag = greeting, .is_greeting = true});
    }
}

static void greet(struct redis_link *link)
{
    const struct redis_credentials *credentials = &link->access.credentials;
    struct redis_command command;

    if (credentials->password != NULL || credentials->user != NULL) {
        redis_command_auth(&command, credentials);
        greet_with(link, &command, GREETING_AUTH);
        explicit_bzero(&command, sizeof(command));
    }
    if (link->access.url.database != 0) {
        redis_command_begin(&command, "SELECT");
        redis_command_add_int(&command, link->access.url.database);
        greet_with(link, &command, GREETING_SELECT);
    }
    if (redis_aim_wants_sentinels(&link->pilot.aim)) {
        redis_command_begin(&command, "ROLE");
        greet_with(link, &command, GREETING_ROLE);
    }
    redis_command_begin(&command, "CLIENT SETNAME");
    redis_command_add(&command, link->client_name);
    greet_with(link, &command, GREETING_NAME);
}

/* The last one: all before it went well. */
static void on_named(struct redis_link *link, const redisReply *reply)
{
    enum redis_fault fault =
        reply->type == REDIS_REPLY_ERROR ? redis_fault_of(reply->str) : REDIS_FAULT_NONE;

    /* A server may know no CLIENT SETNAME, or forbid it: the name is only for its CLIENT LIST. */
    if (fault != REDIS_FAULT_NONE && fault != REDIS_FAULT_NOPERM && fault != REDIS_FAULT_UNKNOWN &&
        fault != REDIS_FAULT_OTHER) {
        fail(link, fault, reply->str);
        return;
    }
    set_state(link, LINK_READY);
    redis_pilot_watch(&link->pilot);
    link->events->on_ready(link->owner);
}

/* Sentinels may lead to what was the master a moment ago. */
static void on_role(struct redis_link *link, const redisReply *reply)
{
    const redisReply *role =
        reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 ? reply->element[0] : NULL;

    if (role == NULL || role->type != REDIS_REPLY_STRING) {
        fail(link, REDIS_FAULT_PROTOCOL, "ROLE");
    } else if (strcmp(role->str, "master") != 0) {
        fail(link, REDIS_FAULT_READONLY, "its ROLE is not master; the sentinels are asked again");
    }
}

static void on_greeting(struct redis_link *link, enum greeting greeting, const redisReply *reply)
{
    bool is_error = reply->type == REDIS_REPLY_ERROR;

    if (greeting == GREETING_NAME) {
        on_named(link, reply);
    } else if (is_error) {
        /* Some error replies repeat the words of the command, so AUTH's is never shown. */
        fail(link, redis_fault_of(reply->str), greeting == GREETING_AUTH ? "" : reply->str);
    } else if (greeting == GREETING_ROLE) {
        on_role(link, reply);
    }
}

/* ---- receive */

static void dispatch(struct redis_link *link, const redisReply *reply)
{
    struct pending pending = link->pending[link->first_pending];

    if (link->pending_count == 0) {
        bool is_error = reply->type == REDIS_REPLY_ERROR;

        fail(link, is_error ? redis_fault_of(reply->str) : REDIS_FAULT_PROTOCOL,
             is_error ? reply->str : "a reply to nothing");
        return;
    }
    link->first_pending = (link->first_pending + 1) % PENDING_MAXIMUM;
    link->pending_count--;
    if (pending.is_greeting) {
        on_greeting(link, (enum greeting)pending.tag, reply);
    } else {
        link->events->on_reply(link->owner, pending.tag, reply);
    }
}

static void fail_reading(struct redis_link *link)
{
    if (link->is_alert && link->pilot.target.tls == NULL) {
        fail(link, REDIS_FAULT_TLS, "that is a TLS port; write rediss://, or give the other one");
    } else {
        fail(link, REDIS_FAULT_PROTOCOL, redis_reader_error(&link->reader));
    }
}

/* Whatever the callbacks do, a closed stream ends this. */
static void dispatch_all(struct redis_link *link)
{
    while (link->stream != NULL) {
        redisReply *reply;

        if (redis_reader_next(&link->reader, &reply) < 0) {
            fail_reading(link);
            return;
        }
        if (reply == NULL) {
            return;
        }
        dispatch(link, reply);
        freeReplyObject(reply);
    }
}

static void readable_cb(struct bufferevent *stream, void *arg)
{
    struct redis_link *link = arg;
    struct evbuffer *input = bufferevent_get_input(stream);
    size_t length;

    while (link->stream == stream && (length = evbuffer_get_contiguous_space(input)) > 0) {
        const unsigned char *bytes = evbuffer_pullup(input, (ev_ssize_t)length);

        link->is_alert = link->is_heard ? link->is_alert : bytes[0] == TLS_ALERT;
        link->is_heard = true;
        if (redis_reader_feed(&link->reader, bytes, length) < 0) {
            fail(link, REDIS_FAULT_MEMORY, "");
            return;
        }
        (void)evbuffer_drain(input, length);
        dispatch_all(link);
    }
}

static void stream_cb(struct bufferevent *stream, short what, void *arg)
{
    struct redis_link *link = arg;
    char why[REDIS_DIAL_WHY];
    char more[REDIS_DIAL_WHY + 64];
    enum redis_fault fault = redis_dial_explain(stream, what, &link->pilot.target, why);
    bool may_want_tls = link->state == LINK_GREETING && !link->is_heard &&
                        link->pilot.target.tls == NULL && link->pilot.target.path == NULL;

    (void)snprintf(more, sizeof(more), "%s%s", why,
                   may_want_tls ? " before any answer; a TLS port wants rediss://" : "");
    fail(link, fault, more);
}

static void on_deadline(void *owner)
{
    struct redis_link *link = owner;
    const struct pending *oldest = &link->pending[link->first_pending];
    int64_t age_ms;

    if (link->pending_count == 0) {
        link->is_slow = false;
        return;
    }
    age_ms = clock_now_ms() - oldest->sent_ms;
    if (age_ms >= DEAD_MS) {
        fail(link, REDIS_FAULT_TIMEOUT, "no answer within 3 s");
        return;
    }
    if (age_ms < SLOW_MS) {
        link->is_slow = false;
        timer_start(&link->deadline, SLOW_MS - age_ms);
        return;
    }
    timer_start(&link->deadline, DEAD_MS - age_ms);
    if (!link->is_slow) {
        link->is_slow = true;
        link->events->on_slow(link->owner);
    }
}

/* ---- end of a connection */

/* PAUSE_MS from 1 on: the replies that are owed are given as NULL before the next connect. */
static void end_now(struct redis_link *link, int64_t pause_ms)
{
    redis_pilot_cancel(&link->pilot);
    close_stream(link);
    set_state(link, LINK_WAITING);
    timer_start(&link->retry, pause_ms);
    deferred_schedule(&link->ending);
}

static void end(struct redis_link *link, int64_t pause_ms)
{
    int64_t last_ms =
        redis_aim_has_choice(&link->pilot.aim) ? BACKOFF_LAST_CHOICE_MS : BACKOFF_LAST_MS;

    redis_aim_lost(&link->pilot.aim);
    end_now(link, pause_ms + redis_backoff_ms(link->failures, last_ms));
    link->failures++;
}

static void fail(struct redis_link *link, enum redis_fault fault, const char *why)
{
    if (link->state == LINK_WAITING || link->state == LINK_CLOSED) {
        return;
    }
    link->fault = fault;
    link->is_dropped = false;
    (void)snprintf(link->why, sizeof(link->why), "%s%s%s", redis_fault_row(fault)->text,
                   why[0] == '\0' ? "" : ": ", why);
    end(link, redis_fault_row(fault)->act == REDIS_ACT_CLOSE ||
                      redis_fault_row(fault)->act == REDIS_ACT_MOVE
                  ? redis_fault_row(fault)->pause_ms
                  : 0);
}

void redis_link_drop(struct redis_link *link, int64_t pause_ms)
{
    if (link->state == LINK_WAITING || link->state == LINK_CLOSED) {
        return;
    }
    link->is_dropped = true;
    end(link, pause_ms);
}

int redis_link_move(struct redis_link *link, const char *reply)
{
    int r = redis_aim_move(&link->pilot.aim, reply);

    if (r < 0 || link->state == LINK_WAITING || link->state == LINK_CLOSED) {
        return r;
    }
    link->is_dropped = true;
    log_event(LOG_LEVEL_DEBUG, "redis_moved", "to=%s", redis_aim_place(&link->pilot.aim));
    end_now(link, 1);
    return 0;
}

static void on_ending(void *owner)
{
    struct redis_link *link = owner;

    /* A callback may free the link. */
    while (link->state != LINK_CLOSED && link->pending_count > 0) {
        struct pending pending = link->pending[link->first_pending];

        link->first_pending = (link->first_pending + 1) % PENDING_MAXIMUM;
        link->pending_count--;
        if (!pending.is_greeting) {
            link->events->on_reply(link->owner, pending.tag, NULL);
        }
    }
    if (link->state != LINK_CLOSED && !link->is_dropped) {
        link->events->on_closed(link->owner, link->fault, link->why);
    }
}
