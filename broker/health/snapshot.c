/* SPDX-License-Identifier: MIT */
#include "broker/health/snapshot.h"

#include <errno.h>
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
    mem_free(snapshot->configs);
    mem_free(snapshot->histograms);
    mem_free(snapshot->sessions);
    snapshot_init(snapshot);
}

void snapshot_clear(struct snapshot *snapshot)
{
    snapshot->wishes = 0;
    snapshot->instance = (struct instance_row){0};
    snapshot->pool_count = 0;
    snapshot->session_count = 0;
}

static size_t capacity_above(size_t capacity)
{
    return capacity == 0 ? FIRST_CAPACITY : capacity * 2;
}

/* *ROWS of SIZE bytes each.  -ENOMEM: they are as before. */
static int resize(void *rows, size_t size, size_t capacity)
{
    void *old;
    void *resized;

    memcpy(&old, rows, sizeof(old));
    resized = mem_resize(old, capacity * size);
    if (resized == NULL) {
        return -ENOMEM;
    }
    memcpy(rows, &resized, sizeof(resized));
    return 0;
}

/* Room for one more pool, with all that is wished for. */
static int grow(struct snapshot *snapshot)
{
    size_t capacity = snapshot->pool_capacity;

    if (snapshot->pool_count == capacity) {
        capacity = capacity_above(capacity);
        if (resize(&snapshot->pools, sizeof(*snapshot->pools), capacity) < 0 ||
            resize(&snapshot->configs, sizeof(*snapshot->configs), capacity) < 0) {
            return -ENOMEM;
        }
        snapshot->pool_capacity = capacity;
    }
    if ((snapshot->wishes & SNAPSHOT_HISTOGRAMS) != 0 && snapshot->histogram_capacity < capacity) {
        if (resize(&snapshot->histograms, sizeof(*snapshot->histograms), capacity) < 0) {
            return -ENOMEM;
        }
        snapshot->histogram_capacity = capacity;
    }
    return 0;
}

struct pool_row *snapshot_add_pool(struct snapshot *snapshot, const char *name)
{
    struct pool_row *row;
    size_t index = snapshot->pool_count;

    if (index == SNAPSHOT_POOLS_MAXIMUM || grow(snapshot) < 0) {
        return NULL;
    }
    row = &snapshot->pools[index];
    *row = (struct pool_row){0};
    snapshot->configs[index] = (struct config_row){0};
    if ((snapshot->wishes & SNAPSHOT_HISTOGRAMS) != 0) {
        snapshot->histograms[index] = (struct pool_histograms){0};
    }
    snapshot->pool_count++;
    (void)snprintf(row->name, sizeof(row->name), "%s", name);
    return row;
}

struct session_row *snapshot_add_session(struct snapshot *snapshot)
{
    struct session_row *row;
    size_t capacity = capacity_above(snapshot->session_capacity);

    if (snapshot->session_count == SNAPSHOT_SESSIONS_MAXIMUM) {
        return NULL;
    }
    if (snapshot->session_count == snapshot->session_capacity) {
        if (resize(&snapshot->sessions, sizeof(*snapshot->sessions), capacity) < 0) {
            return NULL;
        }
        snapshot->session_capacity = capacity;
    }
    row = &snapshot->sessions[snapshot->session_count++];
    *row = (struct session_row){0};
    return row;
}
