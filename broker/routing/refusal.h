/* SPDX-License-Identifier: MIT */
/* What a client is told when its message becomes no request: written and sent at once. */
#ifndef TEPLO_ROUTING_REFUSAL_H
#define TEPLO_ROUTING_REFUSAL_H

#include "broker/routing/requester.h"
#include "proto/failure.h"

/* Why a pool is denied. */
extern const char refusal_not_allowed[];

/* ID is a raw token or none; DATA raw JSON, or none: then it says "not executed". */
void refusal_error(struct requester *requester, struct span id, int code, const char *text,
                   struct span data);
/* DETAIL may be NULL. */
void refusal_failure(struct requester *requester, struct span id, enum failure failure,
                     const char *detail);
/* ROUTE, which counts it, may be NULL. */
void refusal_denied(struct requester *requester, const struct message *message, struct route *route,
                    const char *why);

#endif
