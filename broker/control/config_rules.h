/* SPDX-License-Identifier: MIT */
/*
 * What names, urls and headers may be: pure functions over text.  Each gives NULL for a good
 * one, else the rest of a message: "has a fragment; remove the # and what follows".  None
 * quotes its argument, which may be a secret.
 */
#ifndef TEPLO_CONTROL_CONFIG_RULES_H
#define TEPLO_CONTROL_CONFIG_RULES_H

#include <stdbool.h>

#include "proto/base/bytes.h"

const char *config_rules_server_name(struct span name);
const char *config_rules_namespace(struct span name);
const char *config_rules_header_name(struct span name);
const char *config_rules_header_value(struct span value);
/* An absolute http(s) URL. */
const char *config_rules_url(struct span url);

/* NAME is an RFC 9110 token: it may be shown. */
bool config_rules_is_token(struct span name);

#endif
