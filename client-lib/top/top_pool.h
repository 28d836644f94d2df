/* SPDX-License-Identifier: MIT */
/* What is told of one pool besides its row.  Pure. */
#ifndef TEPLO_TOP_TOP_POOL_H
#define TEPLO_TOP_TOP_POOL_H

#include "client-lib/top/top_pen.h"
#include "client-lib/top/top_state.h"

/* In one line, which is not ended: why it is as it is, and what it may come from. */
void top_pool_write_hint(struct top_pen *pen, const struct fleet_view *view,
                         const struct fleet_pool *pool);
/* The pool state->pool opened: its failures by class, and its brokers, at most MOST of them. */
void top_pool_write(struct top_pen *pen, const struct fleet_view *view,
                    const struct top_state *state, size_t most);

#endif
