/* SPDX-License-Identifier: MIT */
/*
 * Running a loop until something is so: AWAIT(loop, ready == 2).  The condition is looked at
 * after each millisecond's events; a test fails when it does not come about in time.
 */
#ifndef TEPLO_TESTS_AWAIT_H
#define TEPLO_TESTS_AWAIT_H

#include "tests/unit/unit.h"

#include "broker/runtime/clock.h"
#include "broker/runtime/loop.h"

/* Long enough for a loaded machine below a sanitizer: reached only by a test that fails. */
enum { AWAIT_DEADLINE_MS = 20000, AWAIT_LOOK_MS = 1 };

struct await {
    struct loop *loop;
    struct timer look;
    int64_t deadline_ms;
};

static inline void await_on_look(void *owner)
{
    loop_stop(owner);
}

static inline struct await *await_begin(struct await *await, struct loop *loop)
{
    await->loop = loop;
    await->deadline_ms = clock_now_ms() + AWAIT_DEADLINE_MS;
    timer_init(&await->look, loop, await_on_look, loop);
    return await;
}

/* False: it is too late. */
static inline bool await_turn(struct await *await)
{
    timer_start(&await->look, AWAIT_LOOK_MS);
    assert_int_equal(loop_run(await->loop), 0);
    return clock_now_ms() < await->deadline_ms;
}

#define AWAIT(loop, condition)                                                                     \
    do {                                                                                           \
        struct await await_state;                                                                  \
                                                                                                   \
        (void)await_begin(&await_state, (loop));                                                   \
        while (!(condition)) {                                                                     \
            if (!await_turn(&await_state)) {                                                       \
                print_error("never came about: %s\n", #condition);                                 \
                _fail(__FILE__, __LINE__);                                                         \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#endif
