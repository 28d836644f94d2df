/* SPDX-License-Identifier: MIT */
/*
 * POST /__ctl with a JSON object: settings.def by name; "fault": the word for calls that name
 * none ("" for none); "cut_streams": 1 ends every session's stream, 2 resets it, 3 forgets
 * the sessions and leaves their streams.  The reply is as that to GET /__stats: the
 * counters, and what is open now.
 */
#ifndef TEPLO_TESTS_SCRIPTED_CONTROL_H
#define TEPLO_TESTS_SCRIPTED_CONTROL_H

#include "tests/upstream/scripted/peer.h"

void scripted_control(struct scripted *scripted, struct peer *peer, struct span body);
void scripted_report(struct scripted *scripted, struct peer *peer);

#endif
