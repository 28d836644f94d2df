/* SPDX-License-Identifier: MIT */
#include "broker/upstream/delivery.h"

#include <stdio.h>

static const struct delivery_verdict accepted = {.accepted = true};
static const struct delivery_verdict answered = {.answered = true};
static const struct delivery_verdict answered_gone = {.answered = true, .session_gone = true};
static const struct delivery_verdict never_left = {.may_repeat = true,
                                                   .failure = FAILURE_UNAVAILABLE};
static const struct delivery_verdict refused = {.failure = FAILURE_REFUSED};
static const struct delivery_verdict refused_for_now = {.may_repeat = true,
                                                        .failure = FAILURE_REFUSED};
static const struct delivery_verdict session_gone = {
    .session_gone = true, .may_repeat = true, .failure = FAILURE_SESSION_GONE};
static const struct delivery_verdict connection_lost = {.failure = FAILURE_CONNECTION_LOST};
static const struct delivery_verdict server_error = {.failure = FAILURE_SERVER_ERROR};
static const struct delivery_verdict timed_out = {.failure = FAILURE_TIMEOUT};

bool delivery_is_untouched(const struct delivery *delivery)
{
    return delivery->body_sent == 0 && !delivery->body_offered;
}

/* By the status alone. */
static struct delivery_verdict judge_status(int status)
{
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

/*
 * Where servers say in words that they do not know the session (404 says it by itself).  Below
 * any other status the words are of something else: an argument that is quoted, a session of the
 * tool's own, or, in a 5xx, the one that ended under the call.
 */
static bool may_say_gone(int status)
{
    return status == 400 || status == 410;
}

static struct delivery_verdict judge_reply(const struct delivery *delivery,
                                           const struct delivery_policy *policy)
{
    int status = delivery->status;
    bool is_answer =
        delivery->reply == DELIVERY_REPLY_ANSWER || delivery->reply == DELIVERY_REPLY_GONE_ANSWER;

    if (status >= 200 && status < 300) {
        /* Of half a message nobody can have understood, nor promised, anything. */
        return delivery->body_complete ? accepted : connection_lost;
    }
    /* Before all words: who answers this very call has heard it, and may have run it. */
    if (is_answer && status >= 400 && status < 600) {
        return delivery->reply == DELIVERY_REPLY_GONE_ANSWER ? answered_gone : answered;
    }
    if (delivery->reply == DELIVERY_REPLY_SESSION_GONE && may_say_gone(status)) {
        return session_gone;
    }
    if (status_set_has(&policy->session_lost, status)) {
        return session_gone;
    }
    if (status != 404 && status_set_has(&policy->not_executed, status)) {
        return refused_for_now;
    }
    return judge_status(status);
}

/* The server cannot have run what it never got, whatever it replies: only a refusal is news. */
static struct delivery_verdict judge_untouched(const struct delivery *delivery,
                                               const struct delivery_policy *policy)
{
    struct delivery_verdict verdict = never_left;

    if (delivery->end == DELIVERY_REPLIED) {
        verdict = judge_reply(delivery, policy);
    }
    return verdict.failure != FAILURE_NONE &&
                   failure_outcome(verdict.failure) == OUTCOME_NOT_EXECUTED
               ? verdict
               : never_left;
}

struct delivery_verdict delivery_judge(const struct delivery *delivery,
                                       struct delivery_policy policy)
{
    if (delivery_is_untouched(delivery)) {
        return judge_untouched(delivery, &policy);
    }
    switch (delivery->end) {
    case DELIVERY_REPLIED:
        return judge_reply(delivery, &policy);
    case DELIVERY_TIMED_OUT:
        return timed_out;
    case DELIVERY_UNSENT:
    case DELIVERY_BROKEN:
        /* Bytes still in a kernel's buffer count as possibly executed. */
        return connection_lost;
    }
    return connection_lost;
}

void delivery_describe(const struct delivery *delivery, char *text, size_t size)
{
    if (delivery->end != DELIVERY_REPLIED) {
        (void)snprintf(text, size, "%s", delivery->detail);
        return;
    }
    (void)snprintf(text, size, "HTTP %d%s", delivery->status,
                   delivery->reply_encoded ? ", with a compressed text that nobody asked for" : "");
}
