/* SPDX-License-Identifier: MIT */
/* What the unit tests share: cmocka, spans compared with texts, allocations that fail in turn. */
#ifndef TEPLO_TESTS_UNIT_H
#define TEPLO_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* After the four it needs. */
#include <cmocka.h>

#include "proto/base/bytes.h"
#include "proto/base/mem.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
/* A span in a static table, where SPAN is no constant; NULs inside are kept. */
/* clang-format off */
#define LITERAL(text) {"" text "", sizeof(text) - 1}
/* clang-format on */

static inline void assert_span_at(struct span actual, struct span expected, const char *file,
                                  int line)
{
    if (!span_equal(actual, expected) || span_is_none(actual) != span_is_none(expected)) {
        print_error("got      %.*s\nexpected %.*s\n", (int)actual.length,
                    actual.at == NULL ? "" : actual.at, (int)expected.length,
                    expected.at == NULL ? "" : expected.at);
        _fail(file, line);
    }
}

/* TEXT NULL: the span is none. */
#define assert_span(actual, text) assert_span_at((actual), span_of(text), __FILE__, __LINE__)
#define assert_same_span(actual, expected) assert_span_at((actual), (expected), __FILE__, __LINE__)
#define assert_bytes(actual, text)                                                                 \
    assert_span_at(bytes_span(&(actual)), span_of(text), __FILE__, __LINE__)

/* Says which row of a table a failure belongs to, before the failure itself is shown. */
#define assert_row(row, condition)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("row %zu: %s\n", (size_t)(row), #condition);                               \
            _fail(__FILE__, __LINE__);                                                             \
        }                                                                                          \
    } while (0)

static size_t unit_allocations_left;
static bool unit_allocation_refused;

static inline bool unit_may_allocate(size_t size)
{
    (void)size;
    if (unit_allocations_left == 0) {
        unit_allocation_refused = true;
        return false;
    }
    unit_allocations_left--;
    return true;
}

/*
 * Runs SCENARIO with its first, second, third... allocation, and all behind it, failing,
 * until none does.  SCENARIO says whether it succeeded; it may only when none failed.
 */
static inline void each_allocation_fails(bool (*scenario)(void))
{
    size_t most = 0;
    bool succeeded;

    do {
        unit_allocations_left = most++;
        unit_allocation_refused = false;
        mem_set_hook(unit_may_allocate);
        succeeded = scenario();
        mem_set_hook(NULL);
        assert_int_equal(succeeded, !unit_allocation_refused);
    } while (!succeeded);
    assert_true(most > 1);
}

/* A generator of our own: the same numbers everywhere (xorshift64, Marsaglia). */
static inline uint32_t unit_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

#endif
