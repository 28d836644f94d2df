/* SPDX-License-Identifier: MIT */
/* Questions on the admin socket.  Called by show, status and the actions. */
#ifndef TEPLO_CLI_ADMIN_LINK_H
#define TEPLO_CLI_ADMIN_LINK_H

#include "client-lib/cli/broker_link.h"

/*
 * Asks `teplo/NAME`; a copy of the raw result goes to RESULT, appended.  DOUBT as in
 * struct question.
 */
enum exit_status admin_link_ask(struct broker_link *link, const char *name, const char *doubt,
                                struct bytes *result);
/* The same with MEMBERS, raw, of params. */
enum exit_status admin_link_ask_for(struct broker_link *link, const char *name, struct span members,
                                    struct bytes *result);
/* All that is asked on LINK ends within --timeout, or 5 s where it is not given. */
enum exit_status admin_link_open(struct broker_link *link, const struct invocation *invocation);

#endif
