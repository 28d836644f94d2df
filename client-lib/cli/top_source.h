/* SPDX-License-Identifier: MIT */
/* Where the figures of `top` come from: Redis, or the broker's admin socket.  Blocks. */
#ifndef TEPLO_CLI_TOP_SOURCE_H
#define TEPLO_CLI_TOP_SOURCE_H

#include "client-lib/cli/invocation.h"
#include "client-lib/fleet/fleet_view.h"

struct top_source;

/* STATUS_OK, or a complaint and what to exit with.  Asks nobody yet. */
enum exit_status top_source_open(struct top_source **ret_source,
                                 const struct invocation *invocation);
void top_source_close(struct top_source *source);
/* In words, without a secret. */
const char *top_source_place(const struct top_source *source);

void top_source_init_view(const struct top_source *source, struct fleet_view *view);
/* As fleet_reader_refresh, with the sessions too; says nothing on stderr. */
void top_source_refresh(struct top_source *source, struct fleet_view *view);

/* --redis, or $TEPLO_REDIS_URL unless the broker is asked for; NULL: neither. */
const char *top_source_url(const struct invocation *invocation);
/* A complaint about URL, which is not repeated.  STATUS_USAGE. */
enum exit_status top_source_refuse_url(const struct invocation *invocation, const char *url);

#endif
