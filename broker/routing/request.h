/* SPDX-License-Identifier: MIT */
/*
 * One request of a client that is not answered yet: an errand to the server, a list
 * from the catalog, a greeting that waits for the first session, or a listen that stays
 * open.  Answered exactly once (a listen: at its end).
 */
#ifndef TEPLO_ROUTING_REQUEST_H
#define TEPLO_ROUTING_REQUEST_H

#include "broker/routing/catalog.h"
#include "broker/routing/errand.h"
#include "broker/routing/record.h"
#include "broker/routing/requester.h"
#include "proto/mcp.h"

enum request_kind {
    REQUEST_CALL,     /* errand */
    REQUEST_LIST,     /* list */
    REQUEST_GREETING, /* session, timer */
    REQUEST_LISTEN,   /* listen_kinds */
};

/* How it ended; all zero: well. */
struct request_end {
    enum call_result result;
    enum failure failure;
    int64_t rpc_code;
};

struct request {
    struct requester *requester; /* its owner, through `requests` */
    struct route *route;         /* borrowed: requests are failed before it is closed */
    enum request_kind kind;
    enum mcp_era era;
    enum mcp_method method;
    struct bytes text;
    struct message message; /* its spans lie in `text` */
    struct errand errand;
    struct record *record; /* in the ledger, owned; NULL: it only reads, or nothing is kept */
    struct catalog_waiter list;
    struct pool_waiter session;
    struct timer timer;
    unsigned listen_kinds; /* 1 << enum catalog_kind that the listen asked for */
    int64_t started_ms;
    int64_t begun_us;              /* when it was read */
    char call[TIMELINE_CALL_SIZE]; /* the id of its record, also once that is gone; empty: none */
    struct request_end end;        /* set before request_finish */
    struct reapable reapable;
};

/* Copies MESSAGE and enters it with its requester.  NULL: no memory. */
MUST_CHECK struct request *request_new(struct requester *requester, struct route *route,
                                       const struct message *message, enum mcp_method method,
                                       enum mcp_era era);
/* Hand it to the server, by errand, or answer it from the catalog. */
void request_pass(struct request *request);
void request_list(struct request *request);
/* Wait for the pool's first session, then call greeting_answer or, for a listen, listen_start. */
void request_greet(struct request *request);

/* The client takes it back: silence. */
void request_cancel(struct request *request);
/* The client is gone. */
void request_orphan(struct request *request);
/* It has not been sent, or need not be: it can be refused as not executed. */
bool request_is_waiting(const struct request *request);
/* REQUEST is waiting, and the access rules came to deny it: answer so. */
void request_deny(struct request *request, const char *why);
/* Its route is going: answer REPORT (a listen just ends). */
void request_fail(struct request *request, const struct failure_report *report);

/* Answer and end it. */
void request_answer_result(struct request *request, struct span result);
void request_answer_failure(struct request *request, const struct failure_report *report);
/* Answered already, by whoever calls this, and its end is set.  Everything that ends it comes
   here, and from here it is measured. */
void request_finish(struct request *request);

#endif
