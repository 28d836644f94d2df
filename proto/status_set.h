/* SPDX-License-Identifier: MIT */
/* A set of the HTTP statuses that refuse or fail: 400 to 599.  A value, all zero when empty. */
#ifndef TEPLO_PROTO_STATUS_SET_H
#define TEPLO_PROTO_STATUS_SET_H

#include <stdbool.h>
#include <stdint.h>

enum { STATUS_SET_LEAST = 400, STATUS_SET_MOST = 599 };

struct status_set {
    uint64_t bits[4];
};

/* Any other number is in no set. */
static inline bool status_set_may_hold(int64_t status)
{
    return status >= STATUS_SET_LEAST && status <= STATUS_SET_MOST;
}

/* STATUS is one that a set may hold. */
static inline void status_set_add(struct status_set *set, int64_t status)
{
    uint64_t index = (uint64_t)(status - STATUS_SET_LEAST);

    set->bits[index / 64] |= UINT64_C(1) << index % 64;
}

static inline bool status_set_has(const struct status_set *set, int64_t status)
{
    uint64_t index = (uint64_t)(status - STATUS_SET_LEAST);

    return status_set_may_hold(status) && (set->bits[index / 64] >> index % 64 & 1) != 0;
}

static inline bool status_set_equal(const struct status_set *a, const struct status_set *b)
{
    return a->bits[0] == b->bits[0] && a->bits[1] == b->bits[1] && a->bits[2] == b->bits[2] &&
           a->bits[3] == b->bits[3];
}

#endif
