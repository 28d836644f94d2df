/* SPDX-License-Identifier: MIT */
/*
 * What each provider refuses in the results of its model's calls, from their documentation and
 * their error messages.  Knows nothing of how the answers are made.
 */
#ifndef TEPLO_TESTS_ANSWER_LINT_H
#define TEPLO_TESTS_ANSWER_LINT_H

#include "client-lib/include/teplo.h"
#include "proto/json_scan.h"

/* The answers to CALLS, an array of objects with "id" and "name", in this order.  NULL, or what the
 * provider would say. */
const char *answer_lint(enum teplo_provider provider, struct span calls, struct span answers);

#endif
