/* SPDX-License-Identifier: MIT */
/* Requests, and their twins that wait. */
#include "client-lib/lib/call.h"
#include "client-lib/lib/client.h"
#include "client-lib/lib/reconnect.h"
#include "client-lib/lib/turn.h"

static int start(struct teplo_client *client, const struct call_wish *wish, uint64_t *ret_ticket)
{
    int r = client_check(client);

    if (r == TEPLO_OK && ret_ticket == NULL) {
        r = client_refuse(client, TEPLO_E_INVAL, "the output is NULL");
    }
    if (r == TEPLO_OK) {
        r = call_start(client, wish, ret_ticket);
    }
    if (r == TEPLO_OK) {
        reconnect_push(client, monotonic_now_ms());
        client_settle(client);
    }
    return r;
}

static struct call_wish tool_wish(const char *tool, const char *arguments, size_t length,
                                  const struct teplo_callopts *callopts)
{
    return (struct call_wish){.method = "tools/call",
                              .tool = tool == NULL ? "" : tool,
                              .body = {arguments, arguments == NULL ? 0 : length},
                              .callopts = callopts};
}

static struct call_wish list_wish(const struct teplo_callopts *callopts)
{
    return (struct call_wish){.method = "tools/list", .callopts = callopts};
}

static struct call_wish method_wish(const char *method, const char *params, size_t length,
                                    const struct teplo_callopts *callopts)
{
    return (struct call_wish){
        .method = method, .body = {params, params == NULL ? 0 : length}, .callopts = callopts};
}

int teplo_call_tool_start(struct teplo_client *client, const char *tool, const char *arguments,
                          size_t length, const struct teplo_callopts *callopts,
                          uint64_t *ret_ticket)
{
    struct call_wish wish = tool_wish(tool, arguments, length, callopts);

    return start(client, &wish, ret_ticket);
}

int teplo_list_tools_start(struct teplo_client *client, const struct teplo_callopts *callopts,
                           uint64_t *ret_ticket)
{
    struct call_wish wish = list_wish(callopts);

    return start(client, &wish, ret_ticket);
}

int teplo_request_start(struct teplo_client *client, const char *method, const char *params,
                        size_t length, const struct teplo_callopts *callopts, uint64_t *ret_ticket)
{
    struct call_wish wish = method_wish(method, params, length, callopts);

    return start(client, &wish, ret_ticket);
}

int teplo_cancel(struct teplo_client *client, uint64_t ticket, const char *reason)
{
    struct call *call;
    int r = client_check(client);

    if (r < 0) {
        return r;
    }
    call = call_find(client, ticket);
    if (call == NULL) {
        return client_refuse(client, TEPLO_E_NOENT, "ticket %llu is over, or was never one",
                             (unsigned long long)ticket);
    }
    call_cancel(client, call, reason);
    reconnect_push(client, monotonic_now_ms());
    client_settle(client);
    return TEPLO_OK;
}

/* ---- waiting */

int teplo_wait(struct teplo_client *client, int64_t timeout_ms)
{
    int64_t end_ms = turn_end_ms(timeout_ms);
    int r = client_check(client);

    while (r == TEPLO_OK && list_is_empty(&client->done)) {
        turn_run(client);
        client_settle(client);
        if (!list_is_empty(&client->done) || monotonic_now_ms() >= end_ms) {
            break;
        }
        turn_wait(client, end_ms);
    }
    return r < 0 ? r : (list_is_empty(&client->done) ? 0 : 1);
}

int teplo_wait_ready(struct teplo_client *client, int64_t timeout_ms)
{
    int64_t end_ms = turn_end_ms(timeout_ms);
    int r = client_check(client);

    if (r < 0) {
        return r;
    }
    client->is_wanted = true;
    for (;;) {
        turn_run(client);
        client_settle_silently(client);
        if (client->link != NULL || monotonic_now_ms() >= end_ms) {
            break;
        }
        turn_wait(client, end_ms);
    }
    client->is_wanted = false;
    client_settle(client);
    if (client->link == NULL) {
        return reconnect_refuse(client);
    }
    return TEPLO_OK;
}

static struct teplo_result *find_answer(const struct teplo_client *client, uint64_t ticket)
{
    LIST_FOREACH (node, &client->done) {
        struct teplo_result *result = LIST_ITEM(node, struct teplo_result, in_done);

        if (result->ticket == ticket && result->kind == TEPLO_K_ANSWER) {
            return result;
        }
    }
    return NULL;
}

/* What is told of TICKET, which nobody but us knows. */
static void drop_events(struct teplo_client *client, uint64_t ticket)
{
    LIST_FOREACH_SAFE (node, &client->done) {
        struct teplo_result *result = LIST_ITEM(node, struct teplo_result, in_done);

        if (result->ticket == ticket) {
            client_untell(client, result);
            teplo_result_free(result);
        }
    }
}

static struct teplo_result *await(struct teplo_client *client, uint64_t ticket)
{
    struct teplo_result *answer;

    while (call_find(client, ticket) != NULL) {
        client_settle_silently(client);
        turn_wait(client, MONOTONIC_NEVER);
        turn_run(client);
    }
    answer = find_answer(client, ticket);
    CHECK(answer != NULL);
    client_untell(client, answer);
    drop_events(client, ticket);
    client_settle(client);
    return answer;
}

static int ask(struct teplo_client *client, struct call_wish *wish,
               struct teplo_result **ret_result)
{
    uint64_t ticket;
    int r = client_check(client);

    if (ret_result == NULL) {
        return r < 0 ? r : client_refuse(client, TEPLO_E_INVAL, "the output is NULL");
    }
    *ret_result = NULL;
    if (r == TEPLO_OK) {
        wish->unwanted_flags = TEPLO_F_PROGRESS;
        r = call_start(client, wish, &ticket);
    }
    if (r == TEPLO_OK) {
        reconnect_push(client, monotonic_now_ms());
        *ret_result = await(client, ticket);
        r = (*ret_result)->status;
    }
    return r;
}

int teplo_call_tool(struct teplo_client *client, const char *tool, const char *arguments,
                    size_t length, const struct teplo_callopts *callopts,
                    struct teplo_result **ret_result)
{
    struct call_wish wish = tool_wish(tool, arguments, length, callopts);

    return ask(client, &wish, ret_result);
}

int teplo_list_tools(struct teplo_client *client, const struct teplo_callopts *callopts,
                     struct teplo_result **ret_result)
{
    struct call_wish wish = list_wish(callopts);

    return ask(client, &wish, ret_result);
}

int teplo_request(struct teplo_client *client, const char *method, const char *params,
                  size_t length, const struct teplo_callopts *callopts,
                  struct teplo_result **ret_result)
{
    struct call_wish wish = method_wish(method, params, length, callopts);

    return ask(client, &wish, ret_result);
}
