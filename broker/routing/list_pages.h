/* SPDX-License-Identifier: MIT */
/* The pages of a list result joined into one.  Pure: bytes in, bytes out. */
#ifndef TEPLO_ROUTING_LIST_PAGES_H
#define TEPLO_ROUTING_LIST_PAGES_H

#include <stdbool.h>

#include "proto/base/bytes.h"

struct list_pages {
    const char *member; /* the array's name in the result */
    struct bytes frame; /* the other members of the first page, each with a comma before it */
    struct bytes items; /* the elements of all pages, with commas between */
};

/* MEMBER is borrowed. */
void list_pages_init(struct list_pages *pages, const char *member, size_t maximum);
void list_pages_done(struct list_pages *pages);
void list_pages_clear(struct list_pages *pages);
/*
 * RESULT is one page.  What a tool says of tasks (`execution`) is left out: tasks do not
 * cross a shared session, and a tool that requires them could not be called.
 */
void list_pages_add(struct list_pages *pages, struct span result);
/* Something did not fit: more pages are of no use. */
bool list_pages_is_full(const struct list_pages *pages);
/* Append the whole result to OUT.  False: too large, or no memory. */
MUST_CHECK bool list_pages_write(struct list_pages *pages, struct bytes *out);
/* LIST with `_meta["dev.teplo/stale"]` true. */
void list_mark_stale(struct span list, struct bytes *out);

#endif
