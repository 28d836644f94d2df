/* SPDX-License-Identifier: MIT */
/*
 * Reads a fleet out of Redis, again and again.  Blocks, with deadlines; a program that must not,
 * gives it a thread.  One thread at a time.  Never writes: the reader's rights in proto/REDIS.md
 * are enough.
 */
#ifndef TEPLO_FLEET_FLEET_READER_H
#define TEPLO_FLEET_FLEET_READER_H

#include "client-lib/fleet/fleet_series.h"
#include "client-lib/fleet/fleet_view.h"

enum { FLEET_CONNECT_MS = 2000, FLEET_REPLY_MS = 3000 };

struct fleet_reader;

struct fleet_reader_options {
    const char *url;       /* redis_url.h says which forms there are; copied */
    const char *password;  /* instead of the url's; copied; NULL: as the url says */
    const char *namespace; /* NULL: main */
    int64_t connect_ms;    /* 0: FLEET_CONNECT_MS */
    int64_t reply_ms;      /* 0: FLEET_REPLY_MS; for one refresh as a whole */
};

/* Does not connect yet.  -EINVAL: the url, or the namespace, is none.  -ENOMEM. */
MUST_CHECK int fleet_reader_open(struct fleet_reader **ret_reader,
                                 const struct fleet_reader_options *options);
void fleet_reader_close(struct fleet_reader *reader);
/* Where it reads, for people: without user and password. */
const char *fleet_reader_place(const struct fleet_reader *reader);

/*
 * VIEW, which fleet_view_init or an earlier refresh has filled, is as Redis has it now.  Where
 * Redis does not answer it stays as it was, and view->redis_state, why and age_ms say so.
 */
void fleet_reader_refresh(struct fleet_reader *reader, struct fleet_view *view);
/* After a refresh: view->sessions has what the brokers that live say of theirs. */
void fleet_reader_add_sessions(struct fleet_reader *reader, struct fleet_view *view);

/*
 * Appended: the JSON of fleet_series.h.  POOL may be `_fleet`.  -EINVAL: no pool can be called so.
 * Another negative errno: fleet_reader_why.
 */
MUST_CHECK int fleet_reader_series(struct fleet_reader *reader, const char *pool,
                                   enum fleet_resolution resolution, int64_t from_ms,
                                   struct bytes *out);
/* Appended: {"inst":ID,"sessions":[...]}.  Errors as above. */
MUST_CHECK int fleet_reader_sessions(struct fleet_reader *reader, const char *inst,
                                     struct bytes *out);
/* The last error, as a sentence. */
const char *fleet_reader_why(const struct fleet_reader *reader);

#endif
