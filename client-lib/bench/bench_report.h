/* SPDX-License-Identifier: MIT */
/* What was measured, printed: for people, or as one JSON object.  Called by bench.c. */
#ifndef TEPLO_BENCH_REPORT_H
#define TEPLO_BENCH_REPORT_H

#include "client-lib/bench/figures.h"
#include "client-lib/bench/load.h"

struct bench_report {
    const struct bench_options *options;
    const struct load_result *result;
    const struct figures *broker_before;
    const struct figures *broker_after;
    const struct figures *upstream_before;
    const struct figures *upstream_after;
};

void bench_report_text(const struct bench_report *report, struct bytes *out);
void bench_report_json(const struct bench_report *report, struct bytes *out);

#endif
