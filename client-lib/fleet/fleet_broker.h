/* SPDX-License-Identifier: MIT */
/* A view of one broker, out of what it answers on its admin socket.  Pure. */
#ifndef TEPLO_FLEET_FLEET_BROKER_H
#define TEPLO_FLEET_FLEET_BROKER_H

#include "client-lib/fleet/fleet_view.h"

/* Checked JSON, the results of teplo/NAME; none where it was not answered. */
struct fleet_answers {
    struct span stats;
    struct span pools;
    struct span sessions;
    struct span clients;
    struct span errors;
};

/* Fills VIEW, which is as fleet_view_init left it, and settles it.  AT_MS: of the host's clock. */
void fleet_broker_fill(struct fleet_view *view, const struct fleet_answers *answers, int64_t at_ms);

#endif
