/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/upstream/delivery.h"

enum { BODY = 4096 };

/* Statuses that say by themselves that the request was not run (ARCHITECTURE.md, Delivery). */
static bool is_refusal(int status)
{
    static const int refusals[] = {400, 401, 403, 404, 405, 406, 408, 411, 413,
                                   414, 415, 421, 422, 425, 426, 429, 431};

    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        if (status == refusals[i]) {
            return true;
        }
    }
    return status >= 300 && status < 400;
}

/* Words count only below the statuses with which servers say it. */
static bool says_gone(const struct delivery *delivery)
{
    return (delivery->status == 400 || delivery->status == 410) &&
           delivery->reply == DELIVERY_REPLY_SESSION_GONE;
}

static bool is_answer(const struct delivery *delivery)
{
    return delivery->status >= 400 && delivery->status < 600 &&
           (delivery->reply == DELIVERY_REPLY_ANSWER ||
            delivery->reply == DELIVERY_REPLY_GONE_ANSWER);
}

/* The server itself, or the operator for it, says that it was not run.  Who answers it has had it:
   no status and no words make that undone. */
static bool is_said_not_to_have_run(const struct delivery *delivery,
                                    const struct delivery_policy *policy)
{
    int status = delivery->status;

    return delivery->end == DELIVERY_REPLIED && !is_answer(delivery) &&
           (is_refusal(status) || says_gone(delivery) ||
            status_set_has(&policy->session_lost, status) ||
            status_set_has(&policy->not_executed, status));
}

/* Judged from the evidence alone, in words of the requirement and not of the code. */
static bool may_have_run(const struct delivery *delivery, const struct delivery_policy *policy)
{
    bool body_left = delivery->body_sent > 0 || delivery->body_offered;

    return body_left && !is_said_not_to_have_run(delivery, policy);
}

static bool says_not_executed(const struct delivery_verdict *verdict)
{
    return verdict->failure != FAILURE_NONE &&
           failure_outcome(verdict->failure) == OUTCOME_NOT_EXECUTED;
}

static void assert_sound(const struct delivery *delivery, const struct delivery_policy *policy)
{
    struct delivery_verdict verdict = delivery_judge(delivery, *policy);
    int row = delivery->status;
    bool is_replied = delivery->end == DELIVERY_REPLIED;
    bool body_left = delivery->body_sent > 0 || delivery->body_offered;

    /* Exactly one of the three: on its way, answered, failed. */
    assert_row(row, verdict.accepted + verdict.answered + (verdict.failure != FAILURE_NONE) == 1);
    assert_row(row, verdict.accepted == (is_replied && body_left && delivery->body_complete &&
                                         delivery->status / 100 == 2));
    /* What is forwarded as the server's answer is one, to this message; and all of them are. */
    assert_row(row, verdict.answered == (is_replied && body_left && is_answer(delivery)));
    /* The rule: never "it did not run" of what may have run. */
    assert_row(row, !(may_have_run(delivery, policy) && says_not_executed(&verdict)));
    /* And its reverse: what certainly did not run is said to, unless the server answered it. */
    assert_row(row, may_have_run(delivery, policy) || verdict.answered || verdict.accepted ||
                        says_not_executed(&verdict));
    /* Never repeated unless it certainly did not run. */
    assert_row(row, !verdict.may_repeat || says_not_executed(&verdict));
    assert_row(row, !verdict.may_repeat || !may_have_run(delivery, policy));
    /* What never left is repeated, unless the server has refused the head. */
    assert_row(row,
               body_left || verdict.may_repeat || (is_replied && is_refusal(delivery->status)));
    /* Only the server's word, or the operator's for it, ends a session. */
    assert_row(row, !verdict.session_gone ||
                        (is_replied && (delivery->status == 404 || says_gone(delivery) ||
                                        delivery->reply == DELIVERY_REPLY_GONE_ANSWER ||
                                        status_set_has(&policy->session_lost, row))));
    /* An answer in such words is one all the same. */
    assert_row(row, !verdict.answered ||
                        verdict.session_gone == (delivery->reply == DELIVERY_REPLY_GONE_ANSWER));
}

static void check_statuses(struct delivery *delivery)
{
    for (int status = -1; status < 602; status++) {
        struct delivery_policy none = {0};
        struct delivery_policy lost = {0};
        struct delivery_policy not_executed = {0};
        struct delivery_policy both = {0};

        delivery->status = status;
        if (status_set_may_hold(status)) {
            status_set_add(&lost.session_lost, status);
            status_set_add(&not_executed.not_executed, status);
        }
        both = (struct delivery_policy){lost.session_lost, not_executed.not_executed};
        assert_sound(delivery, &none);
        assert_sound(delivery, &lost);
        assert_sound(delivery, &not_executed);
        assert_sound(delivery, &both);
    }
}

static void test_a16_all_evidence(void **state)
{
    static const struct {
        size_t sent;
        bool offered;
        bool complete;
    } bodies[] = {{0, false, false}, {0, true, false},    {1, false, false},
                  {1, true, false},  {BODY, false, true}, {BODY, true, true}};

    (void)state;
    for (int end = DELIVERY_REPLIED; end <= DELIVERY_TIMED_OUT; end++) {
        for (int reply = DELIVERY_REPLY_EMPTY; reply <= DELIVERY_REPLY_OTHER; reply++) {
            for (size_t i = 0; i < 2 * COUNT_OF(bodies); i++) {
                struct delivery delivery = {.end = (enum delivery_end)end,
                                            .head_sent = 9,
                                            .body_sent = bodies[i / 2].sent,
                                            .body_offered = bodies[i / 2].offered,
                                            .body_complete = bodies[i / 2].complete,
                                            .continued = i % 2 != 0,
                                            .reply = (enum delivery_reply)reply};

                check_statuses(&delivery);
            }
        }
    }
}

struct row {
    enum delivery_end end;
    size_t body_sent;
    int status;
    enum failure failure;
    bool may_repeat;
};

static struct delivery_verdict judge_row(const struct row *row, enum delivery_reply reply,
                                         struct delivery_policy policy)
{
    struct delivery delivery = {.end = row->end,
                                .head_sent = 9,
                                .body_sent = row->body_sent,
                                .body_complete = row->body_sent == BODY,
                                .status = row->status,
                                .reply = reply};

    return delivery_judge(&delivery, policy);
}

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct delivery_verdict verdict =
            judge_row(&rows[i], DELIVERY_REPLY_OTHER, (struct delivery_policy){0});

        assert_row(i, verdict.failure == rows[i].failure);
        assert_row(i, verdict.may_repeat == rows[i].may_repeat);
    }
}

static void test_without_a_status(void **state)
{
    static const struct row rows[] = {
        /* No connection. */
        {DELIVERY_UNSENT, 0, 0, FAILURE_UNAVAILABLE, true},
        /* Connected, and broken before the first byte of the body, the head being out. */
        {DELIVERY_BROKEN, 0, 0, FAILURE_UNAVAILABLE, true},
        /* One byte left our hands: a proxy may have made a request of it. */
        {DELIVERY_BROKEN, 1, 0, FAILURE_CONNECTION_LOST, false},
        {DELIVERY_BROKEN, BODY, 0, FAILURE_CONNECTION_LOST, false},
        /* The reply ended inside: whatever status it began with. */
        {DELIVERY_BROKEN, BODY, 202, FAILURE_CONNECTION_LOST, false},
        {DELIVERY_BROKEN, BODY, 404, FAILURE_CONNECTION_LOST, false},
        /* Connected, and silent before the first byte. */
        {DELIVERY_TIMED_OUT, 0, 0, FAILURE_UNAVAILABLE, true},
        /* Silent after it. */
        {DELIVERY_TIMED_OUT, 1, 0, FAILURE_TIMEOUT, false},
        {DELIVERY_TIMED_OUT, BODY, 202, FAILURE_TIMEOUT, false},
    };

    (void)state;
    assert_rows(rows, COUNT_OF(rows));
}

static void test_a16_statuses(void **state)
{
    static const struct row rows[] = {
        /* Accepted. */
        {DELIVERY_REPLIED, BODY, 200, FAILURE_NONE, false},
        {DELIVERY_REPLIED, BODY, 202, FAILURE_NONE, false},
        {DELIVERY_REPLIED, BODY, 204, FAILURE_NONE, false},
        /* Accepted before it was there: not heard, or heard in part. */
        {DELIVERY_REPLIED, 0, 202, FAILURE_UNAVAILABLE, true},
        {DELIVERY_REPLIED, 1, 202, FAILURE_CONNECTION_LOST, false},
        /* The session is not known any more. */
        {DELIVERY_REPLIED, BODY, 404, FAILURE_SESSION_GONE, true},
        {DELIVERY_REPLIED, 0, 404, FAILURE_SESSION_GONE, true},
        /* Later, perhaps, says the status; not at once. */
        {DELIVERY_REPLIED, BODY, 408, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 425, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 429, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 0, 429, FAILURE_REFUSED, false},
        /* Refused: again would be refused again. */
        {DELIVERY_REPLIED, BODY, 400, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 401, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 403, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 1, 413, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 421, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 431, FAILURE_REFUSED, false},
        /* Redirects are not followed. */
        {DELIVERY_REPLIED, BODY, 301, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 307, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 399, FAILURE_REFUSED, false},
        /* It had begun, or nobody knows. */
        {DELIVERY_REPLIED, BODY, 409, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 410, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 417, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 418, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 499, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 500, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 502, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 503, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 1, 503, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 504, FAILURE_SERVER_ERROR, false},
        /* Not heard at all: whatever made the server say so. */
        {DELIVERY_REPLIED, 0, 417, FAILURE_UNAVAILABLE, true},
        {DELIVERY_REPLIED, 0, 503, FAILURE_UNAVAILABLE, true},
        /* No status at all, or one that does not exist. */
        {DELIVERY_REPLIED, BODY, 0, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 199, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, 999, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, BODY, -1, FAILURE_SERVER_ERROR, false},
    };

    (void)state;
    assert_rows(rows, COUNT_OF(rows));
}

static void test_a16_what_the_reply_says(void **state)
{
    static const struct {
        struct row row;
        enum delivery_reply reply;
        bool answered;
    } rows[] = {
        /* The server's own answer, whatever the status. */
        {{DELIVERY_REPLIED, BODY, 400, FAILURE_NONE, false}, DELIVERY_REPLY_ANSWER, true},
        {{DELIVERY_REPLIED, BODY, 404, FAILURE_NONE, false}, DELIVERY_REPLY_ANSWER, true},
        {{DELIVERY_REPLIED, BODY, 500, FAILURE_NONE, false}, DELIVERY_REPLY_ANSWER, true},
        {{DELIVERY_REPLIED, BODY, 500, FAILURE_NONE, false}, DELIVERY_REPLY_GONE_ANSWER, true},
        /* Not below a redirect, nor of what was not heard, nor from half a reply. */
        {{DELIVERY_REPLIED, BODY, 307, FAILURE_REFUSED, false}, DELIVERY_REPLY_ANSWER, false},
        {{DELIVERY_REPLIED, 0, 500, FAILURE_UNAVAILABLE, true}, DELIVERY_REPLY_ANSWER, false},
        {{DELIVERY_BROKEN, BODY, 400, FAILURE_CONNECTION_LOST, false},
         DELIVERY_REPLY_ANSWER,
         false},
        /* A session that is gone, in other words than 404. */
        {{DELIVERY_REPLIED, BODY, 400, FAILURE_SESSION_GONE, true},
         DELIVERY_REPLY_SESSION_GONE,
         false},
        {{DELIVERY_REPLIED, BODY, 410, FAILURE_SESSION_GONE, true},
         DELIVERY_REPLY_SESSION_GONE,
         false},
        {{DELIVERY_REPLIED, BODY, 404, FAILURE_SESSION_GONE, true}, DELIVERY_REPLY_OTHER, false},
        /* In an answer they are the answer: the tool has run, and may have meant its own. */
        {{DELIVERY_REPLIED, BODY, 400, FAILURE_NONE, false}, DELIVERY_REPLY_GONE_ANSWER, true},
        {{DELIVERY_REPLIED, BODY, 401, FAILURE_NONE, false}, DELIVERY_REPLY_GONE_ANSWER, true},
        {{DELIVERY_REPLIED, BODY, 404, FAILURE_NONE, false}, DELIVERY_REPLY_GONE_ANSWER, true},
        {{DELIVERY_REPLIED, BODY, 422, FAILURE_NONE, false}, DELIVERY_REPLY_GONE_ANSWER, true},
        /* Below other statuses they may quote an argument. */
        {{DELIVERY_REPLIED, BODY, 401, FAILURE_REFUSED, false}, DELIVERY_REPLY_SESSION_GONE, false},
        {{DELIVERY_REPLIED, BODY, 403, FAILURE_REFUSED, false}, DELIVERY_REPLY_SESSION_GONE, false},
        {{DELIVERY_REPLIED, BODY, 422, FAILURE_REFUSED, false}, DELIVERY_REPLY_SESSION_GONE, false},
        {{DELIVERY_REPLIED, BODY, 402, FAILURE_SERVER_ERROR, false},
         DELIVERY_REPLY_SESSION_GONE,
         false},
        {{DELIVERY_REPLIED, BODY, 409, FAILURE_SERVER_ERROR, false},
         DELIVERY_REPLY_SESSION_GONE,
         false},
        /* A session that ended under the call, perhaps. */
        {{DELIVERY_REPLIED, BODY, 500, FAILURE_SERVER_ERROR, false},
         DELIVERY_REPLY_SESSION_GONE,
         false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct delivery_verdict verdict =
            judge_row(&rows[i].row, rows[i].reply, (struct delivery_policy){0});

        assert_row(i, verdict.answered == rows[i].answered);
        assert_row(i, verdict.failure == rows[i].row.failure);
        assert_row(i, verdict.may_repeat == rows[i].row.may_repeat);
        assert_row(i, verdict.session_gone == (verdict.failure == FAILURE_SESSION_GONE ||
                                               rows[i].reply == DELIVERY_REPLY_GONE_ANSWER));
    }
}

static void test_a28_the_operator_says(void **state)
{
    static const struct row rows[] = {
        {DELIVERY_REPLIED, BODY, 400, FAILURE_SESSION_GONE, true},
        {DELIVERY_REPLIED, BODY, 503, FAILURE_REFUSED, true},
        /* 404 stays what it is. */
        {DELIVERY_REPLIED, BODY, 404, FAILURE_SESSION_GONE, true},
        /* Of others nothing was said. */
        {DELIVERY_REPLIED, BODY, 401, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, BODY, 502, FAILURE_SERVER_ERROR, false},
    };
    struct delivery_policy policy = {0};

    (void)state;
    status_set_add(&policy.session_lost, 400);
    status_set_add(&policy.not_executed, 503);
    status_set_add(&policy.not_executed, 404);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct delivery_verdict verdict = judge_row(&rows[i], DELIVERY_REPLY_OTHER, policy);

        assert_row(i, verdict.failure == rows[i].failure);
        assert_row(i, verdict.may_repeat == rows[i].may_repeat);
        /* The server's own answer is one all the same. */
        assert_row(i, judge_row(&rows[i], DELIVERY_REPLY_ANSWER, policy).answered);
    }
}

static void test_sets_of_statuses(void **state)
{
    (void)state;
    for (int added = 0; added < 1000; added++) {
        struct status_set statuses = {0};
        bool fits = added >= 400 && added < 600;

        assert_row(added, status_set_may_hold(added) == fits);
        if (fits) {
            status_set_add(&statuses, added);
        }
        for (int asked = -1; asked < 1000; asked++) {
            assert_row(added, status_set_has(&statuses, asked) == (fits && asked == added));
        }
    }
}

static void test_unknown_is_unknown(void **state)
{
    static const enum failure failures[] = {FAILURE_CONNECTION_LOST, FAILURE_TIMEOUT,
                                            FAILURE_SERVER_ERROR};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        assert_row(i, failure_outcome(failures[i]) == OUTCOME_UNKNOWN);
    }
}

static void test_words(void **state)
{
    struct delivery delivery = {
        .end = DELIVERY_REPLIED, .status = 503, .detail = "the connection broke"};
    char text[64];

    (void)state;
    delivery_describe(&delivery, text, sizeof(text));
    assert_string_equal(text, "HTTP 503");
    delivery.reply_encoded = true;
    delivery_describe(&delivery, text, sizeof(text));
    assert_string_equal(text, "HTTP 503, with a compressed text that nobody asked for");
    /* The status of half a reply is none. */
    delivery.end = DELIVERY_BROKEN;
    delivery_describe(&delivery, text, sizeof(text));
    assert_string_equal(text, "the connection broke");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a16_all_evidence),
        cmocka_unit_test(test_without_a_status),
        cmocka_unit_test(test_a16_statuses),
        cmocka_unit_test(test_a16_what_the_reply_says),
        cmocka_unit_test(test_a28_the_operator_says),
        cmocka_unit_test(test_sets_of_statuses),
        cmocka_unit_test(test_unknown_is_unknown),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
