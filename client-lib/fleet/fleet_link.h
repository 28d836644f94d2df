/* SPDX-License-Identifier: MIT */
/*
 * A connection to Redis that blocks, with a deadline for everything: commands go out and all their
 * replies come in, in one exchange.  Called by fleet_reader and fleet_purge, in any one thread at a
 * time.
 */
#ifndef TEPLO_FLEET_FLEET_LINK_H
#define TEPLO_FLEET_FLEET_LINK_H

#include "proto/base/bytes.h"
#include "proto/redis_url.h"

enum {
    FLEET_LINK_WHY_SIZE = 256,
    FLEET_LINK_REPLIES_MAXIMUM = 64 << 20, /* bytes of one exchange; more ends the connection */
    FLEET_LINK_COMMANDS_MAXIMUM = 16 << 20,
};

struct fleet_link {
    int fd;                /* -1: not connected */
    struct fleet_tls *tls; /* ours; NULL: none */
    struct bytes in;       /* the replies of the last exchange */
    /* Where the cluster's node is that has our keys, as another has told; host NULL: not told. */
    struct redis_node moved;

    bool is_denied;                /* the last fault was about who we are */
    char why[FLEET_LINK_WHY_SIZE]; /* the last fault: a sentence without a full stop */
};

void fleet_link_init(struct fleet_link *link);
void fleet_link_done(struct fleet_link *link);

/*
 * Connects, asks sentinels where Redis is, if there are any, and says who we are.  Negative errno,
 * and link->why.  Looking up a name may last longer than END_MS: the C library's resolver knows no
 * deadline.
 */
MUST_CHECK int fleet_link_open(struct fleet_link *link, const struct redis_url *url,
                               int64_t end_ms);
void fleet_link_close(struct fleet_link *link);

/*
 * COMMANDS have REPLIES replies, which RET_REPLIES has until the next exchange.  Negative errno,
 * link->why, and a closed link: -EPIPE when the peer had closed it before.
 */
MUST_CHECK int fleet_link_exchange(struct fleet_link *link, struct span commands, size_t replies,
                                   int64_t end_ms, struct span *ret_replies);

/*
 * ERROR, a reply, may say which node of the cluster has our keys: true, and the link is closed and
 * opens there next time, until that fails.  URL is that which was opened.
 */
bool fleet_link_follow(struct fleet_link *link, const struct redis_url *url, struct span error);

/* Milliseconds of the monotonic clock: END_MS is one of these moments. */
int64_t fleet_link_now_ms(void);

#endif
