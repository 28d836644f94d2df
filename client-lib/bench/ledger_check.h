/* SPDX-License-Identifier: MIT */
/*
 * The judge of a run: what the clients were told, joined with what the servers executed.
 * Pure.  Called by faults.c; knows nothing of sockets, processes, or how a run was made.
 */
#ifndef TEPLO_BENCH_LEDGER_CHECK_H
#define TEPLO_BENCH_LEDGER_CHECK_H

#include <stddef.h>
#include <stdint.h>

enum ledger_end {
#define END(name, word, least, most) LEDGER_END_##name,
#include "client-lib/bench/ledger_ends.def"
#undef END
    LEDGER_END_COUNT
};

enum ledger_rule {
#define RULE(name, word, group, text) LEDGER_RULE_##name,
#include "client-lib/bench/ledger_rules.def"
#undef RULE
    LEDGER_RULE_COUNT
};

enum ledger_group {
    LEDGER_GROUP_DOUBLED,
    LEDGER_GROUP_LOST,
    LEDGER_GROUP_DISHONEST,
    LEDGER_GROUP_LATE,
    LEDGER_GROUP_COUNT,
};

/* What was seen of a call, beside its end. */
enum ledger_sight {
    LEDGER_SIGHT_FOREIGN = 1 << 0,      /* an answer that is not this call's */
    LEDGER_SIGHT_OTHER_CLIENT = 1 << 1, /* an answer came on another connection */
    LEDGER_SIGHT_WRONG_ID = 1 << 2,     /* its id came back as other bytes */
    LEDGER_SIGHT_AFTER_CANCEL = 1 << 3, /* an answer, when the cancel must have been read */
    LEDGER_SIGHT_ASKED = 1 << 4,        /* its end was asked for after the broker's death: what
                                           the call's own deadline says nothing about */
};

struct judged_call {
    uint8_t end;     /* enum ledger_end */
    uint8_t sights;  /* enum ledger_sight, or'ed */
    uint8_t answers; /* that came for it; stays at 255 */
    uint8_t execs;   /* records of its execution; stays at 255 */
    uint8_t record;  /* enum ledger_end: what teplo/outcome said at some time; UNUSED: nothing */
    int32_t took_ms; /* from the last byte of the request to the end */
    int32_t deadline_ms;
    int32_t stall_ms; /* of that, what is nobody's fault: no processor, or the client looked away */
};

struct ledger_history {
    const struct judged_call *calls;
    size_t count;
    uint64_t strays; /* messages that belong to no call */
    uint64_t ghosts; /* executions of no call */
    uint64_t unknown_ceiling;
    int32_t slack_ms; /* on top of a deadline */
};

enum { LEDGER_OFFENDERS_MAXIMUM = 16 };

struct ledger_offender {
    size_t call;
    enum ledger_rule rule;
};

struct ledger_report {
    uint64_t ends[LEDGER_END_COUNT];
    uint64_t broken[LEDGER_RULE_COUNT];
    uint64_t groups[LEDGER_GROUP_COUNT];
    uint64_t violations;
    struct ledger_offender offenders[LEDGER_OFFENDERS_MAXIMUM]; /* the first */
    size_t offender_count;
    int32_t latest_ms;     /* the most that an end came after its deadline */
    int32_t latest_net_ms; /* the same, less stall_ms */
    size_t latest_call;    /* the one with that */
};

void ledger_check(const struct ledger_history *history, struct ledger_report *ret_report);

const char *ledger_end_word(enum ledger_end end);
const char *ledger_rule_word(enum ledger_rule rule);
const char *ledger_rule_text(enum ledger_rule rule);

#endif
