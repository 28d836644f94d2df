/* SPDX-License-Identifier: MIT */
/* A broker that, told to stop, calls what was sent not executed: in place of reply_failure. */
#include "proto/failure.h"

void __real_reply_failure(struct bytes *out, struct span id, const struct failure_report *report);
void __wrap_reply_failure(struct bytes *out, struct span id, const struct failure_report *report);

void __wrap_reply_failure(struct bytes *out, struct span id, const struct failure_report *report)
{
    struct failure_report told = *report;

    if (told.failure == FAILURE_DRAIN_DEADLINE) {
        told.failure = FAILURE_DRAINING;
    }
    __real_reply_failure(out, id, &told);
}
