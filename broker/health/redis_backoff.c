/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_backoff.h"

#include <sys/random.h>

#include "broker/runtime/clock.h"

enum { FIRST_MS = 250, DOUBLINGS_MAXIMUM = 6 };

int64_t redis_backoff_ms(unsigned failures, int64_t last_ms)
{
    unsigned doublings = failures > DOUBLINGS_MAXIMUM ? DOUBLINGS_MAXIMUM : failures;
    int64_t most_ms = (int64_t)FIRST_MS << doublings;
    uint32_t random = 0;

    most_ms = most_ms < last_ms ? most_ms : last_ms;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
        random = (uint32_t)clock_now_us() * 2654435761U;
    }
    return 1 + (int64_t)(random % (uint32_t)most_ms);
}
