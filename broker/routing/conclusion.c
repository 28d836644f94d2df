/* SPDX-License-Identifier: MIT */
#include "broker/routing/conclusion.h"

#include <stdio.h>

#include "broker/routing/journal.h"
#include "broker/runtime/clock.h"

/* What went wrong, as meters tell operations apart; NULL: nothing.  ROOM is for a number. */
static const char *error_type(const struct timeline *timeline, const char *error_class, char *room,
                              size_t size)
{
    switch (timeline->result) {
    case CALL_RESULT_OK:
        return NULL;
    case CALL_RESULT_TOOL_ERROR:
    case CALL_RESULT_CANCELLED:
    case CALL_RESULT_CLIENT_GONE:
        return call_result_name(timeline->result);
    case CALL_RESULT_RPC_ERROR:
    case CALL_RESULT_NOT_EXECUTED:
    case CALL_RESULT_UNKNOWN:
    case CALL_RESULT_RESULT_LOST:
    case CALL_RESULT_COUNT:
        break;
    }
    if (error_class != NULL) {
        return error_class;
    }
    (void)snprintf(room, size, "%lld", (long long)timeline->rpc_code);
    return room;
}

static void count(struct route_totals *totals, const struct timeline *timeline)
{
    if (timeline->attempts > 1) {
        totals->retries_total += (uint64_t)(timeline->attempts - 1);
    }
    if (timeline->sent_us > 0) {
        totals->use_us_sum += (uint64_t)(timeline->done_us - timeline->sent_us);
    }
    switch (timeline->result) {
    case CALL_RESULT_OK:
        totals->ok_total++;
        break;
    case CALL_RESULT_TOOL_ERROR:
        totals->tool_err_total++;
        break;
    case CALL_RESULT_RPC_ERROR:
        totals->rpc_err_total++;
        break;
    case CALL_RESULT_NOT_EXECUTED:
    case CALL_RESULT_UNKNOWN:
    case CALL_RESULT_RESULT_LOST:
    case CALL_RESULT_CANCELLED:
    case CALL_RESULT_CLIENT_GONE:
    case CALL_RESULT_COUNT:
        return;
    }
    totals->last_ok_ms = timeline->done_us / 1000;
}

void conclusion_note(struct route *route, const struct timeline *timeline)
{
    char room[OPERATION_ERROR_SIZE];
    const char *error_class = NULL;

    if (timeline->failure != FAILURE_NONE) {
        error_class = route_error_class(route, timeline->failure, timeline->begun_us / 1000);
    }
    if (error_class != NULL && strcmp(error_class, "breaker") == 0) {
        /* The last error stays its cause. */
        route_totals(route)->by_class[ERROR_CLASS_breaker]++;
    }
    if (timeline->kind == TIMELINE_CALL) {
        count(route_totals(route), timeline);
    }
    route_totals(route)->cancelled_total += timeline->result == CALL_RESULT_CANCELLED ? 1 : 0;
    meters_note_call(route_meters(route), timeline->done_us / 1000, timeline,
                     error_type(timeline, error_class, room, sizeof(room)));
    if (timeline->kind != TIMELINE_LOCAL || timeline->result != CALL_RESULT_OK) {
        journal_add(router_journal(route_router(route)), route_name(route), error_class, timeline);
    }
}

void conclusion_of_request(const struct request *request)
{
    struct timeline timeline = {.kind =
                                    request->kind == REQUEST_CALL ? TIMELINE_CALL : TIMELINE_LOCAL,
                                .begun_us = request->begun_us,
                                .done_us = clock_now_us(),
                                .client = request->requester->party,
                                .result = request->end.result,
                                .failure = request->end.failure,
                                .rpc_code = request->end.rpc_code};

    if (request->kind == REQUEST_LISTEN) {
        return;
    }
    timeline_describe(&timeline, &request->message, request->method);
    errand_fill(&request->errand, &timeline);
    memcpy(timeline.call, request->call, sizeof(timeline.call));
    conclusion_note(request->route, &timeline);
}

void conclusion_of_denied(const struct requester *requester, const struct message *message,
                          struct route *route)
{
    int64_t now_us = clock_now_us();
    struct timeline timeline = {.kind = TIMELINE_LOCAL,
                                .begun_us = now_us,
                                .done_us = now_us,
                                .client = requester->party,
                                .result = CALL_RESULT_NOT_EXECUTED,
                                .failure = FAILURE_DENIED};

    timeline_describe(&timeline, message, mcp_find_method(message->method));
    conclusion_note(route, &timeline);
}
