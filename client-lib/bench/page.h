/* SPDX-License-Identifier: MIT */
/* One GET, waited for.  Called by figures.c. */
#ifndef TEPLO_BENCH_PAGE_H
#define TEPLO_BENCH_PAGE_H

#include "proto/base/bytes.h"

/* The body of a 200, appended to OUT.  NULL, or what went wrong. */
MUST_CHECK const char *page_get(const char *url, struct bytes *out);

#endif
