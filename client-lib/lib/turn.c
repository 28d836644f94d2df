/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/turn.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "client-lib/lib/answer.h"
#include "client-lib/lib/call.h"
#include "client-lib/lib/reconnect.h"
#include "client-lib/lib/value_text.h"

enum {
    EVENTS = 16,
    FRAMES_A_TURN = 64, /* the program's other work is not kept waiting */
    READS_A_TURN = 64,
    NOTICE_BYTES_MAXIMUM = 16 << 20, /* the same of a handle; one alone may be longer */
    NOTICES_MAXIMUM = 64,            /* of one listen, not taken yet: then the oldest goes */
    LATE_READS = 8,         /* of a link, when a deadline is there: all that its socket can hold */
    MAX_FRAME_LEAST = 1024, /* of any broker: a line of so many bytes is not too long */
};

/* What is left of a turn's share. */
struct share {
    unsigned frames;
    unsigned reads;
};

static void read_link(struct teplo_client *client, struct link *link, struct share *share,
                      int64_t now_ms);

/* ---- what the epoll tells */

static void drain(int fd)
{
    uint64_t count;

    (void)!read(fd, &count, sizeof(count));
}

static void on_event(struct teplo_client *client, struct watch *watch)
{
    switch (watch->kind) {
    case WATCH_WAKE:
        drain(client->wake);
        client->wake_is_set = false;
        break;
    case WATCH_TIMER:
        drain(client->timer);
        client->armed_ms = MONOTONIC_NEVER;
        break;
    case WATCH_LINK:
        ((struct link *)(void *)watch)->is_ready = true;
        break;
    case WATCH_TOKEN:
        call_on_token(client, (struct token_watch *)(void *)watch);
        break;
    }
}

static void run_deadlines(struct teplo_client *client, int64_t now_ms)
{
    for (;;) {
        struct deadline *first = deadlines_first(&client->deadlines);

        if (first == NULL || first->due_ms > now_ms) {
            return;
        }
        call_on_due(client, LIST_ITEM(first, struct call, deadline), now_ms);
    }
}

bool turn_has_more(const struct teplo_client *client)
{
    LIST_FOREACH (node, &client->links) {
        if (LIST_ITEM(node, struct link, in_links)->has_frames) {
            return true;
        }
    }
    return false;
}

/* An answer that is there counts, however late it is looked at: but a flood puts nothing off. */
static void read_before_deadlines(struct teplo_client *client, int64_t now_ms)
{
    const struct deadline *first = deadlines_first(&client->deadlines);

    if (first == NULL || first->due_ms > now_ms) {
        return;
    }
    LIST_FOREACH (node, &client->links) {
        struct link *link = LIST_ITEM(node, struct link, in_links);
        struct share share = {UINT_MAX, LATE_READS};

        if (!link->is_over) {
            read_link(client, link, &share, now_ms);
        }
    }
    reconnect_push(client, now_ms);
    run_deadlines(client, now_ms);
}

void turn_run(struct teplo_client *client)
{
    struct epoll_event events[EVENTS];
    struct share share = {FRAMES_A_TURN, READS_A_TURN};
    int count = epoll_wait(client->epoll, events, EVENTS, 0);
    int64_t now_ms = monotonic_now_ms();

    for (int i = 0; i < count; i++) {
        on_event(client, events[i].data.ptr);
    }
    LIST_FOREACH (node, &client->links) {
        struct link *link = LIST_ITEM(node, struct link, in_links);

        if (link->is_ready || link->has_frames) {
            link->is_ready = false;
            read_link(client, link, &share, now_ms);
        }
    }
    reconnect_push(client, now_ms);
    read_before_deadlines(client, now_ms);
    reconnect_push(client, now_ms);
}

int64_t turn_end_ms(int64_t timeout_ms)
{
    int64_t now_ms = monotonic_now_ms();

    return timeout_ms < 0 || timeout_ms > MONOTONIC_NEVER - now_ms ? MONOTONIC_NEVER
                                                                   : now_ms + timeout_ms;
}

void turn_wait(struct teplo_client *client, int64_t end_ms)
{
    struct pollfd poller = {.fd = client->epoll, .events = POLLIN};
    int64_t left_ms = -1;

    if (end_ms != MONOTONIC_NEVER) {
        left_ms = end_ms - monotonic_now_ms();
        left_ms = left_ms < 0 ? 0 : left_ms;
        left_ms = left_ms > INT_MAX ? INT_MAX : left_ms;
    }
    /* A signal ends it early, as its handler may have fired a token. */
    (void)poll(&poller, 1, (int)left_ms);
}

/* ---- messages */

/* Of a line longer than LEAST that the broker refused, without saying which: it may be CALL's. */
static bool is_suspect(const struct link *link, const struct call *call, uint64_t least)
{
    return !call->is_accepted && link_line_is_begun(link, &call->line) &&
           link_line_length(&call->line) > least;
}

/* The only one of them, or NULL. */
static struct call *only_suspect(const struct link *link, uint64_t least)
{
    struct call *only = NULL;

    LIST_FOREACH (node, &link->sent) {
        struct call *call = LIST_ITEM(node, struct call, in_place);

        if (is_suspect(link, call, least)) {
            if (only != NULL) {
                return NULL;
            }
            only = call;
        }
    }
    return link->longest_dropped > least ? NULL : only;
}

/* No ticket waits for an answer that was meant for it and came without its name. */
static void doubt_all(struct teplo_client *client, struct link *link, uint64_t least, int status,
                      const char *reason)
{
    LIST_FOREACH_SAFE (node, &link->sent) {
        struct call *call = LIST_ITEM(node, struct call, in_place);

        if (is_suspect(link, call, least)) {
            call_doubt(client, call, status, reason);
        }
    }
}

static void on_too_long_a_line(struct teplo_client *client, struct link *link,
                               const struct message *message)
{
    struct call *only = only_suspect(link, MAX_FRAME_LEAST);

    if (only != NULL) {
        answer_read(message, only->answer);
        call_finish(client, only);
        return;
    }
    doubt_all(client, link, MAX_FRAME_LEAST, answer_status(FAILURE_FRAME_TOO_LONG),
              failure_reason(FAILURE_FRAME_TOO_LONG));
}

/* A line was no message for the broker. */
static bool is_about_nonsense(const struct message *message)
{
    int64_t code;

    return message->kind == MESSAGE_ERROR &&
           json_to_int(json_find(message->error, "code"), &code) &&
           (code == RPC_PARSE_ERROR || code == RPC_INVALID_REQUEST);
}

/* What the broker says before it hangs up, or of a line whose id it did not read. */
static void on_unaddressed(struct teplo_client *client, struct link *link,
                           const struct message *message)
{
    enum failure failure = answer_failure(message);

    if (answer_may_repeat(failure)) {
        link->refusal = link->is_proven ? FAILURE_NONE : failure;
    } else if (failure == FAILURE_FRAME_TOO_LONG) {
        on_too_long_a_line(client, link, message);
    } else if (!is_about_nonsense(message)) {
        return;
    } else if (link->spoilt > 0) {
        link->spoilt--;
    } else {
        doubt_all(client, link, 0, TEPLO_E_RPC, "bad_request");
    }
}

/* Somebody is at the other end, and takes requests. */
static void prove(struct teplo_client *client, struct link *link)
{
    if (!link->is_proven) {
        link->is_proven = true;
        /* What it said before it took requests is not about these. */
        link->refusal = FAILURE_NONE;
        LIST_FOREACH (node, &link->sent) {
            call_trust(LIST_ITEM(node, struct call, in_place));
        }
    }
    if (link == client->link) {
        client->failures = 0;
        client->is_wary = false;
        client->trouble.refusal = FAILURE_NONE;
    }
}

static void on_answer(struct teplo_client *client, struct link *link, const struct message *message,
                      int64_t now_ms)
{
    enum failure failure = answer_failure(message);
    int64_t id;
    struct call *call;

    if (span_is_none(message->id)) {
        on_unaddressed(client, link, message);
        return;
    }
    prove(client, link);
    call = json_to_int(message->id, &id) && id > 0 ? call_find(client, (uint64_t)id) : NULL;
    if (call == NULL || call->link != link) {
        link->spoilt -= link->spoilt > 0 && is_about_nonsense(message) ? 1 : 0;
        return; /* of one that was cancelled, or whose time was over */
    }
    /* A broker that is being stopped or is full will soon be another, or have room. */
    if (answer_may_repeat(failure) && call_may_repeat(call, now_ms)) {
        call_hold(client, call, now_ms);
        return;
    }
    answer_read(message, call->answer);
    call_finish(client, call);
}

static void on_progress(struct teplo_client *client, const struct message *message)
{
    int64_t token;
    struct call *call = json_to_int(message_param(message, "progressToken"), &token) && token > 0
                            ? call_find(client, (uint64_t)token)
                            : NULL;
    struct teplo_result *progress;
    struct span params;

    if (call == NULL) {
        return;
    }
    call->is_accepted = true;
    if ((call->flags & TEPLO_F_PROGRESS) == 0 || result_keep(&params, message->params) < 0) {
        return;
    }
    if (call->progress != NULL) {
        /* Only the newest is worth telling. */
        result_replace_json(call->progress, params);
        return;
    }
    progress = result_new((uint64_t)call->ticket, TEPLO_K_PROGRESS);
    if (progress == NULL) {
        result_drop(&params);
        return;
    }
    progress->json = params;
    call->progress = progress;
    client_tell(client, progress);
}

/* Of CALL; NULL: of any. */
static void drop_oldest_notice(struct teplo_client *client, const struct call *call)
{
    LIST_FOREACH (node, &client->done) {
        struct teplo_result *result = LIST_ITEM(node, struct teplo_result, in_done);

        if (result->kind == TEPLO_K_NOTIFICATION &&
            (call == NULL || result->ticket == (uint64_t)call->ticket)) {
            client_untell(client, result);
            teplo_result_free(result);
            return;
        }
    }
}

/* Of a subscriptions/listen. */
static void on_notice(struct teplo_client *client, const struct message *message)
{
    struct span subscription = json_find(message->meta, "io.modelcontextprotocol/subscriptionId");
    int64_t ticket;
    struct call *call = json_to_int(subscription, &ticket) && ticket > 0
                            ? call_find(client, (uint64_t)ticket)
                            : NULL;
    struct teplo_result *notice;

    if (call == NULL || call->nature != REQUEST_LISTENS) {
        return;
    }
    call->losses = 0;
    call->is_accepted = true;
    notice = result_new((uint64_t)call->ticket, TEPLO_K_NOTIFICATION);
    if (notice == NULL || result_keep(&notice->json, message->text) < 0) {
        teplo_result_free(notice);
        return;
    }
    if (call->notices == NOTICES_MAXIMUM) {
        drop_oldest_notice(client, call);
    }
    while (client->notice_bytes > 0 &&
           client->notice_bytes + notice->json.length > NOTICE_BYTES_MAXIMUM) {
        drop_oldest_notice(client, NULL);
    }
    call->notices++;
    client_tell(client, notice);
}

/* False: it is no message. */
static bool on_frame(struct teplo_client *client, struct link *link, struct span frame,
                     int64_t now_ms)
{
    struct message message;
    struct message_fault fault;

    if (message_parse(frame, &value_text_limits, &message, &fault) < 0) {
        return false;
    }
    switch (message.kind) {
    case MESSAGE_RESULT:
    case MESSAGE_ERROR:
        on_answer(client, link, &message, now_ms);
        break;
    case MESSAGE_NOTIFICATION:
        prove(client, link);
        if (json_string_is(message.method, "notifications/progress")) {
            on_progress(client, &message);
        } else {
            on_notice(client, &message);
        }
        break;
    case MESSAGE_REQUEST:
        break; /* the broker has no questions: nobody to answer them */
    }
    return true;
}

/* An answer longer than the maximum.  The broker writes its id first: whose it is can be seen. */
static bool on_too_long(struct teplo_client *client, struct link *link, struct span head)
{
    static const struct result_end end = {TEPLO_E_RESULT_LOST, TEPLO_RESULT_LOST,
                                          "answer_too_long"};
    struct span before = SPAN("{\"jsonrpc\":\"2.0\",\"id\":");
    int64_t id = 0;
    struct call *call;

    if (!span_starts_with(head, before)) {
        return false;
    }
    head.at += before.length;
    head.length -= before.length;
    while (head.length > 0 && head.at[0] >= '0' && head.at[0] <= '9' && id < INT64_MAX / 16) {
        id = id * 10 + (head.at[0] - '0');
        head.at++;
        head.length--;
    }
    if (!span_starts_with(head, SPAN(",\"result\":")) &&
        !span_starts_with(head, SPAN(",\"error\":"))) {
        return false;
    }
    prove(client, link);
    call = call_find(client, (uint64_t)id);
    if (call != NULL && call->link == link) {
        call_end(client, call, &end, "the answer is longer than %lld bytes, the client's maximum",
                 (long long)client->options.max_message);
    }
    return true;
}

static void read_link(struct teplo_client *client, struct link *link, struct share *share,
                      int64_t now_ms)
{
    while (share->frames > 0 && share->reads > 0) {
        struct span frame;
        bool is_fine = true;

        switch (link_read(link, &frame)) {
        case LINK_FRAME:
            share->frames--;
            is_fine = on_frame(client, link, frame, now_ms);
            break;
        case LINK_TOO_LONG:
            share->frames--;
            is_fine = on_too_long(client, link, frame);
            break;
        case LINK_READ:
            share->reads--;
            break;
        case LINK_IDLE:
            return;
        case LINK_OVER:
            reconnect_lost(client, link, RECONNECT_ENDED, now_ms);
            return;
        }
        if (!is_fine) {
            reconnect_lost(client, link, RECONNECT_NONSENSE, now_ms);
            return;
        }
    }
}
