/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "client-lib/lib/call_options.h"
#include "client-lib/lib/cancel_token.h"
#include "client-lib/lib/reconnect.h"
#include "proto/base/mem.h"

enum {
    HELD_BYTES_MAXIMUM = 4 * REQUEST_LINE_MAXIMUM,
    BACKSTOP_MS = 250,    /* the broker's own word on a deadline is better than ours */
    CUTS_MAXIMUM = 8,     /* a request of which no connection ever takes the whole is no accident */
    REASON_MAXIMUM = 512, /* bytes, why a request is cancelled: it is not told else */
    PROVE_MS = 1000,      /* a connection that is there has so long to be proven */
};

static int fill(struct teplo_client *client, struct call *call, const struct call_wish *wish,
                const struct teplo_callopts *options);
static int watch_token(struct teplo_client *client, struct call *call,
                       struct teplo_cancel_token *token);
static void discard(struct teplo_client *client, struct call *call);
static void set_due(struct teplo_client *client, struct call *call);
static void withdraw(struct call *call, const char *reason);

/* ---- beginning */

static struct call *make(struct teplo_client *client, uint64_t ticket)
{
    struct call *call = MEM_NEW(struct call);

    if (call == NULL) {
        return NULL;
    }
    call->ticket = (int64_t)ticket;
    call->deadline_ms = call->give_up_ms = call->hold_ms = MONOTONIC_NEVER;
    bytes_init(&call->text, REQUEST_LINE_MAXIMUM);
    call->answer = result_new(ticket, TEPLO_K_ANSWER);
    if (call->answer == NULL ||
        deadlines_add(&client->deadlines, &call->deadline, MONOTONIC_NEVER) < 0) {
        discard(client, call);
        return NULL;
    }
    return call;
}

static int enter(struct teplo_client *client, struct call *call, const struct call_wish *wish,
                 const struct teplo_callopts *options)
{
    int r = fill(client, call, wish, options);

    if (r == TEPLO_OK && options->cancel != NULL) {
        r = watch_token(client, call, options->cancel);
    }
    if (r == TEPLO_OK && hashmap_add(&client->calls, hashmap_number_key(&call->ticket), call) < 0) {
        r = client_refuse(client, TEPLO_E_NOMEM, "out of memory");
    }
    return r;
}

int call_start(struct teplo_client *client, const struct call_wish *wish, uint64_t *ret_ticket)
{
    uint64_t ticket = client->last_ticket + 1;
    struct teplo_callopts options;
    const char *why;
    struct call *call;
    int r = call_options_read(wish->callopts, client->options.timeout_ms, &options, &why);

    if (r < 0) {
        return client_refuse(client, r, "%s", why);
    }
    options.flags &= ~wish->unwanted_flags;
    if (client->calls.count + client->answers >= (size_t)client->options.max_in_flight) {
        return client_refuse(client, TEPLO_E_AGAIN,
                             "%lld requests are under way, which is the handle's maximum",
                             (long long)client->options.max_in_flight);
    }
    call = make(client, ticket);
    if (call == NULL) {
        return client_refuse(client, TEPLO_E_NOMEM, "out of memory");
    }
    r = enter(client, call, wish, &options);
    if (r < 0) {
        discard(client, call);
        return r;
    }
    client->last_ticket = *ret_ticket = ticket;
    client->text_bytes += call->text.length;
    list_append(&client->queue, &call->in_place);
    if (call->watch != NULL && cancel_token_is_fired(call->watch->token)) {
        call_cancel(client, call, NULL);
    } else {
        set_due(client, call);
    }
    return TEPLO_OK;
}

/* The line, and what the library has to know of it. */
static int fill(struct teplo_client *client, struct call *call, const struct call_wish *wish,
                const struct teplo_callopts *options)
{
    struct request_fault fault = {"the message is longer than 64 MiB"};
    struct request_wish request = {
        .ticket = (uint64_t)call->ticket,
        .method = wish->method,
        .tool = wish->tool,
        .body = wish->body,
        .pool = options->pool == NULL ? client->options.pool : options->pool,
        .client = client->options.client_name == NULL ? "libteplo" : client->options.client_name,
        .call = options->call,
        .meta = {options->meta, options->meta_length},
        .flags = options->flags,
    };
    int64_t now_ms = monotonic_now_ms();
    int r;

    if (wish->method == NULL) {
        return client_refuse(client, TEPLO_E_INVAL, "the method is NULL");
    }
    call->nature = request_nature_of(wish->method);
    call->flags = options->flags;
    if (request.call == NULL && call->nature == REQUEST_CALLS &&
        uuid_make(call->answer->call) == 0) {
        request.call = call->answer->call;
    } else if (request.call != NULL) {
        (void)snprintf(call->answer->call, sizeof(call->answer->call), "%s", request.call);
    }
    r = request_begin(&request, &call->text, &fault);
    if (r < 0) {
        return client_refuse(client, r, "%s", r == TEPLO_E_NOMEM ? teplo_strerror(r) : fault.text);
    }
    if (client->text_bytes + call->text.length > HELD_BYTES_MAXIMUM) {
        return client_refuse(client, TEPLO_E_AGAIN, "the requests under way have %zu bytes",
                             client->text_bytes);
    }
    if (options->timeout_ms != TEPLO_NO_DEADLINE) {
        call->deadline_ms = now_ms + options->timeout_ms;
    }
    if (!reconnect_is_good(client)) {
        call->give_up_ms = now_ms + client->options.reconnect_ms;
    }
    return TEPLO_OK;
}

struct call *call_find(const struct teplo_client *client, uint64_t ticket)
{
    int64_t number = (int64_t)ticket;

    return hashmap_find(&client->calls, hashmap_number_key(&number));
}

/* ---- tokens */

static struct token_watch *find_watch(const struct teplo_client *client,
                                      const struct teplo_cancel_token *token)
{
    LIST_FOREACH (node, &client->tokens) {
        struct token_watch *watch = LIST_ITEM(node, struct token_watch, in_tokens);

        if (watch->token == token) {
            return watch;
        }
    }
    return NULL;
}

static struct token_watch *make_watch(struct teplo_client *client, struct teplo_cancel_token *token)
{
    struct token_watch *watch = MEM_NEW(struct token_watch);

    if (watch == NULL) {
        return NULL;
    }
    watch->watch.kind = WATCH_TOKEN;
    list_init(&watch->calls);
    if (watch_control(client->epoll, EPOLL_CTL_ADD, cancel_token_fd(token), &watch->watch,
                      EPOLLIN) < 0) {
        mem_free(watch);
        return NULL;
    }
    watch->token = token;
    cancel_token_ref(token);
    list_append(&client->tokens, &watch->in_tokens);
    return watch;
}

static int watch_token(struct teplo_client *client, struct call *call,
                       struct teplo_cancel_token *token)
{
    struct token_watch *watch = find_watch(client, token);

    if (!cancel_token_is_own(token)) {
        return client_refuse(client, TEPLO_E_FORKED,
                             "the cancel token belongs to the process that this one was forked "
                             "from; make another");
    }
    watch = watch == NULL ? make_watch(client, token) : watch;
    if (watch == NULL) {
        return client_refuse(client, TEPLO_E_NOMEM, "no memory to wait for the cancel token");
    }
    call->watch = watch;
    list_append(&watch->calls, &call->in_watch);
    return TEPLO_OK;
}

/* The epoll may still have told of it in this turn: it is freed when that is over. */
static void leave_watch(struct teplo_client *client, struct call *call)
{
    struct token_watch *watch = call->watch;

    if (watch == NULL) {
        return;
    }
    call->watch = NULL;
    list_remove(&watch->calls, &call->in_watch);
    if (list_is_empty(&watch->calls)) {
        list_remove(&client->tokens, &watch->in_tokens);
        list_append(&client->dead_tokens, &watch->in_tokens);
        if (client->pid == getpid()) {
            /* In a child of fork the epoll is the parent's. */
            (void)watch_control(client->epoll, EPOLL_CTL_DEL, cancel_token_fd(watch->token),
                                &watch->watch, 0);
        }
    }
}

void call_reap_tokens(struct teplo_client *client)
{
    struct list_node *node;

    while ((node = list_take_first(&client->dead_tokens)) != NULL) {
        struct token_watch *watch = LIST_ITEM(node, struct token_watch, in_tokens);

        teplo_cancel_token_unref(watch->token);
        mem_free(watch);
    }
}

void call_on_token(struct teplo_client *client, struct token_watch *watch)
{
    if (!cancel_token_is_fired(watch->token)) {
        return;
    }
    while (!list_is_empty(&watch->calls)) {
        struct call *call = LIST_ITEM(list_first(&watch->calls), struct call, in_watch);

        call_cancel(client, call, NULL);
    }
}

/* ---- under way */

bool call_may_repeat(const struct call *call, int64_t now_ms)
{
    return (call->flags & TEPLO_F_NO_RETRY) == 0 &&
           (call->refusals == 0 || call->patience_ms > now_ms);
}

bool call_is_handed_over(const struct call *call)
{
    return call->link != NULL && call->line.in_line.on == NULL;
}

enum teplo_outcome call_outcome(const struct call *call)
{
    return call_is_handed_over(call) || call->losses > 0 ? TEPLO_UNKNOWN : TEPLO_NOT_EXECUTED;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_due(struct teplo_client *client, struct call *call)
{
    int64_t due_ms = call->deadline_ms;

    if (call->link == NULL) {
        due_ms = earlier(due_ms, earlier(call->give_up_ms, call->hold_ms));
    } else if (due_ms != MONOTONIC_NEVER) {
        due_ms += BACKSTOP_MS;
    }
    deadlines_move(&client->deadlines, &call->deadline, due_ms);
}

static void time_out(struct teplo_client *client, struct call *call)
{
    enum teplo_outcome outcome = call_outcome(call);
    const struct result_end end = {TEPLO_E_TIMEOUT, outcome, "timeout"};

    if (client->link == NULL && call->link == NULL && client->trouble.error != 0) {
        call_end(client, call, &end, "the deadline passed while there was no broker at %s",
                 client->trouble.path);
    } else {
        call_end(client, call, &end, "%s",
                 outcome == TEPLO_UNKNOWN ? "no answer came before the deadline"
                                          : "the deadline passed before it could be sent");
    }
}

void call_give(struct teplo_client *client, struct call *call, struct link *link, int64_t now_ms)
{
    static const struct result_end no_memory = {TEPLO_E_NOMEM, TEPLO_NOT_EXECUTED, "out_of_memory"};
    int64_t left_ms = call->deadline_ms == MONOTONIC_NEVER ? -1 : call->deadline_ms - now_ms;

    if (call->deadline_ms <= now_ms) {
        time_out(client, call);
        return;
    }
    request_finish(bytes_span(&call->text), left_ms, link_out(link));
    if (link_add(link, &call->line) < 0) {
        struct result_end end = no_memory;

        end.outcome = call_outcome(call);
        call_end(client, call, &end, "out of memory");
        return;
    }
    list_remove(&client->queue, &call->in_place);
    list_append(&link->sent, &call->in_place);
    call->link = link;
    call->is_accepted = false;
    if (link->is_proven) {
        call_trust(call);
    }
    set_due(client, call);
}

void call_trust(struct call *call)
{
    if (call->cuts < CUTS_MAXIMUM) {
        call->give_up_ms = MONOTONIC_NEVER;
    }
}

/* Out of its link, which need not be over. */
static void leave_link(struct call *call)
{
    struct link *link = call->link;

    if (call->line.in_line.on != NULL && !link_take_back(link, &call->line)) {
        list_remove(&link->lines, &call->line.in_line);
    }
    list_remove(&link->sent, &call->in_place);
    call->link = NULL;
}

void call_requeue(struct teplo_client *client, struct call *call)
{
    if (!call_is_handed_over(call)) {
        call->cuts += call->link->is_proven ? 1 : 0;
    } else if (call->link->refusal == FAILURE_NONE) {
        call->losses++;
    }
    leave_link(call);
    list_prepend(&client->queue, &call->in_place);
    call_expect_broker(client, call, monotonic_now_ms());
}

void call_expect_broker(struct teplo_client *client, struct call *call, int64_t now_ms)
{
    if (call->give_up_ms == MONOTONIC_NEVER) {
        call->give_up_ms = now_ms + client->options.reconnect_ms;
    }
    set_due(client, call);
}

void call_hold(struct teplo_client *client, struct call *call, int64_t now_ms)
{
    leave_link(call);
    list_append(&client->held, &call->in_place);
    if (call->refusals++ == 0) {
        call->patience_ms = now_ms + client->options.reconnect_ms;
    }
    call->hold_ms = now_ms + reconnect_delay_ms(call->refusals);
    set_due(client, call);
}

/* For how long a request waits for LINK, which may be NULL. */
static int64_t patience_with(const struct link *link)
{
    if (link == NULL) {
        return 0;
    }
    return link->is_proven ? MONOTONIC_NEVER : link->opened_ms + PROVE_MS;
}

void call_on_due(struct teplo_client *client, struct call *call, int64_t now_ms)
{
    if (call->link != NULL || call->deadline_ms <= now_ms) {
        withdraw(call, "the deadline passed");
        time_out(client, call);
        return;
    }
    if (call->hold_ms <= now_ms) {
        call->hold_ms = MONOTONIC_NEVER;
        list_remove(&client->held, &call->in_place);
        list_append(&client->queue, &call->in_place);
        if (!reconnect_is_good(client)) {
            call_expect_broker(client, call, now_ms);
        }
    } else if (call->give_up_ms <= now_ms) {
        call->give_up_ms = patience_with(client->link);
        if (call->give_up_ms <= now_ms) {
            reconnect_give_up(client, call);
            return;
        }
    }
    set_due(client, call);
}

/* ---- ending */

/* Best effort: what does not fit is not told, and the late answer is dropped all the same. */
static void tell_cancelled(struct call *call, const char *reason)
{
    struct link *link = call->link;

    /* A line too long would be refused, and cancel nothing. */
    if (reason != NULL && strnlen(reason, REASON_MAXIMUM + 1) > REASON_MAXIMUM) {
        reason = NULL;
    }
    if (!link->is_shut) {
        request_cancel((uint64_t)call->ticket, reason, link_out(link));
        (void)!link_add(link, NULL);
    }
}

/* It has no link any more and will not run; or it was handed over, and the broker is told. */
static void withdraw(struct call *call, const char *reason)
{
    struct link *link = call->link;
    bool is_begun;

    if (link == NULL) {
        return;
    }
    is_begun = link_line_is_begun(link, &call->line);
    link_drop(link, &call->line);
    if (call_is_handed_over(call)) {
        tell_cancelled(call, reason);
    } else if (link_take_back(link, &call->line)) {
        link->spoilt += is_begun ? 1 : 0;
        list_remove(&link->sent, &call->in_place);
        call->link = NULL;
    } else {
        /* The rest of its line goes on. */
        list_remove(&link->lines, &call->line.in_line);
        tell_cancelled(call, reason);
    }
}

/* Out of every list of the handle, and freed. */
static void discard(struct teplo_client *client, struct call *call)
{
    if (call->link != NULL) {
        leave_link(call);
    } else if (call->in_place.on != NULL) {
        list_remove(call->in_place.on, &call->in_place);
    }
    if (hashmap_find(&client->calls, hashmap_number_key(&call->ticket)) == call) {
        (void)hashmap_take(&client->calls, hashmap_number_key(&call->ticket));
        client->text_bytes -= call->text.length;
    }
    leave_watch(client, call);
    deadlines_remove(&client->deadlines, &call->deadline);
    teplo_result_free(call->answer);
    bytes_done(&call->text);
    mem_free(call);
}

void call_free(struct teplo_client *client, struct call *call)
{
    discard(client, call);
}

void call_finish(struct teplo_client *client, struct call *call)
{
    client_tell(client, call->answer);
    call->answer = NULL;
    discard(client, call);
}

void call_end(struct teplo_client *client, struct call *call, const struct result_end *end,
              const char *format, ...)
{
    char words[CLIENT_WORDS_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    result_fail(call->answer, end, "%s", words);
    call_finish(client, call);
}

void call_doubt(struct teplo_client *client, struct call *call, int status, const char *reason)
{
    struct result_end end = {status, TEPLO_NOT_EXECUTED, reason};

    withdraw(call, "a request was refused, and not said which");
    end.outcome = call_outcome(call);
    call_end(client, call, &end,
             "the broker refused a request and did not say which; it may be this one");
}

void call_cancel(struct teplo_client *client, struct call *call, const char *reason)
{
    struct result_end end = {TEPLO_E_CANCELLED, TEPLO_NOT_EXECUTED, "cancelled"};

    withdraw(call, reason);
    end.outcome = call_outcome(call);
    call_end(client, call, &end, "%s",
             end.outcome == TEPLO_UNKNOWN ? "cancelled after it was sent; the broker was told"
                                          : "cancelled before it was sent");
}
