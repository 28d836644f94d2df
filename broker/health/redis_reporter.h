/* SPDX-License-Identifier: MIT */
/*
 * One broker of a fleet, elected, adds up what all of them write: f:<pool>, fleet, tables, samples,
 * and the totals of brokers that are gone (proto/REDIS.md).  Every publisher owns one of these, and
 * after each tick it tries to be the one; when it is killed or frozen, another is within 4 s.
 * Works between the ticks on the publisher's connection, never waits, and is bounded: beyond
 * REPORT_BROKERS brokers, REPORT_POOLS pools or REPORT_PAIRS of both the rest is left out.
 * Without the right to run scripts it is off, and the publisher's own rows go on.
 */
#ifndef TEPLO_HEALTH_REDIS_REPORTER_H
#define TEPLO_HEALTH_REDIS_REPORTER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/base/check.h"

struct redis_publisher;
struct redis_reporter;

/* FORGET_MS: a broker silent for so long is gone.  NULL: no memory. */
MUST_CHECK struct redis_reporter *redis_reporter_new(struct redis_publisher *publisher,
                                                     int64_t forget_ms);
/* NULL is fine. */
void redis_reporter_free(struct redis_reporter *reporter);

/*
 * The publisher's tick is acknowledged.  True: this is the fleet's reporter, it adds up what is in
 * Redis now, and redis_publisher_flush_end is called when that is acknowledged too.
 */
bool redis_reporter_on_tick(struct redis_reporter *reporter);
/*
 * This broker has the pool no more: its totals are folded now.  False: not yet, ask again after the
 * next tick.
 */
MUST_CHECK bool redis_reporter_drop(struct redis_reporter *reporter, const char *pool);
/* To a command tagged REPLY_REPORTER; in order. */
void redis_reporter_on_reply(struct redis_reporter *reporter, const redisReply *reply);
/* The connection is gone, and with it the replies. */
void redis_reporter_forget(struct redis_reporter *reporter);
/*
 * Redis was away, or refused: the others were just as silent, through no fault of theirs.  Nobody
 * is called lost or gone until they have had the time to come back.
 */
void redis_reporter_note_trouble(struct redis_reporter *reporter);

/*
 * Fold the totals of this broker, and give up the lead; redis_publisher_on_folded follows.  False:
 * that cannot be done here.
 */
MUST_CHECK bool redis_reporter_leave(struct redis_reporter *reporter);
/* This broker's totals are not folded, but somebody can do it later: it stays a member. */
bool redis_reporter_is_owing(const struct redis_reporter *reporter);
bool redis_reporter_is_leader(const struct redis_reporter *reporter);

#endif
