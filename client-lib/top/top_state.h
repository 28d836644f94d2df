/* SPDX-License-Identifier: MIT */
/*
 * What the user of `teploctl top` looks at: which view, which row, in which order.  Changed by
 * keys, read by the frame.  Pure; knows neither the terminal nor where the figures come from.
 */
#ifndef TEPLO_TOP_TOP_STATE_H
#define TEPLO_TOP_TOP_STATE_H

#include "client-lib/fleet/fleet_view.h"
#include "client-lib/top/top_keys.h"

enum top_view {
#define TOP_VIEW(name, digit, title) TOP_VIEW_##name,
#include "client-lib/top/top_views.def"
#undef TOP_VIEW
    TOP_VIEW_COUNT
};

enum top_sort {
#define TOP_SORT(name, word) TOP_SORT_##name,
#include "client-lib/top/top_sorts.def"
#undef TOP_SORT
    TOP_SORT_COUNT
};

enum { TOP_FILTER_SIZE = 41, TOP_CHOSEN_SIZE = 112 };

struct top_state {
    enum top_view view;
    enum top_sort sort; /* of pools */
    bool is_helping;
    bool is_paused;
    bool is_filtering; /* the keys write the filter */
    char filter[TOP_FILTER_SIZE];
    char pool[FLEET_POOL_SIZE]; /* of TOP_VIEW_POOL */

    /* The selection stays on its row, whatever place that has. */
    char chosen[TOP_CHOSEN_SIZE]; /* the row's name, or empty */
    size_t selected;
    size_t first;           /* the row at the top */
    size_t row_count, page; /* as the last frame had them */
};

enum top_reaction {
    TOP_REDRAW,
    TOP_REFRESH, /* paused no more: new figures are wanted */
    TOP_QUIT,
    TOP_SUSPEND,
};

void top_state_init(struct top_state *state);
enum top_reaction top_state_press(struct top_state *state, const struct top_press *press);

#endif
