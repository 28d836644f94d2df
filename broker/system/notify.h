/* SPDX-License-Identifier: MIT */
/* What a service manager is told (sd_notify(3)'s protocol).  Nothing without $NOTIFY_SOCKET. */
#ifndef TEPLO_SYSTEM_NOTIFY_H
#define TEPLO_SYSTEM_NOTIFY_H

/* STATE as in "READY=1". */
void notify_manager(const char *state);
/* RELOADING=1, with the moment that sd_notify(3) wants. */
void notify_reloading(void);

#endif
