/* SPDX-License-Identifier: MIT */
/*
 * The connection to Redis: finds out where it is, connects, greets, sends, matches replies to
 * commands, notices silence, connects again.  Never blocks and never ends the process: of hiredis
 * it uses only the formatter and the reader.  (Its contexts resolve names in the loop, and the
 * async one aborts on replies nobody asked for.)  Called by redis_publisher; knows no keys.
 */
#ifndef TEPLO_HEALTH_REDIS_LINK_H
#define TEPLO_HEALTH_REDIS_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/health/redis_access.h"
#include "broker/health/redis_command.h"
#include "broker/health/redis_fault.h"
#include "broker/runtime/loop.h"

struct redis_link;

/* All mandatory.  None is called from a function of the link, nor after redis_link_free. */
struct redis_link_events {
    void (*on_ready)(void *owner); /* connected and greeted: redis_link_send works */
    /* To the command sent with TAG; NULL: it is unknown whether Redis has executed it. */
    void (*on_reply)(void *owner, unsigned tag, const redisReply *reply);
    void (*on_slow)(void *owner); /* a command has gone unanswered for 1 s */
    /* An attempt or a connection has failed; all replies owed were given as NULL before. */
    void (*on_closed)(void *owner, enum redis_fault fault, const char *why);
};

/*
 * ACCESS is taken over, CLIENT_NAME copied.  Connects at once, and again after each failure:
 * 250 ms doubling up to 4 s, or to 1 s where sentinels or another node may know better, with
 * full jitter.  NULL without memory (ACCESS is the caller's then).
 */
MUST_CHECK struct redis_link *redis_link_new(struct loop *loop, struct redis_access *access,
                                             const char *client_name,
                                             const struct redis_link_events *events, void *owner);
/* Silence; freed at the end of a turn.  NULL is fine. */
void redis_link_free(struct redis_link *link);

bool redis_link_is_ready(const struct redis_link *link);
/*
 * on_reply with TAG follows, in the order of sending.  -ENOTCONN: not ready.  -ENOBUFS (more
 * than 512 replies or 1 MiB outstanding) and -ENOMEM: the link closes itself, on_closed follows.
 * COMMAND is not const only because hiredis does not say so.
 */
MUST_CHECK int redis_link_send(struct redis_link *link, struct redis_command *command,
                               unsigned tag);
/* Close the connection because of what Redis said; no on_closed.  Again after PAUSE_MS at least. */
void redis_link_drop(struct redis_link *link, int64_t pause_ms);
/*
 * REPLY is MOVED or ASK: close the connection, and connect at once to the node that it names; no
 * on_closed.  -EINVAL, -ELOOP: as redis_aim_move; nothing was done.
 */
MUST_CHECK int redis_link_move(struct redis_link *link, const char *reply);
/* Redis did what it was asked to: the next failure starts with the shortest wait again. */
void redis_link_settle(struct redis_link *link);

/* For people: the url without secrets, and the host where sentinels or a cluster led to, or "". */
const char *redis_link_url(const struct redis_link *link);
const char *redis_link_place(struct redis_link *link);

#endif
