/* SPDX-License-Identifier: MIT */
/*
 * The terminal while frames are shown on it: another screen, keys one by one, and all as it was
 * when it is left, whichever way.  One per process, as the terminal is.
 */
#ifndef TEPLO_TOP_TOP_SCREEN_H
#define TEPLO_TOP_TOP_SCREEN_H

#include <stdbool.h>

#include "client-lib/top/top_pen.h"

/*
 * stdin gives keys, and frames go to stdout; both are terminals.  Also after the process was
 * stopped: others may have changed the terminal.  -errno.
 */
MUST_CHECK int top_screen_enter(void);
/* As it was before.  Does nothing where it was not entered.  Safe in a signal handler. */
void top_screen_leave(void);

/* FRAME takes the place of the one before.  -errno, if stdout is gone. */
MUST_CHECK int top_screen_show(struct span frame);

/* Width and height of stdout, of $COLUMNS and $LINES if it is no terminal, or FALLBACK's. */
void top_screen_size(struct top_look *look, const struct top_look *fallback);
/* $NO_COLOR, $TERM and the locale; COLOURS says whether there may be any. */
void top_screen_manners(struct top_look *look);

#endif
