/* SPDX-License-Identifier: MIT */
/* A relay's way up: which broker takes the host's lines, and what none takes. */
#include <errno.h>

#include "client-lib/cli/duration.h"
#include "client-lib/cli/relay.h"

/* The current link takes no more, and may have answers yet. */
static void leave(struct relay *relay)
{
    struct relay_link *link = &relay->links[relay->current];

    relay_lose_current(relay);
    link->state = RELAY_LINK_LEAVING;
}

static void greet(struct relay *relay, int number)
{
    struct relay_link *link = &relay->links[number];

    relay_greeting_repeat(&relay->greeting, &link->own);
    if (relay_awaits_greeting(relay, relay->greeting.id)) {
        relay_asked_went(&relay->asked, relay->greeting.id, number);
    }
    link->state = RELAY_LINK_GREETING;
}

static void find_broker(struct relay *relay)
{
    for (int i = 0; i < RELAY_LINKS; i++) {
        if (relay->links[i].state == RELAY_LINK_NONE) {
            if (relay_link_open(&relay->links[i], &relay->address) < 0) {
                break;
            }
            relay->current = i;
            greet(relay, i);
            return;
        }
    }
    relay_retry_later(relay); /* nobody is there, or all are leaving: one of them ends first */
}

int64_t relay_up_patience_end_ms(const struct relay *relay)
{
    int64_t from_ms = relay->down_since_ms;

    if (relay->host.has_line && relay->host.since_ms > from_ms) {
        from_ms = relay->host.since_ms;
    }
    return from_ms + relay->patience_ms;
}

static void refuse_line(struct relay *relay, enum failure failure, const char *why)
{
    struct relay_host *host = &relay->host;

    if (relay_host_asks(host)) {
        relay_host_refuse(host, host->message.id, failure, why);
        relay->refused++;
    }
    relay_host_drop_line(host);
}

/* Nobody is there for them: what waits is answered, and so is a greeting under way. */
static void refuse_waiting(struct relay *relay)
{
    static const char why[] = "no broker takes it (is teplod still running?)";

    if (relay_awaits_greeting(relay, relay->greeting.id)) {
        relay_host_refuse(&relay->host, relay->greeting.id, FAILURE_UNAVAILABLE, why);
        relay->refused++;
        relay_asked_settle(&relay->asked, relay->greeting.id);
        relay_greeting_clear(&relay->greeting);
        if (relay->current >= 0) {
            relay_lose_link(relay, relay->current);
        }
    }
    while (relay_host_has_room(&relay->host) && relay_host_find_line(&relay->host)) {
        refuse_line(relay, FAILURE_UNAVAILABLE, why);
    }
}

bool relay_up_is_waiting(struct relay *relay)
{
    return relay_host_find_line(&relay->host) || relay_awaits_greeting(relay, relay->greeting.id);
}

bool relay_up_wants_broker(struct relay *relay)
{
    return relay->host.in >= 0 || relay_up_is_waiting(relay);
}

void relay_up_look(struct relay *relay)
{
    int64_t now_ms = duration_now_ms();

    if (relay->current < 0 && relay_up_wants_broker(relay) && now_ms >= relay->retry_ms) {
        find_broker(relay);
    }
    if (!relay_is_ready(relay) && relay_up_is_waiting(relay) &&
        now_ms >= relay_up_patience_end_ms(relay)) {
        refuse_waiting(relay);
    }
}

/* 1 if the line may go: a request has its place among those asked.  0: not now, or not at all. */
static int ask(struct relay *relay)
{
    struct relay_host *host = &relay->host;
    int r;

    if (host->sent > 0 || !relay_host_asks(host)) {
        return 1;
    }
    r = relay_asked_add(&relay->asked, host->message.id);
    if (r == -ENOMEM) {
        refuse_line(relay, FAILURE_OUT_OF_MEMORY, "or rather, teploctl is");
    }
    return r == 0;
}

/*
 * No answer follows to what the host has cancelled (one that had left already is passed on), so
 * none is made up at the end either.  A greeting cannot be cancelled.
 */
static void heed_cancellation(struct relay *relay)
{
    const struct message *message = &relay->host.message;
    struct span id;

    if (message->kind != MESSAGE_NOTIFICATION ||
        !json_string_is(message->method, "notifications/cancelled")) {
        return;
    }
    id = message_param(message, "requestId");
    if (!span_is_none(id) && !relay_awaits_greeting(relay, id)) {
        relay_asked_settle(&relay->asked, id);
    }
}

/* True while there may be more to do. */
static bool send_line(struct relay *relay)
{
    struct relay_host *host = &relay->host;
    int r;

    if (!ask(relay)) {
        return !host->has_line;
    }
    r = relay_link_send(&relay->links[relay->current], host->line, host->newline, &host->sent);
    if (r == 1) {
        if (relay_host_asks(host)) {
            relay_asked_went(&relay->asked, host->message.id, relay->current);
        }
        if (host->is_message) {
            relay_greeting_sent(&relay->greeting, &host->message);
            heed_cancellation(relay);
        }
        relay_host_drop_line(host);
        return true;
    }
    if (host->sent == 0 && relay_host_asks(host)) {
        relay_asked_settle(&relay->asked, host->message.id); /* it is not asked yet */
    }
    if (r < 0) {
        leave(relay);
    }
    relay->is_stuck = r == 0;
    return false;
}

void relay_up_send(struct relay *relay)
{
    while (relay->current >= 0 && !relay->is_stuck) {
        struct relay_link *link = &relay->links[relay->current];

        if (link->own.length > 0) {
            int r = relay_link_send_own(link);

            relay->is_stuck = r == 0;
            if (r < 0) {
                relay_lose_link(relay, relay->current);
            }
        } else if (link->state != RELAY_LINK_OPEN || !relay_host_find_line(&relay->host) ||
                   !send_line(relay)) {
            return;
        }
    }
}
