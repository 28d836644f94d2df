/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/pool/policy.h"

enum { SIZE = 4, MAX_INFLIGHT = 8, TARGET = 4, NOW_MS = 1000000 };

static const struct pool_limits limits = {.size = SIZE,
                                          .minimum = 0,
                                          .max_inflight = MAX_INFLIGHT,
                                          .max_connecting = 2,
                                          .slow_start_ms = 1000,
                                          .retry_budget = 20,
                                          .retry_budget_minimum = 3,
                                          .lifetime_ms = 4000,
                                          .idle_timeout_ms = 500,
                                          .keepalive_ms = 100,
                                          .backoff_min_ms = 200,
                                          .backoff_max_ms = 30000};

struct decision {
    struct pool_view view;
    size_t minimum;
    enum pool_action expected;
};

static void assert_decisions(const struct decision *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pool_limits with_minimum = limits;

        with_minimum.minimum = rows[i].minimum;
        assert_row(i, policy_decide(&with_minimum, &rows[i].view) == rows[i].expected);
    }
}

#define WELL .has_opened = true, .now_ms = NOW_MS

static void test_when_to_open(void **state)
{
    static const struct decision rows[] = {
        /* Nobody waits, nothing is kept: a pool opens lazily. */
        {{0}, 0, POOL_ACTION_NONE},
        /* The first who waits opens the first session. */
        {{.waiting = 1}, 0, POOL_ACTION_OPEN},
        /* One at a time, however many wait, until the first one is there. */
        {{.waiting = 1000, .opening = 1}, 0, POOL_ACTION_NONE},
        {{.waiting = 1000, .opening = 1, .open = 1, .least_load = 8}, 0, POOL_ACTION_NONE},
        /* Then two, if more wait than the one on its way will take. */
        {{WELL, .waiting = TARGET + 1, .opening = 1, .open = 1, .least_load = 8},
         0,
         POOL_ACTION_OPEN},
        {{WELL, .waiting = TARGET, .opening = 1, .open = 1, .least_load = 8}, 0, POOL_ACTION_NONE},
        {{WELL, .waiting = 1000, .opening = 2, .open = 1, .least_load = 8}, 0, POOL_ACTION_NONE},
        /* Not while it fails, and not ahead of need. */
        {{WELL, .waiting = 1000, .opening = 1, .open = 1, .least_load = 8, .failing_since_ms = 1},
         0,
         POOL_ACTION_NONE},
        {{WELL, .opening = 1, .open = 1, .least_load = 8}, 0, POOL_ACTION_NONE},
        /* A session with room below its target: no growth. */
        {{.open = 1, .least_load = TARGET - 1}, 0, POOL_ACTION_NONE},
        /* At the target: the next session is opened ahead of need. */
        {{.open = 1, .least_load = TARGET}, 0, POOL_ACTION_OPEN},
        /* Full, and somebody waits. */
        {{.open = 1, .least_load = MAX_INFLIGHT, .waiting = 1}, 0, POOL_ACTION_OPEN},
        /* The least loaded one counts, not the others. */
        {{.open = 3, .least_load = 0}, 0, POOL_ACTION_NONE},
        /* At the size, whatever is needed; those that leave count until they are gone. */
        {{.open = SIZE, .least_load = 8, .waiting = 9}, 0, POOL_ACTION_NONE},
        {{.open = 3, .leaving = 1, .least_load = 8, .waiting = 9}, 0, POOL_ACTION_NONE},
        {{.open = 2, .leaving = 1, .least_load = 8, .waiting = 9}, 0, POOL_ACTION_OPEN},
        /* Only a leaving session is there: it takes no calls, so that another is opened. */
        {{.leaving = 1, .waiting = 1}, 0, POOL_ACTION_OPEN},
        /* One that the server does not know takes no place, but not without end. */
        {{.leaving = 4, .waiting = 1}, 0, POOL_ACTION_NONE},
        {{.leaving = 4, .forsaken = 1, .waiting = 1}, 0, POOL_ACTION_OPEN},
        {{.leaving = 7, .forsaken = 7, .waiting = 1}, 0, POOL_ACTION_OPEN},
        {{.leaving = 8, .forsaken = 8, .waiting = 1}, 0, POOL_ACTION_NONE},
        /* The only session is being pinged and has room for all who wait. */
        {{.open = 1, .checking = 1, .waiting = TARGET}, 0, POOL_ACTION_NONE},
        /* One more than it would take. */
        {{.open = 1, .checking = 1, .waiting = TARGET + 1}, 0, POOL_ACTION_OPEN},
        /* Two are being pinged. */
        {{.open = 2, .checking = 2, .waiting = 2 * TARGET}, 0, POOL_ACTION_NONE},
    };

    (void)state;
    assert_decisions(rows, COUNT_OF(rows));
}

static void test_the_minimum(void **state)
{
    static const struct decision rows[] = {
        /* Kept warm although nobody waits, one at a time. */
        {{0}, 2, POOL_ACTION_OPEN},
        {{.opening = 1}, 2, POOL_ACTION_NONE},
        {{.open = 1}, 2, POOL_ACTION_OPEN},
        {{.open = 1, .opening = 1}, 2, POOL_ACTION_NONE},
        {{.open = 2}, 2, POOL_ACTION_NONE},
        /* One that leaves is none that is kept. */
        {{.open = 1, .leaving = 1}, 2, POOL_ACTION_OPEN},
        /* The size is above the minimum. */
        {{.open = 2, .leaving = 2}, 4, POOL_ACTION_NONE},
        /* A dead server is asked again for the minimum's sake; there is nobody to refuse. */
        {{.failing_since_ms = 1, .now_ms = NOW_MS, .retry_at_ms = NOW_MS + 1},
         1,
         POOL_ACTION_RETRY},
        {{.failing_since_ms = 1, .now_ms = NOW_MS, .retry_at_ms = NOW_MS}, 1, POOL_ACTION_OPEN},
    };

    (void)state;
    assert_decisions(rows, COUNT_OF(rows));
}

/* One waits, an attempt failed just now, and the back-off has a second to go. */
#define FAILING                                                                                    \
    .waiting = 1, .now_ms = NOW_MS, .failed_at_ms = NOW_MS - 1, .retry_at_ms = NOW_MS + 1000

static void test_after_failures(void **state)
{
    static const struct decision rows[] = {
        /* They wait for the next attempt. */
        {{FAILING, .failing_since_ms = NOW_MS - 1}, 0, POOL_ACTION_RETRY},
        {{FAILING, .failing_since_ms = 1}, 0, POOL_ACTION_RETRY},
        /* An attempt is under way: they wait for its end. */
        {{FAILING, .opening = 1, .failing_since_ms = 1}, 0, POOL_ACTION_NONE},
        /* Growth waits for the back-off too. */
        {{FAILING, .open = 1, .least_load = MAX_INFLIGHT, .failing_since_ms = 1},
         0,
         POOL_ACTION_RETRY},
        /* It is seen to listen again: at once. */
        {{FAILING, .failing_since_ms = 1, .is_listening = true}, 0, POOL_ACTION_OPEN},
    };

    (void)state;
    assert_decisions(rows, COUNT_OF(rows));
}

static void test_the_breaker(void **state)
{
    static const struct decision rows[] = {
        /* Open: nobody is kept waiting, and nothing is tried. */
        {{FAILING, .breaker = BREAKER_OPEN}, 0, POOL_ACTION_REFUSE},
        {{.breaker = BREAKER_OPEN, .now_ms = NOW_MS}, 1, POOL_ACTION_RETRY},
        /* A session takes calls, or lives to end those it has: there is hope. */
        {{FAILING, .breaker = BREAKER_OPEN, .open = 1, .least_load = MAX_INFLIGHT},
         0,
         POOL_ACTION_RETRY},
        {{FAILING, .breaker = BREAKER_OPEN, .leaving = 1}, 0, POOL_ACTION_RETRY},
        /* Half open: one session is the probe, and waits for no back-off; nobody else opens one. */
        {{FAILING, .breaker = BREAKER_HALF_OPEN}, 0, POOL_ACTION_OPEN},
        {{FAILING, .breaker = BREAKER_HALF_OPEN, .opening = 1}, 0, POOL_ACTION_NONE},
        {{.breaker = BREAKER_HALF_OPEN, .now_ms = NOW_MS}, 0, POOL_ACTION_NONE},
        /* Seen to listen again. */
        {{FAILING, .breaker = BREAKER_OPEN, .is_listening = true}, 0, POOL_ACTION_OPEN},
    };
    struct pool_view open = {.breaker = BREAKER_OPEN, .breaker_until_ms = 77, .retry_at_ms = 5};

    (void)state;
    assert_decisions(rows, COUNT_OF(rows));
    assert_int_equal(policy_next_attempt_ms(&open), 77);
}

static void test_a_session_each(void **state)
{
    struct pool_limits own = limits;
    static const struct {
        struct pool_view view;
        enum pool_action expected;
    } rows[] = {
        {{0}, POOL_ACTION_NONE},
        {{.waiting = 5, .unserved = 1}, POOL_ACTION_OPEN},
        /* One on its way, or one that nobody has used, is for the one who waits. */
        {{.waiting = 5, .unserved = 1, .opening = 1}, POOL_ACTION_NONE},
        {{.waiting = 5, .unserved = 1, .open = 1, .spare = 1}, POOL_ACTION_NONE},
        {{WELL, .waiting = 5, .unserved = 2, .opening = 1}, POOL_ACTION_OPEN},
        /* Those of others are of no use, and full is full. */
        {{.waiting = 5, .unserved = 1, .open = 2}, POOL_ACTION_OPEN},
        {{.waiting = 5, .unserved = 1, .open = SIZE}, POOL_ACTION_NONE},
        /* Who waits for the session it has needs no other. */
        {{.waiting = 5, .open = 1, .least_load = MAX_INFLIGHT}, POOL_ACTION_NONE},
        /* The breaker is open: the sessions of others are no hope. */
        {{FAILING, .unserved = 1, .open = 2, .breaker = BREAKER_OPEN}, POOL_ACTION_REFUSE},
        {{FAILING, .open = 2, .breaker = BREAKER_OPEN}, POOL_ACTION_RETRY},
    };

    (void)state;
    own.mode = POOL_MODE_SESSION;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, policy_decide(&own, &rows[i].view) == rows[i].expected);
    }
}

static void test_the_reserve(void **state)
{
    struct pool_limits with_reserve = limits;
    struct pool_view view = {WELL, .waiting = 1, .open = SIZE, .least_load = MAX_INFLIGHT};

    (void)state;
    with_reserve.reserve = 1;
    with_reserve.reserve_timeout_ms = 5000;
    view.oldest_wait_ms = 4999;
    assert_int_equal(policy_decide(&with_reserve, &view), POOL_ACTION_NONE);
    view.oldest_wait_ms = 5000;
    assert_int_equal(policy_decide(&with_reserve, &view), POOL_ACTION_OPEN);
    view.open++;
    assert_int_equal(policy_decide(&with_reserve, &view), POOL_ACTION_NONE);
}

static void test_when_the_back_off_ends(void **state)
{
    static const struct decision rows[] = {
        /* The time has come: whoever waits is why it is tried, hopeless or not. */
        {{.waiting = 1, .failing_since_ms = 1, .now_ms = NOW_MS, .retry_at_ms = NOW_MS},
         0,
         POOL_ACTION_OPEN},
        /* However long the back-off: who waits need not wait for its end. */
        {{.waiting = 1,
          .failing_since_ms = 1,
          .now_ms = NOW_MS,
          .failed_at_ms = NOW_MS - POOL_WAITED_RETRY_MS,
          .retry_at_ms = NOW_MS + 30000},
         0,
         POOL_ACTION_OPEN},
        {{.waiting = 1,
          .failing_since_ms = NOW_MS - 999,
          .now_ms = NOW_MS,
          .failed_at_ms = NOW_MS - POOL_WAITED_RETRY_MS + 1,
          .retry_at_ms = NOW_MS + 30000},
         0,
         POOL_ACTION_RETRY},
        /* Nobody waits: the minimum does. */
        {{.failing_since_ms = 1,
          .now_ms = NOW_MS,
          .failed_at_ms = NOW_MS - POOL_WAITED_RETRY_MS,
          .retry_at_ms = NOW_MS + 30000},
         1,
         POOL_ACTION_RETRY},
        /* Nobody waits and nothing is kept. */
        {{.failing_since_ms = 1, .now_ms = NOW_MS, .retry_at_ms = NOW_MS + 1}, 0, POOL_ACTION_NONE},
    };

    (void)state;
    assert_decisions(rows, COUNT_OF(rows));
}

static void test_patience(void **state)
{
    static const struct pool_view fresh = {0};
    static const struct pool_view known = {.has_opened = true};

    (void)state;
    /* A server that was never there gets a short time, one that restarts a long one. */
    assert_int_equal(policy_patience_ms(&fresh), POOL_PATIENCE_NEW_MS);
    assert_int_equal(policy_patience_ms(&known), POOL_PATIENCE_MS);
}

static void test_slow_start(void **state)
{
    static const struct {
        int64_t recovered_ms;
        size_t expected;
    } rows[] = {
        {0, 1},
        {1, 1},
        {500, SIZE * MAX_INFLIGHT / 2},
        {999, SIZE * MAX_INFLIGHT - 1},
        {1000, SIZE * MAX_INFLIGHT},
        {INT64_MAX, SIZE * MAX_INFLIGHT},
    };
    struct pool_limits off = limits;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, policy_slow_start(&limits, rows[i].recovered_ms) == rows[i].expected);
    }
    off.slow_start_ms = 0;
    assert_int_equal(policy_slow_start(&off, 0), SIZE * MAX_INFLIGHT);
}

static void test_the_retry_budget(void **state)
{
    static const struct {
        size_t repeats;
        size_t calls;
        bool expected;
    } rows[] = {
        /* A few always, then a fifth of what is under way. */
        {0, 0, true},  {2, 1, true},   {3, 1, false},   {3, 19, false},
        {3, 20, true}, {4, 20, false}, {19, 100, true}, {20, 100, false},
    };
    struct pool_limits none = limits;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i,
                   policy_may_repeat(&limits, rows[i].repeats, rows[i].calls) == rows[i].expected);
    }
    none.retry_budget = 0;
    assert_false(policy_may_repeat(&none, 0, 1000));
}

static void test_fewer_and_more_at_a_time(void **state)
{
    (void)state;
    /* A tenth less at each sign of trouble, at least one less, never none. */
    assert_int_equal(policy_lessen(100), 90);
    assert_int_equal(policy_lessen(9), 8);
    assert_int_equal(policy_lessen(2), 1);
    assert_int_equal(policy_lessen(1), 1);
    /* One more after a good while, if what is allowed was used. */
    assert_int_equal(policy_raise(10, 5, 32), 11);
    assert_int_equal(policy_raise(10, 4, 32), 10);
    assert_int_equal(policy_raise(32, 32, 32), 32);
    assert_int_equal(policy_raise(1, 1, 32), 2);
}

static void test_jitter(void **state)
{
    (void)state;
    assert_int_equal(policy_jitter_ms(1000, 0), 900);
    assert_int_equal(policy_jitter_ms(1000, UINT32_MAX), 1100);
    assert_int_equal(policy_jitter_ms(0, UINT32_MAX), 0);
}

static void test_room(void **state)
{
    static const struct {
        size_t max_inflight;
        size_t load;
        bool has_room;
        bool is_below_target;
    } rows[] = {
        /* Half of the most is the target, rounded down. */
        {8, 0, true, true},
        {8, 3, true, true},
        {8, 4, true, false},
        {8, 7, true, false},
        {8, 8, false, false},
        {9, 3, true, true},
        {9, 4, true, false},
        /* A limit lowered below what is there. */
        {8, 9, false, false},
        /* One call at a time, and the smallest multiplexing. */
        {1, 0, true, true},
        {1, 1, false, false},
        {2, 0, true, true},
        {2, 1, true, false},
        {3, 1, true, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pool_limits row_limits = {.max_inflight = rows[i].max_inflight};

        assert_row(i, policy_has_room(&row_limits, rows[i].load) == rows[i].has_room);
        assert_row(i, policy_is_below_target(&row_limits, rows[i].load) == rows[i].is_below_target);
    }
}

static void test_backoff_ends(void **state)
{
    static const struct {
        unsigned failures;
        int64_t most_ms;
    } rows[] = {
        /* Doubling from the least on. */
        {1, 200},
        {2, POOL_WAITED_RETRY_MS},
        {3, 800},
        {8, 25600},
        /* Capped, and without overflow however long it goes on. */
        {9, 30000},
        {64, 30000},
        {65, 30000},
        {1000, 30000},
        {UINT32_MAX, 30000},
        /* Asked before any failure. */
        {0, 200},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, policy_backoff_ms(&limits, rows[i].failures, UINT32_MAX) == rows[i].most_ms);
        /* From the second failure on the server is not asked more than twice a second. */
        assert_row(i, policy_backoff_ms(&limits, rows[i].failures, 0) ==
                          (rows[i].failures > 1 ? POOL_WAITED_RETRY_MS : 0));
    }
}

static void test_backoff_bounds(void **state)
{
    uint64_t seed = 20261124;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        unsigned failures = unit_random(&seed) % 1100;
        uint32_t random = unit_random(&seed);
        int64_t most_ms = policy_backoff_ms(&limits, failures, UINT32_MAX);
        int64_t actual_ms = policy_backoff_ms(&limits, failures, random);

        assert_row(i, actual_ms >= 0 && actual_ms <= most_ms);
        assert_row(i, most_ms <= limits.backoff_max_ms);
    }
}

static void test_backoff_of_odd_limits(void **state)
{
    static const struct {
        int64_t least_ms;
        int64_t most_ms;
        unsigned failures;
        int64_t expected_ms;
    } rows[] = {
        /* The least is above the most: the most holds. */
        {500, 100, 1, 100},
        /* Nothing at all. */
        {0, 0, 1000, 0},
        {0, 1000, 1000, POOL_WAITED_RETRY_MS},
        {0, 1000, 1, 0},
        {0, POOL_WAITED_RETRY_MS, 1000, 0},
        /* A day, and a year. */
        {1, 86400000, 1000, 86400000},
        {1, INT64_C(31536000000), 1000, INT64_C(31536000000)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pool_limits odd = {.backoff_min_ms = rows[i].least_ms,
                                  .backoff_max_ms = rows[i].most_ms};

        assert_row(i, policy_backoff_ms(&odd, rows[i].failures, UINT32_MAX) == rows[i].expected_ms);
    }
}

static void test_lifetime(void **state)
{
    uint64_t seed = 20261124;

    (void)state;
    assert_int_equal(policy_lifetime_ms(&limits, 0), 4000);
    assert_int_equal(policy_lifetime_ms(&limits, UINT32_MAX), 3600);
    for (unsigned i = 0; i < 100000; i++) {
        int64_t actual_ms = policy_lifetime_ms(&limits, unit_random(&seed));

        assert_row(i, actual_ms >= 3600 && actual_ms <= 4000);
    }
}

static void test_care(void **state)
{
    /* lifetime 4000 over size 4: one retirement for age in 1000 ms. */
    static const struct {
        struct session_view view;
        size_t open;
        int64_t since_retired_ms;
        size_t minimum;
        enum session_care expected;
    } rows[] = {
        /* Young, proven, at work or at rest. */
        {{true, false, false, 0, 0, 0, -1}, 1, 9999, 0, CARE_NONE},
        {{true, false, false, 1, 0, 0, -1}, 1, 9999, 0, CARE_NONE},
        /* Not ready: it is left alone, whatever its age. */
        {{false, false, false, 0, 9999, 9999, 9999}, 1, 9999, 0, CARE_NONE},
        /* At its age, one after the other; with calls (it drains) only if another takes new ones.
         */
        {{true, false, false, 0, 0, 0, 0}, 1, 1000, 0, CARE_RETIRE},
        {{true, false, false, 3, 0, 0, 0}, 2, 1000, 0, CARE_RETIRE},
        {{true, false, false, 3, 0, 0, 0}, 1, 1000, 0, CARE_NONE},
        {{true, false, false, 0, 0, 0, 0}, 1, 999, 0, CARE_NONE},
        {{true, false, false, 0, 0, 0, -1}, 1, 1000, 0, CARE_NONE},
        /* The minimum does not keep it: another one takes its place. */
        {{true, false, false, 0, 0, 0, 0}, 1, 1000, 1, CARE_RETIRE},
        /* Idle for long: closed down to the minimum, kept warm at it. */
        {{true, false, false, 0, 500, 0, -1}, 1, 0, 0, CARE_RETIRE},
        {{true, false, false, 0, 499, 0, -1}, 1, 0, 0, CARE_NONE},
        {{true, false, false, 0, 500, 0, -1}, 2, 0, 1, CARE_RETIRE},
        {{true, false, false, 0, 500, 0, -1}, 1, 0, 1, CARE_NONE},
        {{true, false, false, 0, 500, 100, -1}, 1, 0, 1, CARE_CHECK},
        /* Idle by its answers, yet with calls out. */
        {{true, false, false, 1, 500, 500, -1}, 1, 0, 0, CARE_NONE},
        /* Silent: pinged before a proxy forgets its connection. */
        {{true, false, false, 0, 0, 100, -1}, 1, 0, 0, CARE_CHECK},
        {{true, false, false, 0, 0, 99, -1}, 1, 0, 0, CARE_NONE},
        /* Silent with calls out: its calls have deadlines of their own... */
        {{true, false, false, 1, 0, 100, -1}, 1, 0, 0, CARE_NONE},
        {{true, false, false, 1, 0, POOL_BUSY_PING_MS - 1, -1}, 1, 0, 0, CARE_NONE},
        /* ... but a server may end a session that sends nothing, whatever it waits for. */
        {{true, false, false, 1, 0, POOL_BUSY_PING_MS, -1}, 1, 0, 0, CARE_PING},
        /* Those that leave, too, for as long as they have calls. */
        {{false, true, false, 1, 0, POOL_BUSY_PING_MS, 9}, 1, 0, 0, CARE_PING},
        {{false, true, false, 1, 0, POOL_BUSY_PING_MS - 1, 9}, 1, 0, 0, CARE_NONE},
        {{false, true, false, 0, 0, POOL_BUSY_PING_MS, 9}, 1, 0, 0, CARE_NONE},
        /* A client's own: neither age nor rest ends it, only its client does. */
        {{true, false, true, 0, 9999, 0, 9999}, 2, 9999, 0, CARE_NONE},
        {{true, false, true, 0, 9999, 100, 9999}, 2, 9999, 0, CARE_CHECK},
        {{true, false, true, 1, 9999, 99, 9999}, 2, 9999, 0, CARE_NONE},
        {{true, false, true, 1, 9999, 100, 9999}, 2, 9999, 0, CARE_PING},
        {{false, false, true, 1, 9999, 100, 9999}, 2, 9999, 0, CARE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct pool_limits with_minimum = limits;

        with_minimum.minimum = rows[i].minimum;
        assert_row(i, policy_care(&with_minimum, &rows[i].view, rows[i].open,
                                  rows[i].since_retired_ms) == rows[i].expected);
    }
}

static void test_care_in_a_pool_of_size_zero(void **state)
{
    /* A limit lowered to nothing: no division by it. */
    struct pool_limits none = limits;
    struct session_view old = {.is_ready = true, .overdue_ms = 0};

    (void)state;
    none.size = 0;
    assert_int_equal(policy_care(&none, &old, 1, 3999), CARE_NONE);
    assert_int_equal(policy_care(&none, &old, 1, 4000), CARE_RETIRE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when_to_open),
        cmocka_unit_test(test_the_minimum),
        cmocka_unit_test(test_after_failures),
        cmocka_unit_test(test_when_the_back_off_ends),
        cmocka_unit_test(test_the_breaker),
        cmocka_unit_test(test_a_session_each),
        cmocka_unit_test(test_the_reserve),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_slow_start),
        cmocka_unit_test(test_the_retry_budget),
        cmocka_unit_test(test_fewer_and_more_at_a_time),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_backoff_ends),
        cmocka_unit_test(test_backoff_bounds),
        cmocka_unit_test(test_backoff_of_odd_limits),
        cmocka_unit_test(test_lifetime),
        cmocka_unit_test(test_care),
        cmocka_unit_test(test_care_in_a_pool_of_size_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
