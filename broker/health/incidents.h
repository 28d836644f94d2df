/* SPDX-License-Identifier: MIT */
/*
 * What went wrong lately: a ring of the last incidents, equal ones counted together.
 * For `teploctl show errors`.  Never arguments, results or secrets.
 */
#ifndef TEPLO_HEALTH_INCIDENTS_H
#define TEPLO_HEALTH_INCIDENTS_H

#include <stddef.h>
#include <stdint.h>

enum { INCIDENTS_MAXIMUM = 64 };

struct incident {
    int64_t wall_ms; /* of the last one counted here */
    int64_t first_wall_ms;
    char pool[33];
    char type[24];
    char error_class[24];
    char text[256];
    uint64_t n;
};

struct incidents {
    struct incident ring[INCIDENTS_MAXIMUM];
    size_t next;
    size_t count;
};

/* Strings may be NULL. */
void incidents_add(struct incidents *incidents, int64_t wall_ms, const char *pool, const char *type,
                   const char *error_class, const char *text);
/* Newest first; NULL past the end. */
const struct incident *incidents_at(const struct incidents *incidents, size_t index);

#endif
