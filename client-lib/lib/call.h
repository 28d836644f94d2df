/* SPDX-License-Identifier: MIT */
/* One request of a handle, from its start to its answer. */
#ifndef TEPLO_LIB_CALL_H
#define TEPLO_LIB_CALL_H

#include "client-lib/lib/client.h"
#include "client-lib/lib/request.h"
#include "client-lib/lib/result.h"

/* A token of which requests are under way. */
struct token_watch {
    struct watch watch; /* WATCH_TOKEN; the first member */
    struct list_node in_tokens;
    struct teplo_cancel_token *token; /* a reference of its own */
    struct list calls;
};

struct call {
    int64_t ticket;
    struct list_node in_place; /* in the client's queue or held, or in sent of its link */
    struct link *link;         /* that it was given to; NULL: it waits */
    struct link_line line;     /* in a list of the link: its last byte was not taken yet */
    struct deadline deadline;  /* the first of the times below that counts now */
    int64_t deadline_ms;       /* or MONOTONIC_NEVER, here and below */
    int64_t give_up_ms;        /* if there is no broker by then */
    int64_t hold_ms;           /* it is not tried before */
    unsigned refusals;         /* for now, by the broker */
    int64_t patience_ms;       /* after the first of them: it is not tried again after this */
    unsigned losses;           /* with a connection that had it wholly: it may have run then */
    unsigned cuts;             /* a good connection ended before it had it wholly */
    bool is_accepted;          /* the broker said something of it on this connection */
    enum request_nature nature;
    uint32_t flags;                /* TEPLO_F_... */
    struct bytes text;             /* its line as far as the deadline */
    size_t notices;                /* in the client's `done` */
    struct teplo_result *answer;   /* made beforehand: no ticket is lost for want of memory */
    struct teplo_result *progress; /* in the client's `done`, or NULL */
    struct token_watch *watch;
    struct list_node in_watch;
};

/* What the caller asks for. */
struct call_wish {
    const char *method;
    const char *tool; /* of tools/call, or NULL */
    struct span body;
    const struct teplo_callopts *callopts;
    uint32_t unwanted_flags;
};

/* TEPLO_OK: it waits in the queue, or has been cancelled.  Else nothing was started. */
MUST_CHECK int call_start(struct teplo_client *client, const struct call_wish *wish,
                          uint64_t *ret_ticket);
/* NULL if it is over. */
struct call *call_find(const struct teplo_client *client, uint64_t ticket);

/* After the broker refused it for now. */
bool call_may_repeat(const struct call *call, int64_t now_ms);
/* Its last byte was taken: it may run. */
bool call_is_handed_over(const struct call *call);
/* To LINK, as far as it goes; it may end instead. */
void call_give(struct teplo_client *client, struct call *call, struct link *link, int64_t now_ms);
/* Its link is known to be good: how long it waited for one counts no more. */
void call_trust(struct call *call);
/* The broker does not take a line, and does not say which: it may be this one. */
void call_doubt(struct teplo_client *client, struct call *call, int status, const char *reason);
/* From its link back to the front of the queue. */
void call_requeue(struct teplo_client *client, struct call *call);
/* It waits, and there is no connection that is known to be good. */
void call_expect_broker(struct teplo_client *client, struct call *call, int64_t now_ms);
/* The broker cannot take it now: it is tried again when the back-off is over. */
void call_hold(struct teplo_client *client, struct call *call, int64_t now_ms);
/* Something of it is due. */
void call_on_due(struct teplo_client *client, struct call *call, int64_t now_ms);

/* It is over, and `answer` says how.  CALL is freed. */
void call_finish(struct teplo_client *client, struct call *call);
/* The same, without an answer of the broker. */
void call_end(struct teplo_client *client, struct call *call, const struct result_end *end,
              const char *format, ...) PRINTF_LIKE(4, 5);
/* Is taken back, where it still can be, and is over; the broker is told. */
void call_cancel(struct teplo_client *client, struct call *call, const char *reason);
/* Every call of the token. */
void call_on_token(struct teplo_client *client, struct token_watch *watch);
/* Nobody is told anything: the handle is being closed. */
void call_free(struct teplo_client *client, struct call *call);
/* Those of which no call is left. */
void call_reap_tokens(struct teplo_client *client);

/* The outcome of one that ends now: it was handed over, or may have run on a lost connection. */
enum teplo_outcome call_outcome(const struct call *call);

#endif
