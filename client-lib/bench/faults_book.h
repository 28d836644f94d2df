/* SPDX-License-Identifier: MIT */
/* What the clients of one run share: the plan, the calls by number, and the time. */
#ifndef TEPLO_BENCH_FAULTS_BOOK_H
#define TEPLO_BENCH_FAULTS_BOOK_H

#include <sys/un.h>

#include "client-lib/bench/faults_plan.h"
#include "client-lib/bench/ledger_check.h"

struct faults_book {
    struct faults_odds odds;
    struct sockaddr_un address; /* of the broker */
    struct judged_call *calls;  /* owned; by number, calls[0] is none */
    uint16_t *owners;           /* owned; the client that made the call */
    int64_t count;              /* of `calls` */
    int64_t next;               /* number of the next call */
    size_t depth;               /* calls in flight of one client */
    uint64_t strays;
    uint64_t kinds[FAULTS_KIND_COUNT]; /* calls made with that fault */
    uint64_t cancels;
    uint64_t questions; /* of teplo/outcome that were answered */
    uint64_t audits;    /* the same of calls that it was merely asked about */
    uint64_t reconnects;
    uint64_t touched;    /* calls that others' faults may have brought to an unknown outcome */
    size_t session_size; /* calls that share a session, at most */
    int64_t now_ms;
    int32_t stall_ms;   /* how long this process did not look, before this turn */
    int64_t starved_us; /* how long brokers could have run, and no processor was free */
    int64_t ready_ms;   /* since when the broker is ready; INT64_MAX: not yet */
    int epoll;
};

static inline bool faults_book_is_spent(const struct faults_book *book)
{
    return book->next >= book->count;
}

#endif
