/* SPDX-License-Identifier: MIT */
/* One turn of a handle: what came in, what is due, what can go out. */
#ifndef TEPLO_LIB_TURN_H
#define TEPLO_LIB_TURN_H

#include "client-lib/lib/client.h"

/* Never waits.  Without client_settle. */
void turn_run(struct teplo_client *client);
/* A message was read and not looked at: run another turn at once. */
bool turn_has_more(const struct teplo_client *client);
/* Waits until the handle has something to do, at most until END_MS. */
void turn_wait(struct teplo_client *client, int64_t end_ms);
/* TIMEOUT_MS from now, TEPLO_FOREVER allowed. */
int64_t turn_end_ms(int64_t timeout_ms);

#endif
