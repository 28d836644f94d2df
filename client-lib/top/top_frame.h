/* SPDX-License-Identifier: MIT */
/*
 * One frame of `teploctl top`: a view and what the user looks at, as lines of text.  Pure: the
 * same arguments make the same text.
 */
#ifndef TEPLO_TOP_TOP_FRAME_H
#define TEPLO_TOP_TOP_FRAME_H

#include "client-lib/top/top_pen.h"
#include "client-lib/top/top_state.h"

/*
 * Appended: at most look->height lines, none wider than look->width.  PLACE is where the figures
 * come from, in words.  STATE is told where its selection is now.
 */
void top_frame_write(struct bytes *out, const struct fleet_view *view, struct top_state *state,
                     const struct top_look *look, const char *place);

#endif
