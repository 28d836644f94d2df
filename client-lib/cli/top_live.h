/* SPDX-License-Identifier: MIT */
/* `top` on a terminal: keys, signals, new figures, frames. */
#ifndef TEPLO_CLI_TOP_LIVE_H
#define TEPLO_CLI_TOP_LIVE_H

#include "client-lib/cli/top_source.h"

/* stdin and stdout are a terminal.  SOURCE is freed, or the process is about to end with it. */
enum exit_status top_live(struct top_source *source, const struct invocation *invocation);

#endif
