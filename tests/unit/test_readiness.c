/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/health/readiness.h"

/* `loop_stuck pools`: the reasons' tokens. */
static void write_reasons(const struct readiness *readiness, char *to, size_t size)
{
    size_t length = 0;

    to[0] = '\0';
    for (size_t i = 0; i < readiness->reason_count; i++) {
        length += (size_t)snprintf(to + length, size - length, "%s%s", i == 0 ? "" : " ",
                                   readiness_token(readiness->reasons[i]));
        assert_true(length < size);
    }
}

static void test_judgement(void **state)
{
    static const struct {
        struct readiness_facts facts;
        bool is_live;
        const char *reasons;
    } rows[] = {
        /* Loop, config, socket, draining, of the pools, how many are fit. */
        {{0, true, true, false, READY_REQUIRE_NONE, 2, 1}, true, ""},
        {{READINESS_LOOP_MAXIMUM_MS, true, true, false, READY_REQUIRE_NONE, 2, 1}, true, ""},
        {{READINESS_LOOP_MAXIMUM_MS + 1, true, true, false, READY_REQUIRE_NONE, 2, 1},
         false,
         "loop_stuck"},
        {{0, false, true, false, READY_REQUIRE_NONE, 2, 1}, true, "no_config"},
        {{0, true, false, false, READY_REQUIRE_NONE, 2, 1}, true, "not_bound"},
        {{0, true, true, true, READY_REQUIRE_NONE, 2, 1}, true, "draining"},
        /* Pools: no matter, one of them, each. */
        {{0, true, true, false, READY_REQUIRE_NONE, 2, 0}, true, ""},
        {{0, true, true, false, READY_REQUIRE_ANY, 2, 1}, true, ""},
        {{0, true, true, false, READY_REQUIRE_ANY, 2, 0}, true, "pools"},
        {{0, true, true, false, READY_REQUIRE_ANY, 0, 0}, true, "pools"},
        {{0, true, true, false, READY_REQUIRE_ALL, 2, 1}, true, "pools"},
        {{0, true, true, false, READY_REQUIRE_ALL, 2, 2}, true, ""},
        {{0, true, true, false, READY_REQUIRE_ALL, 0, 0}, true, ""},
        /* All at once. */
        {{11000, false, false, true, READY_REQUIRE_ANY, 2, 0},
         false,
         "loop_stuck no_config not_bound draining pools"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct readiness readiness;
        char reasons[128];

        readiness_judge(&rows[i].facts, &readiness);
        write_reasons(&readiness, reasons, sizeof(reasons));
        assert_row(i, readiness.is_live == rows[i].is_live);
        assert_row(i, readiness.is_ready == (rows[i].reasons[0] == '\0'));
        assert_row(i, strcmp(reasons, rows[i].reasons) == 0);
    }
}

static void test_fit(void **state)
{
    (void)state;
    assert_true(readiness_is_fit(HEALTH_HEALTHY));
    assert_true(readiness_is_fit(HEALTH_DEGRADED));
    /* It opens its first session for the first call. */
    assert_true(readiness_is_fit(HEALTH_UNKNOWN));
    assert_false(readiness_is_fit(HEALTH_UNHEALTHY));
    assert_false(readiness_is_fit(HEALTH_CIRCUIT_OPEN));
    assert_false(readiness_is_fit(HEALTH_DRAINING));
}

static void test_sentences(void **state)
{
    (void)state;
    for (size_t i = 0; i < READINESS_REASON_COUNT; i++) {
        assert_row(i, strlen(readiness_sentence((enum readiness_reason)i)) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judgement),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_sentences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
