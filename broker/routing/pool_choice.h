/* SPDX-License-Identifier: MIT */
/* Which pool a message means (proto/WIRE.md, "Which pool"). */
#ifndef TEPLO_ROUTING_POOL_CHOICE_H
#define TEPLO_ROUTING_POOL_CHOICE_H

#include "broker/routing/requester.h"

/* The route that MESSAGE asks for, else the requester's own, else the only one; NULL: answered. */
struct route *pool_choice_of(struct requester *requester, const struct message *message);

#endif
