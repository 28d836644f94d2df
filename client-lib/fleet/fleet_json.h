/* SPDX-License-Identifier: MIT */
/* A view as JSON, version 1: what `teploctl top --json` prints and the page is fed with.  Pure. */
#ifndef TEPLO_FLEET_FLEET_JSON_H
#define TEPLO_FLEET_FLEET_JSON_H

#include "client-lib/fleet/fleet_view.h"

/* One object, without a newline, appended.  Absent fields are null. */
void fleet_json_write(struct bytes *out, const struct fleet_view *view);
/* {"inst":ID,"sessions":[...]} of those sessions of VIEW that are INST's. */
void fleet_json_write_sessions(struct bytes *out, const struct fleet_view *view, const char *inst);
/* `"name":value` for each field of a row, with commas between. */
void fleet_json_write_fields(struct bytes *out, const struct fleet_shape *shape,
                             const struct fleet_row *row);

#endif
