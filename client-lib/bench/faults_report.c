/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/faults_report.h"

#include <stdio.h>
#include <string.h>

static void print_line(const char *name, uint64_t number, const char *text)
{
    (void)printf("  %-20s %10llu  %s\n", name, (unsigned long long)number, text);
}

static void print_kinds(const struct faults_book *book)
{
    uint64_t total = 0;

    for (size_t i = FAULTS_KIND_NONE + 1; i < FAULTS_KIND_COUNT; i++) {
        total += book->kinds[i];
    }
    (void)printf("\nfaults of calls: %llu\n ", (unsigned long long)total);
    for (size_t i = FAULTS_KIND_NONE + 1; i < FAULTS_KIND_COUNT; i++) {
        (void)printf(" %s %llu%s", faults_kind_word((enum faults_kind)i),
                     (unsigned long long)book->kinds[i], i + 1 < FAULTS_KIND_COUNT ? "," : "\n");
    }
}

static void print_events(const struct faults_book *book, const struct faults_nemesis *nemesis)
{
    (void)printf("\ndone to processes and connections\n");
    for (size_t i = 0; i < FAULTS_EVENT_COUNT; i++) {
        if (nemesis->done[i] > 0) {
            print_line(faults_event_option((enum faults_event)i), (uint64_t)nemesis->done[i],
                       faults_event_help((enum faults_event)i));
        }
    }
    print_line("cancels", book->cancels, "calls that were taken back");
    print_line("reconnects", book->reconnects, "connections that the broker ended, or its death");
    print_line("outcomes", book->questions, "calls that a later broker was asked about, and told");
    print_line("audits", book->audits, "calls whose record was looked at in passing");
}

/* "call 7: unknown, executed ..." */
static void print_call(const struct faults_options *options, const struct ledger_history *history,
                       size_t number, const char *what)
{
    const struct judged_call *call = &history->calls[number];
    struct faults_plan plan = faults_plan_of(&options->odds, (int64_t)number);
    const char *word = faults_kind_word(plan.kind);

    (void)printf("  call %zu %s: %s, executed %u times, %u answers, took %d of %d ms (%d "
                 "excused); server s%u, fault %s:%lld\n",
                 number, what, ledger_end_word((enum ledger_end)call->end), call->execs,
                 call->answers, call->took_ms, call->deadline_ms, call->stall_ms, plan.server,
                 word[0] == '\0' ? "none" : word, (long long)plan.kind_number);
}

/* What a fault of others, or of the broker, may have cost an innocent call. */
static void print_slowest(const struct faults_options *options,
                          const struct ledger_history *history)
{
    size_t slowest = 0;

    for (size_t i = 1; i < history->count; i++) {
        const struct judged_call *call = &history->calls[i];

        if (call->answers > 0 && call->took_ms > history->calls[slowest].took_ms &&
            faults_plan_of(&options->odds, (int64_t)i).kind == FAULTS_KIND_NONE) {
            slowest = i;
        }
    }
    if (slowest != 0) {
        print_call(options, history, slowest, "was the slowest without a fault");
    }
}

static void print_ends(const struct faults_options *options, const struct ledger_history *history,
                       const struct ledger_report *report)
{
    (void)printf("\nhow calls ended\n");
    for (size_t i = LEDGER_END_OPEN; i < LEDGER_END_COUNT; i++) {
        if (report->ends[i] > 0) {
            print_line(ledger_end_word((enum ledger_end)i), report->ends[i], "");
        }
    }
    (void)printf("  (unknown: at most %llu are explained)\n",
                 (unsigned long long)history->unknown_ceiling);
    if (report->latest_ms != INT32_MIN) {
        (void)printf("  nearest to a deadline: %+d ms; %+d ms less what it had no processor, and "
                     "we did not look\n",
                     report->latest_ms, report->latest_net_ms);
        print_call(options, history, report->latest_call, "was the nearest");
        print_slowest(options, history);
    }
}

static void print_violations(const struct faults_options *options,
                             const struct ledger_history *history,
                             const struct ledger_report *report)
{
    (void)printf("\nviolations: %llu (doubled %llu, lost %llu, dishonest %llu, late %llu)\n",
                 (unsigned long long)report->violations,
                 (unsigned long long)report->groups[LEDGER_GROUP_DOUBLED],
                 (unsigned long long)report->groups[LEDGER_GROUP_LOST],
                 (unsigned long long)report->groups[LEDGER_GROUP_DISHONEST],
                 (unsigned long long)report->groups[LEDGER_GROUP_LATE]);
    for (size_t i = 0; i < LEDGER_RULE_COUNT; i++) {
        if (report->broken[i] > 0) {
            print_line(ledger_rule_word((enum ledger_rule)i), report->broken[i],
                       ledger_rule_text((enum ledger_rule)i));
        }
    }
    for (size_t i = 0; i < report->offender_count; i++) {
        print_call(options, history, report->offenders[i].call,
                   ledger_rule_text(report->offenders[i].rule));
    }
}

void faults_report_print(const struct faults_options *options, const struct faults_book *book,
                         const struct faults_nemesis *nemesis, const struct ledger_history *history,
                         const struct ledger_report *report, int64_t took_ms)
{
    (void)printf("calls %lld in %.1f s, %.0f a second\n", (long long)book->next - 1,
                 (double)took_ms / 1000,
                 (double)(book->next - 1) * 1000 / (double)(took_ms < 1 ? 1 : took_ms));
    print_kinds(book);
    print_events(book, nemesis);
    print_ends(options, history, report);
    print_violations(options, history, report);
}

int faults_report_status(const struct faults_options *options, const struct ledger_report *report)
{
    if (options->expected == NULL) {
        return report->violations == 0 ? 0 : 1;
    }
    for (size_t i = 0; i < LEDGER_RULE_COUNT; i++) {
        if (strcmp(ledger_rule_word((enum ledger_rule)i), options->expected) == 0 &&
            report->broken[i] > 0) {
            (void)printf("found, as expected: %s\n", options->expected);
            return 0;
        }
    }
    (void)printf("expected, and not found: %s\n", options->expected);
    return 1;
}
