/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C, and SIGTERM, while a call is under way: the program says what became of the call
 * instead of dying in silence.  One per process, as signals are; until interrupt_begin, and for
 * commands that never say it, the signals kill as usual.
 */
#ifndef TEPLO_CLI_INTERRUPT_H
#define TEPLO_CLI_INTERRUPT_H

#include <stdbool.h>

#include "proto/base/check.h"

/* A signal that is ignored stays so: a job in the background is not to be interrupted. */
void interrupt_begin(void);
/* From now on they kill again; one that came is forgotten. */
void interrupt_end(void);
bool interrupt_came(void);
/* As poll for one descriptor (-1: only to wait), but -errno on failure; -ECANCELED if one came. */
MUST_CHECK int interrupt_poll(int fd, short events, int timeout_ms);

#endif
