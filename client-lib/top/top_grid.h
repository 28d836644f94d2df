/* SPDX-License-Identifier: MIT */
/* A table of rows: as many columns of top_columns.def as the width allows.  Pure. */
#ifndef TEPLO_TOP_TOP_GRID_H
#define TEPLO_TOP_TOP_GRID_H

#include "client-lib/top/top_pen.h"
#include "client-lib/top/top_rows.h"

/*
 * The heading, and COUNT rows from FIRST on.  The row SELECTED (SIZE_MAX: none) is marked, with a
 * sign of its own too.
 */
void top_grid_write(struct top_pen *pen, const struct top_rows *rows, size_t first, size_t count,
                    size_t selected);

#endif
