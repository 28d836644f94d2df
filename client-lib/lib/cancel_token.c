/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/cancel_token.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/base/mem.h"

struct teplo_cancel_token {
    atomic_uint references;
    atomic_bool is_fired;
    int fd;
    pid_t pid; /* whose descriptor it is: a child of fork shares it */
};

struct teplo_cancel_token *teplo_cancel_token_new(void)
{
    struct teplo_cancel_token *token = MEM_NEW(struct teplo_cancel_token);

    if (token == NULL) {
        return NULL;
    }
    token->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (token->fd < 0) {
        mem_free(token);
        return NULL;
    }
    token->pid = getpid();
    atomic_init(&token->references, 1);
    atomic_init(&token->is_fired, false);
    return token;
}

/* Async-signal-safe: atomics, getpid and write are. */
void teplo_cancel_token_fire(struct teplo_cancel_token *token)
{
    const uint64_t one = 1;
    int before = errno;

    if (token == NULL || atomic_exchange(&token->is_fired, true)) {
        return;
    }
    if (cancel_token_is_own(token)) {
        (void)!write(token->fd, &one, sizeof(one));
    }
    errno = before;
}

void cancel_token_ref(struct teplo_cancel_token *token)
{
    (void)atomic_fetch_add(&token->references, 1);
}

void teplo_cancel_token_unref(struct teplo_cancel_token *token)
{
    if (token != NULL && atomic_fetch_sub(&token->references, 1) == 1) {
        (void)close(token->fd);
        mem_free(token);
    }
}

bool cancel_token_is_fired(const struct teplo_cancel_token *token)
{
    return atomic_load(&token->is_fired);
}

bool cancel_token_is_own(const struct teplo_cancel_token *token)
{
    return token->pid == getpid();
}

int cancel_token_fd(const struct teplo_cancel_token *token)
{
    return token->fd;
}
