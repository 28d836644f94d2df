/* SPDX-License-Identifier: MIT */
#include "broker/routing/meters.h"

#include <math.h>

#include "unit.h"

enum { MS = 1000 };
static const int64_t start_ms = INT64_C(86400000) + 3;

static struct meters *meters;

static int open_meters(void **state)
{
    (void)state;
    meters = meters_new(start_ms);
    return meters == NULL ? -1 : 0;
}

static int close_meters(void **state)
{
    (void)state;
    meters_free(meters);
    return 0;
}

/* Begun at NOW_MS less 100 ms, with a session after 10, sent after 20. */
static struct timeline call_at(int64_t now_ms)
{
    int64_t begun_us = (now_ms - 100) * MS;

    return (struct timeline){.kind = TIMELINE_CALL,
                             .method = MCP_TOOLS_CALL,
                             .tool = "echo",
                             .attempts = 1,
                             .begun_us = begun_us,
                             .waited_us = 10 * MS,
                             .session_us = begun_us + 10 * MS,
                             .sent_us = begun_us + 20 * MS,
                             .done_us = begun_us + 100 * MS};
}

static void note(const struct timeline *timeline, const char *error_type)
{
    meters_note_call(meters, timeline->done_us / MS, timeline, error_type);
}

static bool is_near(double value, double expected)
{
    return fabs(value - expected) <= 0.05 * expected;
}

static double median_ms(void (*read)(struct meters *, int64_t, struct histogram *), int64_t now_ms)
{
    struct histogram histogram;

    read(meters, now_ms, &histogram);
    return histogram_quantile_ms(&histogram, 0.5);
}

/* ---- the last minute */

static void one_call(void **state)
{
    struct timeline call = call_at(start_ms + 5000);
    struct meters_window window;

    (void)state;
    note(&call, NULL);
    assert_true(is_near(median_ms(meters_latency, start_ms + 5000), 80));
    assert_true(is_near(median_ms(meters_wait, start_ms + 5000), 10));
    meters_window(meters, start_ms + 5000, &window);
    assert_int_equal(window.ended, 1);
    assert_int_equal(window.upstream_faults + window.tool_errors, 0);
    assert_true(window.seconds == 5);
    meters_window(meters, start_ms + 80000, &window);
    assert_int_equal(window.ended, 0);
    assert_true(window.seconds >= 60 && window.seconds < 70);
    assert_true(median_ms(meters_latency, start_ms + 80000) == 0);
}

/* Ten a second for two minutes: whenever it is looked at, ten a second. */
static void a_steady_rate_is_told_as_it_is(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 1200; i++) {
        struct timeline call = call_at(start_ms + i * 100);
        struct meters_window window;

        note(&call, i % 10 == 0 ? "timeout" : NULL);
        if (i >= 50) {
            meters_window(meters, start_ms + i * 100, &window);
            assert_row(i, is_near((double)window.ended / window.seconds, 10));
            assert_row(i, fabs((double)window.upstream_faults / (double)window.ended - 0.1) < 0.02);
        }
    }
}

static void what_is_the_servers_fault(void **state)
{
    static const char *const faults[] = {"dns",     "connect", "tls",     "timeout",  "reset",
                                         "http5xx", "proto",   "session", "ambiguous"};
    static const char *const others[] = {
        "tool_error",    "-32602",         "cancelled", "client_gone", "oversize",
        "queue_full",    "breaker",        "denied",    "draining",    "http4xx",
        "queue_timeout", "drain_deadline", "ratelimit", "auth",        "ledger_full"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        assert_row(i, meters_is_upstream_fault(faults[i]));
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_row(i, !meters_is_upstream_fault(others[i]));
    }
    assert_false(meters_is_upstream_fault(NULL));
}

static void faults_and_tool_errors_are_counted_apart(void **state)
{
    struct timeline call = call_at(start_ms + 100);
    struct meters_window window;

    (void)state;
    call.result = CALL_RESULT_TOOL_ERROR;
    note(&call, "tool_error");
    call.result = CALL_RESULT_RPC_ERROR;
    note(&call, "-32602");
    call.result = CALL_RESULT_UNKNOWN;
    call.failure = FAILURE_CONNECTION_LOST;
    note(&call, "ambiguous");
    meters_window(meters, start_ms + 100, &window);
    assert_int_equal(window.ended, 3);
    assert_int_equal(window.tool_errors, 1);
    assert_int_equal(window.upstream_faults, 1);
}

/* Who gave up waiting has waited; who was refused at once has not. */
static void waiting_in_vain_is_waiting(void **state)
{
    static const struct {
        enum failure failure;
        enum call_result result;
        uint64_t waits;
    } rows[] = {
        {FAILURE_QUEUE_TIMEOUT, CALL_RESULT_NOT_EXECUTED, 1},
        {FAILURE_UNAVAILABLE, CALL_RESULT_NOT_EXECUTED, 1},
        {FAILURE_NONE, CALL_RESULT_CANCELLED, 1},
        {FAILURE_NONE, CALL_RESULT_CLIENT_GONE, 1},
        {FAILURE_OVERLOADED, CALL_RESULT_NOT_EXECUTED, 0},
        {FAILURE_DENIED, CALL_RESULT_NOT_EXECUTED, 0},
        {FAILURE_DRAINING, CALL_RESULT_NOT_EXECUTED, 0},
    };
    uint64_t waits = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct timeline call = {.kind = TIMELINE_CALL,
                                .begun_us = start_ms * MS,
                                .done_us = (start_ms + 300) * MS,
                                .result = rows[i].result,
                                .failure = rows[i].failure};
        struct histogram histogram;

        note(&call, "x");
        waits += rows[i].waits;
        meters_wait(meters, start_ms + 300, &histogram);
        assert_row(i, histogram.count == waits && histogram.max_ms == 300);
        meters_latency(meters, start_ms + 300, &histogram);
        assert_row(i, histogram.count == 0);
    }
    assert_int_equal(meters_since_start(meters, METER_WAIT)->count, waits);
    assert_int_equal(meters_since_start(meters, METER_WAIT)->buckets[5], waits);
}

static void what_is_answered_here_is_an_operation_alone(void **state)
{
    struct timeline list = call_at(start_ms + 100);
    struct meters_window window;

    (void)state;
    list.kind = TIMELINE_LOCAL;
    list.session_us = 0;
    list.sent_us = 0;
    list.method = MCP_TOOLS_LIST;
    list.tool[0] = '\0';
    note(&list, NULL);
    meters_window(meters, start_ms + 100, &window);
    assert_int_equal(window.ended, 0);
    assert_int_equal(meters_operation(meters, 0)->server.count, 1);
    assert_int_equal(meters_operation(meters, 0)->client.count, 0);
    list = call_at(start_ms + 100);
    list.kind = TIMELINE_FETCH;
    list.method = MCP_TOOLS_LIST;
    list.tool[0] = '\0';
    note(&list, NULL);
    meters_window(meters, start_ms + 100, &window);
    assert_int_equal(window.ended, 1);
    assert_int_equal(meters_operation(meters, 0)->server.count, 1);
    assert_int_equal(meters_operation(meters, 0)->client.count, 1);
    assert_null(meters_operation(meters, 1));
}

/* ---- utilisation */

static void the_utilisation_is_weighted_by_time(void **state)
{
    (void)state;
    assert_true(meters_utilisation_pct(meters, start_ms + 1000) == 0);
    meters_note_active(meters, start_ms + 1000, 0, 4);
    meters_note_active(meters, start_ms + 11000, 4, 4);
    meters_note_active(meters, start_ms + 21000, 2, 4);
    /* 10 s of none, 10 s of all, 20 s of half. */
    assert_true(is_near(meters_utilisation_pct(meters, start_ms + 41000), 50));
    /* A minute later only half of them is in sight. */
    assert_true(is_near(meters_utilisation_pct(meters, start_ms + 200000), 50));
    meters_note_active(meters, start_ms + 200000, 9, 4);
    assert_true(meters_utilisation_pct(meters, start_ms + 900000) == 100);
    meters_note_active(meters, start_ms + 900000, 0, 4);
    assert_true(meters_utilisation_pct(meters, start_ms + 990000) == 0);
    meters_note_active(meters, start_ms + 990000, 0, 0);
    assert_true(meters_utilisation_pct(meters, start_ms + 1990000) == 0);
}

/* Looked at each 700 ms or once: the same. */
static void looking_changes_nothing(void **state)
{
    struct meters *other = meters_new(start_ms);
    uint64_t seed = 4;

    (void)state;
    assert_non_null(other);
    for (int64_t at = 0; at < 300000; at += 700) {
        if (unit_random(&seed) % 5 == 0) {
            size_t active = unit_random(&seed) % 9;

            meters_note_active(meters, start_ms + at, active, 8);
            meters_note_active(other, start_ms + at, active, 8);
        }
        (void)meters_utilisation_pct(other, start_ms + at);
    }
    assert_true(fabs(meters_utilisation_pct(meters, start_ms + 300000) -
                     meters_utilisation_pct(other, start_ms + 300000)) < 1e-6);
    meters_free(other);
}

/* ---- since the start */

static void operations_are_told_apart(void **state)
{
    struct timeline call = call_at(start_ms + 100);
    const struct operation *first;

    (void)state;
    note(&call, NULL);
    note(&call, NULL);
    note(&call, "tool_error");
    call.method = MCP_PROMPTS_GET;
    call.tool[0] = '\0';
    note(&call, "-32602");
    first = meters_operation(meters, 0);
    assert_string_equal(first->tool, "echo");
    assert_string_equal(first->error_type, "");
    assert_int_equal(first->method, MCP_TOOLS_CALL);
    assert_int_equal(first->client.count, 2);
    assert_true(is_near(first->client.sum_s, 0.16));
    assert_true(is_near(first->server.sum_s, 0.2));
    /* 80 ms are in the bucket up to 100 ms, and so are 100 ms. */
    assert_int_equal(first->client.buckets[3], 2);
    assert_int_equal(first->server.buckets[3], 2);
    assert_string_equal(meters_operation(meters, 1)->error_type, "tool_error");
    assert_string_equal(meters_operation(meters, 2)->error_type, "-32602");
    assert_int_equal(meters_operation(meters, 2)->method, MCP_PROMPTS_GET);
    assert_null(meters_operation(meters, 3));
    assert_int_equal(meters_since_start(meters, METER_USE)->count, 4);
    assert_int_equal(meters_since_start(meters, METER_USE)->buckets[4], 4);
    assert_int_equal(meters_since_start(meters, METER_WAIT)->buckets[2], 4);
}

/* Clients call tools that nobody has, servers answer with codes of their own: bounded, and the sums
   are right; what went well is never among what did not. */
static void too_many_names_count_together(void **state)
{
    uint64_t well = 0;
    uint64_t others = 0;
    uint64_t all = 0;
    size_t count = 0;
    const struct operation *operation;
    size_t before = mem_in_use();

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct timeline call = call_at(start_ms + 100);
        char code[OPERATION_ERROR_SIZE];

        (void)snprintf(call.tool, sizeof(call.tool), "tool-%d", i % 1250);
        (void)snprintf(code, sizeof(code), "-%d", 40000 + i);
        if (i > 1000) {
            call.method = (enum mcp_method)(i % MCP_METHOD_COUNT);
        }
        note(&call, i % 3 == 0 ? NULL : code);
    }
    for (; (operation = meters_operation(meters, count)) != NULL; count++) {
        all += operation->client.count;
        well += operation->error_type[0] == '\0' ? operation->client.count : 0;
        others += strcmp(operation->tool, "_other") == 0 ? 1 : 0;
    }
    assert_true(count <= OPERATIONS_MAXIMUM);
    assert_int_equal(all, 5000);
    assert_int_equal(well, 1667);
    assert_true(others > 1);
    assert_null(meters_operation(meters, OPERATIONS_MAXIMUM));
    assert_true(mem_in_use() - before < 125000);
}

static void names_of_who_may_not_call_take_no_place(void **state)
{
    struct timeline call = call_at(start_ms + 100);

    (void)state;
    for (int i = 0; i < 2 * OPERATIONS_MAXIMUM; i++) {
        struct timeline denied = call_at(start_ms + 100);

        (void)snprintf(denied.tool, sizeof(denied.tool), "invented-%d", i);
        denied.result = CALL_RESULT_NOT_EXECUTED;
        denied.failure = FAILURE_DENIED;
        note(&denied, "denied");
    }
    assert_string_equal(meters_operation(meters, 0)->tool, "_other");
    assert_int_equal(meters_operation(meters, 0)->server.count, 2 * OPERATIONS_MAXIMUM);
    assert_null(meters_operation(meters, 1));
    (void)snprintf(call.tool, sizeof(call.tool), "real");
    note(&call, NULL);
    assert_string_equal(meters_operation(meters, 1)->tool, "real");
}

/* A pool that nobody uses has little of it. */
static void an_empty_one_is_small(void **state)
{
    size_t before = mem_in_use();
    struct meters *made = meters_new(start_ms);

    (void)state;
    assert_non_null(made);
    assert_true(mem_in_use() - before < 25000);
    meters_free(made);
}

static void sessions_opened(void **state)
{
    (void)state;
    meters_note_create(meters, start_ms + 10, 4);
    meters_note_create(meters, start_ms + 20, 4000);
    assert_int_equal(meters_since_start(meters, METER_CREATE)->count, 2);
    assert_int_equal(meters_since_start(meters, METER_CREATE)->buckets[1], 1);
    assert_int_equal(meters_since_start(meters, METER_CREATE)->buckets[7], 1);
    assert_true(meters_since_start(meters, METER_CREATE)->sum_s == 4.004);
    assert_true(is_near(median_ms(meters_create, start_ms + 20), 4));
}

static void bounds_grow(void **state)
{
    (void)state;
    for (size_t i = 1; i < METER_BUCKETS - 1; i++) {
        assert_row(i, meter_bounds_s[i] > meter_bounds_s[i - 1]);
    }
    for (size_t i = 1; i < OPERATION_BUCKETS - 1; i++) {
        assert_row(i, operation_bounds_s[i] > operation_bounds_s[i - 1]);
    }
    assert_true(meter_bounds_s[METER_BUCKETS - 2] == 30);
    assert_true(operation_bounds_s[OPERATION_BUCKETS - 2] == 300);
}

static bool measure(void)
{
    struct meters *made = meters_new(start_ms);
    struct timeline call = call_at(start_ms + 100);
    bool is_counted;

    if (made == NULL) {
        return false;
    }
    meters_note_call(made, start_ms + 100, &call, NULL);
    is_counted = meters_operation(made, 0) != NULL;
    meters_free(made);
    return is_counted;
}

static void without_memory_a_series_is_missing(void **state)
{
    (void)state;
    each_allocation_fails(measure);
}

#define METERS_TEST(name) cmocka_unit_test_setup_teardown(name, open_meters, close_meters)

int main(void)
{
    const struct CMUnitTest tests[] = {
        METERS_TEST(one_call),
        METERS_TEST(a_steady_rate_is_told_as_it_is),
        METERS_TEST(what_is_the_servers_fault),
        METERS_TEST(faults_and_tool_errors_are_counted_apart),
        METERS_TEST(waiting_in_vain_is_waiting),
        METERS_TEST(what_is_answered_here_is_an_operation_alone),
        METERS_TEST(the_utilisation_is_weighted_by_time),
        METERS_TEST(looking_changes_nothing),
        METERS_TEST(operations_are_told_apart),
        METERS_TEST(too_many_names_count_together),
        METERS_TEST(names_of_who_may_not_call_take_no_place),
        METERS_TEST(an_empty_one_is_small),
        METERS_TEST(sessions_opened),
        METERS_TEST(bounds_grow),
        cmocka_unit_test(without_memory_a_series_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
