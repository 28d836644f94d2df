/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/upstream/delivery.h"

static const size_t amounts[] = {0, 1, 4096};

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

/* Judged from the evidence alone, in words of the requirement and not of the code. */
static bool may_have_run(const struct delivery *delivery)
{
    switch (delivery->end) {
    case DELIVERY_REPLIED:
        return !is_refusal(delivery->status);
    case DELIVERY_UNSENT:
        return false;
    case DELIVERY_BROKEN:
    case DELIVERY_TIMED_OUT:
        return delivery->handed_over > 0;
    }
    return true;
}

static bool says_not_executed(const struct delivery_verdict *verdict)
{
    return verdict->may_repeat || (verdict->failure != FAILURE_NONE &&
                                   failure_outcome(verdict->failure) == OUTCOME_NOT_EXECUTED);
}

static void assert_sound(const struct delivery *delivery)
{
    struct delivery_verdict verdict = delivery_judge(delivery);
    bool is_success =
        delivery->end == DELIVERY_REPLIED && delivery->status / 100 == 2 && delivery->status > 0;
    int row = delivery->status;

    assert_row(row, verdict.accepted == is_success);
    assert_row(row, verdict.accepted == (verdict.failure == FAILURE_NONE));
    /* The rule: never "it did not run" of what may have run. */
    assert_row(row, !(may_have_run(delivery) && says_not_executed(&verdict)));
    /* And its reverse: what certainly did not run is said to. */
    assert_row(row, may_have_run(delivery) || says_not_executed(&verdict));
    /* Only the server's own word ends a session. */
    assert_row(row, verdict.session_gone ==
                        (delivery->end == DELIVERY_REPLIED && delivery->status == 404));
    /* What may be repeated must be said to have not run, should the attempts be used up. */
    assert_row(row,
               !verdict.may_repeat || failure_outcome(verdict.failure) == OUTCOME_NOT_EXECUTED);
}

static void test_all_evidence(void **state)
{
    (void)state;
    for (int end = DELIVERY_REPLIED; end <= DELIVERY_TIMED_OUT; end++) {
        for (size_t i = 0; i < COUNT_OF(amounts); i++) {
            for (int status = 0; status < 600; status++) {
                assert_sound(&(struct delivery){
                    .end = (enum delivery_end)end, .handed_over = amounts[i], .status = status});
            }
        }
    }
}

struct row {
    enum delivery_end end;
    size_t handed_over;
    int status;
    enum failure failure;
    bool may_repeat;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct delivery delivery = {
            .end = rows[i].end, .handed_over = rows[i].handed_over, .status = rows[i].status};
        struct delivery_verdict verdict = delivery_judge(&delivery);

        assert_row(i, verdict.failure == rows[i].failure);
        assert_row(i, verdict.may_repeat == rows[i].may_repeat);
    }
}

static void test_without_a_status(void **state)
{
    static const struct row rows[] = {
        /* No connection. */
        {DELIVERY_UNSENT, 0, 0, FAILURE_UNAVAILABLE, true},
        /* Connected, and broken before the first byte. */
        {DELIVERY_BROKEN, 0, 0, FAILURE_UNAVAILABLE, true},
        /* One byte left our hands: a proxy may have made a request of it. */
        {DELIVERY_BROKEN, 1, 0, FAILURE_CONNECTION_LOST, false},
        /* Connected, and silent before the first byte. */
        {DELIVERY_TIMED_OUT, 0, 0, FAILURE_UNAVAILABLE, true},
        /* Silent after it. */
        {DELIVERY_TIMED_OUT, 1, 0, FAILURE_TIMEOUT, false},
    };

    (void)state;
    assert_rows(rows, COUNT_OF(rows));
}

static void test_statuses(void **state)
{
    static const struct row rows[] = {
        /* Accepted. */
        {DELIVERY_REPLIED, 9, 200, FAILURE_NONE, false},
        {DELIVERY_REPLIED, 9, 202, FAILURE_NONE, false},
        {DELIVERY_REPLIED, 9, 204, FAILURE_NONE, false},
        /* The session is not known any more. */
        {DELIVERY_REPLIED, 9, 404, FAILURE_SESSION_GONE, true},
        /* Later, perhaps, says the status; not at once. */
        {DELIVERY_REPLIED, 9, 408, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 425, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 429, FAILURE_REFUSED, false},
        /* Refused: again would be refused again. */
        {DELIVERY_REPLIED, 9, 400, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 401, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 403, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 413, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 421, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 431, FAILURE_REFUSED, false},
        /* Redirects are not followed. */
        {DELIVERY_REPLIED, 9, 301, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 307, FAILURE_REFUSED, false},
        {DELIVERY_REPLIED, 9, 399, FAILURE_REFUSED, false},
        /* It had begun, or nobody knows. */
        {DELIVERY_REPLIED, 9, 409, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 410, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 418, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 499, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 500, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 502, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 503, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 504, FAILURE_SERVER_ERROR, false},
        /* No status at all, or one that does not exist. */
        {DELIVERY_REPLIED, 9, 0, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 199, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, 999, FAILURE_SERVER_ERROR, false},
        {DELIVERY_REPLIED, 9, -1, FAILURE_SERVER_ERROR, false},
    };

    (void)state;
    assert_rows(rows, COUNT_OF(rows));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_evidence),
        cmocka_unit_test(test_without_a_status),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_unknown_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
