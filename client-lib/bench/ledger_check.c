/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/ledger_check.h"

#include <stdbool.h>

static const struct {
    const char *word;
    uint8_t least;
    uint8_t most;
} ends[] = {
#define END(name, word, least, most) {word, least, most},
#include "client-lib/bench/ledger_ends.def"
#undef END
};

static const struct {
    const char *word;
    enum ledger_group group;
    const char *text;
} rules[] = {
#define RULE(name, word, group, text) {word, LEDGER_GROUP_##group, text},
#include "client-lib/bench/ledger_rules.def"
#undef RULE
};

const char *ledger_end_word(enum ledger_end end)
{
    return ends[end].word;
}

const char *ledger_rule_word(enum ledger_rule rule)
{
    return rules[rule].word;
}

const char *ledger_rule_text(enum ledger_rule rule)
{
    return rules[rule].text;
}

static void count(struct ledger_report *report, enum ledger_rule rule, uint64_t times)
{
    report->broken[rule] += times;
    report->groups[rules[rule].group] += times;
    report->violations += times;
}

static void accuse(struct ledger_report *report, size_t call, enum ledger_rule rule)
{
    count(report, rule, 1);
    if (report->offender_count < LEDGER_OFFENDERS_MAXIMUM) {
        report->offenders[report->offender_count++] = (struct ledger_offender){call, rule};
    }
}

/* Fewer executions than its end allows. */
static enum ledger_rule rule_of_too_few(enum ledger_end end)
{
    return end == LEDGER_END_RESULT ? LEDGER_RULE_RESULT_UNEXECUTED : LEDGER_RULE_FALSE_RESULT_LOST;
}

/* One execution where its end allows none. */
static enum ledger_rule rule_of_one_too_many(enum ledger_end end)
{
    switch (end) {
    case LEDGER_END_NOT_EXECUTED:
        return LEDGER_RULE_FALSE_NOT_EXECUTED;
    case LEDGER_END_NOT_SENT:
        return LEDGER_RULE_FALSE_NOT_SENT;
    case LEDGER_END_UNUSED:
        return LEDGER_RULE_GHOST;
    case LEDGER_END_OPEN:
    case LEDGER_END_RESULT:
    case LEDGER_END_UNKNOWN:
    case LEDGER_END_RESULT_LOST:
    case LEDGER_END_EXECUTED:
    case LEDGER_END_CANCELLED:
    case LEDGER_END_LEFT:
    case LEDGER_END_COUNT:
        break;
    }
    return LEDGER_RULE_DOUBLED;
}

static void check_executions(const struct judged_call *call, size_t number,
                             struct ledger_report *report)
{
    enum ledger_end end = (enum ledger_end)call->end;

    if (call->execs > 1) {
        accuse(report, number, LEDGER_RULE_DOUBLED);
    }
    if (call->execs < ends[end].least) {
        accuse(report, number, rule_of_too_few(end));
    } else if (call->execs > 0 && ends[end].most == 0) {
        accuse(report, number, rule_of_one_too_many(end));
    }
}

/* A record may be asked for at any time, by anybody: it holds until the end. */
static void check_record(const struct judged_call *call, size_t number,
                         struct ledger_report *report)
{
    bool is_false =
        call->execs < ends[call->record].least || (call->execs > 0 && ends[call->record].most == 0);

    if (call->record != LEDGER_END_UNUSED && is_false) {
        accuse(report, number, LEDGER_RULE_FALSE_RECORD);
    }
}

static void check_sights(const struct judged_call *call, size_t number,
                         struct ledger_report *report)
{
    static const struct {
        enum ledger_sight sight;
        enum ledger_rule rule;
    } pairs[] = {
        {LEDGER_SIGHT_FOREIGN, LEDGER_RULE_FOREIGN_ANSWER},
        {LEDGER_SIGHT_OTHER_CLIENT, LEDGER_RULE_WRONG_CONNECTION},
        {LEDGER_SIGHT_WRONG_ID, LEDGER_RULE_WRONG_ID},
        {LEDGER_SIGHT_AFTER_CANCEL, LEDGER_RULE_AFTER_CANCEL},
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if ((call->sights & pairs[i].sight) != 0) {
            accuse(report, number, pairs[i].rule);
        }
    }
    if (call->answers > 1) {
        accuse(report, number, LEDGER_RULE_TWO_ENDS);
    }
    if (call->end == LEDGER_END_OPEN) {
        accuse(report, number, LEDGER_RULE_LOST);
    }
}

/* Whether the deadline holds for a call that ended so. */
static bool is_timed(const struct judged_call *call)
{
    enum ledger_end end = (enum ledger_end)call->end;

    return (call->sights & LEDGER_SIGHT_ASKED) == 0 &&
           (end == LEDGER_END_RESULT || end == LEDGER_END_NOT_EXECUTED ||
            end == LEDGER_END_UNKNOWN || end == LEDGER_END_RESULT_LOST);
}

static void check_time(const struct judged_call *call, size_t number, int32_t slack_ms,
                       struct ledger_report *report)
{
    int32_t late_ms = call->took_ms - call->deadline_ms;
    int32_t net_ms = late_ms - call->stall_ms;

    if (!is_timed(call)) {
        return;
    }
    report->latest_ms = late_ms > report->latest_ms ? late_ms : report->latest_ms;
    if (net_ms > report->latest_net_ms) {
        report->latest_net_ms = net_ms;
        report->latest_call = number;
    }
    if (net_ms > slack_ms) {
        accuse(report, number, LEDGER_RULE_LATE);
    }
}

void ledger_check(const struct ledger_history *history, struct ledger_report *ret_report)
{
    *ret_report = (struct ledger_report){.latest_ms = INT32_MIN, .latest_net_ms = INT32_MIN};
    for (size_t i = 0; i < history->count; i++) {
        const struct judged_call *call = &history->calls[i];

        ret_report->ends[call->end]++;
        check_executions(call, i, ret_report);
        check_record(call, i, ret_report);
        check_sights(call, i, ret_report);
        check_time(call, i, history->slack_ms, ret_report);
    }
    count(ret_report, LEDGER_RULE_STRAY, history->strays);
    count(ret_report, LEDGER_RULE_GHOST, history->ghosts);
    if (ret_report->ends[LEDGER_END_UNKNOWN] > history->unknown_ceiling) {
        count(ret_report, LEDGER_RULE_CARELESS,
              ret_report->ends[LEDGER_END_UNKNOWN] - history->unknown_ceiling);
    }
}
