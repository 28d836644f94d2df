/* SPDX-License-Identifier: MIT */
/* Called by requester.c; starts errands, asks the catalog, waits for a first session. */
#include "broker/routing/request.h"

#include <errno.h>

#include "broker/routing/conclusion.h"
#include "broker/routing/greeting.h"
#include "broker/routing/listen.h"
#include "broker/runtime/clock.h"
#include "proto/base/mem.h"

static void on_answer(void *owner, const struct message *answer);
static void on_progress(void *owner, const struct message *notice);
static void on_failed(void *owner, const struct failure_report *report);
static void on_sending(void *owner);
static void on_list(struct catalog_waiter *waiter, struct span result);
static void on_list_error(struct catalog_waiter *waiter, struct span error);
static void on_list_failed(struct catalog_waiter *waiter, const struct failure_report *report);
static void on_session(struct pool_waiter *waiter, struct session *session);
static void on_refused(struct pool_waiter *waiter, enum failure failure, const char *detail);
static void on_timer(void *owner);
static void fail_greeting(struct request *request, enum failure failure, const char *detail);

static const struct errand_events errand_events = {on_answer, on_progress, on_failed, on_sending};

struct request *request_new(struct requester *requester, struct route *route,
                            const struct message *message, enum mcp_method method, enum mcp_era era)
{
    struct request *request = MEM_NEW(struct request);

    if (request == NULL) {
        return NULL;
    }
    bytes_init(&request->text, message->text.length);
    bytes_append_span(&request->text, message->text);
    if (!request->text.failed) {
        request->message = *message;
        message_move(&request->message, request->text.at);
    }
    if (request->text.failed ||
        hashmap_add(&requester->requests, request->message.id, request) < 0) {
        bytes_done(&request->text);
        mem_free(request);
        return NULL;
    }
    request->requester = requester;
    request->route = route;
    request->method = method;
    request->era = era;
    request->errand.state = ERRAND_OVER;
    request->started_ms = loop_now_ms(router_loop(requester->router));
    request->begun_us = clock_now_us();
    timer_init(&request->timer, router_loop(requester->router), on_timer, request);
    requester->calls_total++;
    requester->text_bytes += request->text.capacity;
    requester->listens_asked += method == MCP_SUBSCRIPTIONS_LISTEN ? 1 : 0;
    return request;
}

static void reap(void *owner)
{
    struct request *request = owner;

    bytes_done(&request->text);
    mem_free(request);
}

void request_finish(struct request *request)
{
    struct requester *requester = request->requester;

    CHECK(request->errand.state == ERRAND_OVER && request->record == NULL &&
          request->list.in_entry.on == NULL && request->session.in_waiters.on == NULL);
    timer_stop(&request->timer);
    conclusion_of_request(request);
    if (request->kind == REQUEST_LISTEN) {
        requester->listens--;
    }
    requester->text_bytes -= request->text.capacity;
    requester->listens_asked -= request->method == MCP_SUBSCRIPTIONS_LISTEN ? 1 : 0;
    requester_forget(requester, request->message.id);
    loop_reap(router_loop(requester->router), &request->reapable, reap, request);
    requester->events->on_fewer(requester->owner);
}

/* Out of whatever it waits in. */
static void withdraw(struct request *request, enum abandon how)
{
    switch (request->kind) {
    case REQUEST_CALL:
        errand_abandon(&request->errand, how);
        return;
    case REQUEST_LIST:
        catalog_withdraw(&request->list);
        return;
    case REQUEST_GREETING:
        pool_withdraw(route_pool(request->route), &request->session);
        return;
    case REQUEST_LISTEN:
        return;
    }
}

/* It is withdrawn, and nobody waits for it any more. */
static void leave_record(struct request *request, enum record_leave why)
{
    struct record *record = request->record;

    request->record = NULL;
    if (record != NULL) {
        record_leave(record, why, request->errand.uncertain);
    }
}

void request_cancel(struct request *request)
{
    withdraw(request, ABANDON_AND_CANCEL);
    leave_record(request, RECORD_CLIENT_CANCELLED);
    request->end.result = CALL_RESULT_CANCELLED;
    request_finish(request);
}

void request_orphan(struct request *request)
{
    enum orphan_policy policy =
        route_orphan_policy(request->route, &request->message, request->method);

    withdraw(request, policy == ORPHAN_CANCEL ? ABANDON_AND_CANCEL : ABANDON_SILENTLY);
    leave_record(request, RECORD_CLIENT_GONE);
    request->end.result = CALL_RESULT_CLIENT_GONE;
    request_finish(request);
}

void request_fail(struct request *request, const struct failure_report *report)
{
    struct failure_report told = *report;

    if (request->kind == REQUEST_CALL &&
        (request->errand.state == ERRAND_SENT || request->errand.uncertain != FAILURE_NONE)) {
        told.failure = FAILURE_DRAIN_DEADLINE; /* what has left may have run */
    }
    withdraw(request, ABANDON_SILENTLY);
    request_answer_failure(request, &told);
}

bool request_is_waiting(const struct request *request)
{
    return request->kind != REQUEST_CALL || request->errand.state == ERRAND_WAITING;
}

void request_deny(struct request *request, const char *why)
{
    struct failure_report report = failure_report_of(FAILURE_DENIED, why);

    report.upstream = route_name(request->route);
    switch (request->kind) {
    case REQUEST_CALL:
        errand_refuse(&request->errand, FAILURE_DENIED, why);
        return;
    case REQUEST_GREETING:
        withdraw(request, ABANDON_SILENTLY);
        fail_greeting(request, FAILURE_DENIED, why);
        return;
    case REQUEST_LIST:
    case REQUEST_LISTEN:
        withdraw(request, ABANDON_SILENTLY);
        request_answer_failure(request, &report);
        return;
    }
}

/* ---- answers */

/* Before the client is told: who reads the ledger later must not know less than it did. */
static void end_record(struct request *request, enum failure failure)
{
    struct record *record = request->record;

    if (record != NULL && record->witness.is_waiting) {
        /* The client has its answer; the server may still tell more. */
        leave_record(request, RECORD_CLIENT_GONE);
        return;
    }
    request->record = NULL;
    if (record != NULL) {
        record_end(record, failure);
    }
}

static void answer_too_large(struct request *request)
{
    struct failure_report report = failure_report_of(FAILURE_TOO_LARGE, NULL);

    report.upstream = route_name(request->route);
    request_answer_failure(request, &report);
}

/* `{"jsonrpc":"2.0","id":ID,"MEMBER":` in the scratch. */
static struct bytes *begin_answer(const struct request *request, const char *member)
{
    struct bytes *out = router_scratch(request->requester->router);

    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    bytes_append_span(out, request->message.id);
    bytes_printf(out, ",\"%s\":", member);
    return out;
}

static void end_answer(struct request *request, struct bytes *out)
{
    bytes_append_char(out, '}');
    if (out->failed) {
        answer_too_large(request);
        return;
    }
    end_record(request, FAILURE_NONE);
    requester_send(request->requester, out);
    request_finish(request);
}

static void append_as_is(struct bytes *out, struct span value)
{
    struct splice splice;

    splice_init(&splice, value);
    splice_write(&splice, out);
}

void request_answer_result(struct request *request, struct span result)
{
    struct bytes *out = begin_answer(request, "result");

    if (request->era == MCP_ERA_MODERN) {
        mcp_result_to_modern(result, request->method, out);
    } else {
        append_as_is(out, result);
    }
    end_answer(request, out);
}

static void answer_error(struct request *request, struct span error)
{
    struct bytes *out = begin_answer(request, "error");

    request->end.result = CALL_RESULT_RPC_ERROR;
    (void)!json_to_int(json_find(error, "code"), &request->end.rpc_code);
    if (request->era == MCP_ERA_MODERN) {
        mcp_error_to_modern(error, out);
    } else {
        append_as_is(out, error);
    }
    end_answer(request, out);
}

void request_answer_failure(struct request *request, const struct failure_report *report)
{
    struct bytes *out = router_scratch(request->requester->router);
    struct failure_report told = *report;

    told.call = request->record == NULL ? NULL : request->record->text;
    request->end =
        (struct request_end){.result = call_result_of(report->failure), .failure = report->failure};
    route_count_failure(request->route, report->failure);
    if (request->method == MCP_TOOLS_CALL && failure_outcome(report->failure) == OUTCOME_UNKNOWN &&
        route_unknown_form(request->route) == UNKNOWN_IS_TOOL_ERROR) {
        reply_tool_failure(out, request->message.id, &told,
                           request->era == MCP_ERA_MODERN ? "\"resultType\":\"complete\"," : "");
    } else {
        reply_failure(out, request->message.id, &told);
    }
    end_record(request, report->failure);
    requester_send(request->requester, out);
    request_finish(request);
}

/* ---- calls */

/* No record, no call: REASON is record_new's. */
static void refuse_record(struct request *request, int reason)
{
    struct bytes *out = router_scratch(request->requester->router);
    struct failure_report report =
        failure_report_of(reason == -ENOMEM ? FAILURE_OUT_OF_MEMORY : FAILURE_LEDGER_FULL, NULL);

    request->end.result = CALL_RESULT_NOT_EXECUTED;
    if (reason == -EINVAL) {
        request->end.rpc_code = RPC_INVALID_PARAMS;
        reply_refusal(out, request->message.id, RPC_INVALID_PARAMS,
                      SPAN("_meta[\"dev.teplo/call\"] is not a UUID"));
    } else if (reason == -EEXIST) {
        request->end.rpc_code = RPC_INVALID_REQUEST;
        reply_refusal(out, request->message.id, RPC_INVALID_REQUEST,
                      SPAN("a call with this _meta[\"dev.teplo/call\"] is still under way"));
    } else {
        report.stage = "queued";
        report.upstream = route_name(request->route);
        request_answer_failure(request, &report);
        return;
    }
    requester_send(request->requester, out);
    request_finish(request);
}

/* What the server may have done when it was lost; on a session of one's own tasks too. */
static bool may_write(const struct request *request)
{
    enum mcp_route route = mcp_method_route(request->method);

    return route == MCP_ROUTE_PASS || route == MCP_ROUTE_SHARED;
}

/* 0 also if the call needs no record. */
static int enter_record(struct request *request)
{
    struct ledger *ledger = router_ledger(request->requester->router);
    int r;

    if (ledger == NULL || !may_write(request)) {
        return 0;
    }
    r = record_new(ledger, mcp_own_meta(&request->message, "call"), request->requester->peer.uid,
                   route_name(request->route), &request->record);
    if (r == 0) {
        _Static_assert(sizeof(request->call) == sizeof(request->record->text), "the id fits");
        memcpy(request->call, request->record->text, sizeof(request->call));
    }
    return r;
}

void request_pass(struct request *request)
{
    struct errand_limits limits =
        route_limits_of(request->route, &request->message, request->method);
    int r = enter_record(request);

    limits.party = request->requester->party;
    request->kind = REQUEST_CALL;
    if (r < 0) {
        refuse_record(request, r);
        return;
    }
    route_totals(request->route)->calls_total++;
    errand_start(&request->errand, route_pool(request->route), &request->message, &limits,
                 &errand_events, request);
    request->errand.witness = request->record == NULL ? NULL : &request->record->witness;
}

static void on_sending(void *owner)
{
    struct request *request = owner;

    if (request->record != NULL) {
        record_sending(request->record);
    }
}

/* The list is whole: a client is given what it may call. */
static void answer_tools(struct request *request, struct span list)
{
    struct failure_report report = failure_report_of(FAILURE_OUT_OF_MEMORY, NULL);
    struct bytes shown;

    bytes_init(&shown, list.length + 1);
    access_filter_tools(route_access(request->route), list, &shown);
    if (shown.failed) {
        report.upstream = route_name(request->route);
        request_answer_failure(request, &report);
    } else {
        request_answer_result(request, bytes_span(&shown));
    }
    bytes_done(&shown);
}

/* RESULT is the server's, or the catalog's. */
static void give_result(struct request *request, struct span result)
{
    if (request->method == MCP_TOOLS_LIST &&
        !access_allows_every_tool(route_access(request->route))) {
        answer_tools(request, result);
    } else {
        request_answer_result(request, result);
    }
}

static void on_answer(void *owner, const struct message *answer)
{
    struct request *request = owner;

    if (answer->kind == MESSAGE_ERROR) {
        answer_error(request, answer->error);
        return;
    }
    if (request->method == MCP_TOOLS_CALL &&
        json_kind_of(json_find(answer->result, "isError")) == JSON_TRUE) {
        request->end.result = CALL_RESULT_TOOL_ERROR;
    }
    give_result(request, answer->result);
}

static void on_progress(void *owner, const struct message *notice)
{
    struct request *request = owner;
    struct bytes *out;
    struct splice splice;

    if (span_is_none(request->message.progress_token)) {
        return;
    }
    out = router_scratch(request->requester->router);
    splice_init(&splice, notice->text);
    splice_replace(&splice, message_param(notice, "progressToken"),
                   request->message.progress_token);
    splice_write(&splice, out);
    if (out->failed) {
        return; /* the next one tells more */
    }
    requester_send(request->requester, out);
}

static void on_failed(void *owner, const struct failure_report *report)
{
    struct request *request = owner;

    router_report(request->requester->router, route_name(request->route), "call_failed",
                  failure_reason(report->failure), failure_text(report->failure));
    request_answer_failure(request, report);
}

/* ---- lists */

void request_list(struct request *request)
{
    struct errand_limits limits =
        route_limits_of(request->route, &request->message, request->method);

    request->kind = REQUEST_LIST;
    /* The fetch is everybody's: it goes on, page by page, and only this one stops waiting. */
    timer_start(&request->timer,
                limits.deadline_ms > 0 ? limits.deadline_ms : limits.call_timeout_max_ms);
    request->list = (struct catalog_waiter){
        .on_list = on_list, .on_error = on_list_error, .on_failed = on_list_failed};
    catalog_ask(route_catalog(request->route), catalog_kind_of(request->method), &request->list);
}

static void on_list(struct catalog_waiter *waiter, struct span result)
{
    give_result(LIST_ITEM(waiter, struct request, list), result);
}

static void on_list_error(struct catalog_waiter *waiter, struct span error)
{
    answer_error(LIST_ITEM(waiter, struct request, list), error);
}

static void on_list_failed(struct catalog_waiter *waiter, const struct failure_report *report)
{
    request_answer_failure(LIST_ITEM(waiter, struct request, list), report);
}

/* ---- greetings */

void request_greet(struct request *request)
{
    struct errand_limits limits =
        route_limits_of(request->route, &request->message, request->method);
    int64_t wait_ms = limits.queue_timeout_ms;

    request->kind = REQUEST_GREETING;
    request->session.on_session = on_session;
    request->session.on_refused = on_refused;
    request->session.party_number = request->requester->party;
    request->session.bytes = request->text.length;
    if (limits.deadline_ms > 0 && limits.deadline_ms < wait_ms) {
        wait_ms = limits.deadline_ms;
    }
    timer_start(&request->timer, wait_ms);
    pool_acquire(route_pool(request->route), &request->session);
}

static void on_session(struct pool_waiter *waiter, struct session *session)
{
    struct request *request = LIST_ITEM(waiter, struct request, session);

    (void)session;
    timer_stop(&request->timer);
    if (request->method == MCP_SUBSCRIPTIONS_LISTEN) {
        listen_acknowledge(request);
    } else {
        greeting_answer(request);
    }
}

static void fail_greeting(struct request *request, enum failure failure, const char *detail)
{
    struct failure_report report = {
        .failure = failure,
        .detail = detail,
        .stage = "connecting",
        .upstream = route_name(request->route),
        .attempts = 0,
        .waited_ms = -1,
        .elapsed_ms = loop_now_ms(router_loop(request->requester->router)) - request->started_ms,
        .retry_after_ms = pool_retry_after_ms(route_pool(request->route))};

    if (request->method == MCP_INITIALIZE) {
        /* The client may try again on the same connection. */
        request->requester->era = REQUESTER_OPEN;
    }
    request_answer_failure(request, &report);
}

static void on_refused(struct pool_waiter *waiter, enum failure failure, const char *detail)
{
    fail_greeting(LIST_ITEM(waiter, struct request, session), failure, detail);
}

static void fail_list(struct request *request)
{
    struct failure_report report =
        failure_report_of(FAILURE_TIMEOUT, "the list did not come by the deadline");

    report.stage = "sent";
    report.upstream = route_name(request->route);
    catalog_withdraw(&request->list);
    request_answer_failure(request, &report);
}

static void on_timer(void *owner)
{
    struct request *request = owner;
    const struct transport_end *last = pool_last_failure(route_pool(request->route));

    if (request->kind == REQUEST_LIST) {
        fail_list(request);
        return;
    }
    pool_withdraw(route_pool(request->route), &request->session);
    fail_greeting(request, last == NULL ? FAILURE_QUEUE_TIMEOUT : FAILURE_UNAVAILABLE,
                  last == NULL ? NULL : last->detail);
}
