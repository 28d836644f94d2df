/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/reconnect.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "client-lib/lib/answer.h"

enum {
    FIRST_DELAY_MS = 5,
    LAST_DELAY_MS = 250,
    LOSSES_MAXIMUM =
        8, /* a request that reads, and each time ends the connection, is no accident */
};

static const char connection_closed[] = "connection_closed";

int64_t reconnect_delay_ms(unsigned failures)
{
    int64_t delay_ms = FIRST_DELAY_MS;
    uint32_t random = 0;

    for (unsigned i = 1; i < failures && delay_ms < LAST_DELAY_MS; i++) {
        delay_ms *= 2;
    }
    delay_ms = delay_ms < LAST_DELAY_MS ? delay_ms : LAST_DELAY_MS;
    /* Not all clients of a broker that comes back at the same moment: the last half is chance. */
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    return delay_ms - delay_ms / 2 + random % (delay_ms / 2 + 1);
}

static bool needs_link(const struct teplo_client *client)
{
    return client->link == NULL && (client->is_wanted || !list_is_empty(&client->queue));
}

bool reconnect_is_good(const struct teplo_client *client)
{
    return client->link != NULL && client->link->is_proven;
}

int64_t reconnect_due_ms(const struct teplo_client *client)
{
    return needs_link(client) ? client->retry_ms : MONOTONIC_NEVER;
}

static void fail(struct teplo_client *client, int error, int64_t now_ms)
{
    int64_t delay_ms = reconnect_delay_ms(++client->failures);
    int64_t most_ms = client->options.reconnect_ms / 2;

    /* Each request that waits sees at least one try of its own. */
    delay_ms = delay_ms < most_ms ? delay_ms : most_ms;
    client->retry_ms = now_ms + (delay_ms < 1 ? 1 : delay_ms);
    client->trouble.error = error;
}

static void try_connect(struct teplo_client *client, int64_t now_ms)
{
    struct trouble *trouble = &client->trouble;
    struct sockaddr_un address;
    struct link *link;
    int r = broker_path_find(&client->path, &address, trouble->path, sizeof(trouble->path));

    if (r == 0) {
        r = link_open(&address, client->epoll, (size_t)client->options.max_message, &link);
    }
    if (r < 0) {
        trouble->refusal = FAILURE_NONE;
        fail(client, -r, now_ms);
        return;
    }
    client->link = link;
    link->is_probed = !client->is_wary;
    link->opened_ms = now_ms;
    /* Until somebody answers: what is known then is that nobody does. */
    trouble->error = ETIMEDOUT;
    list_append(&client->links, &link->in_links);
}

/* A question that costs the broker nothing, and changes nothing. */
static void probe(struct link *link)
{
    request_probe(link_out(link));
    link->is_probed = link_add(link, NULL) == 0;
    link_flush(link);
}

/* After the end of a connection; one that was of use is made again at once. */
static void settle_retry(struct teplo_client *client, bool was_of_use, int64_t now_ms)
{
    fail(client, ECONNRESET, now_ms);
    if (was_of_use) {
        client->failures = 0;
        client->retry_ms = now_ms;
    }
}

/* Those that it has wholly stay with it: a broker that lets its clients go still answers. */
static void retire(struct teplo_client *client, struct link *link, int64_t now_ms)
{
    static const struct result_end end = {TEPLO_E_CLOSED, TEPLO_NOT_EXECUTED, connection_closed};

    client->link = NULL;
    client->is_wary = true;
    settle_retry(client, link->is_proven, now_ms);
    while (!list_is_empty(&link->lines)) {
        struct link_line *line = LIST_ITEM(list_last(&link->lines), struct link_line, in_line);
        struct call *call = LIST_ITEM(line, struct call, line);

        if ((call->flags & TEPLO_F_NO_RETRY) != 0) {
            call_end(client, call, &end, "the broker hung up before it had the whole request");
        } else {
            call_requeue(client, call);
        }
    }
    LIST_FOREACH (node, &client->queue) {
        call_expect_broker(client, LIST_ITEM(node, struct call, in_place), now_ms);
    }
}

/*
 * A broker that is being killed closes its connections before its listening socket: one that is
 * made in between takes all that is written, and nobody ever reads it.  So after the loss of a
 * connection the next has to show that somebody is there.
 */
static bool may_give(const struct teplo_client *client, const struct link *link)
{
    return link->is_proven || !client->is_wary;
}

static void give_all(struct teplo_client *client, int64_t now_ms)
{
    struct link *link = client->link;

    if (!link->is_probed) {
        probe(link);
    }
    do {
        while (may_give(client, link) && !list_is_empty(&client->queue) && !link_is_full(link)) {
            call_give(client, LIST_ITEM(list_first(&client->queue), struct call, in_place), link,
                      now_ms);
        }
        link_flush(link);
    } while (!link->is_shut && !link_is_full(link) && may_give(client, link) &&
             !list_is_empty(&client->queue));
    if (link->is_shut) {
        retire(client, link, now_ms);
    }
}

void reconnect_push(struct teplo_client *client, int64_t now_ms)
{
    /* A broker that takes nobody's requests is met with a back-off: this ends. */
    for (;;) {
        if (needs_link(client) &&
            (client->retry_ms <= now_ms || client->options.reconnect_ms == 0)) {
            try_connect(client, now_ms);
        }
        if (client->link == NULL) {
            return;
        }
        give_all(client, now_ms);
        if (client->link != NULL || client->retry_ms > now_ms || !needs_link(client)) {
            return;
        }
    }
}

/* ---- the end of a link */

/* CALL was given to a link that is over. */
static void judge(struct teplo_client *client, struct call *call, enum reconnect_why why,
                  int64_t now_ms)
{
    struct result_end end = {TEPLO_E_CLOSED, TEPLO_UNKNOWN, connection_closed};
    bool is_in_time = call->give_up_ms > now_ms;
    bool may_repeat = (call->flags & TEPLO_F_NO_RETRY) == 0;

    if (call->link->refusal != FAILURE_NONE || !call_is_handed_over(call)) {
        if (may_repeat && is_in_time) {
            call_requeue(client, call);
        } else {
            reconnect_give_up(client, call);
        }
        return;
    }
    if (call->nature != REQUEST_CALLS && may_repeat && call->losses < LOSSES_MAXIMUM) {
        call_requeue(client, call);
    } else if (why == RECONNECT_NONSENSE) {
        end.status = TEPLO_E_PROTO;
        end.reason = "bad_answer";
        call_end(client, call, &end, "what the broker sent is no JSON-RPC message");
    } else {
        call_end(client, call, &end, "the broker hung up before it answered");
    }
}

void reconnect_lost(struct teplo_client *client, struct link *link, enum reconnect_why why,
                    int64_t now_ms)
{
    link->is_shut = link->is_over = true;
    link->has_frames = false;
    if (client->link == link || link->refusal != FAILURE_NONE) {
        client->trouble.refusal = link->refusal;
    }
    if (client->link == link) {
        client->link = NULL;
        client->is_wary = true;
        settle_retry(client, link->is_proven && why == RECONNECT_ENDED, now_ms);
    }
    while (!list_is_empty(&link->sent)) {
        judge(client, LIST_ITEM(list_last(&link->sent), struct call, in_place), why, now_ms);
    }
    LIST_FOREACH (node, &client->queue) {
        call_expect_broker(client, LIST_ITEM(node, struct call, in_place), now_ms);
    }
}

/* How a request ends for which there is no broker, and WORDS about it. */
static struct result_end explain(const struct trouble *trouble, enum failure refusal,
                                 char words[CLIENT_WORDS_SIZE])
{
    struct result_end end = {TEPLO_E_CONNECT, TEPLO_NOT_EXECUTED, "no_broker"};
    struct bytes text;

    if (refusal != FAILURE_NONE) {
        end.status = answer_status(refusal);
        end.reason = failure_reason(refusal);
        (void)snprintf(words, CLIENT_WORDS_SIZE, "%s", failure_text(refusal));
        return end;
    }
    if (trouble->error == ECONNRESET) {
        end.status = TEPLO_E_CLOSED;
        end.reason = connection_closed;
        (void)snprintf(words, CLIENT_WORDS_SIZE,
                       "the broker at %s hung up before it had the whole request", trouble->path);
        return end;
    }
    if (trouble->error == EMFILE || trouble->error == ENFILE || trouble->error == ENOMEM) {
        end.status = TEPLO_E_NOMEM;
    }
    bytes_init(&text, CLIENT_WORDS_SIZE);
    broker_path_explain(&text, trouble->path, trouble->error);
    (void)snprintf(words, CLIENT_WORDS_SIZE, "%.*s", (int)text.length,
                   text.failed || text.at == NULL ? "" : text.at);
    bytes_done(&text);
    return end;
}

void reconnect_give_up(struct teplo_client *client, struct call *call)
{
    enum failure refusal = call->link == NULL ? client->trouble.refusal : call->link->refusal;
    char words[CLIENT_WORDS_SIZE];
    struct result_end end = explain(&client->trouble, refusal, words);

    /* What a broker refused whole did not run, even where its last byte was taken. */
    end.outcome =
        refusal == FAILURE_NONE || call->losses > 0 ? call_outcome(call) : TEPLO_NOT_EXECUTED;
    call_end(client, call, &end, "%s", words);
}

int reconnect_refuse(struct teplo_client *client)
{
    char words[CLIENT_WORDS_SIZE];
    struct result_end end = explain(&client->trouble, client->trouble.refusal, words);

    return client_refuse(client, end.status == TEPLO_E_NOMEM ? end.status : TEPLO_E_CONNECT, "%s",
                         words);
}

/* One that took nothing may still say why. */
static bool is_needed(const struct teplo_client *client, const struct link *link)
{
    return link == client->link || !list_is_empty(&link->sent) ||
           (!link->is_proven && !link->is_over);
}

void reconnect_reap(struct teplo_client *client)
{
    LIST_FOREACH_SAFE (node, &client->links) {
        struct link *link = LIST_ITEM(node, struct link, in_links);

        if (!is_needed(client, link)) {
            list_remove(&client->links, node);
            link_free(link);
        }
    }
}
