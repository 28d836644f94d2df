/* SPDX-License-Identifier: MIT */
/*
 * The requests of a relay's host that are not answered yet, by id, and by which connection each
 * went: what has to be answered when that one ends.  Knows no sockets.
 */
#ifndef TEPLO_CLI_RELAY_ASKED_H
#define TEPLO_CLI_RELAY_ASKED_H

#include "proto/base/hashmap.h"
#include "proto/base/list.h"

/* What a broker takes of one client at most, both limits at their highest, and some listens. */
enum { RELAY_ASKED_MAXIMUM = 2 * 65536 + 1024, RELAY_NOWHERE = -1 };

struct relay_asked {
    struct hashmap by_id;
    struct list all; /* owns the requests, oldest first */
};

void relay_asked_init(struct relay_asked *asked);
void relay_asked_done(struct relay_asked *asked);

/* Before the request is sent: it went NOWHERE yet.  -ENOMEM; -EAGAIN: there are as many as may. */
MUST_CHECK int relay_asked_add(struct relay_asked *asked, struct span id);
/* It was handed over, wholly. */
void relay_asked_went(struct relay_asked *asked, struct span id, int link);
/* It was answered, or taken back.  An id that is not known is fine. */
void relay_asked_settle(struct relay_asked *asked, struct span id);
/* The id of the oldest request that went by LINK, or none; valid until it is settled. */
struct span relay_asked_oldest(const struct relay_asked *asked, int link);

#endif
