/* SPDX-License-Identifier: MIT */
/*
 * What needs no traffic of its own: initialize, server/discover, logging/setLevel.  The
 * server's own identity, capabilities and instructions are passed on, as learnt from its
 * last session; before the first one, the greeting waits for it (that is the lazy opening).
 */
#ifndef TEPLO_ROUTING_GREETING_H
#define TEPLO_ROUTING_GREETING_H

#include "broker/routing/request.h"

/* REQUEST is initialize or server/discover. */
void greeting_start(struct request *request);
/* Its route's identity is known now: answer. */
void greeting_answer(struct request *request);
/* Answers at once. */
void greeting_set_level(struct requester *requester, struct route *route,
                        const struct message *message);

#endif
