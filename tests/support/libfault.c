/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: makes calls of chosen libc functions fail.
 *
 *   LD_PRELOAD=libfault.so TEPLO_FAULT=recv:104:17:1[,CALL:ERRNO:FIRST:COUNT...] program
 *
 * The FIRST-th call of recv (counted from 0) and COUNT-1 behind it fail with error 104; error 0
 * makes a call short instead, one byte.  `malloc` stands for malloc, calloc and realloc.  With
 * TEPLO_FAULT_COUNTS=FILE the process writes how often it called each at its end.
 *
 * Linked with nothing of ours: it lives in a process that is ours already.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* What the first parameter of setrlimit is called differs. */
typedef __rlimit_resource_t fault_limit_t;

enum call {
#define CALL(type, name, declaration, arguments, length) CALL_##name,
#include "tests/support/libfault_calls.def"
#undef CALL
    CALL_open,
    CALL_malloc,
    CALL_COUNT
};

static const char *const names[CALL_COUNT] = {
#define CALL(type, name, declaration, arguments, length) #name,
#include "tests/support/libfault_calls.def"
#undef CALL
    "open", "malloc"};

/* What shall happen to one function. */
struct fault {
    int error; /* 0: short */
    long first;
    long count; /* 0: nothing */
};

static struct fault faults[CALL_COUNT];
static atomic_long calls[CALL_COUNT];
static atomic_bool ready;

static void take_fault(char *text)
{
    char *rest = NULL;
    const char *name = strtok_r(text, ":", &rest);

    for (size_t i = 0; name != NULL && i < CALL_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            const char *error = strtok_r(NULL, ":", &rest);
            const char *first = strtok_r(NULL, ":", &rest);
            const char *count = strtok_r(NULL, ":", &rest);

            if (error != NULL && first != NULL && count != NULL) {
                faults[i] = (struct fault){(int)strtol(error, NULL, 10), strtol(first, NULL, 10),
                                           strtol(count, NULL, 10)};
            }
        }
    }
}

/* Before main: what the loader did is not counted. */
__attribute__((constructor)) static void begin(void)
{
    static char text[1024];
    const char *wanted = getenv("TEPLO_FAULT");
    char *rest = NULL;

    (void)snprintf(text, sizeof(text), "%s", wanted == NULL ? "" : wanted);
    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        take_fault(one);
    }
    atomic_store(&ready, true);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("TEPLO_FAULT_COUNTS");
    FILE *file;

    atomic_store(&ready, false);
    file = path == NULL ? NULL : fopen(path, "w");
    for (size_t i = 0; file != NULL && i < CALL_COUNT; i++) {
        (void)fprintf(file, "%s %ld\n", names[i], atomic_load(&calls[i]));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* Whether this call of CALL shall go wrong. */
static bool is_due(enum call call)
{
    const struct fault *fault = &faults[call];
    long number;

    if (!atomic_load(&ready)) {
        return false;
    }
    number = atomic_fetch_add(&calls[call], 1);
    return number >= fault->first && number - fault->first < fault->count;
}

/*
 * One byte is a wake-up of the process by itself: over a pipe or a pair of sockets of its own,
 * where nothing that could be tried again fails, and libevent relies on it for signals.
 */
static bool is_wakeup(enum call call, size_t length)
{
    return (call == CALL_write || call == CALL_send) && length == 1;
}

/* True: the call fails now. */
static bool fails(enum call call, size_t *length)
{
    if (is_wakeup(call, *length) || !is_due(call)) {
        return false;
    }
    if (faults[call].error == 0) {
        *length = *length > 1 ? 1 : *length;
        return false;
    }
    errno = faults[call].error;
    return true;
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* libc's own headers promise more of some functions than a wrapper can. */
#define CALL(type, name, declaration, arguments, length)                                           \
    type name declaration                                                                          \
    {                                                                                              \
        static type(*real) declaration;                                                            \
        size_t none = 0;                                                                           \
                                                                                                   \
        (void)none;                                                                                \
        if (real == NULL) {                                                                        \
            *(void **)(&real) = next(#name);                                                       \
        }                                                                                          \
        return fails(CALL_##name, (size_t *)&length) ? -1 : real arguments;                        \
    }
#include "tests/support/libfault_calls.def"
#undef CALL

static mode_t mode_of(int flags, va_list rest)
{
    return (flags & (O_CREAT | O_TMPFILE)) == 0 ? 0 : va_arg(rest, mode_t);
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        static int (*real)(const char *, int, ...);                                                \
        size_t none = 0;                                                                           \
        va_list rest;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(rest, flags);                                                                     \
        mode = mode_of(flags, rest);                                                               \
        va_end(rest);                                                                              \
        if (real == NULL) {                                                                        \
            *(void **)(&real) = next(#name);                                                       \
        }                                                                                          \
        return fails(CALL_open, &none) ? -1 : real(path, flags, mode);                             \
    }
OPEN(open)
OPEN(open64)

/* ---- memory; a sanitizer has an allocator of its own, which stays */

#ifndef LIBFAULT_WITHOUT_MEMORY
void *__libc_malloc(size_t size);               /* NOLINT: what malloc is an alias of */
void *__libc_calloc(size_t count, size_t size); /* NOLINT */
void *__libc_realloc(void *block, size_t size); /* NOLINT */

static bool is_out_of_memory(void)
{
    if (is_due(CALL_malloc)) {
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *malloc(size_t size)
{
    return is_out_of_memory() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_out_of_memory() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return is_out_of_memory() ? NULL : __libc_realloc(block, size);
}
#endif
