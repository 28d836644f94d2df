/* SPDX-License-Identifier: MIT */
/*
 * What is known about one message on its way to a server, and what may honestly be
 * said of it.  Pure: evidence in, verdict out (tested row by row).
 */
#ifndef TEPLO_UPSTREAM_DELIVERY_H
#define TEPLO_UPSTREAM_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"
#include "proto/failure.h"
#include "proto/status_set.h"

/* Where an attempt to deliver ended. */
enum delivery_end {
    DELIVERY_REPLIED,   /* the server gave a status, and its reply is complete */
    DELIVERY_UNSENT,    /* no connection came about */
    DELIVERY_BROKEN,    /* the connection ended, or spoke no HTTP, before the reply was complete */
    DELIVERY_TIMED_OUT, /* no complete reply in time */
};

/* What the body of a refusal says (post_reply.h tells them apart). */
enum delivery_reply {
    DELIVERY_REPLY_EMPTY,        /* nothing, or nothing that was kept */
    DELIVERY_REPLY_ANSWER,       /* a JSON-RPC error with the id of this very message */
    DELIVERY_REPLY_SESSION_GONE, /* words that the server does not know the session any more */
    DELIVERY_REPLY_GONE_ANSWER,  /* both: an error with its id, in such words */
    DELIVERY_REPLY_OTHER,
};

/* By the monotonic clock in microseconds; 0: it did not come to that. */
struct delivery_moments {
    int64_t sent_us;   /* the first byte left our hands */
    int64_t status_us; /* the server's status was read */
};

/*
 * The evidence.  The commit is the first byte of the body: whoever has got the head alone has
 * not heard the message.
 */
struct delivery {
    enum delivery_end end;
    size_t head_sent;   /* bytes of the request's head that left our hands */
    size_t body_sent;   /* bytes of the message itself that did */
    bool body_offered;  /* some of it may have, uncounted (below TLS) */
    bool body_complete; /* all of it did */
    bool continued;     /* the server asked for the body: 100 Continue */
    int status;         /* HTTP status, 0: none */
    size_t reply_bytes; /* received, interim replies included */
    bool reply_complete;
    bool reply_encoded; /* with a Content-Encoding that nobody asked for: not read */
    enum delivery_reply reply;
    struct span reply_body; /* of a refusal, as far as it was kept; lives as long as the exchange */
    int64_t idled_us;       /* how long the connection had been idle; -1: it was new */
    struct delivery_moments at;
    char detail[192]; /* for people: what exactly happened */
};

/* What the operator says of a server; by value. */
struct delivery_policy {
    struct status_set session_lost; /* as 404: the session is not known any more */
    struct status_set not_executed; /* the request was refused before it ran */
};

struct delivery_verdict {
    bool accepted;        /* on its way to being executed: the answer comes by the event stream */
    bool answered;        /* the reply's body is the server's own answer */
    bool session_gone;    /* the server does not know the session any more; also of `answered` */
    bool may_repeat;      /* certainly not executed: another session may try */
    enum failure failure; /* what to tell the client; FAILURE_NONE if accepted or answered */
};

/* No byte of the message has left our hands: the server cannot have heard it. */
bool delivery_is_untouched(const struct delivery *delivery);
/* For a request on the HTTP+SSE transport (reliability of each row: ARCHITECTURE.md). */
struct delivery_verdict delivery_judge(const struct delivery *delivery,
                                       struct delivery_policy policy);
/* What happened, in words for people, cut to SIZE. */
void delivery_describe(const struct delivery *delivery, char *text, size_t size);

#endif
