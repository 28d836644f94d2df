/* SPDX-License-Identifier: MIT */
/* Histories made by hand: one without a fault, and one for each way to break a rule. */
#include "client-lib/bench/ledger_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct judged_call answered = {
    .end = LEDGER_END_RESULT, .answers = 1, .execs = 1, .took_ms = 5, .deadline_ms = 100};

static struct ledger_report check_one(struct judged_call call)
{
    struct judged_call calls[3] = {{.end = LEDGER_END_UNUSED}, answered, call};
    struct ledger_history history = {
        .calls = calls, .count = 3, .unknown_ceiling = 1, .slack_ms = 50};
    struct ledger_report report;

    ledger_check(&history, &report);
    return report;
}

static struct judged_call ended(enum ledger_end end, uint8_t execs)
{
    struct judged_call call = answered;

    call.end = (uint8_t)end;
    call.execs = execs;
    return call;
}

static void assert_clean(struct judged_call call)
{
    assert_int_equal(check_one(call).violations, 0);
}

/* CALL breaks RULE, once, and no other. */
static void assert_broken(struct judged_call call, enum ledger_rule rule)
{
    struct ledger_report report = check_one(call);

    assert_int_equal(report.broken[rule], 1);
    assert_int_equal(report.violations, 1);
    assert_int_equal(report.offender_count, 1);
    assert_int_equal(report.offenders[0].call, 2);
    assert_int_equal(report.offenders[0].rule, rule);
}

static void honest_ends_are_clean(void **state)
{
    (void)state;
    assert_clean(ended(LEDGER_END_RESULT, 1));
    assert_clean(ended(LEDGER_END_NOT_EXECUTED, 0));
    assert_clean(ended(LEDGER_END_UNKNOWN, 0));
    assert_clean(ended(LEDGER_END_UNKNOWN, 1));
    assert_clean(ended(LEDGER_END_RESULT_LOST, 1));
    assert_clean(ended(LEDGER_END_EXECUTED, 1));
    assert_clean(ended(LEDGER_END_NOT_SENT, 0));
    assert_clean(ended(LEDGER_END_CANCELLED, 0));
    assert_clean(ended(LEDGER_END_CANCELLED, 1));
    assert_clean(ended(LEDGER_END_LEFT, 0));
    assert_clean(ended(LEDGER_END_LEFT, 1));
}

static void twice_is_doubled_whatever_was_said(void **state)
{
    static const enum ledger_end ends[] = {LEDGER_END_RESULT,      LEDGER_END_UNKNOWN,
                                           LEDGER_END_RESULT_LOST, LEDGER_END_EXECUTED,
                                           LEDGER_END_CANCELLED,   LEDGER_END_LEFT};

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        assert_broken(ended(ends[i], 2), LEDGER_RULE_DOUBLED);
        assert_broken(ended(ends[i], 255), LEDGER_RULE_DOUBLED);
    }
    assert_int_equal(check_one(ended(LEDGER_END_NOT_EXECUTED, 2)).broken[LEDGER_RULE_DOUBLED], 1);
}

static void what_was_said_is_held_against_what_ran(void **state)
{
    (void)state;
    assert_broken(ended(LEDGER_END_RESULT, 0), LEDGER_RULE_RESULT_UNEXECUTED);
    assert_broken(ended(LEDGER_END_NOT_EXECUTED, 1), LEDGER_RULE_FALSE_NOT_EXECUTED);
    assert_broken(ended(LEDGER_END_RESULT_LOST, 0), LEDGER_RULE_FALSE_RESULT_LOST);
    assert_broken(ended(LEDGER_END_EXECUTED, 0), LEDGER_RULE_FALSE_RESULT_LOST);
    assert_broken(ended(LEDGER_END_NOT_SENT, 1), LEDGER_RULE_FALSE_NOT_SENT);
    assert_broken(ended(LEDGER_END_UNUSED, 1), LEDGER_RULE_GHOST);
}

static void a_record_is_held_against_what_ran(void **state)
{
    struct judged_call call = ended(LEDGER_END_LEFT, 1);

    (void)state;
    call.record = LEDGER_END_EXECUTED;
    assert_clean(call);
    call.record = LEDGER_END_UNKNOWN;
    assert_clean(call);
    call.record = LEDGER_END_NOT_EXECUTED;
    assert_broken(call, LEDGER_RULE_FALSE_RECORD);
    call.execs = 0;
    assert_clean(call);
    call.record = LEDGER_END_RESULT_LOST;
    assert_broken(call, LEDGER_RULE_FALSE_RECORD);
}

static void every_call_has_one_end(void **state)
{
    struct judged_call call = answered;

    (void)state;
    call.answers = 2;
    assert_broken(call, LEDGER_RULE_TWO_ENDS);
    assert_broken(ended(LEDGER_END_OPEN, 0), LEDGER_RULE_LOST);
    assert_broken(ended(LEDGER_END_OPEN, 1), LEDGER_RULE_LOST);
}

static void every_sight_is_a_violation(void **state)
{
    static const struct {
        enum ledger_sight sight;
        enum ledger_rule rule;
    } rows[] = {
        {LEDGER_SIGHT_FOREIGN, LEDGER_RULE_FOREIGN_ANSWER},
        {LEDGER_SIGHT_OTHER_CLIENT, LEDGER_RULE_WRONG_CONNECTION},
        {LEDGER_SIGHT_WRONG_ID, LEDGER_RULE_WRONG_ID},
        {LEDGER_SIGHT_AFTER_CANCEL, LEDGER_RULE_AFTER_CANCEL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct judged_call call = answered;

        call.sights = (uint8_t)rows[i].sight;
        assert_broken(call, rows[i].rule);
    }
}

static void a_deadline_holds_less_what_the_client_did_not_look(void **state)
{
    struct judged_call call = answered;

    (void)state;
    call.took_ms = 150;
    assert_clean(call);
    call.took_ms = 151;
    assert_broken(call, LEDGER_RULE_LATE);
    call.stall_ms = 1;
    assert_clean(call);
    assert_int_equal(check_one(call).latest_ms, 51);
    assert_int_equal(check_one(call).latest_net_ms, 50);
    call.stall_ms = 0;
    call.sights = LEDGER_SIGHT_ASKED;
    assert_clean(call);
    call = ended(LEDGER_END_NOT_EXECUTED, 0);
    call.took_ms = 1000;
    assert_broken(call, LEDGER_RULE_LATE);
    call.end = LEDGER_END_CANCELLED;
    assert_clean(call);
}

static void what_belongs_to_no_call_is_counted(void **state)
{
    struct judged_call calls[2] = {{.end = LEDGER_END_UNUSED}, ended(LEDGER_END_UNKNOWN, 0)};
    struct ledger_history history = {.calls = calls, .count = 2, .strays = 3, .ghosts = 2};
    struct ledger_report report;

    (void)state;
    ledger_check(&history, &report);
    assert_int_equal(report.broken[LEDGER_RULE_STRAY], 3);
    assert_int_equal(report.broken[LEDGER_RULE_GHOST], 2);
    /* No fault explains an unknown outcome. */
    assert_int_equal(report.broken[LEDGER_RULE_CARELESS], 1);
    assert_int_equal(report.violations, 6);
    assert_int_equal(report.groups[LEDGER_GROUP_DISHONEST], 6);
}

static void only_the_first_offenders_are_kept(void **state)
{
    struct judged_call calls[100];
    struct ledger_history history = {.calls = calls, .count = 100};
    struct ledger_report report;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        calls[i] = ended(LEDGER_END_RESULT, 2);
    }
    ledger_check(&history, &report);
    assert_int_equal(report.broken[LEDGER_RULE_DOUBLED], 100);
    assert_int_equal(report.groups[LEDGER_GROUP_DOUBLED], 100);
    assert_int_equal(report.offender_count, LEDGER_OFFENDERS_MAXIMUM);
    assert_int_equal(report.offenders[LEDGER_OFFENDERS_MAXIMUM - 1].call,
                     LEDGER_OFFENDERS_MAXIMUM - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_ends_are_clean),
        cmocka_unit_test(twice_is_doubled_whatever_was_said),
        cmocka_unit_test(what_was_said_is_held_against_what_ran),
        cmocka_unit_test(a_record_is_held_against_what_ran),
        cmocka_unit_test(every_call_has_one_end),
        cmocka_unit_test(every_sight_is_a_violation),
        cmocka_unit_test(a_deadline_holds_less_what_the_client_did_not_look),
        cmocka_unit_test(what_belongs_to_no_call_is_counted),
        cmocka_unit_test(only_the_first_offenders_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
