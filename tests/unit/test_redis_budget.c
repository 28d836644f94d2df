/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/health/redis_budget.h"

enum { MIB = 1 << 20 };

static void test_a_small_fleet_has_all_its_series(void **state)
{
    const struct redis_load load = {.brokers = 2, .pools = 5, .sessions = 40};
    struct redis_budget budget = redis_budget_of(&load, 32, 32 * MIB);

    (void)state;
    assert_true(budget.has_fleet_series);
    assert_int_equal(budget.series_pools, 5);
    assert_in_range(budget.bytes, 2 * MIB, 3 * MIB);
}

static void test_more_pools_than_may_have_series(void **state)
{
    const struct redis_load load = {.brokers = 10, .pools = 100, .sessions = 640};

    (void)state;
    assert_int_equal(redis_budget_of(&load, 32, 64 * MIB).series_pools, 32);
    assert_int_equal(redis_budget_of(&load, 0, 64 * MIB).series_pools, 0);
    assert_true(redis_budget_of(&load, 0, 64 * MIB).has_fleet_series);
}

static void test_no_series_where_the_rows_are_too_many(void **state)
{
    const struct redis_load load = {.brokers = 100, .pools = 1000, .sessions = 25600};
    struct redis_budget budget = redis_budget_of(&load, 32, 32 * MIB);

    (void)state;
    assert_false(budget.has_fleet_series);
    assert_int_equal(budget.series_pools, 0);
    assert_true(budget.bytes > 32 * MIB);
}

/* Whatever the bound, it holds, unless the rows alone are more; and no series is refused for
   nothing. */
static void test_each_bound_holds(void **state)
{
    const struct redis_load load = {.brokers = 10, .pools = 20, .sessions = 640};
    uint64_t bare = redis_budget_of(&load, 32, 0).bytes;
    uint64_t whole = redis_budget_of(&load, 32, UINT64_MAX).bytes;
    uint64_t series = (whole - bare) / 21;
    size_t last = 0;

    (void)state;
    for (uint64_t bound = 0; bound < 2 * whole; bound += 10007) {
        struct redis_budget budget = redis_budget_of(&load, 32, bound);

        assert_true(budget.bytes <= bound || budget.bytes == bare);
        assert_true(budget.bytes + series > bound || budget.series_pools == 20);
        assert_true(budget.series_pools >= last);
        assert_true(budget.has_fleet_series || budget.series_pools == 0);
        last = budget.series_pools;
    }
    assert_int_equal(last, 20);
}

/* Nobody has such a fleet; nothing overflows all the same. */
static void test_absurd_figures(void **state)
{
    const struct redis_load load = {.brokers = 1000000, .pools = 1000000, .sessions = 1000000000};

    (void)state;
    assert_int_equal(redis_budget_of(&load, SIZE_MAX, 32 * MIB).series_pools, 0);
    assert_true(redis_budget_of(&load, SIZE_MAX, 32 * MIB).bytes > UINT64_C(1000000000000));
    assert_int_equal(redis_budget_of(&(struct redis_load){0}, 32, 32 * MIB).series_pools, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_fleet_has_all_its_series),
        cmocka_unit_test(test_more_pools_than_may_have_series),
        cmocka_unit_test(test_no_series_where_the_rows_are_too_many),
        cmocka_unit_test(test_each_bound_holds),
        cmocka_unit_test(test_absurd_figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
