/* SPDX-License-Identifier: MIT */
/* What the body of a refused POST says.  Pure; the words are in session_gone.def. */
#ifndef TEPLO_UPSTREAM_POST_REPLY_H
#define TEPLO_UPSTREAM_POST_REPLY_H

#include <stdint.h>

#include "broker/upstream/delivery.h"
#include "proto/message.h"

/*
 * BODY is the reply to the message that we gave ID (0: it had none).  When it is an answer to
 * that, RET_ANSWER is the answer, inside BODY.
 */
enum delivery_reply post_reply_kind(struct span body, int64_t id, struct message *ret_answer);
/* ERROR, a JSON-RPC error, says that the session is not known. */
bool post_reply_is_session_gone(const struct message *error);

#endif
