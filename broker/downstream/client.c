/* SPDX-License-Identifier: MIT */
/* Called by the listeners' owner; calls routing/requester with frames, and channel with lines. */
#include "broker/downstream/client.h"

#include <sys/socket.h>
#include <unistd.h>

#include "broker/runtime/log.h"
#include "proto/base/mem.h"

static enum channel_take on_frame(struct channel *channel, struct span frame);
static void on_bad_frame(struct channel *channel, struct span head, const char *what);
static void on_mute(struct channel *channel);
static void on_input(struct channel *channel);
static bool is_quiet(struct channel *channel);
static void on_closed(struct channel *channel, enum channel_end end);
static void on_line(void *owner, struct span line);
static void on_broken(void *owner);
static void on_fewer(void *owner);
static void on_bereft(void *owner);

static const struct channel_events channel_events = {on_frame, on_bad_frame, on_mute,
                                                     on_input, is_quiet,     on_closed};
static const struct requester_events requester_events = {on_line, on_broken, on_fewer, on_bereft};
static const char *const end_names[] = {[CHANNEL_GONE] = "gone",
                                        [CHANNEL_SLOW] = "slow_reader",
                                        [CHANNEL_MUTE] = "hello_timeout",
                                        [CHANNEL_FAILED] = "failed",
                                        [CHANNEL_CLOSED] = "closed"};

static struct client *of(struct channel *channel)
{
    return LIST_ITEM(channel, struct client, channel);
}

void clients_init(struct clients *clients, struct loop *loop, struct router *router,
                  const struct clients_options *options)
{
    *clients = (struct clients){.loop = loop,
                                .router = router,
                                .limits = options->limits,
                                .on_gone = options->on_gone,
                                .owner = options->owner};
    list_init(&clients->all);
    deferred_init(&clients->look_now, loop, clients_on_look, clients);
    timer_init(&clients->look_again, loop, clients_on_look, clients);
}

void clients_set_limits(struct clients *clients, const struct clients_limits *limits)
{
    clients->limits = *limits;
    LIST_FOREACH (node, &clients->all) {
        struct client *client = LIST_ITEM(node, struct client, in_clients);

        channel_set_limits(&client->channel, &limits->channel);
        on_fewer(client); /* or more may wait */
    }
}

/* A refusal that a client can read, before the door closes. */
static void refuse(struct clients *clients, int fd)
{
    struct failure_report report = failure_report_of(FAILURE_MAX_CLIENTS, "raise max_clients");
    struct bytes line;

    clients->refused_total++;
    if (clients->refused_total == 1 || clients->refused_total % 1000 == 0) {
        log_event(LOG_LEVEL_WARN, "client_refused", "why=max_clients limit=%zu n=%llu",
                  clients->limits.maximum, (unsigned long long)clients->refused_total);
    }
    bytes_init(&line, 4096);
    reply_failure(&line, SPAN_NONE, &report);
    bytes_append_char(&line, '\n');
    if (!line.failed) {
        (void)!send(fd, line.at, line.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    bytes_done(&line);
    (void)close(fd);
}

void clients_accept(struct clients *clients, int fd, const char *route)
{
    struct client *client;

    if (clients->all.count >= clients->limits.maximum) {
        refuse(clients, fd);
        return;
    }
    client = MEM_NEW(struct client);
    if (client == NULL) {
        (void)close(fd);
        return;
    }
    if (channel_init(&client->channel, clients->loop, fd, &clients->limits.channel,
                     &channel_events) < 0) {
        mem_free(client);
        return;
    }
    client->number = ++clients->accepted_total;
    client->clients = clients;
    client->accepted_at_ms = loop_now_ms(clients->loop);
    requester_init(&client->requester, clients->router,
                   &(struct requester_origin){route, client->channel.peer}, &requester_events,
                   client);
    list_append(&clients->all, &client->in_clients);
    log_event(LOG_LEVEL_DEBUG, "client_accepted", "client=%llu uid=%u pid=%d",
              (unsigned long long)client->number, client->channel.peer.uid, client->channel.pid);
}

size_t clients_waiting(const struct clients *clients)
{
    size_t waiting = 0;

    LIST_FOREACH (node, &clients->all) {
        waiting += requester_waiting(&LIST_ITEM(node, struct client, in_clients)->requester);
    }
    return waiting;
}

void clients_finish_quiet(struct clients *clients)
{
    LIST_FOREACH_SAFE (node, &clients->all) {
        struct client *client = LIST_ITEM(node, struct client, in_clients);

        if (requester_waiting(&client->requester) == 0) {
            channel_finish(&client->channel);
        }
    }
}

void clients_hand_over(struct clients *clients)
{
    LIST_FOREACH (node, &clients->all) {
        channel_hand_over(&LIST_ITEM(node, struct client, in_clients)->channel);
    }
}

void clients_close_all(struct clients *clients)
{
    timer_stop(&clients->look_again);
    deferred_cancel(&clients->look_now);
    LIST_FOREACH_SAFE (node, &clients->all) {
        channel_close(&LIST_ITEM(node, struct client, in_clients)->channel);
    }
}

static enum channel_take on_frame(struct channel *channel, struct span frame)
{
    client_was_heard(of(channel));
    return requester_on_frame(&of(channel)->requester, frame) == REQUESTER_IS_FULL ? CHANNEL_HELD
                                                                                   : CHANNEL_TOOK;
}

static void on_mute(struct channel *channel)
{
    requester_on_mute(&of(channel)->requester);
}

static void on_bad_frame(struct channel *channel, struct span head, const char *what)
{
    client_was_heard(of(channel));
    requester_on_bad_frame(&of(channel)->requester, head, what);
}

static bool is_quiet(struct channel *channel)
{
    return requester_waiting(&of(channel)->requester) == 0;
}

static void on_input(struct channel *channel)
{
    clients_watch_memory(of(channel)->clients);
}

static void on_line(void *owner, struct span line)
{
    struct client *client = owner;

    channel_send(&client->channel, line);
    clients_watch_memory(client->clients);
}

static void on_broken(void *owner)
{
    struct client *client = owner;

    channel_give_up(&client->channel);
}

static void on_fewer(void *owner)
{
    struct client *client = owner;

    if (!requester_is_full(&client->requester)) {
        channel_release(&client->channel, CHANNEL_HOLD_REQUESTS);
    }
    channel_settle(&client->channel);
}

static void on_bereft(void *owner)
{
    struct client *client = owner;

    channel_finish(&client->channel);
}

static void reap(void *owner)
{
    struct client *client = owner;

    channel_done(&client->channel);
    mem_free(client);
}

static void on_closed(struct channel *channel, enum channel_end end)
{
    struct client *client = of(channel);
    struct clients *clients = client->clients;
    size_t unanswered = requester_waiting(&client->requester);

    log_event(end == CHANNEL_SLOW || end == CHANNEL_FAILED || end == CHANNEL_MUTE ? LOG_LEVEL_WARN
                                                                                  : LOG_LEVEL_DEBUG,
              "client_closed", "client=%llu name=%s why=%s unanswered=%zu calls=%llu",
              (unsigned long long)client->number, log_quote(client->requester.name), end_names[end],
              unanswered, (unsigned long long)client->requester.calls_total);
    requester_done(&client->requester);
    list_remove(&clients->all, &client->in_clients);
    loop_reap(clients->loop, &client->reapable, reap, client);
    clients->on_gone(clients->owner);
}
