/* SPDX-License-Identifier: MIT */
/* struct teplo_callopts of any version of the header, read into ours. */
#ifndef TEPLO_LIB_CALL_OPTIONS_H
#define TEPLO_LIB_CALL_OPTIONS_H

#include "client-lib/include/teplo.h"
#include "proto/base/check.h"

/*
 * GIVEN may be NULL: the defaults.  TEPLO_OK, or TEPLO_E_INVAL and *RET_WHY, a constant.
 * timeout_ms is then FALLBACK_MS if it was 0.
 */
MUST_CHECK int call_options_read(const struct teplo_callopts *given, int64_t fallback_ms,
                                 struct teplo_callopts *ret_options, const char **ret_why);

#endif
