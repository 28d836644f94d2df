/* SPDX-License-Identifier: MIT */
/* The answer to teplo/outcome, whoever asks: a client on its socket, or a visitor to admin.sock. */
#ifndef TEPLO_LEDGER_LEDGER_ANSWER_H
#define TEPLO_LEDGER_LEDGER_ANSWER_H

#include "broker/ledger/ledger.h"

/*
 * CALL is the token of params.call.  The result object, appended to OUT; -EINVAL: CALL is no UUID.
 * A call of another user is as unknown as one that never was, unless ASKER is root or runs us.
 */
MUST_CHECK int ledger_answer(struct ledger *ledger, struct span call, uid_t asker,
                             struct bytes *out);

/* The text for -EINVAL. */
extern const char ledger_answer_usage[];

#endif
