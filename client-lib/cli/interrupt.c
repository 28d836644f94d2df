/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int signals[] = {SIGINT, SIGTERM};

/* Readable once a signal came: what is waited for with poll cannot miss it.  -1: not watching. */
static int event_fd = -1;

static void on_signal(int number)
{
    const uint64_t one = 1;
    int saved = errno;

    (void)number;
    if (write(event_fd, &one, sizeof(one)) < 0) {
        /* EAGAIN: it is readable already. */
    }
    errno = saved;
}

/* Without SA_RESTART: a read or open that blocks comes back. */
static void set_handler(void (*handler)(int))
{
    const struct sigaction action = {.sa_handler = handler};
    struct sigaction old;

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            (void)sigaction(signals[i], &action, NULL);
        }
    }
}

void interrupt_begin(void)
{
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd >= 0) {
        set_handler(on_signal);
    }
}

void interrupt_end(void)
{
    if (event_fd >= 0) {
        set_handler(SIG_DFL);
        (void)close(event_fd);
        event_fd = -1;
    }
}

bool interrupt_came(void)
{
    struct pollfd entry = {.fd = event_fd, .events = POLLIN};

    return event_fd >= 0 && poll(&entry, 1, 0) > 0;
}

int interrupt_poll(int fd, short events, int timeout_ms)
{
    /* Negative descriptors are skipped by the kernel. */
    struct pollfd entries[] = {{.fd = fd, .events = events}, {.fd = event_fd, .events = POLLIN}};
    int n = poll(entries, 2, timeout_ms);

    if (n < 0) {
        return errno == EINTR && interrupt_came() ? -ECANCELED : -errno;
    }
    return entries[1].revents != 0 ? -ECANCELED : n;
}
