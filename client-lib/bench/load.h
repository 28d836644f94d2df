/* SPDX-License-Identifier: MIT */
/*
 * The run itself: clients with calls in flight, who begins the next one and when, and what
 * is counted.  Called by bench.c; talks through wires and knows no protocol below JSON-RPC.
 */
#ifndef TEPLO_BENCH_LOAD_H
#define TEPLO_BENCH_LOAD_H

#include "client-lib/bench/bench_options.h"
#include "client-lib/bench/durations.h"
#include "client-lib/bench/verdict.h"

/* Of the calls that began after the warm-up, unless it says otherwise. */
struct load_result {
    uint64_t verdicts[VERDICT_COUNT]; /* LOST and WRONG: of the warm-up too */
    uint64_t answered;                /* by the server */
    uint64_t all_calls;               /* begun, with those of the warm-up */
    uint64_t behind;     /* were due by the timetable, and never began: all clients were full */
    uint64_t reconnects; /* connections that ended and were opened again */
    int64_t elapsed_ns;  /* from the end of the warm-up to the last answer */
    int64_t cpu_ns;      /* of this process in that time */
    struct durations latency;
    struct durations by_tool[TOOL_MIX_MAXIMUM];
};

/* STATUS_OK: *RET_RESULT holds what was measured.  Else a complaint was made. */
enum exit_status load_run(const struct bench_options *options, struct load_result *ret_result);

#endif
