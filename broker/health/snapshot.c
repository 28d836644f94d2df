/* SPDX-License-Identifier: MIT */
#include "broker/health/snapshot.h"

#include <stdio.h>

#include "proto/base/mem.h"

enum { FIRST_CAPACITY = 8 };

void snapshot_init(struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){0};
}

void snapshot_done(struct snapshot *snapshot)
{
    mem_free(snapshot->pools);
    snapshot_init(snapshot);
}

void snapshot_clear(struct snapshot *snapshot)
{
    snapshot->instance = (struct instance_row){0};
    snapshot->pool_count = 0;
}

static int grow(struct snapshot *snapshot)
{
    size_t capacity = snapshot->pool_capacity == 0 ? FIRST_CAPACITY : snapshot->pool_capacity * 2;
    struct pool_row *pools = mem_resize(snapshot->pools, capacity * sizeof(*pools));

    if (pools == NULL) {
        return -1;
    }
    snapshot->pools = pools;
    snapshot->pool_capacity = capacity;
    return 0;
}

struct pool_row *snapshot_add_pool(struct snapshot *snapshot, const char *name)
{
    struct pool_row *row;

    if (snapshot->pool_count == SNAPSHOT_POOLS_MAXIMUM ||
        (snapshot->pool_count == snapshot->pool_capacity && grow(snapshot) < 0)) {
        return NULL;
    }
    row = &snapshot->pools[snapshot->pool_count++];
    *row = (struct pool_row){0};
    (void)snprintf(row->name, sizeof(row->name), "%s", name);
    return row;
}
