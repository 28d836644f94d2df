/* SPDX-License-Identifier: MIT */
/* argv into an invocation.  Called by main only; knows the tables and nothing of sockets. */
#ifndef TEPLO_CLI_COMMAND_LINE_H
#define TEPLO_CLI_COMMAND_LINE_H

#include <stdbool.h>

#include "client-lib/cli/invocation.h"

/*
 * True: *RET_INVOCATION is a command to run.  False: *RET_STATUS is the exit status,
 * and what there was to say has been said (a complaint, the help, the version).
 */
bool command_line_parse(int argc, char **argv, struct invocation *ret_invocation,
                        enum exit_status *ret_status);

#endif
