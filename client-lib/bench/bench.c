/* SPDX-License-Identifier: MIT */
/* teplo-bench: load, and what it measures.  Which run it is, and main. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/bench/bench_report.h"
#include "client-lib/bench/faults.h"
#include "client-lib/cli/complaint.h"
#include "proto/base/mem.h"

enum { REPORT_MAXIMUM = 1 << 20 };

const char complaint_program[] = "teplo-bench";

static enum exit_status print(const struct bench_report *report)
{
    enum exit_status status = STATUS_OK;
    struct bytes out;

    bytes_init(&out, REPORT_MAXIMUM);
    if (report->options->prints_json) {
        bench_report_json(report, &out);
    } else {
        bench_report_text(report, &out);
    }
    if (out.failed || fwrite(out.at, 1, out.length, stdout) != out.length || fflush(stdout) != 0) {
        complaint("the report could not be written");
        status = STATUS_RESULT_LOST;
    }
    bytes_done(&out);
    return status;
}

static enum exit_status judge(const struct load_result *result)
{
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        if (verdict_delivery(verdict) == DELIVERY_BROKEN && result->verdicts[verdict] > 0) {
            return STATUS_REFUSED;
        }
    }
    return result->verdicts[VERDICT_RESULT] == 0 ? STATUS_NOT_EXECUTED : STATUS_OK;
}

static enum exit_status run(const struct bench_options *options, struct load_result *result)
{
    static struct figures broker[2];
    static struct figures upstream[2];
    const struct bench_report report = {options,    result,       &broker[0],
                                        &broker[1], &upstream[0], &upstream[1]};
    enum exit_status status;

    figures_of_broker(options, &broker[0]);
    if (!figures_of_upstream(options, &upstream[0])) {
        return STATUS_NO_BROKER;
    }
    status = load_run(options, result);
    if (status != STATUS_OK) {
        return status;
    }
    figures_of_broker(options, &broker[1]);
    if (!figures_of_upstream(options, &upstream[1])) {
        return STATUS_NO_BROKER;
    }
    status = print(&report);
    return status == STATUS_OK ? judge(result) : status;
}

int main(int argc, char **argv)
{
    static struct bench_options options;
    enum exit_status status;
    struct load_result *result;

    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "--faults") == 0) {
        return faults_run(argc - 1, argv + 1);
    }
    if (!bench_options_parse(argc, argv, &options, &status)) {
        return (int)status;
    }
    result = MEM_NEW(struct load_result);
    if (result == NULL) {
        complaint("out of memory");
        status = STATUS_NOT_EXECUTED;
    } else {
        status = run(&options, result);
    }
    mem_free(result);
    bench_options_done(&options);
    return (int)status;
}
