/* SPDX-License-Identifier: MIT */
/* The arguments of a tool in one short line, for a model that has to write them again. */
#ifndef TEPLO_FORMATS_SHAPE_H
#define TEPLO_FORMATS_SHAPE_H

#include "client-lib/formats/toolset.h"

/*
 * Appends `{"query": string, "graphs"?: array}`: the keys as the model knows them, `?` behind
 * those that it may leave out.  Cut, with `...`, when there are many.
 */
void shape_append(const struct format_tool *tool, struct bytes *out);

#endif
