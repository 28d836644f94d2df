/* SPDX-License-Identifier: MIT */
/* What an answer of the broker means: into status, outcome, reason, message.  Sans I/O. */
#ifndef TEPLO_LIB_ANSWER_H
#define TEPLO_LIB_ANSWER_H

#include "client-lib/lib/result.h"
#include "proto/failure.h"
#include "proto/message.h"

/* MESSAGE, a result or an error, into RESULT.  Without memory that is what RESULT says. */
void answer_read(const struct message *message, struct teplo_result *result);
/* What the broker itself says of the request: FAILURE_NONE if it is no error of the broker's. */
enum failure answer_failure(const struct message *message);
/* It will soon be another broker, or have room: it may be tried again. */
bool answer_may_repeat(enum failure failure);
/* The status of a row of failures.def. */
int answer_status(enum failure failure);

#endif
