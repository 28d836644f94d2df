/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/pool/health_rollup.h"

enum { BROKERS = 4 };

struct broker_row {
    enum health health;
    uint64_t weight;
};

static struct health_rollup add_up(const struct broker_row *brokers, size_t count)
{
    struct health_rollup rollup = {0};

    for (size_t i = 0; i < count; i++) {
        health_rollup_add(&rollup, brokers[i].health, brokers[i].weight);
    }
    return rollup;
}

static void test_fleet(void **state)
{
    static const struct {
        size_t count;
        struct broker_row brokers[BROKERS];
        enum health health;
    } rows[] = {
        {0, {{0}}, HEALTH_UNKNOWN},
        {1, {{HEALTH_HEALTHY, 0}}, HEALTH_HEALTHY},
        {1, {{HEALTH_DEGRADED, 0}}, HEALTH_DEGRADED},
        {1, {{HEALTH_UNHEALTHY, 0}}, HEALTH_UNHEALTHY},
        {1, {{HEALTH_CIRCUIT_OPEN, 0}}, HEALTH_CIRCUIT_OPEN},
        {1, {{HEALTH_DRAINING, 9}}, HEALTH_DRAINING},
        {1, {{HEALTH_UNKNOWN, 0}}, HEALTH_UNKNOWN},
        /* Nine tenths of the weight are healthy, and a little less. */
        {2, {{HEALTH_HEALTHY, 899}, {HEALTH_UNHEALTHY, 99}}, HEALTH_HEALTHY},
        {2, {{HEALTH_HEALTHY, 898}, {HEALTH_UNHEALTHY, 99}}, HEALTH_DEGRADED},
        {2, {{HEALTH_HEALTHY, 899}, {HEALTH_DEGRADED, 100}}, HEALTH_DEGRADED},
        /* Half of it is bad, and a little less. */
        {2, {{HEALTH_HEALTHY, 99}, {HEALTH_UNHEALTHY, 99}}, HEALTH_UNHEALTHY},
        {2, {{HEALTH_HEALTHY, 100}, {HEALTH_UNHEALTHY, 99}}, HEALTH_DEGRADED},
        {3,
         {{HEALTH_HEALTHY, 99}, {HEALTH_UNHEALTHY, 49}, {HEALTH_CIRCUIT_OPEN, 49}},
         HEALTH_UNHEALTHY},
        {2, {{HEALTH_DEGRADED, 99}, {HEALTH_CIRCUIT_OPEN, 9900}}, HEALTH_UNHEALTHY},
        {2, {{HEALTH_CIRCUIT_OPEN, 0}, {HEALTH_CIRCUIT_OPEN, 9900}}, HEALTH_CIRCUIT_OPEN},
        /* None has calls: each has a say. */
        {2, {{HEALTH_HEALTHY, 0}, {HEALTH_CIRCUIT_OPEN, 0}}, HEALTH_UNHEALTHY},
        {3, {{HEALTH_HEALTHY, 0}, {HEALTH_HEALTHY, 0}, {HEALTH_UNHEALTHY, 0}}, HEALTH_DEGRADED},
        /* Who leaves, or has not begun, says nothing while another does. */
        {2, {{HEALTH_HEALTHY, 0}, {HEALTH_DRAINING, 9999}}, HEALTH_HEALTHY},
        {2, {{HEALTH_CIRCUIT_OPEN, 0}, {HEALTH_UNKNOWN, 9999}}, HEALTH_CIRCUIT_OPEN},
        {2, {{HEALTH_UNKNOWN, 0}, {HEALTH_DRAINING, 0}}, HEALTH_DRAINING},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct health_rollup rollup = add_up(rows[i].brokers, rows[i].count);

        assert_row(i, health_rollup_fleet(&rollup) == rows[i].health);
    }
}

static void test_worst(void **state)
{
    static const struct broker_row pools[] = {
        {HEALTH_UNKNOWN, 0},  {HEALTH_DRAINING, 0},  {HEALTH_HEALTHY, 99},
        {HEALTH_DEGRADED, 0}, {HEALTH_UNHEALTHY, 0}, {HEALTH_CIRCUIT_OPEN, 0},
    };
    struct health_rollup none = {0};

    (void)state;
    assert_int_equal(health_rollup_worst(&none), HEALTH_UNKNOWN);
    /* Each is worse than all before it, in whatever order they come. */
    for (size_t i = 1; i <= COUNT_OF(pools); i++) {
        struct health_rollup rollup = add_up(pools, i);

        assert_row(i, health_rollup_worst(&rollup) == pools[i - 1].health);
    }
}

static void test_severity(void **state)
{
    (void)state;
    assert_int_equal(health_severity(HEALTH_HEALTHY), 0);
    assert_int_equal(health_severity(HEALTH_DEGRADED), 1);
    assert_int_equal(health_severity(HEALTH_DRAINING), 1);
    assert_int_equal(health_severity(HEALTH_UNKNOWN), 1);
    assert_int_equal(health_severity(HEALTH_UNHEALTHY), 2);
    assert_int_equal(health_severity(HEALTH_CIRCUIT_OPEN), 2);
    assert_false(health_is_worse(HEALTH_DRAINING, HEALTH_HEALTHY));
    assert_false(health_is_worse(HEALTH_DEGRADED, HEALTH_DEGRADED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fleet),
        cmocka_unit_test(test_worst),
        cmocka_unit_test(test_severity),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
