/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/pace.h"

static const uint64_t second_ns = 1000000000;

int64_t pace_due_ns(const struct pace *pace, uint64_t number)
{
    uint64_t whole = number / pace->rate;
    uint64_t rest = number % pace->rate;

    return pace->start_ns + (int64_t)(whole * second_ns + rest * second_ns / pace->rate);
}

uint64_t pace_due_count(const struct pace *pace, int64_t now_ns)
{
    uint64_t elapsed;
    uint64_t in_second;

    if (now_ns < pace->start_ns) {
        return 0;
    }
    elapsed = (uint64_t)(now_ns - pace->start_ns);
    /* Those r with r * second / rate <= the elapsed part of the second, rounded down. */
    in_second = ((elapsed % second_ns + 1) * pace->rate - 1) / second_ns + 1;
    return elapsed / second_ns * pace->rate + (in_second < pace->rate ? in_second : pace->rate);
}
