/* SPDX-License-Identifier: MIT */
/* The keys of proto/redis/keys.def: who they are, how they are written, how long they live.  Pure.
 */
#ifndef TEPLO_PROTO_REDIS_KEY_H
#define TEPLO_PROTO_REDIS_KEY_H

#include <stddef.h>
#include <stdint.h>

enum redis_key {
#define KEY(NAME, pattern, type, ttl_s, cadence_s) REDIS_KEY_##NAME,
#include "proto/redis/keys.def"
#undef KEY
    REDIS_KEY_COUNT
};

/* Of the longest namespace, pool and instance there are. */
enum { REDIS_KEY_SIZE = 160 };

struct redis_key_row {
    const char *pattern;
    const char *type; /* as TYPE says */
    int64_t ttl_ms;
    int64_t cadence_ms; /* 0: every tick */
};

const struct redis_key_row *redis_key_row(enum redis_key key);

/*
 * A broker whose heartbeat is older is dead for readers.  Two ticks with all their jitter fit in,
 * so that one that is late or was left out is no death; and who is killed is seen dead within 3 s,
 * the time included that a page takes to look.
 */
int64_t redis_key_dead_ms(int64_t tick_ms);

/*
 * PREFIX and the pattern of KEY, with POOL for %p and INSTANCE for %i; they may be NULL where the
 * pattern has none.  Cut to SIZE - 1 bytes; its length.
 */
size_t redis_key_write(enum redis_key key, const char *prefix, const char *pool,
                       const char *instance, char *out, size_t size);

#endif
