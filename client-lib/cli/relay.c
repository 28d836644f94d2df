/* SPDX-License-Identifier: MIT */
/*
 * `teploctl connect`: lines from stdin to the broker and back, as they are, across brokers.
 *
 * A broker that is replaced reads what was written to it, answers that, and ends the
 * connection; a write that fails was read by nobody, and its line goes to the next broker.  What
 * was handed over to a broker that died is answered here, as unknown: it is never sent twice.
 */
#include "client-lib/cli/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "client-lib/cli/broker_link.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"

enum {
    PATIENCE_MS = 10000, /* so long a line waits for a broker, unless the user says otherwise */
    BACKOFF_LEAST_MS = 20,
    BACKOFF_MOST_MS = 1000,
};

void relay_end(struct relay *relay, enum exit_status status)
{
    relay->is_over = true;
    relay->status = status;
}

void relay_retry_later(struct relay *relay)
{
    relay->retry_ms = duration_now_ms() + relay->backoff_ms;
    relay->backoff_ms = relay->backoff_ms == 0 ? BACKOFF_LEAST_MS : 2 * relay->backoff_ms;
    if (relay->backoff_ms > BACKOFF_MOST_MS) {
        relay->backoff_ms = BACKOFF_MOST_MS;
    }
}

bool relay_is_ready(const struct relay *relay)
{
    return relay->current >= 0 && relay->links[relay->current].state == RELAY_LINK_OPEN;
}

void relay_lose_current(struct relay *relay)
{
    if (relay_is_ready(relay)) {
        relay->down_since_ms = duration_now_ms();
    }
    relay->current = RELAY_NOWHERE;
    if (relay->host.sent > 0 && relay_host_asks(&relay->host)) {
        relay_asked_settle(&relay->asked, relay->host.message.id); /* nobody has all of it */
    }
    relay->host.sent = 0;
    relay->is_stuck = false;
    relay_retry_later(relay);
}

bool relay_awaits_greeting(const struct relay *relay, struct span id)
{
    return relay_greeting_is_kept(&relay->greeting) &&
           !relay_greeting_is_answered(&relay->greeting) && span_equal(id, relay->greeting.id);
}

/* What went by link NUMBER will not be answered by anybody else. */
static void answer_lost(struct relay *relay, int number)
{
    struct span id;

    while (!span_is_none(id = relay_asked_oldest(&relay->asked, number))) {
        if (relay_awaits_greeting(relay, id)) {
            relay_asked_went(&relay->asked, id, RELAY_NOWHERE);
            continue;
        }
        relay_host_refuse(&relay->host, id, FAILURE_CONNECTION_LOST,
                          "the broker ended while it had the request");
        relay->unanswered++;
        relay_asked_settle(&relay->asked, id);
    }
}

void relay_lose_link(struct relay *relay, int number)
{
    struct relay_link *link = &relay->links[number];
    struct span rest = frame_rest(&link->reader);

    if (relay->host.in < 0 && rest.length > 0 && relay->current != number &&
        list_is_empty(&relay->asked.all)) {
        relay_host_tell(&relay->host, rest, 0); /* no answer can follow it: as it is */
    }
    if (relay->current == number) {
        relay_lose_current(relay);
    }
    relay_link_close(link);
    answer_lost(relay, number);
}

static void finish(struct relay *relay)
{
    bool has_links = false;

    for (int i = 0; i < RELAY_LINKS; i++) {
        has_links = has_links || relay->links[i].state != RELAY_LINK_NONE;
    }
    if (relay->host.out < 0) {
        complaint("stdout was closed: answers of the broker are lost");
        relay_end(relay, STATUS_RESULT_LOST);
    } else if (relay->host.answers.failed) {
        complaint("out of memory: answers of the broker are lost");
        relay_end(relay, STATUS_RESULT_LOST);
    } else if (has_links || relay_up_wants_broker(relay) || relay_host_may_write(&relay->host)) {
        return;
    } else if (relay->unanswered > 0) {
        complaint("OUTCOME UNKNOWN: the broker hung up before it had answered (%u of the requests)",
                  relay->unanswered);
        relay_end(relay, STATUS_UNKNOWN);
    } else if (relay->refused > 0) {
        complaint("the broker hung up, and did not come back (is teplod still running? start it: "
                  "teplod --server NAME=URL)");
        relay_end(relay, STATUS_NO_BROKER);
    } else {
        relay_end(relay, STATUS_OK);
    }
}

/* A host that has ended, with all it said passed on, gets the answers and nothing more. */
static void shut(struct relay *relay)
{
    struct relay_link *link;

    if (relay->current < 0 || relay_up_wants_broker(relay)) {
        return;
    }
    link = &relay->links[relay->current];
    if (link->state != RELAY_LINK_OPEN) {
        relay_lose_link(relay, relay->current);
    } else if (link->own.length == 0) {
        relay_link_shut(link);
        relay->current = RELAY_NOWHERE;
    }
}

static int poll_ms(struct relay *relay)
{
    int64_t end_ms = DURATION_FOREVER;

    if (relay_is_ready(relay)) {
        return -1;
    }
    if (relay->current < 0 && relay_up_wants_broker(relay)) {
        end_ms = relay->retry_ms;
    }
    if (relay_host_has_room(&relay->host) && relay_up_is_waiting(relay) &&
        relay_up_patience_end_ms(relay) < end_ms) {
        end_ms = relay_up_patience_end_ms(relay);
    }
    return duration_poll_ms(end_ms);
}

static void wait_and_move(struct relay *relay)
{
    struct relay_host *host = &relay->host;
    struct pollfd entries[2 + RELAY_LINKS] = {
        {.fd = relay_host_may_read(host) ? host->in : -1, .events = POLLIN},
        {.fd = relay_host_may_write(host) ? host->out : -1, .events = POLLOUT},
    };

    for (int i = 0; i < RELAY_LINKS; i++) {
        struct pollfd *entry = &entries[2 + i];

        entry->events = (short)((relay_down_may_read(relay, i) ? POLLIN : 0) |
                                (relay->is_stuck && relay->current == i ? POLLOUT : 0));
        entry->fd = entry->events == 0 ? -1 : relay->links[i].fd;
    }
    if (poll(entries, 2 + RELAY_LINKS, poll_ms(relay)) < 0) {
        if (errno != EINTR) {
            complaint("poll failed: %s", strerror(errno));
            relay_end(relay, STATUS_UNKNOWN);
        }
        return;
    }
    if (entries[1].revents != 0) {
        relay_host_write(host);
    }
    if (entries[0].revents != 0) {
        relay_host_read(host);
    }
    for (int i = 0; i < RELAY_LINKS; i++) {
        if (entries[2 + i].revents != 0) {
            relay->is_stuck = relay->is_stuck && relay->current != i;
            if ((entries[2 + i].events & POLLIN) != 0) {
                relay_down_read(relay, i);
            }
        }
    }
}

static void turn(struct relay *relay)
{
    for (int i = 0; i < RELAY_LINKS; i++) {
        relay_down_serve(relay, i);
    }
    relay_up_look(relay);
    relay_up_send(relay);
    (void)relay_host_find_line(&relay->host);
    shut(relay);
    finish(relay);
    if (!relay->is_over) {
        wait_and_move(relay);
    }
}

static void relay_init(struct relay *relay, int fd)
{
    relay_host_init(&relay->host);
    relay_asked_init(&relay->asked);
    relay_greeting_init(&relay->greeting);
    for (int i = 0; i < RELAY_LINKS; i++) {
        relay_link_init(&relay->links[i]);
    }
    relay_link_adopt(&relay->links[0], fd);
}

static void relay_done(struct relay *relay)
{
    for (int i = 0; i < RELAY_LINKS; i++) {
        relay_link_close(&relay->links[i]);
    }
    relay_greeting_done(&relay->greeting);
    relay_asked_done(&relay->asked);
    relay_host_done(&relay->host);
}

enum exit_status command_connect(const struct invocation *invocation)
{
    static struct relay relay;
    struct broker_link first;
    enum exit_status status = broker_link_open(&first, invocation, SOCKET_CLIENT, DURATION_FOREVER);

    if (status == STATUS_OK) {
        status = socket_path_find(invocation, SOCKET_CLIENT, &relay.address);
    }
    if (status == STATUS_OK) {
        (void)signal(SIGPIPE, SIG_IGN);
        relay_init(&relay, broker_link_take_fd(&first));
        relay.patience_ms = invocation->timeout_ms < 0 ? PATIENCE_MS : invocation->timeout_ms;
        while (!relay.is_over) {
            turn(&relay);
        }
        status = relay.status;
        relay_done(&relay);
    }
    broker_link_done(&first);
    return status;
}
