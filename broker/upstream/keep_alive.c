/* SPDX-License-Identifier: MIT */
#include "broker/upstream/keep_alive.h"

enum { CLOSES_AT_ONCE_US = 5000, US_PER_MS = 1000 };

void keep_alive_init(struct keep_alive *keep)
{
    keep_alive_set_limits(keep, CONN_REUSE_PROBE, INT64_MAX);
    keep_alive_forget(keep);
}

void keep_alive_set_limits(struct keep_alive *keep, enum conn_reuse reuse, int64_t idle_max_ms)
{
    keep->reuse = reuse;
    keep->idle_max_us = idle_max_ms > INT64_MAX / US_PER_MS ? INT64_MAX : idle_max_ms * US_PER_MS;
}

void keep_alive_forget(struct keep_alive *keep)
{
    keep->learnt_us = INT64_MAX;
    keep->deaf_until_us = 0;
    keep->is_proven = false;
}

bool keep_alive_keeps(const struct keep_alive *keep)
{
    return keep->reuse != CONN_REUSE_FRESH && keep->idle_max_us >= 0 && keep->learnt_us >= 0;
}

enum keep_alive_use keep_alive_use(const struct keep_alive *keep, int64_t idled_us, int64_t now_us)
{
    if (!keep_alive_keeps(keep) || idled_us > keep->idle_max_us || idled_us > keep->learnt_us) {
        return KEEP_ALIVE_NOT;
    }
    if (keep->reuse == CONN_REUSE_ALWAYS || (keep->is_proven && idled_us <= KEEP_ALIVE_HOT_US)) {
        return KEEP_ALIVE_AS_IS;
    }
    return now_us < keep->deaf_until_us ? KEEP_ALIVE_NOT : KEEP_ALIVE_ASKING;
}

bool keep_alive_wants_witness(const struct keep_alive *keep)
{
    return keep->reuse == CONN_REUSE_PROBE && !keep->is_proven &&
           keep->learnt_us > KEEP_ALIVE_WITNESS_US && keep->idle_max_us > KEEP_ALIVE_WITNESS_US;
}

void keep_alive_on_witness(struct keep_alive *keep)
{
    keep->is_proven = true;
}

/*
 * A close on its way cannot be seen: a connection is trusted for half of the shortest idle time
 * after which this server closed one, and a server that closes at once gets a new
 * connection each time.
 */
void keep_alive_on_close(struct keep_alive *keep, int64_t idled_us)
{
    int64_t trusted_us = idled_us < CLOSES_AT_ONCE_US ? -1 : idled_us / 2;

    if (trusted_us < keep->learnt_us) {
        keep->learnt_us = trusted_us;
    }
    if (idled_us <= KEEP_ALIVE_WITNESS_US) {
        keep->is_proven = false;
    }
}

void keep_alive_on_deaf(struct keep_alive *keep, int64_t now_us)
{
    keep->deaf_until_us = now_us + (int64_t)KEEP_ALIVE_DEAF_MS * US_PER_MS;
}
