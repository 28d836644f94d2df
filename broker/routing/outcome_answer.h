/* SPDX-License-Identifier: MIT */
/* teplo/outcome: what became of a call, asked on a client's socket. */
#ifndef TEPLO_ROUTING_OUTCOME_ANSWER_H
#define TEPLO_ROUTING_OUTCOME_ANSWER_H

#include <stdbool.h>

#include "broker/routing/requester.h"

#define OUTCOME_METHOD "teplo/outcome"

/* MESSAGE asks for an outcome, in either era or before any: answered.  False: it asks for something
 * else. */
bool outcome_answer(struct requester *requester, const struct message *message);

#endif
