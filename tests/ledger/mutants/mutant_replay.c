/* SPDX-License-Identifier: MIT */
/* A broker that sends again what may have run: linked in place of delivery_judge. */
#include "broker/upstream/delivery.h"

struct delivery_verdict __real_delivery_judge(const struct delivery *delivery);
struct delivery_verdict __wrap_delivery_judge(const struct delivery *delivery);

struct delivery_verdict __wrap_delivery_judge(const struct delivery *delivery)
{
    struct delivery_verdict verdict = __real_delivery_judge(delivery);

    verdict.may_repeat |= verdict.failure == FAILURE_CONNECTION_LOST;
    return verdict;
}
