/* SPDX-License-Identifier: MIT */
/*
 * An MCP server on HTTP+SSE for tests, on the same loop as the code under test: GET /sse opens
 * a session, POSTs are accepted with 202 and answered on its stream, and GET /__stats tells what
 * was heard.  It does what its first fields say and what the called tool is named for, and
 * counts what it heard:
 *
 *   echo      answers at once with its arguments
 *   hold      accepted, and answered by fake_mcp_release
 *   early     answered at once, and accepted by fake_mcp_accept
 *   late      accepted by fake_mcp_accept, and answered by fake_mcp_release
 *   cut       accepted, then the session's stream ends
 *   drop      heard, then its connection is closed without a reply
 *   step      accepted, told of twice as progress, and answered
 *   http_N    gets the HTTP status N, and nothing else
 *   error_N   gets the HTTP status N with a JSON-RPC error that answers it
 *   gone_N    gets the HTTP status N and the words that the session is not known
 *   lapsed_N  gets the HTTP status N and, as its answer, an error in such words
 *   gone      accepted, and answered by an error in those words
 */
#ifndef TEPLO_TESTS_FAKE_MCP_H
#define TEPLO_TESTS_FAKE_MCP_H

#include "proto/message.h"
#include "tests/support/fake_http.h"

struct fake_mcp {
    /* What it shall do; may be changed at any time. */
    int stream_status; /* of the reply to GET /sse: 200 */
    bool is_silent;    /* streams open and name no endpoint */
    bool ignores_pings;
    bool quotes_ids;          /* of its answers: the number comes back as text */
    const char *protocol;     /* that it offers */
    const char *const *lists; /* results of list requests, in turn; NULL ends them, and the last
                                 goes on; itself NULL: a list with the tool `echo` */
    bool refuses_lists;       /* with an error of its own */
    /* Told of every tools/call that it hears, before it does anything about it; or NULL. */
    void (*on_tool)(void *owner, const struct message *call);
    void *owner;

    /* What it has heard. */
    unsigned posts;
    unsigned streams;      /* GETs */
    unsigned most_opening; /* streams open at a time, while none had failed, that were not yet
                              initialized */
    unsigned initializes;
    unsigned initialized;
    unsigned pings;
    unsigned calls;
    unsigned cancels;
    unsigned list_requests;
    unsigned replies; /* to requests of its own */

    struct fake_http http;
    struct list sessions; /* whose stream is open */
    struct list held;     /* answers that are due */
    struct list pending;  /* POSTs whose 202 is due */
};

/* 0, or -1. */
MUST_CHECK int fake_mcp_open(struct fake_mcp *fake, struct loop *loop);
/* Settle the loop afterwards.  Idempotent. */
void fake_mcp_close(struct fake_mcp *fake);
/* "http://127.0.0.1:PORT/sse", good until the next call. */
const char *fake_mcp_url(const struct fake_mcp *fake);

/* Answer what is held, in order.  Of sessions that are gone: nothing. */
void fake_mcp_release(struct fake_mcp *fake);
/* Accept the POSTs of `pending`. */
void fake_mcp_accept(struct fake_mcp *fake);
/* Send TEXT, one line, as a message to every session. */
void fake_mcp_tell(struct fake_mcp *fake, const char *text);
/* End the streams of all sessions. */
void fake_mcp_cut_streams(struct fake_mcp *fake);
/* Forget all sessions without a word: their POSTs get 404, their streams stay open. */
void fake_mcp_forget(struct fake_mcp *fake);

#endif
