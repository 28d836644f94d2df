/* SPDX-License-Identifier: MIT */
/* What a JSON value looks like as text for people.  Values are spans of checked JSON. */
#ifndef TEPLO_LIB_VALUE_TEXT_H
#define TEPLO_LIB_VALUE_TEXT_H

#include "proto/base/bytes.h"
#include "proto/json_scan.h"

/* As deep as the scanner goes and without a bound on values: a frame's length bounds them. */
extern const struct json_limits value_text_limits;

/*
 * A string decoded (half a surrogate pair becomes U+FFFD), any other value as it is
 * written, an absent one as nothing.
 */
void value_text_append(struct bytes *out, struct span value);

#endif
