/* SPDX-License-Identifier: MIT */
/*
 * A pool, a fake MCP server, and callers between them, all on one loop: what tests of the
 * pool and of sessions stand on.  Timeouts are long and upkeep is off: a test sets
 * what it is about.
 */
#ifndef TEPLO_TESTS_STAGE_H
#define TEPLO_TESTS_STAGE_H

#include "broker/pool/pool.h"
#include "tests/support/fake_mcp.h"

enum { STAGE_LONG_MS = 60000, STAGE_SIZE = 3, STAGE_MAX_INFLIGHT = 4, STAGE_TARGET = 2 };

struct stage {
    struct loop *loop;
    struct curl_driver *streams;
    struct curl_driver *posts;
    struct server *server; /* the pool's; NULL once closed */
    struct pool *pool;
    struct fake_mcp fake;
    struct pool_limits limits;
    struct server_limits server_limits;
    struct health_window window; /* what the pool is told of its calls */
    /* What the pool told. */
    unsigned ready;
    unsigned lost;
    unsigned failed;
    unsigned notices;
    unsigned drained;
    unsigned healths;
    unsigned breakers; /* bits of 1 << the states that it was told of */
    unsigned loads;
    size_t active;            /* of the last load */
    size_t cap;               /* the same */
    int64_t took_ms;          /* to open the last session */
    int64_t bereaved;         /* the last party whose session was lost */
    struct transport_end end; /* of the last one lost or failed */
};

/* The limits a test begins with; what it changes in stage->limits before stage_open counts. */
void stage_init(struct stage *stage);
/* 0, or -1. */
MUST_CHECK int stage_open(struct stage *stage);
/* Everything, at any moment; whoever still waits is told. */
void stage_close(struct stage *stage);
/* Close the pool and open another one on the same server.  0, or -1. */
MUST_CHECK int stage_renew(struct stage *stage);

struct pool_figures stage_figures(const struct stage *stage);
/* The I-th session in order of use, or NULL. */
struct session *stage_session(const struct stage *stage, size_t i);

/* Waits for a session and makes one call of a tool; see fake_mcp.h for what there are. */
struct caller {
    struct stage *stage;
    struct pool_waiter waiter;
    struct call *call; /* while it is out */
    char text[160];
    struct message message;
    unsigned session; /* its number */
    int64_t party;    /* kept from one start to the next */
    size_t bytes;     /* that it says to have; kept too */
    /* What it was told. */
    unsigned sessions;
    unsigned answers;
    unsigned errors;  /* of them: the server's own */
    unsigned notices; /* of progress */
    unsigned failures;
    enum failure failure;
    bool may_repeat;
    char detail[256];
    bool repeats; /* acquires again what may be repeated, which is then no failure */
};

void caller_start(struct caller *caller, struct stage *stage, const char *tool);
/* Answers and failures. */
unsigned callers_told(const struct caller *callers, size_t count);
unsigned callers_answered(const struct caller *callers, size_t count);

#endif
