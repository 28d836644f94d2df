/* SPDX-License-Identifier: MIT */
/*
 * Where the next connection goes: to the host of the url, to the master that the sentinels told,
 * or to the node that a cluster sent us to.  When that node is gone, the url's host is tried
 * again, and so in turns.  Called by redis_link.  Pure.
 */
#ifndef TEPLO_HEALTH_REDIS_AIM_H
#define TEPLO_HEALTH_REDIS_AIM_H

#include "broker/health/redis_dial.h"
#include "proto/redis_redirect.h"

struct redis_aim {
    const struct redis_access *access; /* the owner's */
    char master[256];                  /* told by the sentinels */
    uint16_t master_port;
    struct redis_redirect node;
    bool has_node;
    bool is_at_node;
    unsigned moves;       /* since something worked, or was lost */
    char place[256 + 24]; /* for people: the url's host, or where we are instead */
};

void redis_aim_init(struct redis_aim *aim, const struct redis_access *access);
/* The sentinels must be asked, and redis_aim_found called, before the next connection. */
bool redis_aim_wants_sentinels(const struct redis_aim *aim);
void redis_aim_found(struct redis_aim *aim, const char *host, uint16_t port);
/* Its strings are the aim's. */
struct redis_dial_target redis_aim_target(const struct redis_aim *aim);
/* Each command there needs ASKING in front. */
bool redis_aim_is_asking(const struct redis_aim *aim);
/* There is, or may be, a better place than where we failed: it is worth trying again soon. */
bool redis_aim_has_choice(const struct redis_aim *aim);

/*
 * A node answered MOVED or ASK: aim where it says.  -EINVAL: it does not say where; -ELOOP: that
 * was the sixth in a row.  The url's host is next then.
 */
MUST_CHECK int redis_aim_move(struct redis_aim *aim, const char *reply);
/* The connection could not be made, or has ended. */
void redis_aim_lost(struct redis_aim *aim);
void redis_aim_worked(struct redis_aim *aim);

/* Where it is aimed at, if that is not the url's own host; "" if it is. */
const char *redis_aim_place(struct redis_aim *aim);

#endif
