/* SPDX-License-Identifier: MIT */
/*
 * Pages for operators, scrapers and orchestrators over HTTP/1.1: one GET or HEAD a connection, an
 * answer, the end.  (A scrape every few seconds gains nothing by keeping a connection, and an
 * upgrade need not wonder whose an idle one is.)  Called by admin.c for admin.sock and by the app
 * for metrics_listen; what the pages say is the app's.
 *
 * Bounded: connections (the one that has been sending its request for longest gives way to a new
 * one), a request, its time, all answers together, the time that nobody reads one.
 */
#ifndef TEPLO_CONTROL_HTTP_H
#define TEPLO_CONTROL_HTTP_H

#include "broker/control/http_request.h"
#include "broker/runtime/loop.h"

struct http;

/* How a connection came in. */
enum http_door {
    HTTP_DOOR_ADMIN, /* admin.sock: its users decide; any Host, curl's `localhost` among them */
    HTTP_DOOR_PORT,  /* a loopback port: any user of this host; a Host of loopback only, else a
                        page in somebody's browser could read us by DNS rebinding */
    HTTP_DOORS
};

/* Filled in by a page. */
struct http_answer {
    enum http_status status; /* HTTP_STATUS_OK at first */
    const char *type;        /* a constant; text/plain at first */
    struct bytes body;       /* with its maximum; one that has failed is answered with 503 */
    /*
     * NULL: the body is whole.  Else called once a turn with `work`, until it returns false, and
     * then, or when the client is gone, done(work).
     */
    bool (*more)(void *work, struct bytes *body);
    void (*done)(void *work);
    void *work;
};

struct http_page {
    const char *path; /* NULL: the end of the table */
    void (*answer)(void *owner, const struct http_request *request, struct http_answer *answer);
};

/* Of one door. */
enum { HTTP_CONNECTIONS_MAXIMUM = 16 };
/* Of one answer; of all that are not read yet, beyond which one more is refused (503).  They count
   as memory in use, for which calls are refused: a tenth of what the broker may have by default. */
enum { HTTP_ANSWER_MAXIMUM = 16 << 20, HTTP_OUTPUT_MAXIMUM = 24 << 20 };

struct http_options {
    const struct http_page *pages; /* borrowed */
    void (*on_idle)(void *owner);  /* the last connection is gone */
    void *owner;                   /* of the pages too */
};

/* NULL: no memory. */
MUST_CHECK struct http *http_new(struct loop *loop, const struct http_options *options);
/* FD is its own from now on. */
void http_accept(struct http *http, int fd, enum http_door door);
/* Another process takes the next connections: those there are are answered, soon. */
void http_finish(struct http *http);
bool http_is_idle(const struct http *http);
/* Freed at the end of the turn.  NULL is fine. */
void http_close(struct http *http);

#endif
