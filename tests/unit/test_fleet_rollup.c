/* SPDX-License-Identifier: MIT */
/* The rows of several brokers made one: each rule, totals, the dead, and what is no row at all. */
#include "unit.h"

#include <math.h>

#include "broker/health/fleet_rollup.h"

static const struct fleet_before nothing_before = {0};

static struct pool_row row_of(uint64_t calls)
{
    struct pool_row row = {.updated_at_ms = 1000,
                           .cap = 4,
                           .s_idle = 1,
                           .s_active = 2,
                           .s_total = 3,
                           .waiting = 5,
                           .maxwait_ms = 10,
                           .calls_total = calls,
                           .ok_total = calls - 3,
                           .not_executed_total = 1,
                           .unknown_total = 1,
                           .result_lost_total = 1,
                           .wait_ms_sum = 2.5,
                           .rps = 10,
                           .err_pct = 1,
                           .util_pct = 50,
                           .last_err_at_ms = 500,
                           .last_ok_at_ms = 900};

    (void)snprintf(row.upstream, sizeof(row.upstream), "http://one/sse");
    (void)snprintf(row.breaker, sizeof(row.breaker), "closed");
    (void)snprintf(row.last_err_class, sizeof(row.last_err_class), "reset");
    return row;
}

static void test_two_brokers(void **state)
{
    struct fleet_pool pool;
    struct pool_row one = row_of(100);
    struct pool_row other = row_of(10);
    const struct pool_row *row = &pool.figures.row;

    (void)state;
    other.updated_at_ms = 2000;
    (void)snprintf(other.upstream, sizeof(other.upstream), "http://other/sse");
    other.maxwait_ms = 7.5;
    other.rps = 30;
    other.err_pct = 5;
    other.cap = 12;
    other.util_pct = 10;
    other.last_err_at_ms = 400;
    (void)snprintf(other.last_err_class, sizeof(other.last_err_class), "tls");
    (void)snprintf(other.breaker, sizeof(other.breaker), "open");
    other.breaker_code = 1;
    fleet_pool_begin(&pool, "p");
    fleet_pool_add_live(&pool, &one);
    fleet_pool_add_live(&pool, &other);
    fleet_pool_end(&pool, nothing_before, 3000);
    assert_string_equal(row->name, "p");
    assert_int_equal(pool.figures.inst_live, 2);
    /* SUM and TOTAL */
    assert_int_equal(row->cap, 16);
    assert_int_equal(row->s_total, 6);
    assert_int_equal(row->waiting, 10);
    assert_int_equal(row->calls_total, 110);
    assert_true(row->wait_ms_sum == 5);
    assert_true(row->rps == 40);
    /* MAX */
    assert_true(row->maxwait_ms == 10);
    assert_int_equal(row->breaker_code, 1);
    assert_int_equal(row->last_ok_at_ms, 900);
    /* LATEST, WORST, ERROR */
    assert_string_equal(row->upstream, "http://other/sse");
    assert_string_equal(row->breaker, "open");
    assert_string_equal(row->last_err_class, "reset");
    assert_int_equal(row->last_err_at_ms, 500);
    /* WINDOW: 0.1 and 1.5 of 40 calls a second; 2 and 1.2 of 16 sessions */
    assert_true(fabs(row->err_pct - 4) < 1e-9);
    assert_true(fabs(row->util_pct - 20) < 1e-9);
    /* OWN */
    assert_int_equal(row->seq, 0);
    assert_int_equal(fleet_errors(row), 6);
}

/* Whatever a field's rule, the row of a lone broker is the row of the fleet. */
static void test_one_broker_is_the_fleet(void **state)
{
    struct fleet_pool pool;
    struct pool_row one = row_of(100);

    (void)state;
    one.breaker_code = 2;
    fleet_pool_begin(&pool, "");
    fleet_pool_add_live(&pool, &one);
    fleet_pool_end(&pool, nothing_before, 3000);
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        if (fleet_folds[i] != FLEET_FOLD_OWN && fleet_folds[i] != FLEET_FOLD_MERGED) {
            char text[2][REDIS_TEXT_SIZE];

            (void)row_field_text(&pool_row_fields[i], &one, 0, text[0]);
            (void)row_field_text(&pool_row_fields[i], &pool.figures.row, 0, text[1]);
            assert_string_equal(text[0], text[1]);
        }
    }
}

/* Gauges are of those that live; totals of all that ever were. */
static void test_the_dead_and_the_base(void **state)
{
    struct fleet_pool pool;
    struct pool_row live = row_of(100);
    struct pool_row dead = row_of(1000);
    struct pool_row base = {.calls_total = 10000, .wait_ms_sum = 0.5, .cap = 77, .rps = 8};

    (void)state;
    fleet_pool_begin(&pool, "p");
    fleet_pool_add_base(&pool, &base);
    fleet_pool_add_dead(&pool, &dead);
    fleet_pool_add_live(&pool, &live);
    fleet_pool_end(&pool, nothing_before, 3000);
    assert_int_equal(pool.figures.row.calls_total, 11100);
    assert_true(pool.figures.row.wait_ms_sum == 5.5);
    assert_int_equal(pool.figures.row.cap, 4);
    assert_int_equal(pool.figures.row.waiting, 5);
    assert_true(pool.figures.row.rps == 10);
    assert_int_equal(pool.figures.inst_live, 1);
    assert_int_equal(pool.figures.inst_dead, 1);
}

/* One that was folded while it was frozen: what the base has of it does not count again. */
static void test_folded_and_alive(void **state)
{
    struct pool_row row = row_of(120);
    struct pool_row gone = row_of(100);

    (void)state;
    fleet_row_subtract(&row, &gone);
    assert_int_equal(row.calls_total, 20);
    assert_int_equal(row.cap, 4);
    assert_true(row.wait_ms_sum == 0);
    gone.calls_total = 500;
    fleet_row_subtract(&row, &gone);
    assert_int_equal(row.calls_total, 0);
}

static void test_nobody_lives(void **state)
{
    struct fleet_pool pool;
    struct pool_row dead = row_of(7);

    (void)state;
    fleet_pool_begin(&pool, "p");
    fleet_pool_end(&pool, nothing_before, 3000);
    assert_string_equal(pool.figures.row.health, "unknown");
    fleet_pool_begin(&pool, "p");
    fleet_pool_add_dead(&pool, &dead);
    fleet_pool_end(&pool, nothing_before, 3000);
    assert_string_equal(pool.figures.row.health, "unknown");
    assert_string_equal(pool.figures.row.health_reason, "no_broker");
    assert_int_equal(pool.figures.row.calls_total, 7);
    assert_int_equal(pool.figures.row.err_pct, 0);
}

static void set_health(struct pool_row *row, enum health health, const char *reason)
{
    row->health_code = (uint64_t)health;
    (void)snprintf(row->health_reason, sizeof(row->health_reason), "%s", reason);
}

static void test_health(void **state)
{
    struct fleet_pool pool;
    struct pool_row well = row_of(10);
    struct pool_row ill = row_of(10);
    struct fleet_before before = {HEALTH_DEGRADED, 1234};

    (void)state;
    set_health(&well, HEALTH_HEALTHY, "");
    set_health(&ill, HEALTH_UNHEALTHY, "auth");
    ill.rps = 1; /* a small part of the traffic */
    ill.waiting = 0;
    fleet_pool_begin(&pool, "p");
    fleet_pool_add_live(&pool, &well);
    fleet_pool_add_live(&pool, &well);
    fleet_pool_add_live(&pool, &ill);
    fleet_pool_end(&pool, before, 3000);
    assert_string_equal(pool.figures.row.health, "healthy");
    assert_string_equal(pool.figures.row.health_reason, "");
    assert_int_equal(pool.figures.inst_bad, 1);
    assert_int_equal(pool.figures.row.health_since_at_ms, 3000);
    fleet_pool_begin(&pool, "p");
    fleet_pool_add_live(&pool, &ill);
    fleet_pool_add_live(&pool, &well);
    ill.rps = 3;
    fleet_pool_add_live(&pool, &ill);
    fleet_pool_end(&pool, before, 3000);
    assert_string_equal(pool.figures.row.health, "degraded");
    assert_string_equal(pool.figures.row.health_reason, "auth");
    assert_int_equal(pool.figures.row.health_since_at_ms, 1234);
    /* A moment to come is nobody's: the clock of Redis was set back. */
    before.health_since_at_ms = 4000;
    fleet_pool_end(&pool, before, 3000);
    assert_int_equal(pool.figures.row.health_since_at_ms, 3000);
    ill.health_code = 99;
    fleet_pool_begin(&pool, "p");
    fleet_pool_add_live(&pool, &ill);
    fleet_pool_end(&pool, before, 3000);
    assert_string_equal(pool.figures.row.health, "unknown");
}

static void test_quantiles_are_of_all_calls(void **state)
{
    struct fleet_pool pool;
    struct histogram quick = {0};
    struct histogram slow = {0};
    struct bytes text;
    double both;

    (void)state;
    for (int i = 0; i < 90; i++) {
        histogram_add(&quick, 1);
    }
    for (int i = 0; i < 10; i++) {
        histogram_add(&slow, 1000);
    }
    bytes_init(&text, 4096);
    bytes_append_text(&text, "s3;w=60;lat ");
    histogram_write(&quick, &text);
    bytes_append_text(&text, ";wait ");
    histogram_write(&slow, &text);
    fleet_pool_begin(&pool, "p");
    fleet_histograms_read(&pool.histograms, bytes_span(&text));
    bytes_clear(&text);
    bytes_append_text(&text, "s3;w=60;lat ");
    histogram_write(&slow, &text);
    bytes_append_text(&text, ";create ");
    histogram_write(&quick, &text);
    fleet_histograms_read(&pool.histograms, bytes_span(&text));
    bytes_done(&text);
    fleet_pool_end(&pool, nothing_before, 3000);
    histogram_merge(&quick, &slow);
    both = histogram_quantile_ms(&quick, 0.5);
    assert_true(both < 1.1 && pool.figures.row.lat_p50_ms == both);
    assert_true(pool.figures.row.lat_p95_ms == histogram_quantile_ms(&quick, 0.95));
    assert_true(pool.figures.row.lat_p99_ms > 900);
    assert_true(pool.figures.row.wait_p50_ms > 900 && pool.figures.row.wait_p99_ms > 900);
    assert_true(pool.figures.row.wait_p95_ms > 900);
    assert_true(pool.figures.row.create_p95_ms > 0 && pool.figures.row.create_p95_ms < 1.1);
}

static void test_what_is_no_histogram(void **state)
{
    static const char *const texts[] = {"",
                                        "s3",
                                        "s3;",
                                        "s4;w=60;lat n=1 sum_ms=1 max_ms=1 40:1",
                                        "s3;w=60;lat",
                                        "s3;w=60;lat ;;;",
                                        "s3;lat n=1 sum_ms=1 max_ms=1 99999:1",
                                        "s3;lat n=1 sum_ms=nan max_ms=1 40:1",
                                        "s3;lat n=9 sum_ms=1 max_ms=1 40:1"};
    struct fleet_histograms histograms = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        fleet_histograms_read(&histograms, span_of(texts[i]));
        assert_int_equal(histograms.lat.count, 0);
    }
}

static void test_the_fleet(void **state)
{
    struct fleet fleet;
    struct fleet_pool pool;
    struct pool_row row = row_of(100);
    struct instance_row well = {.providers = 3};
    struct instance_row ill = {.providers = 4, .health_code = HEALTH_DEGRADED};

    (void)state;
    row.cache_hit_total = 3;
    row.cache_miss_total = 1;
    fleet_begin(&fleet);
    fleet_add_live(&fleet, &well);
    fleet_add_live(&fleet, &ill);
    fleet_add_dead(&fleet);
    for (int i = 0; i < 3; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "p%d", i);
        set_health(&row, i == 0 ? HEALTH_HEALTHY : HEALTH_UNHEALTHY, "auth");
        row.breaker_code = i == 2 ? 1 : 0;
        fleet_pool_begin(&pool, name);
        fleet_pool_add_live(&pool, &row);
        fleet_pool_end(&pool, nothing_before, 3000);
        fleet_add_pool(&fleet, &pool);
    }
    fleet_end(&fleet, nothing_before, 3000);
    assert_int_equal(fleet.row.inst_live, 2);
    assert_int_equal(fleet.row.inst_bad, 1);
    assert_int_equal(fleet.row.inst_dead, 1);
    assert_int_equal(fleet.row.providers, 7);
    assert_int_equal(fleet.row.pools, 3);
    assert_int_equal(fleet.row.pools_bad, 2);
    assert_int_equal(fleet.row.breakers_open, 1);
    assert_int_equal(fleet.row.s_cap, 12);
    assert_int_equal(fleet.row.calls_total, 300);
    assert_int_equal(fleet.row.err_total, 9);
    assert_true(fleet.row.cache_hit_pct == 75);
    assert_true(fleet.row.rps == 30);
    assert_string_equal(fleet.row.health, "unhealthy");
    assert_string_equal(fleet.row.health_reason, "p1");
    /* Samples of the fleet are taken from its pools as one. */
    assert_int_equal(fleet.all.figures.row.health_code, HEALTH_UNHEALTHY);
    assert_string_equal(fleet.all.figures.row.name, "_fleet");
}

static void test_an_empty_fleet(void **state)
{
    struct fleet fleet;

    (void)state;
    fleet_begin(&fleet);
    fleet_end(&fleet, nothing_before, 3000);
    assert_int_equal(fleet.row.inst_live, 0);
    assert_string_equal(fleet.row.health, "unknown");
    assert_true(fleet.row.cache_hit_pct == 0 && fleet.row.err_pct == 0);
}

static void test_worst_first(void **state)
{
    struct fleet_figures a = {0};
    struct fleet_figures b = {0};

    (void)state;
    (void)snprintf(a.row.name, sizeof(a.row.name), "a");
    (void)snprintf(b.row.name, sizeof(b.row.name), "b");
    assert_true(fleet_figures_is_before(&a, &b));
    assert_false(fleet_figures_is_before(&b, &a));
    b.row.health_code = HEALTH_DEGRADED;
    assert_true(fleet_figures_is_before(&b, &a));
    a.row.health_code = HEALTH_CIRCUIT_OPEN;
    assert_true(fleet_figures_is_before(&a, &b));
    b.row.health_code = 12345678; /* as good as unknown */
    assert_true(fleet_figures_is_before(&a, &b));
}

/* Whatever somebody has put into Redis. */
static void test_garbage_is_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        "-1",
        "x",
        "0x10",
        "1e9",
        "inf",
        "nan",
        " 1",
        "1 ",
        "99999999999999999999999999999999",
        "--",
        "1.2.3",
        "\xff\xfe",
        ("11111111111111111111111111111111111111111111111111111111111"
         "11111111111111111111111111111111111111111111111111")};
    struct pool_row row;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        memset(&row, 0xff, sizeof(row));
        for (size_t j = 0; j < POOL_FIELD_COUNT; j++) {
            row_field_read(&pool_row_fields[j], &row, span_of(texts[i]));
        }
        assert_int_equal(row.calls_total, 0);
        assert_int_equal(row.last_ok_at_ms, 0);
        assert_true(isfinite(row.rps) && row.rps >= 0 && row.rps <= 1e15);
        assert_true(strlen(row.transport) < sizeof(row.transport));
    }
}

static void test_what_was_written_is_read(void **state)
{
    struct pool_row row = row_of(UINT64_MAX);
    struct pool_row read = {0};

    (void)state;
    row.rps = 123456789.125;
    (void)snprintf(row.era, sizeof(row.era), "legacy");
    row.proto[0] = '\0';
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        const struct row_field *field = &pool_row_fields[i];
        char text[REDIS_TEXT_SIZE];

        (void)row_field_text(field, &row, 0, text);
        row_field_read(field, &read, span_of(text));
        assert_true(row_field_is_equal(field, &row, &read));
        assert_ptr_equal(row_field_find(pool_row_fields, POOL_FIELD_COUNT, span_of(field->name), i),
                         field);
        assert_ptr_equal(row_field_find(pool_row_fields, POOL_FIELD_COUNT, span_of(field->name), 0),
                         field);
    }
    assert_null(row_field_find(pool_row_fields, POOL_FIELD_COUNT, span_of("calls"), 0));
}

/* Sums of absurd values stay where they are. */
static void test_sums_do_not_wrap(void **state)
{
    struct fleet_pool pool;
    struct pool_row row = {.calls_total = UINT64_MAX,
                           .not_executed_total = UINT64_MAX,
                           .unknown_total = 5,
                           .rps = 1e15,
                           .waiting = UINT64_MAX};

    (void)state;
    fleet_pool_begin(&pool, "p");
    fleet_pool_add_live(&pool, &row);
    fleet_pool_add_live(&pool, &row);
    fleet_pool_end(&pool, nothing_before, 3000);
    assert_true(pool.figures.row.calls_total == UINT64_MAX);
    assert_true(fleet_errors(&pool.figures.row) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_brokers),
        cmocka_unit_test(test_one_broker_is_the_fleet),
        cmocka_unit_test(test_the_dead_and_the_base),
        cmocka_unit_test(test_folded_and_alive),
        cmocka_unit_test(test_nobody_lives),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_quantiles_are_of_all_calls),
        cmocka_unit_test(test_what_is_no_histogram),
        cmocka_unit_test(test_the_fleet),
        cmocka_unit_test(test_an_empty_fleet),
        cmocka_unit_test(test_worst_first),
        cmocka_unit_test(test_garbage_is_nothing),
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_sums_do_not_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
