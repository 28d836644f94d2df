/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client-lib/lib/call.h"
#include "client-lib/lib/reconnect.h"
#include "client-lib/lib/turn.h"
#include "proto/base/mem.h"

static void init(struct teplo_client *client)
{
    client->pid = getpid();
    client->epoll = client->timer = client->wake = -1;
    client->timer_watch.kind = WATCH_TIMER;
    client->wake_watch.kind = WATCH_WAKE;
    client->armed_ms = MONOTONIC_NEVER;
    list_init(&client->links);
    hashmap_init(&client->calls);
    list_init(&client->queue);
    list_init(&client->held);
    list_init(&client->tokens);
    list_init(&client->dead_tokens);
    list_init(&client->done);
    options_init(&client->options);
}

static int open_descriptors(struct teplo_client *client)
{
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    client->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->epoll < 0 || client->timer < 0 || client->wake < 0 ||
        watch_control(client->epoll, EPOLL_CTL_ADD, client->timer, &client->timer_watch, EPOLLIN) <
            0 ||
        watch_control(client->epoll, EPOLL_CTL_ADD, client->wake, &client->wake_watch, EPOLLIN) <
            0) {
        return -errno;
    }
    return 0;
}

int teplo_open(const struct teplo_options *options, struct teplo_client **ret_client)
{
    struct teplo_client *client;
    struct broker_path_wish wish = {0};

    if (ret_client == NULL) {
        return TEPLO_E_INVAL;
    }
    client = MEM_NEW(struct teplo_client);
    if (client == NULL) {
        return TEPLO_E_NOMEM;
    }
    init(client);
    if (options_copy(&client->options, options) < 0 || open_descriptors(client) < 0) {
        teplo_close(client);
        return TEPLO_E_NOMEM;
    }
    wish.socket = client->options.socket;
    broker_path_init(&client->path, &wish);
    client->is_wanted = true;
    reconnect_push(client, monotonic_now_ms());
    client->is_wanted = false;
    client_settle(client);
    *ret_client = client;
    return TEPLO_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* Nothing is written, and nothing is asked of the epoll: in a child of fork both are the parent's.
 */
void teplo_close(struct teplo_client *client)
{
    struct list_node *node;
    struct call *call;

    if (client == NULL) {
        return;
    }
    while ((call = hashmap_any(&client->calls)) != NULL) {
        call_free(client, call);
    }
    call_reap_tokens(client);
    while ((node = list_take_first(&client->done)) != NULL) {
        teplo_result_free(LIST_ITEM(node, struct teplo_result, in_done));
    }
    while ((node = list_take_first(&client->links)) != NULL) {
        link_free(LIST_ITEM(node, struct link, in_links));
    }
    close_fd(client->epoll);
    close_fd(client->timer);
    close_fd(client->wake);
    hashmap_done(&client->calls);
    deadlines_done(&client->deadlines);
    options_done(&client->options);
    mem_free(client);
}

int client_check(struct teplo_client *client)
{
    if (client == NULL) {
        return TEPLO_E_INVAL;
    }
    if (client->pid != getpid()) {
        return client_refuse(client, TEPLO_E_FORKED,
                             "the handle belongs to process %lld, which this one was forked from; "
                             "open another",
                             (long long)client->pid);
    }
    return TEPLO_OK;
}

int client_refuse(struct teplo_client *client, int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(client->words, sizeof(client->words), format, arguments);
    va_end(arguments);
    return status;
}

const char *teplo_errmsg(const struct teplo_client *client)
{
    return client == NULL ? "the client is NULL" : client->words;
}

int teplo_fd(const struct teplo_client *client)
{
    if (client == NULL) {
        return TEPLO_E_INVAL;
    }
    return client->pid == getpid() ? client->epoll : TEPLO_E_FORKED;
}

/* ---- between two calls of the program */

static void set_wake(struct teplo_client *client, bool is_set)
{
    uint64_t count = 1;

    if (is_set == client->wake_is_set) {
        return;
    }
    client->wake_is_set = is_set;
    if (is_set) {
        (void)!write(client->wake, &count, sizeof(count));
    } else {
        (void)!read(client->wake, &count, sizeof(count));
    }
}

/* Never later than DUE_MS.  An earlier time that came to nothing stays: it costs one turn. */
static void arm(struct teplo_client *client, int64_t due_ms)
{
    struct itimerspec when = {0};

    if (due_ms >= client->armed_ms) {
        return;
    }
    client->armed_ms = due_ms;
    due_ms = due_ms < 1 ? 1 : due_ms;
    when.it_value.tv_sec = (time_t)(due_ms / 1000);
    when.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000;
    (void)timerfd_settime(client->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

void client_settle_silently(struct teplo_client *client)
{
    const struct deadline *first = deadlines_first(&client->deadlines);
    int64_t due_ms = reconnect_due_ms(client);

    if (first != NULL && first->due_ms < due_ms) {
        due_ms = first->due_ms;
    }
    call_reap_tokens(client);
    reconnect_reap(client);
    arm(client, due_ms);
    set_wake(client, turn_has_more(client));
}

void client_settle(struct teplo_client *client)
{
    client_settle_silently(client);
    set_wake(client, turn_has_more(client) || !list_is_empty(&client->done));
}

void client_tell(struct teplo_client *client, struct teplo_result *result)
{
    list_append(&client->done, &result->in_done);
    client->answers += result->kind == TEPLO_K_ANSWER ? 1 : 0;
    client->notice_bytes += result->kind == TEPLO_K_NOTIFICATION ? result->json.length : 0;
}

void client_untell(struct teplo_client *client, struct teplo_result *result)
{
    struct call *call = call_find(client, result->ticket);

    list_remove(&client->done, &result->in_done);
    client->answers -= result->kind == TEPLO_K_ANSWER ? 1 : 0;
    client->notice_bytes -= result->kind == TEPLO_K_NOTIFICATION ? result->json.length : 0;
    if (call != NULL && call->progress == result) {
        call->progress = NULL;
    }
    if (call != NULL && result->kind == TEPLO_K_NOTIFICATION) {
        call->notices--;
    }
}

/* ---- the event loop */

int teplo_dispatch(struct teplo_client *client)
{
    int r = client_check(client);

    if (r < 0) {
        return r;
    }
    turn_run(client);
    client_settle(client);
    return list_is_empty(&client->done) ? 0 : 1;
}

int teplo_next(struct teplo_client *client, uint64_t *ret_ticket, enum teplo_kind *ret_kind,
               struct teplo_result **ret_result)
{
    struct list_node *first;
    struct teplo_result *result;
    int r = client_check(client);

    if (r < 0) {
        return r;
    }
    if (ret_ticket == NULL || ret_kind == NULL || ret_result == NULL) {
        return client_refuse(client, TEPLO_E_INVAL, "an output is NULL");
    }
    first = list_first(&client->done);
    if (first == NULL) {
        return 0;
    }
    result = LIST_ITEM(first, struct teplo_result, in_done);
    client_untell(client, result);
    *ret_ticket = result->ticket;
    *ret_kind = result->kind;
    *ret_result = result;
    if (list_is_empty(&client->done)) {
        set_wake(client, turn_has_more(client));
    }
    return 1;
}
