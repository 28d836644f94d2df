/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdlib.h>

#include "broker/downstream/budget.h"

enum { MIB = 1 << 20, LIMIT = 100 * MIB, CLIENTS = 8 };

static void test_levels(void **state)
{
    static const struct {
        size_t in_use;
        enum budget_level level;
    } rows[] = {
        {0, BUDGET_AMPLE},         {80 * MIB - 1, BUDGET_AMPLE}, {80 * MIB, BUDGET_TIGHT},
        {LIMIT - 1, BUDGET_TIGHT}, {LIMIT, BUDGET_SPENT},        {3 * (size_t)LIMIT, BUDGET_SPENT},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, budget_level_of(rows[i].in_use, LIMIT) == rows[i].level);
        /* From below, at once. */
        assert_row(i, budget_next_level(BUDGET_AMPLE, rows[i].in_use, LIMIT) == rows[i].level);
    }
    /* The largest limit there is. */
    assert_int_equal(budget_level_of(SIZE_MAX / 2, SIZE_MAX), BUDGET_AMPLE);
    assert_int_equal(budget_level_of(SIZE_MAX / 10 * 9, SIZE_MAX), BUDGET_TIGHT);
    assert_int_equal(budget_level_of(SIZE_MAX, SIZE_MAX), BUDGET_SPENT);
    assert_int_equal(budget_spare(LIMIT), 10 * MIB);
    assert_int_equal(budget_spare(SIZE_MAX), SIZE_MAX / 10);
}

/* What goes up and down around a bound is said once. */
static void test_levels_on_the_way_back(void **state)
{
    static const struct {
        enum budget_level before;
        size_t in_use;
        enum budget_level level;
    } rows[] = {
        {BUDGET_SPENT, 99 * MIB, BUDGET_SPENT},  {BUDGET_SPENT, 95 * MIB, BUDGET_SPENT},
        {BUDGET_SPENT, 94 * MIB, BUDGET_TIGHT},  {BUDGET_SPENT, 79 * MIB, BUDGET_TIGHT},
        {BUDGET_SPENT, 74 * MIB, BUDGET_AMPLE},  {BUDGET_TIGHT, 79 * MIB, BUDGET_TIGHT},
        {BUDGET_TIGHT, 75 * MIB, BUDGET_TIGHT},  {BUDGET_TIGHT, 74 * MIB, BUDGET_AMPLE},
        {BUDGET_TIGHT, 100 * MIB, BUDGET_SPENT},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_row(i, budget_next_level(rows[i].before, rows[i].in_use, LIMIT) == rows[i].level);
    }
}

static void test_who_gives_way(void **state)
{
    static const struct {
        size_t in_use;
        size_t held[CLIENTS];
        bool gives_way[CLIENTS];
    } rows[] = {
        /* Below 80 %: nobody, however heavy. */
        {80 * MIB, {70 * MIB, MIB}, {false}},
        /* The heaviest alone is enough, wherever it stands. */
        {85 * MIB, {MIB, 30 * MIB, 2 * MIB, 3 * MIB}, {false, true}},
        /* Then the next. */
        {95 * MIB, {10 * MIB, 3 * MIB, 12 * MIB, MIB}, {true, false, true}},
        /* All alike: as many as are needed, so that the others get done. */
        {89 * MIB, {4 * MIB, 4 * MIB, 4 * MIB, 4 * MIB, 4 * MIB}, {true, true, true}},
        /* More is missing than all of them hold: all but the light ones. */
        {LIMIT, {MIB, 4096, 4095, 0, MIB}, {true, true, false, false, true}},
        {LIMIT, {0}, {false}},
        {81 * MIB, {4095, 4095, 4095}, {false}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct budget budget;

        budget_begin(&budget, rows[i].in_use, LIMIT);
        for (size_t j = 0; j < CLIENTS; j++) {
            budget_add(&budget, rows[i].held[j]);
        }
        budget_weigh(&budget);
        for (size_t j = 0; j < CLIENTS; j++) {
            assert_row(i, budget_must_give_way(&budget, rows[i].held[j]) == rows[i].gives_way[j]);
        }
    }
}

/* With any figures: those who give way hold the excess or are all there are, and nobody lighter by
   more than a weight's width gives way while a heavier one does not. */
static void test_any_figures(void **state)
{
    enum { MANY = 50, ROUNDS = 2000 };
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t held[MANY];
        size_t sum = 0;
        size_t given = 0;
        size_t lightest_given = SIZE_MAX;
        size_t heaviest_left = 0;
        size_t in_use = 70 * MIB + (size_t)(rand_r(&seed) % (50 * MIB));
        size_t excess = in_use > 80 * MIB ? in_use - 80 * MIB : 0;
        struct budget budget;

        budget_begin(&budget, in_use, LIMIT);
        for (int i = 0; i < MANY; i++) {
            held[i] = (size_t)rand_r(&seed) >> rand_r(&seed) % 31;
            held[i] = held[i] > 20 * MIB ? 20 * MIB : held[i];
            sum += held[i] >= BUDGET_LIGHT_BYTES ? held[i] : 0;
            budget_add(&budget, held[i]);
        }
        budget_weigh(&budget);
        for (int i = 0; i < MANY; i++) {
            if (budget_must_give_way(&budget, held[i])) {
                given += held[i];
                lightest_given = held[i] < lightest_given ? held[i] : lightest_given;
            } else if (held[i] > heaviest_left) {
                heaviest_left = held[i];
            }
        }
        assert_row(round, given >= excess || given == sum);
        assert_row(round, budget.of_others == (excess > sum ? excess - sum : 0));
        assert_row(round, excess > 0 || given == 0);
        assert_row(round, heaviest_left < BUDGET_LIGHT_BYTES || lightest_given == SIZE_MAX ||
                              heaviest_left <= lightest_given + lightest_given / 4 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_levels_on_the_way_back),
        cmocka_unit_test(test_who_gives_way),
        cmocka_unit_test(test_any_figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
