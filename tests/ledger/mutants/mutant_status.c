/* SPDX-License-Identifier: MIT */
/* A broker that takes a 5xx for a refusal: linked in place of delivery_judge. */
#include "broker/upstream/delivery.h"

struct delivery_verdict __real_delivery_judge(const struct delivery *delivery);
struct delivery_verdict __wrap_delivery_judge(const struct delivery *delivery);

struct delivery_verdict __wrap_delivery_judge(const struct delivery *delivery)
{
    struct delivery_verdict verdict = __real_delivery_judge(delivery);

    if (verdict.failure == FAILURE_SERVER_ERROR) {
        verdict.failure = FAILURE_REFUSED;
    }
    return verdict;
}
