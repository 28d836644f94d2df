/* SPDX-License-Identifier: MIT */
/*
 * A thread that refreshes a source, so that keys are answered while Redis, a name server or the
 * broker is not.  The views change hands: each has one owner at any time.
 */
#ifndef TEPLO_CLI_TOP_WORKER_H
#define TEPLO_CLI_TOP_WORKER_H

#include <stdbool.h>

#include "client-lib/cli/top_source.h"

struct top_worker;

/* SOURCE is the worker's until top_worker_stop.  Refreshes every INTERVAL_MS.  NULL: -errno. */
MUST_CHECK int top_worker_start(struct top_worker **ret_worker, struct top_source *source,
                                int64_t interval_ms);
/*
 * True: the thread has ended, and the source is the caller's again.  False: it waits for somebody
 * who does not answer; the process is about to end, and both stay as they are.
 */
bool top_worker_stop(struct top_worker *worker);

/* Readable when there is a new view. */
int top_worker_fd(const struct top_worker *worker);
/* True: *VIEW is as the newest is, or, where nobody answered, as it was, and says so. */
bool top_worker_take(struct top_worker *worker, struct fleet_view *view);

/* From now on there is nothing new, or there is again, at once. */
void top_worker_pause(struct top_worker *worker);
void top_worker_go_on(struct top_worker *worker);

#endif
