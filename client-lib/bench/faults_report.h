/* SPDX-License-Identifier: MIT */
/* What a run has come to, for people. */
#ifndef TEPLO_BENCH_FAULTS_REPORT_H
#define TEPLO_BENCH_FAULTS_REPORT_H

#include "client-lib/bench/faults_options.h"

void faults_report_print(const struct faults_options *options, const struct faults_book *book,
                         const struct faults_nemesis *nemesis, const struct ledger_history *history,
                         const struct ledger_report *report, int64_t took_ms);
/* The exit status. */
int faults_report_status(const struct faults_options *options, const struct ledger_report *report);

#endif
