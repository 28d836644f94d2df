/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "broker/pool/health.h"

static void test_judgement(void **state)
{
    static const struct {
        struct health_facts facts;
        enum health health;
        const char *reason;
    } rows[] = {
        /* Nobody has called yet. */
        {{.open = 0}, HEALTH_UNKNOWN, "unused"},
        /* It has served, and has sessions or none: they come and go. */
        {{.has_opened = true, .open = 1}, HEALTH_HEALTHY, "-"},
        {{.has_opened = true}, HEALTH_HEALTHY, "-"},
        /* A short wait is none. */
        {{.has_opened = true, .open = 1, .waiting = 9, .oldest_wait_ms = 1000},
         HEALTH_HEALTHY,
         "-"},
        {{.has_opened = true, .open = 1, .waiting = 9, .oldest_wait_ms = 1001},
         HEALTH_DEGRADED,
         "wait"},
        /* The last attempt failed, yet there are sessions. */
        {{.has_opened = true, .open = 1, .has_failure = true}, HEALTH_DEGRADED, "cannot_grow"},
        /* And there are none: tried again, given up, for somebody to mend. */
        {{.has_failure = true}, HEALTH_UNHEALTHY, "no_session"},
        {{.has_failure = true, .gave_up = true}, HEALTH_CIRCUIT_OPEN, "no_session"},
        {{.has_failure = true, .gave_up = true, .is_settled = true}, HEALTH_UNHEALTHY, "refused"},
        /* Draining is said before anything else. */
        {{.is_draining = true, .has_failure = true, .gave_up = true}, HEALTH_DRAINING, "draining"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *reason = NULL;

        assert_row(i, health_judge(&rows[i].facts, &reason) == rows[i].health);
        assert_string_equal(reason, rows[i].reason);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(health_name(HEALTH_HEALTHY), "healthy");
    assert_string_equal(health_name(HEALTH_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judgement),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
