/* SPDX-License-Identifier: MIT */
/* Objects of an admin answer as a table.  Missing fields are shown as "-". */
#ifndef TEPLO_CLI_TABLE_H
#define TEPLO_CLI_TABLE_H

#include <stdbool.h>

#include "client-lib/cli/invocation.h"
#include "proto/base/bytes.h"

/* There are columns for SUBJECT ("pools" ...) in columns.def. */
bool table_has(const char *subject);
/* ROWS is a span of checked JSON: an array of objects.  FORM_SCREEN or FORM_LINES. */
void table_print(const char *subject, enum form form, struct span rows);

/* A field as text for one cell: a string decoded, "-" when absent, null or empty. */
void table_cell(struct bytes *out, struct span value);
/* A time in milliseconds for people, "-" when it is none. */
void table_cell_time(struct bytes *out, struct span value);

#endif
