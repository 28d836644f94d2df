/* SPDX-License-Identifier: MIT */
/* HTTP+SSE: GET /sse opens a session, POSTs are taken for it, answers go to its stream. */
#ifndef TEPLO_TESTS_SCRIPTED_SSE_H
#define TEPLO_TESTS_SCRIPTED_SSE_H

#include "tests/upstream/scripted/peer.h"

/* For peers_open, with a struct scripted as owner. */
extern const struct peer_events scripted_sse_events;

#endif
