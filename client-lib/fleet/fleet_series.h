/* SPDX-License-Identifier: MIT */
/* The samples of a pool, or of all (`_fleet`), over time: ts10s:<pool> and ts1m:<pool>.  Pure. */
#ifndef TEPLO_FLEET_FLEET_SERIES_H
#define TEPLO_FLEET_FLEET_SERIES_H

#include "client-lib/fleet/fleet_take.h"

enum fleet_resolution { FLEET_TEN_SECONDS, FLEET_MINUTE };

/* Older samples of a longer series are what is given; Redis keeps 360 and 1440, about. */
enum { FLEET_SAMPLES_MAXIMUM = 2048 };

int64_t fleet_series_step_ms(enum fleet_resolution resolution);
/* POOL is the name of one, or `_fleet`. */
bool fleet_series_is_name(struct span pool);

/* One command. */
void fleet_series_ask(struct bytes *out, const char *namespace, const char *pool,
                      enum fleet_resolution resolution, int64_t from_ms);
/* {"pool":NAME,"step_ms":N,"fields":["at_ms",...],"rows":[[at_ms,...],...]}: absent numbers are
 * null. */
void fleet_series_write_json(struct bytes *out, const char *pool, enum fleet_resolution resolution,
                             struct resp_walk *walk, struct fleet_refusal *refusal);

#endif
