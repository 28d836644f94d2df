/* SPDX-License-Identifier: MIT */
/*
 * The thread that reads Redis.  It reads the fleet every 400 ms, and samples and sessions when
 * asked, and leaves what it made as sheets; nobody ever waits for it.  A Redis that does not
 * answer makes sheets old, and nothing else.
 */
#ifndef TEPLO_DASH_READER_H
#define TEPLO_DASH_READER_H

#include "client-lib/dash/dash_query.h"
#include "client-lib/dash/sheet.h"

struct dash_reader;
struct fleet_reader_options;

/* Of REDIS the deadlines are ours.  -EINVAL: its url, or namespace, is none; another errno. */
MUST_CHECK int dash_reader_new(struct dash_reader **ret_reader,
                               const struct fleet_reader_options *redis);
/* Waits for the thread, which Redis may hold up for as long as its answers may take: seconds. */
void dash_reader_free(struct dash_reader *reader);

/* Readable when answers have come; dash_reader_clear makes it silent again. */
int dash_reader_fd(const struct dash_reader *reader);
void dash_reader_clear(struct dash_reader *reader);

/* The latest; the caller holds it.  NULL: not read yet. */
struct sheet *dash_reader_fleet(struct dash_reader *reader);
/* The answer to QUERY, made at FROM_MS or later; NULL: not there. */
struct sheet *dash_reader_find(struct dash_reader *reader, const struct dash_query *query,
                               int64_t from_ms);
/* QUERY is to be answered, once, if it is asked more often too.  False: too many are asked. */
bool dash_reader_ask(struct dash_reader *reader, const struct dash_query *query);

#endif
