/* SPDX-License-Identifier: MIT */
/*
 * A part of meters.c: everything since the start by method, tool and kind of error.  At most
 * OPERATIONS_MAXIMUM series: clients choose the names of tools, servers their codes.
 */
#ifndef TEPLO_ROUTING_OPERATIONS_H
#define TEPLO_ROUTING_OPERATIONS_H

#include "broker/routing/meters.h"
#include "proto/base/hashmap.h"

struct operations {
    struct hashmap by_name;                    /* struct operation, of `all` */
    struct operation *all[OPERATIONS_MAXIMUM]; /* owned, in order of appearance */
    size_t count;
    struct operation *latest; /* as a rule the next one too */
};

void operations_init(struct operations *operations);
void operations_done(struct operations *operations);
/* Without memory for a new one it is not counted. */
void operations_note(struct operations *operations, const struct timeline *timeline,
                     const char *error_type);
const struct operation *operations_at(const struct operations *operations, size_t index);

#endif
