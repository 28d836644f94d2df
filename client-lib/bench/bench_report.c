/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/bench_report.h"

#include <inttypes.h>
#include <string.h>

#include "client-lib/cli/duration.h"
#include "proto/json_scan.h"
#include "proto/printable.h"

/* Latencies that are reported, in parts of DURATIONS_WHOLE. */
static const struct {
    const char *title;
    const char *key;
    uint64_t parts;
} percentiles[] = {
    {"p50", "p50", 50000},
    {"p90", "p90", 90000},
    {"p99", "p99", 99000},
    {"p99.9", "p999", 99900},
};

/* What the broker counted, by its own names (teplo/pools). */
static const struct {
    const char *title;
    const char *key;
    const char *figure;
} broker_rows[] = {
    {"sessions opened", "sessions_opened", "sess_opened_total"},
    {"upstream POSTs", "upstream_posts", "up_posts_total"},
    {"calls", "calls", "calls_total"},
    {"ok", "ok", "ok_total"},
    {"tool errors", "tool_errors", "tool_err_total"},
    {"rpc errors", "rpc_errors", "rpc_err_total"},
    {"not executed", "not_executed", "not_executed_total"},
    {"unknown", "unknown", "unknown_total"},
    {"result lost", "result_lost", "result_lost_total"},
    {"retries", "retries", "retries_total"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static double us_of(int64_t duration_ns)
{
    return (double)duration_ns / 1000;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static double seconds(const struct load_result *result)
{
    return (double)result->elapsed_ns / 1e9;
}

static double cpu_us_per_call(const struct load_result *result)
{
    return ratio(us_of(result->cpu_ns), (double)result->answered);
}

static int64_t growth_of_broker(const struct bench_report *report, const char *figure)
{
    return figures_growth(report->broker_before, report->broker_after, figure);
}

/* ---- for people */

static void print_latency(const struct durations *latency, struct bytes *out)
{
    for (size_t i = 0; i < COUNT_OF(percentiles); i++) {
        bytes_printf(out, "%s %.1f  ", percentiles[i].title,
                     us_of(durations_percentile_ns(latency, percentiles[i].parts)));
    }
    bytes_printf(out, "max %.1f us\n", us_of(latency->most_ns));
}

static void print_target(const struct bench_options *options, struct bytes *out)
{
    bytes_append_text(out, "target    ");
    printable_line(out, span_of(options->target_name));
    bytes_printf(out, ", %u clients x %u in flight, ", options->clients, options->in_flight);
    if (options->rate > 0) {
        bytes_printf(out, "open loop at %" PRIu64 " calls/s\n", options->rate);
    } else {
        bytes_append_text(out, "closed loop\n");
    }
}

static void print_tools(const struct bench_report *report, struct bytes *out)
{
    const struct tool_mix *mix = &report->options->mix;

    for (size_t i = 0; mix->count > 1 && i < mix->count; i++) {
        bytes_append_text(out, "  ");
        printable_line(out, span_of(mix->tools[i].name));
        bytes_printf(out, ": %" PRIu64 " calls, ", report->result->by_tool[i].count);
        print_latency(&report->result->by_tool[i], out);
    }
}

static void print_outcomes(const struct load_result *result, struct bytes *out)
{
    bytes_append_text(out, "outcomes ");
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        if (result->verdicts[verdict] > 0 || verdict == VERDICT_RESULT ||
            verdict_delivery(verdict) == DELIVERY_BROKEN) {
            bytes_printf(out, " %s %" PRIu64 " ", verdict_word(verdict), result->verdicts[verdict]);
        }
    }
    if (result->reconnects > 0) {
        bytes_printf(out, " (connections opened again: %" PRIu64 ")", result->reconnects);
    }
    bytes_append_text(out, "\n");
}

static void print_others(const struct bench_report *report, struct bytes *out)
{
    double calls = (double)report->result->all_calls;

    if (report->broker_after->is_known) {
        bytes_printf(out, "broker    %.4f upstream POSTs per call;",
                     ratio((double)growth_of_broker(report, "up_posts_total"), calls));
        for (size_t i = 0; i < COUNT_OF(broker_rows); i++) {
            int64_t growth = growth_of_broker(report, broker_rows[i].figure);

            if (growth != 0) {
                bytes_printf(out, " %s %" PRId64, broker_rows[i].title, growth);
            }
        }
        bytes_append_text(out, "\n");
    }
    for (size_t i = 0; i < report->upstream_after->count; i++) {
        const char *name = report->upstream_after->all[i].name;
        int64_t growth = figures_growth(report->upstream_before, report->upstream_after, name);

        if (growth != 0) {
            bytes_append_text(out, "upstream  ");
            printable_line(out, span_of(name));
            bytes_printf(out, " %" PRId64 " (%.4f per call)\n", growth,
                         ratio((double)growth, calls));
        }
    }
}

void bench_report_text(const struct bench_report *report, struct bytes *out)
{
    const struct load_result *result = report->result;

    print_target(report->options, out);
    bytes_printf(out, "calls     %" PRIu64 " answered in %.2f s: %.0f calls/s\n", result->answered,
                 seconds(result), ratio((double)result->answered, seconds(result)));
    if (result->behind > 0) {
        bytes_printf(out, "behind    %" PRIu64 " calls were due and never began\n", result->behind);
    }
    bytes_append_text(out, "latency   ");
    print_latency(&result->latency, out);
    print_tools(report, out);
    print_outcomes(result, out);
    bytes_printf(out, "client    %.1f us of CPU per call\n", cpu_us_per_call(result));
    print_others(report, out);
}

/* ---- for programs */

static void json_latency(const struct durations *latency, struct bytes *out)
{
    bytes_append_char(out, '{');
    for (size_t i = 0; i < COUNT_OF(percentiles); i++) {
        bytes_printf(out, "\"%s\":%.1f,", percentiles[i].key,
                     us_of(durations_percentile_ns(latency, percentiles[i].parts)));
    }
    bytes_printf(out, "\"max\":%.1f,\"mean\":%.1f}", us_of(latency->most_ns),
                 us_of(durations_mean_ns(latency)));
}

static void json_outcomes(const struct load_result *result, struct bytes *out)
{
    bytes_append_text(out, ",\"outcomes\":{");
    for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        bytes_printf(out, "%s\"%s\":%" PRIu64, verdict == 0 ? "" : ",", verdict_word(verdict),
                     result->verdicts[verdict]);
    }
    bytes_append_char(out, '}');
}

static void json_tools(const struct bench_report *report, struct bytes *out)
{
    const struct tool_mix *mix = &report->options->mix;

    bytes_append_text(out, ",\"tools\":[");
    for (size_t i = 0; i < mix->count; i++) {
        bytes_append_text(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        json_quote(out, span_of(mix->tools[i].name));
        bytes_printf(out,
                     ",\"answered\":%" PRIu64 ",\"latency_us\":", report->result->by_tool[i].count);
        json_latency(&report->result->by_tool[i], out);
        bytes_append_char(out, '}');
    }
    bytes_append_char(out, ']');
}

static void json_broker(const struct bench_report *report, struct bytes *out)
{
    if (!report->broker_after->is_known) {
        bytes_append_text(out, ",\"broker\":null");
        return;
    }
    bytes_printf(out, ",\"broker\":{\"upstream_posts_per_call\":%.4f",
                 ratio((double)growth_of_broker(report, "up_posts_total"),
                       (double)report->result->all_calls));
    for (size_t i = 0; i < COUNT_OF(broker_rows); i++) {
        bytes_printf(out, ",\"%s\":%" PRId64, broker_rows[i].key,
                     growth_of_broker(report, broker_rows[i].figure));
    }
    bytes_append_char(out, '}');
}

static void json_upstream(const struct bench_report *report, struct bytes *out)
{
    const struct figures *after = report->upstream_after;

    if (!after->is_known) {
        bytes_append_text(out, ",\"upstream\":null");
        return;
    }
    bytes_append_text(out, ",\"upstream\":{");
    for (size_t i = 0; i < after->count; i++) {
        if (i > 0) {
            bytes_append_char(out, ',');
        }
        json_quote(out, span_of(after->all[i].name));
        bytes_printf(out, ":%" PRId64,
                     figures_growth(report->upstream_before, after, after->all[i].name));
    }
    bytes_append_char(out, '}');
}

void bench_report_json(const struct bench_report *report, struct bytes *out)
{
    const struct bench_options *options = report->options;
    const struct load_result *result = report->result;

    bytes_append_text(out, "{\"target\":");
    json_quote(out, span_of(options->target_name));
    bytes_printf(out, ",\"clients\":%u,\"in_flight\":%u,\"rate\":%" PRIu64 ",\"payload\":%" PRIu64,
                 options->clients, options->in_flight, options->rate, options->payload);
    bytes_printf(out,
                 ",\"calls\":%" PRIu64 ",\"all_calls\":%" PRIu64 ",\"behind\":%" PRIu64
                 ",\"reconnects\":%" PRIu64,
                 result->answered, result->all_calls, result->behind, result->reconnects);
    bytes_printf(out, ",\"seconds\":%.3f,\"calls_per_s\":%.1f,\"cpu_us_per_call\":%.2f",
                 seconds(result), ratio((double)result->answered, seconds(result)),
                 cpu_us_per_call(result));
    bytes_append_text(out, ",\"latency_us\":");
    json_latency(&result->latency, out);
    json_outcomes(result, out);
    json_tools(report, out);
    json_broker(report, out);
    json_upstream(report, out);
    bytes_append_text(out, "}\n");
}
