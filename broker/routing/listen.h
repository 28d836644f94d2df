/* SPDX-License-Identifier: MIT */
/* subscriptions/listen (MCP 2026-07-28): a request that stays open and names what it hears. */
#ifndef TEPLO_ROUTING_LISTEN_H
#define TEPLO_ROUTING_LISTEN_H

#include "broker/routing/request.h"

/* Acknowledge, once the server's capabilities are known, and stay open. */
void listen_start(struct request *request);
/* The same, whether the capabilities are known or not: it has waited once. */
void listen_acknowledge(struct request *request);
/* Tell REQUEST, a listen, of the changed lists that it asked for. */
void listen_tell(struct request *request, unsigned kinds);

#endif
