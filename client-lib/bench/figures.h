/* SPDX-License-Identifier: MIT */
/*
 * What others counted while the load ran: the broker (teplo/pools on its admin socket) and, if
 * asked for, the server (a page of JSON).  Read before and after; the difference is the run's.
 */
#ifndef TEPLO_BENCH_FIGURES_H
#define TEPLO_BENCH_FIGURES_H

#include "client-lib/bench/bench_options.h"

enum { FIGURES_MAXIMUM = 96, FIGURE_NAME_MAXIMUM = 63 };

struct figure {
    char name[FIGURE_NAME_MAXIMUM + 1];
    int64_t number;
};

/* Whole numbers by name.  All zeroes is an empty one. */
struct figures {
    struct figure all[FIGURES_MAXIMUM];
    size_t count;
    bool is_known;
};

/*
 * The whole numbers of TEXT, an object: those of objects inside it as `outer.inner`, those
 * of the objects in an array added up (`pools` is one).  More than fit are left out.
 */
void figures_read(struct span text, struct figures *figures);
/* Of `name` before and after: by how much it grew; 0 if it is not there. */
int64_t figures_growth(const struct figures *before, const struct figures *after, const char *name);

/* The broker's, of the pool the calls go to or of all; not known when admin.sock does not let
 * us in. */
void figures_of_broker(const struct bench_options *options, struct figures *figures);
/* False, and a complaint, if the page that was asked for cannot be read. */
MUST_CHECK bool figures_of_upstream(const struct bench_options *options, struct figures *figures);

#endif
