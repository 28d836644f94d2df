/* SPDX-License-Identifier: MIT */
#include "broker/upstream/delivery.h"

static const struct delivery_verdict accepted = {.accepted = true};
static const struct delivery_verdict never_left = {.may_repeat = true,
                                                   .failure = FAILURE_UNAVAILABLE};
static const struct delivery_verdict refused = {.failure = FAILURE_REFUSED};
static const struct delivery_verdict session_gone = {
    .session_gone = true, .may_repeat = true, .failure = FAILURE_SESSION_GONE};
static const struct delivery_verdict connection_lost = {.failure = FAILURE_CONNECTION_LOST};
static const struct delivery_verdict server_error = {.failure = FAILURE_SERVER_ERROR};
static const struct delivery_verdict timed_out = {.failure = FAILURE_TIMEOUT};

static struct delivery_verdict judge_status(int status)
{
    if (status >= 200 && status < 300) {
        return accepted;
    }
    switch (status) {
    case 404: /* Could not find session */
        return session_gone;
    case 400:
    case 401:
    case 403:
    case 405:
    case 406:
    case 408:
    case 411:
    case 413:
    case 414:
    case 415:
    case 421:
    case 422:
    case 425:
    case 426:
    case 429: /* not repeated at once: the server has just asked for less */
    case 431:
        return refused;
    default:
        break;
    }
    if (status >= 300 && status < 400) {
        /* Never followed: headers with tokens would travel, and the body would go out twice. */
        return refused;
    }
    /* 409, unknown 4xx, 5xx, and anything else that a proxy may have made up on the way. */
    return server_error;
}

struct delivery_verdict delivery_judge(const struct delivery *delivery)
{
    switch (delivery->end) {
    case DELIVERY_REPLIED:
        return judge_status(delivery->status);
    case DELIVERY_UNSENT:
        return never_left;
    case DELIVERY_BROKEN:
        /* Bytes still in a kernel's buffer count as possibly executed. */
        return delivery->handed_over == 0 ? never_left : connection_lost;
    case DELIVERY_TIMED_OUT:
        return delivery->handed_over == 0 ? never_left : timed_out;
    }
    return connection_lost;
}
