/* SPDX-License-Identifier: MIT */
/*
 * How far connections to one server may be used again.  Its close of an idle connection and our
 * next request can pass each other, and then nobody knows whether the request was heard.  So a
 * request goes out as it is only where that cannot be, else the server is asked first
 * (Expect: 100-continue) or the connection is a new one.  Pure: told what happened and when.
 */
#ifndef TEPLO_UPSTREAM_KEEP_ALIVE_H
#define TEPLO_UPSTREAM_KEEP_ALIVE_H

#include <stdbool.h>
#include <stdint.h>

/* The operator's choice. */
enum conn_reuse {
    CONN_REUSE_PROBE,  /* ask first where it is not safe as it is */
    CONN_REUSE_FRESH,  /* never: each request gets a new connection */
    CONN_REUSE_ALWAYS, /* as it is, whatever the risk */
};

enum keep_alive_use { KEEP_ALIVE_AS_IS, KEEP_ALIVE_ASKING, KEEP_ALIVE_NOT };

enum {
    /* Idle for no longer than this, a connection is in use, not idle: no server closes it... */
    KEEP_ALIVE_HOT_US = 2000,
    /* ...if it has been seen to leave one alone for so long. */
    KEEP_ALIVE_WITNESS_US = 2 * KEEP_ALIVE_HOT_US,
    /* A server that does not say 100 by then is one that never does, and not asked again... */
    KEEP_ALIVE_PATIENCE_MS = 250,
    /* ...for so long. */
    KEEP_ALIVE_DEAF_MS = 60000,
};

struct keep_alive {
    enum conn_reuse reuse;
    int64_t idle_max_us;   /* an older one is not used again; below 0: none is */
    int64_t learnt_us;     /* the same, from closes seen; INT64_MAX: none was early */
    int64_t deaf_until_us; /* until then the server is not asked */
    bool is_proven;        /* a witness was left alone for KEEP_ALIVE_WITNESS_US */
};

/* Nothing is learnt yet; the limits are to be set. */
void keep_alive_init(struct keep_alive *keep);
void keep_alive_set_limits(struct keep_alive *keep, enum conn_reuse reuse, int64_t idle_max_ms);
/* The server may have been replaced: nothing that was learnt holds any more. */
void keep_alive_forget(struct keep_alive *keep);

/* A connection may ever be used again: one that rests is kept. */
bool keep_alive_keeps(const struct keep_alive *keep);
/* A connection that was idle for IDLED_US until NOW_US. */
enum keep_alive_use keep_alive_use(const struct keep_alive *keep, int64_t idled_us, int64_t now_us);
/* One idle connection should be left alone, to see what the server does with it. */
bool keep_alive_wants_witness(const struct keep_alive *keep);

/* It was left alone for KEEP_ALIVE_WITNESS_US, and is there still. */
void keep_alive_on_witness(struct keep_alive *keep);
/* The server closed a connection that was idle for IDLED_US. */
void keep_alive_on_close(struct keep_alive *keep, int64_t idled_us);
/* Asked, the server said nothing, or what is no answer to the question. */
void keep_alive_on_deaf(struct keep_alive *keep, int64_t now_us);

#endif
