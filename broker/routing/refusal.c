/* SPDX-License-Identifier: MIT */
#include "broker/routing/refusal.h"

#include "broker/routing/conclusion.h"

const char refusal_not_allowed[] = "the pool's \"allow\" has neither this user nor its groups";

void refusal_error(struct requester *requester, struct span id, int code, const char *text,
                   struct span data)
{
    struct bytes *out = router_scratch(requester->router);

    if (span_is_none(data)) {
        reply_refusal(out, id, code, span_of(text));
    } else {
        reply_error(out, id, code, span_of(text), data);
    }
    requester_send(requester, out);
}

void refusal_failure(struct requester *requester, struct span id, enum failure failure,
                     const char *detail)
{
    struct bytes *out = router_scratch(requester->router);
    struct failure_report report = {.failure = failure,
                                    .detail = detail,
                                    .stage = "queued",
                                    .attempts = 0,
                                    .waited_ms = -1,
                                    .elapsed_ms = -1,
                                    .retry_after_ms = -1};

    reply_failure(out, id, &report);
    requester_send(requester, out);
}

void refusal_denied(struct requester *requester, const struct message *message, struct route *route,
                    const char *why)
{
    struct bytes *out = router_scratch(requester->router);
    struct failure_report report = failure_report_of(FAILURE_DENIED, why);

    report.stage = "queued";
    if (route != NULL) {
        report.upstream = route_name(route);
        route_count_failure(route, FAILURE_DENIED);
        conclusion_of_denied(requester, message, route);
    }
    reply_failure(out, message->id, &report);
    requester_send(requester, out);
}
