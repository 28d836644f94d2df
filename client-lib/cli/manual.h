/* SPDX-License-Identifier: MIT */
/* The help texts, made from the tables. */
#ifndef TEPLO_CLI_MANUAL_H
#define TEPLO_CLI_MANUAL_H

#include "client-lib/cli/invocation.h"

/* COMMAND NULL: all of it. */
enum exit_status manual_print(const struct command *command);
enum exit_status manual_print_version(void);

#endif
