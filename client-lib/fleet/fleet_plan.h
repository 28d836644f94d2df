/* SPDX-License-Identifier: MIT */
/*
 * What is asked of Redis for a view, and what its replies say: two round trips, of which the second
 * asks for the rows of the pools and brokers that the first has named.  Commands and replies as
 * bytes: pure.  Every command reads; the reader's rights in proto/REDIS.md are enough.
 *
 * A row that is refused, of another type, or missing is absent; the rest of the view stays good.
 */
#ifndef TEPLO_FLEET_FLEET_PLAN_H
#define TEPLO_FLEET_FLEET_PLAN_H

#include "client-lib/fleet/fleet_take.h"
#include "client-lib/fleet/fleet_view.h"

/* Of all that, only what tells which brokers there are, and when they were heard of. */
enum { FLEET_PLAN_BROKER_REPLIES = 3 };
void fleet_plan_ask_brokers(const struct fleet_view *view, struct bytes *out);
void fleet_plan_take_brokers(struct fleet_view *view, struct resp_walk *walk,
                             struct fleet_refusal *refusal);

/* The number of replies that there will be. */
MUST_CHECK size_t fleet_plan_ask_names(const struct fleet_view *view, struct bytes *out);
/* Fills VIEW, which is as fleet_view_init left it.  REPLIES are complete. */
void fleet_plan_take_names(struct fleet_view *view, struct span replies,
                           struct fleet_refusal *refusal);

MUST_CHECK size_t fleet_plan_ask_rows(const struct fleet_view *view, struct bytes *out);
/* VIEW is as fleet_plan_take_names left it; afterwards it wants fleet_view_settle. */
void fleet_plan_take_rows(struct fleet_view *view, struct span replies,
                          struct fleet_refusal *refusal);

/*
 * Names of fleets, if a look at a thousand keys shows some: one reply.  Their names, parted by
 * commas, are appended.
 */
void fleet_plan_ask_fleets(struct bytes *out);
void fleet_plan_take_fleets(struct span replies, struct bytes *out);

/* Sessions of one broker: one reply, behind which VIEW has its sessions, added to those it had. */
void fleet_plan_ask_sessions(const struct fleet_view *view, const char *inst, struct bytes *out);
void fleet_plan_take_sessions(struct fleet_view *view, const char *inst, struct resp_walk *walk,
                              struct fleet_refusal *refusal);

/* A key of the namespace: `pool` and `inst` may be "". */
void fleet_plan_append_key(struct bytes *out, const char *namespace, const char *name,
                           const char *pool, const char *inst);

#endif
