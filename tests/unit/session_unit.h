/* SPDX-License-Identifier: MIT */
/* One session and its callers: what the tests of a session's traffic begin with. */
#ifndef TEPLO_TESTS_SESSION_UNIT_H
#define TEPLO_TESTS_SESSION_UNIT_H

#include "unit.h"

#include "tests/support/await.h"
#include "tests/support/stage.h"

enum { CALLERS = 8, SHORT_MS = 40 };

static struct stage stage;
static struct caller callers[CALLERS];

static int open_all(void **state)
{
    (void)state;
    memset(callers, 0, sizeof(callers));
    stage_init(&stage);
    stage.limits.size = 1;
    stage.limits.max_inflight = CALLERS;
    return stage_open(&stage);
}

static int close_all(void **state)
{
    (void)state;
    stage_close(&stage);
    return 0;
}

static void call_and_await(size_t i, const char *tool)
{
    caller_start(&callers[i], &stage, tool);
    AWAIT(stage.loop, callers_told(&callers[i], 1) == 1);
}

static void hold(size_t i, const char *tool)
{
    caller_start(&callers[i], &stage, tool);
    AWAIT(stage.loop, stage.fake.held.count == i + 1);
}

/* Everything that was on its way to the caller is there: a later call is answered. */
static void settle(void)
{
    call_and_await(CALLERS - 1, "echo");
    assert_int_equal(callers[CALLERS - 1].answers, 1);
}

#endif
