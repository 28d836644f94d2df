/* SPDX-License-Identifier: MIT */
/* What a request asks for: a path and the words behind it, from anybody.  Pure. */
#ifndef TEPLO_DASH_QUERY_H
#define TEPLO_DASH_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum { DASH_NAME_SIZE = 40 };

enum dash_range {
#define RANGE(name, word, minutes, step_ms) DASH_RANGE_##name,
#include "client-lib/dash/dash_ranges.def"
#undef RANGE
    DASH_RANGE_COUNT
};

enum dash_subject {
    DASH_PAGE,
    DASH_FLEET,
    DASH_SERIES,   /* of the pool `name` over `range` */
    DASH_SESSIONS, /* of the broker `name` */
    DASH_HEALTH,
};

struct dash_query {
    enum dash_subject subject;
    enum dash_range range;
    char name[DASH_NAME_SIZE];
};

/* All of the fleet, where a pool is asked for. */
extern const char dash_whole_fleet[];

/*
 * NULL: *RET_QUERY says what PATH (decoded nowhere, without query) and QUERY (NULL: none) ask for.
 * Otherwise what is wrong with it, and *RET_STATUS is 404 or 400.  Unknown words are refused, as
 * are words that are given twice.
 */
const char *dash_query_parse(struct dash_query *ret_query, const char *path, const char *query,
                             int *ret_status);
bool dash_query_is_same(const struct dash_query *one, const struct dash_query *other);

int64_t dash_range_ms(enum dash_range range);
/* Samples of the last hours come each ten seconds, those of the day each minute. */
int64_t dash_range_step_ms(enum dash_range range);

#endif
