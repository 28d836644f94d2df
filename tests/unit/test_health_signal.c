/* SPDX-License-Identifier: MIT */
/* What is bad, what is clear, and what is neither, at the limits of each threshold. */
#include "unit.h"

#include "broker/pool/health_signal.h"

static const struct {
    enum health_signal which;
    struct health_facts facts;
    struct health_past past;
    enum health_evidence evidence;
} looks[] = {
    /* No session, and the breaker is not closed; but not if somebody has to mend it. */
    {HEALTH_SIGNAL_BREAKER, {.has_failure = true, .gave_up = true}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_BREAKER, {.has_failure = true}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_BREAKER, {.open = 1, .has_failure = true, .gave_up = true}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_BREAKER,
     {.has_failure = true, .gave_up = true, .is_settled = true},
     {0},
     HEALTH_CLEAR},
    /* 401 or 403: for a session that was to be opened, or for a call. */
    {HEALTH_SIGNAL_AUTH,
     {.has_failure = true, .is_settled = true, .is_auth = true},
     {0},
     HEALTH_BAD},
    {HEALTH_SIGNAL_AUTH,
     {.open = 1, .has_failure = true, .is_settled = true, .is_auth = true},
     {0},
     HEALTH_CLEAR},
    {HEALTH_SIGNAL_AUTH, {.open = 1, .unauthorized_ms = 7}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_AUTH,
     {.open = 1, .unauthorized_ms = 7, .window.last_ok_ms = 6},
     {0},
     HEALTH_BAD},
    {HEALTH_SIGNAL_AUTH,
     {.open = 1, .unauthorized_ms = 7, .window.last_ok_ms = 8},
     {0},
     HEALTH_CLEAR},
    /* Another refusal for good. */
    {HEALTH_SIGNAL_REFUSED, {.has_failure = true, .is_settled = true}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_REFUSED,
     {.has_failure = true, .is_settled = true, .is_auth = true},
     {0},
     HEALTH_CLEAR},
    {HEALTH_SIGNAL_REFUSED,
     {.open = 1, .has_failure = true, .is_settled = true},
     {0},
     HEALTH_CLEAR},
    /* A server that was there is missed after 5 s; one that never was, at once. */
    {HEALTH_SIGNAL_NO_SESSION, {.has_failure = true}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_NO_SESSION,
     {.has_opened = true, .has_failure = true, .failing_ms = 4999},
     {0},
     HEALTH_BETWEEN},
    {HEALTH_SIGNAL_NO_SESSION,
     {.has_opened = true, .has_failure = true, .failing_ms = 5000},
     {0},
     HEALTH_BAD},
    {HEALTH_SIGNAL_NO_SESSION,
     {.open = 1, .has_opened = true, .has_failure = true, .failing_ms = 5000},
     {0},
     HEALTH_CLEAR},
    {HEALTH_SIGNAL_NO_SESSION, {.has_opened = true, .oldest_wait_ms = 4999}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_NO_SESSION, {.has_opened = true, .oldest_wait_ms = 5000}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_NO_SESSION, {.has_opened = true}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_NO_SESSION, {.has_failure = true, .is_settled = true}, {0}, HEALTH_BETWEEN},
    /* Fall 3, rise 2; a call that the server answers is a probe as well. */
    {HEALTH_SIGNAL_PROBES, {.open = 1}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_PROBES, {.open = 1}, {.probes_failed = 2}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_PROBES, {.open = 1}, {.probes_failed = 3}, HEALTH_BAD},
    {HEALTH_SIGNAL_PROBES, {.open = 1}, {.probes_ok = 1}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_PROBES, {0}, {.probes_ok = 2}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_PROBES, {.window.calls = 2}, {.probes_failed = 3}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_PROBES,
     {.open = 1, .window = {.calls = 9, .faults = 8}},
     {.probes_failed = 3},
     HEALTH_BAD},
    /* None is left to be asked. */
    {HEALTH_SIGNAL_PROBES, {0}, {.probes_failed = 3}, HEALTH_CLEAR},
    /* A quarter of the calls; a tenth of them and less. */
    {HEALTH_SIGNAL_MANY_ERRORS, {.window = {.calls = 100, .faults = 25}}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_MANY_ERRORS, {.window = {.calls = 100, .faults = 24}}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_MANY_ERRORS, {.window = {.calls = 100, .faults = 11}}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_MANY_ERRORS, {.window = {.calls = 100, .faults = 10}}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_MANY_ERRORS, {.window = {.calls = 19, .faults = 19}}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_MANY_ERRORS, {.window = {.calls = 20, .faults = 5}}, {0}, HEALTH_BAD},
    /* One in twenty; one in fifty and less. */
    {HEALTH_SIGNAL_ERRORS, {.window = {.calls = 20, .faults = 1}}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_ERRORS, {.window = {.calls = 19, .faults = 1}}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_ERRORS, {.window = {.calls = 1000, .faults = 49}}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_ERRORS, {.window = {.calls = 1000, .faults = 21}}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_ERRORS, {.window = {.calls = 1000, .faults = 20}}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_ERRORS, {.window = {.calls = 1}}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_ERRORS, {0}, {0}, HEALTH_CLEAR},
    /* The last attempt failed, and there are sessions. */
    {HEALTH_SIGNAL_CANNOT_GROW, {.open = 1, .has_failure = true}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_CANNOT_GROW, {.has_failure = true}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_CANNOT_GROW, {.open = 1}, {0}, HEALTH_CLEAR},
    /* Sessions lost: one is replaced, a fifth of them and at least three is a storm. */
    {HEALTH_SIGNAL_SESS_LOST, {.open = 1}, {.lost = 1}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_SESS_LOST, {.open = 0}, {.lost = 2}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_SESS_LOST, {.open = 12}, {.lost = 3}, HEALTH_BAD},
    {HEALTH_SIGNAL_SESS_LOST, {.open = 13}, {.lost = 3}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_SESS_LOST, {.open = 27}, {.lost = 3}, HEALTH_CLEAR},
    /* 429. */
    {HEALTH_SIGNAL_RATELIMITED, {.open = 1}, {.ratelimited = 5}, HEALTH_BAD},
    {HEALTH_SIGNAL_RATELIMITED, {.open = 1}, {.ratelimited = 4}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_RATELIMITED, {.open = 1}, {0}, HEALTH_CLEAR},
    /* Calls that wait. */
    {HEALTH_SIGNAL_WAIT, {.oldest_wait_ms = 1000}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_WAIT, {.oldest_wait_ms = 999}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_WAIT, {.oldest_wait_ms = 201}, {0}, HEALTH_BETWEEN},
    {HEALTH_SIGNAL_WAIT, {.oldest_wait_ms = 200}, {0}, HEALTH_CLEAR},
    /* p95: three times the baseline, and half a second. */
    {HEALTH_SIGNAL_SLOW,
     {.window = {.calls = 20, .p95_ms = 600}},
     {.baseline_ms = 200},
     HEALTH_BAD},
    {HEALTH_SIGNAL_SLOW,
     {.window = {.calls = 19, .p95_ms = 600}},
     {.baseline_ms = 200},
     HEALTH_BETWEEN},
    {HEALTH_SIGNAL_SLOW,
     {.window = {.calls = 20, .p95_ms = 599}},
     {.baseline_ms = 200},
     HEALTH_BETWEEN},
    {HEALTH_SIGNAL_SLOW,
     {.window = {.calls = 20, .p95_ms = 400}},
     {.baseline_ms = 200},
     HEALTH_CLEAR},
    {HEALTH_SIGNAL_SLOW,
     {.window = {.calls = 20, .p95_ms = 499}},
     {.baseline_ms = 10},
     HEALTH_BETWEEN},
    {HEALTH_SIGNAL_SLOW, {.window = {.calls = 20, .p95_ms = 500}}, {.baseline_ms = 10}, HEALTH_BAD},
    {HEALTH_SIGNAL_SLOW,
     {.window = {.calls = 20, .p95_ms = 250}},
     {.baseline_ms = 10},
     HEALTH_CLEAR},
    {HEALTH_SIGNAL_SLOW, {.window = {.calls = 20, .p95_ms = 9000}}, {0}, HEALTH_CLEAR},
    {HEALTH_SIGNAL_SLOW, {0}, {.baseline_ms = 10}, HEALTH_CLEAR},
    /* Fewer than there shall always be. */
    {HEALTH_SIGNAL_COLD, {.open = 1, .minimum = 2}, {0}, HEALTH_BAD},
    {HEALTH_SIGNAL_COLD, {.open = 2, .minimum = 2}, {0}, HEALTH_CLEAR},
};

static void test_evidence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(looks); i++) {
        assert_row(i, health_signal_look(looks[i].which, &looks[i].facts, &looks[i].past) ==
                          looks[i].evidence);
    }
}

/* Whoever is to be kept from going back and forth needs a gap between bad and clear. */
static void test_gaps(void **state)
{
    const struct health_thresholds *all = &health_thresholds;
    const struct health_threshold *const each[] = {
        &all->err_pct, &all->many_pct, &all->p95_times,  &all->p95_ms,
        &all->wait_ms, &all->lost_pct, &all->ratelimited};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(each); i++) {
        assert_row(i, each[i]->clear < each[i]->bad);
    }
    for (size_t i = 1; i < HEALTH_SIGNAL_COUNT; i++) {
        /* Reasons are worst first because the signals are. */
        assert_row(i, health_signal_kinds[i].level <= health_signal_kinds[i - 1].level);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_gaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
