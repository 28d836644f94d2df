/* SPDX-License-Identifier: MIT */
/*
 * A token owns an eventfd that each handle with a request of it has in its epoll: firing is one
 * atomic store and one write, which need no lock and no list of who listens.
 */
#ifndef TEPLO_LIB_CANCEL_TOKEN_H
#define TEPLO_LIB_CANCEL_TOKEN_H

#include <stdbool.h>

#include "client-lib/include/teplo.h"

void cancel_token_ref(struct teplo_cancel_token *token);
bool cancel_token_is_fired(const struct teplo_cancel_token *token);
/* Not made before a fork: then its descriptor is the parent's too, and what it says is not. */
bool cancel_token_is_own(const struct teplo_cancel_token *token);
/* Readable, for ever, once it is fired. */
int cancel_token_fd(const struct teplo_cancel_token *token);

#endif
