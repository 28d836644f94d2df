/* SPDX-License-Identifier: MIT */
/*
 * The last requests and the last failed ones with their time lines: for `teploctl show calls`.
 * Two rings, so that a flood of good calls does not wash the bad ones away.  Owned by the router.
 */
#ifndef TEPLO_ROUTING_JOURNAL_H
#define TEPLO_ROUTING_JOURNAL_H

#include <stddef.h>

#include "broker/routing/timeline.h"
#include "proto/base/check.h"

enum { JOURNAL_RECENT = 256, JOURNAL_FAILED = 256 };

struct journal_entry {
    char pool[33];
    char error_class[24]; /* empty: none */
    struct timeline timeline;
};

struct journal;

MUST_CHECK struct journal *journal_new(void);
void journal_free(struct journal *journal);
/* ERROR_CLASS may be NULL: none. */
void journal_add(struct journal *journal, const char *pool, const char *error_class,
                 const struct timeline *timeline);
/* Newest first; NULL past the end.  Failed: all but OK. */
const struct journal_entry *journal_recent(const struct journal *journal, size_t index);
const struct journal_entry *journal_failed(const struct journal *journal, size_t index);

#endif
