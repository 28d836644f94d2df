/* SPDX-License-Identifier: MIT */
/*
 * Removes what the brokers of one fleet have written: every key that begins with teplo:{NAME}:v1:
 * and no other.  Looks with SCAN and removes with UNLINK, a hundred at a time, so that a Redis
 * shared with others goes on serving them.  Blocks; the only part of this floor that writes.
 */
#ifndef TEPLO_FLEET_FLEET_PURGE_H
#define TEPLO_FLEET_FLEET_PURGE_H

#include "client-lib/fleet/fleet_link.h"
#include "client-lib/fleet/fleet_view.h"

enum {
    FLEET_PURGE_KINDS = 32,
    FLEET_PURGE_REPLY_MS = 5000,
    /* A broker that was heard of since then may write again at any moment. */
    FLEET_PURGE_QUIET_MS = 30000,
};

/* Keys alike: p:<pool>:<iid> are those of the kind "p". */
struct fleet_purge_kind {
    char name[16];
    size_t count;
};

struct fleet_purge {
    struct redis_url url;
    struct fleet_link link;
    char namespace[FLEET_POOL_SIZE];
    int64_t reply_ms;

    size_t count; /* keys that were found, and removed if they were to be */
    struct fleet_purge_kind kinds[FLEET_PURGE_KINDS];
    size_t kind_count;
};

enum fleet_purge_mode { FLEET_PURGE_LOOK, FLEET_PURGE_REMOVE };

/* -EINVAL: the url, or the namespace, is none.  -ENOMEM. */
MUST_CHECK int fleet_purge_init(struct fleet_purge *purge, const char *url, const char *namespace,
                                int64_t reply_ms);
void fleet_purge_done(struct fleet_purge *purge);

/*
 * How many brokers may still write, and one of them.  Negative errno, and purge->link.why; -EACCES:
 * Redis does not let us.
 */
MUST_CHECK int fleet_purge_find_live(struct fleet_purge *purge, size_t *ret_count,
                                     char inst[FLEET_INSTANCE_SIZE]);
/* Counts begin anew.  Errors as above; purge->count is what was removed before. */
MUST_CHECK int fleet_purge_run(struct fleet_purge *purge, enum fleet_purge_mode mode);

#endif
