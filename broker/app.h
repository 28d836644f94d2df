/* SPDX-License-Identifier: MIT */
/* The composition: makes every part, wires them, and decides the order of start and stop. */
#ifndef TEPLO_BROKER_APP_H
#define TEPLO_BROKER_APP_H

#include "broker/arguments.h"

enum app_end { APP_STOPPED, APP_FAILED, APP_BAD_CONFIG };

/* Serve until told to stop.  Other than APP_STOPPED: MESSAGE says why. */
enum app_end app_run(const struct arguments *arguments, struct bytes *message);

#endif
