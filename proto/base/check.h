/* SPDX-License-Identifier: MIT */
/*
 * CHECK: what must hold or we were wrong.  It stays on in release builds.
 * Peer bytes, files, environment and time are never checked with it: they get
 * a failure.  No side effects inside.
 */
#ifndef TEPLO_BASE_CHECK_H
#define TEPLO_BASE_CHECK_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Runs once before the abort; the top floor installs it to dump what it owns. */
typedef void (*check_dump_fn)(void);
void check_set_dump(check_dump_fn dump);

_Noreturn void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            check_failed(#condition, __FILE__, __LINE__);                                          \
        }                                                                                          \
    } while (0)

/* Whole-list walks and the like: on in dev, asan and fuzz builds. */
#ifdef TEPLO_CHECK_SLOW
#define CHECK_SLOW(condition) CHECK(condition)
#else
#define CHECK_SLOW(condition) ((void)0)
#endif

#endif
