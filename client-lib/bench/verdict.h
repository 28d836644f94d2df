/* SPDX-License-Identifier: MIT */
/* What an answer says about its call.  Pure. */
#ifndef TEPLO_BENCH_VERDICT_H
#define TEPLO_BENCH_VERDICT_H

#include <stdbool.h>

#include "proto/message.h"

enum verdict {
#define VERDICT(name, word, delivery, meaning) VERDICT_##name,
#include "client-lib/bench/verdicts.def"
#undef VERDICT
    VERDICT_COUNT
};

enum delivery { DELIVERY_ANSWERED, DELIVERY_FAILED, DELIVERY_BROKEN };

const char *verdict_word(enum verdict verdict);
enum delivery verdict_delivery(enum verdict verdict);

/* ANSWER is a result or an error. */
enum verdict verdict_of(const struct message *answer);
/*
 * RESULT holds the members of the object ARGUMENTS somewhere, as JSON or as JSON inside a
 * text (escaped), however blanks are set.
 */
bool verdict_is_echo(struct span result, struct span arguments);

#endif
