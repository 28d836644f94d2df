/* SPDX-License-Identifier: MIT */
/*
 * What happened to one request, and when.  Filled by request.c and errand.c as it goes, read once
 * at its end by meters, operations and journal.  Never arguments, results or session ids.
 */
#ifndef TEPLO_ROUTING_TIMELINE_H
#define TEPLO_ROUTING_TIMELINE_H

#include <stdint.h>

#include "proto/failure.h"
#include "proto/mcp.h"

/* How a request ended; `outcome` in `show calls` and in teplo_calls_total. */
enum call_result {
#define CALL_RESULT(NAME, text) CALL_RESULT_##NAME,
#include "broker/routing/call_results.def"
#undef CALL_RESULT
    CALL_RESULT_COUNT
};

enum { TIMELINE_TOOL_SIZE = 65, TIMELINE_SESSION_SIZE = 24 };

/* Moments on the monotonic clock in microseconds; 0: it did not come to that. */
struct timeline {
    int64_t begun_us;    /* the request was read from its client */
    int64_t session_us;  /* a session took it (the last one that did) */
    int64_t sent_us;     /* its first byte was handed to the kernel (of the last attempt) */
    int64_t accepted_us; /* the server's HTTP status for it was read */
    int64_t first_us;    /* the first byte of its answer was read */
    int64_t done_us;     /* the client was answered, or nobody waited any more */
    enum mcp_method method;
    char tool[TIMELINE_TOOL_SIZE];       /* of tools/call: the name, cut; else empty */
    char session[TIMELINE_SESSION_SIZE]; /* ours, e.g. `grynya-3`; empty: none took it */
    char call[37];                       /* the ledger's id; empty: no record */
    int64_t client;                      /* its number, as in `show clients` */
    int attempts;
    enum call_result result;
    enum failure failure; /* FAILURE_NONE unless the result is one of the broker's own */
    int64_t rpc_code;     /* of RPC_ERROR: the server's */
};

const char *call_result_name(enum call_result result);

#endif
