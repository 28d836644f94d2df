/* SPDX-License-Identifier: MIT */
/*
 * What happened to one request, and when.  The moments are noted as it goes, by request.c and
 * errand.c; the rest is filled in once, at its end (conclusion.c), for meters and journal.  Never
 * arguments, results or the server's session ids.
 */
#ifndef TEPLO_ROUTING_TIMELINE_H
#define TEPLO_ROUTING_TIMELINE_H

#include <stdint.h>

#include "proto/failure.h"
#include "proto/mcp.h"
#include "proto/message.h"

/* How a request ended; `outcome` in `show calls` and in teplo_calls_total. */
enum call_result {
#define CALL_RESULT(NAME, text) CALL_RESULT_##NAME,
#include "broker/routing/call_results.def"
#undef CALL_RESULT
    CALL_RESULT_COUNT
};

/* Who asked whom. */
enum timeline_kind {
    TIMELINE_CALL,  /* a client the server */
    TIMELINE_LOCAL, /* a client us: for a list, a greeting, or what is not allowed */
    TIMELINE_FETCH, /* we the server: for a page of a list that clients share */
};

enum {
    TIMELINE_TOOL_SIZE = 65,
    TIMELINE_SESSION_SIZE = 48,
    TIMELINE_CALL_SIZE = 37,
    TIMELINE_TRACE_SIZE = 33,
};

/* Moments on the monotonic clock in microseconds; 0: it did not come to that. */
struct timeline {
    enum timeline_kind kind;
    int64_t begun_us;    /* the request was read from its client */
    int64_t session_us;  /* a session took it (the last one that did) */
    int64_t sent_us;     /* its first byte was handed to the kernel (of the last attempt) */
    int64_t accepted_us; /* the server's HTTP status for it was read */
    int64_t first_us;    /* the first byte of its answer was read */
    int64_t done_us;     /* the client was answered, or nobody waited any more */
    int64_t waited_us;   /* from begun_us until the first session took it; 0: none did */
    enum mcp_method method;
    char tool[TIMELINE_TOOL_SIZE];       /* of tools/call: the name, cut; else empty */
    char session[TIMELINE_SESSION_SIZE]; /* ours, e.g. `grynya/3`; empty: none took it */
    char call[TIMELINE_CALL_SIZE];       /* the ledger's id; empty: no record */
    char trace[TIMELINE_TRACE_SIZE];     /* the id in the caller's traceparent; empty: none */
    int64_t client;                      /* its number, as in `show clients`; 0: ourselves */
    int attempts;
    enum call_result result;
    enum failure failure; /* FAILURE_NONE unless the result is one of the broker's own */
    int64_t rpc_code;     /* of RPC_ERROR, the server's; of a request that is refused, ours */
};

const char *call_result_name(enum call_result result);
/* What a failure is as a result. */
enum call_result call_result_of(enum failure failure);

/* Method, tool and trace of MESSAGE. */
void timeline_describe(struct timeline *timeline, const struct message *message,
                       enum mcp_method method);

#endif
