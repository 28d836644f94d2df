/* SPDX-License-Identifier: MIT */
/* What the unit tests share: cmocka, spans compared with texts, allocations that fail in turn. */
#ifndef TEPLO_TESTS_UNIT_H
#define TEPLO_TESTS_UNIT_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
/* After the four it needs. */
#include <cmocka.h>

#include "proto/base/bytes.h"
#include "proto/base/mem.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
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

static inline void assert_row_at(bool holds, size_t row, const char *condition, const char *file,
                                 int line)
{
    if (!holds) {
        print_error("row %zu: %s\n", row, condition);
        _fail(file, line);
    }
}

/* Says which row of a table does not hold. */
#define assert_row(row, condition)                                                                 \
    assert_row_at((condition), (size_t)(row), #condition, __FILE__, __LINE__)

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

/* ACT, with CONTEXT, ends the process by abort: tried in a child, without a word or a core. */
static inline bool does_abort(void (*act)(const void *context), const void *context)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        const struct rlimit no_core = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        act(context);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
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
