/* SPDX-License-Identifier: MIT */
/* What a scraper wants to read (RFC 9110, section 12.5.1).  Pure. */
#ifndef TEPLO_CONTROL_HTTP_ACCEPT_H
#define TEPLO_CONTROL_HTTP_ACCEPT_H

#include <stdbool.h>

#include "proto/base/bytes.h"

/*
 * ACCEPT, the header's value, names application/openmetrics-text of a version that is spoken here
 * (1.0.0, 0.0.1, or any), and no other text it would rather have.
 */
bool http_accept_prefers_openmetrics(struct span accept);

#endif
