/* SPDX-License-Identifier: MIT */
/*
 * struct teplo_client: what the files of a handle share.  client.c opens and closes it, call.c has
 * a request's life, reconnect.c the way to the broker, turn.c what comes in and what is due.
 *
 * Invariants, whenever the library returns to its caller: the wake descriptor is readable exactly
 * if teplo_next has something or a message was read and not looked at; the timer goes off no later
 * than the first thing is due; each ticket is in `calls` or has its answer in `done`, or was taken.
 */
#ifndef TEPLO_LIB_CLIENT_H
#define TEPLO_LIB_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "client-lib/include/teplo.h"
#include "client-lib/lib/broker_path.h"
#include "client-lib/lib/deadlines.h"
#include "client-lib/lib/link.h"
#include "client-lib/lib/monotonic.h"
#include "client-lib/lib/options.h"
#include "client-lib/lib/watch.h"
#include "proto/base/hashmap.h"
#include "proto/base/list.h"

enum { CLIENT_WORDS_SIZE = 512 };

/* Why there is no connection, as far as is known. */
struct trouble {
    int error;            /* errno of finding or connecting to `path`, or 0 */
    enum failure refusal; /* or what the broker said before it hung up */
    char path[256];
};

struct teplo_client {
    pid_t pid; /* of the process that opened it */
    int epoll;
    int timer;
    int wake;
    struct watch timer_watch;
    struct watch wake_watch;
    bool wake_is_set;
    int64_t armed_ms; /* when the timer goes off */
    struct teplo_options options;
    struct broker_path path;

    struct list links; /* all of them; those that are not `link` are only read */
    struct link *link; /* the one that requests are given to, or NULL */
    int64_t retry_ms;  /* not before this is it tried again to connect */
    unsigned failures; /* to connect, in a row */
    struct trouble trouble;
    bool is_wary;   /* a connection was lost, and none was seen to be good since */
    bool is_wanted; /* somebody waits for a connection */

    struct hashmap calls; /* struct call by its ticket */
    struct list queue;    /* those that no link was given yet, in their order */
    struct list held;     /* those that are tried again a little later */
    struct deadlines deadlines;
    size_t text_bytes; /* of all their lines */
    uint64_t last_ticket;

    struct list tokens;      /* struct token_watch */
    struct list dead_tokens; /* the same, of which no call is left: freed at the end of a turn */

    struct list done;    /* results for teplo_next */
    size_t answers;      /* of them, TEPLO_K_ANSWER */
    size_t notice_bytes; /* of them, the texts of TEPLO_K_NOTIFICATION */
    char words[CLIENT_WORDS_SIZE];
};

/* The first thing in every function: TEPLO_OK, or why the handle is unusable. */
MUST_CHECK int client_check(struct teplo_client *client);
/* Says why a function fails: teplo_errmsg.  Returns STATUS. */
int client_refuse(struct teplo_client *client, int status, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The last thing in every function that changed something. */
void client_settle(struct teplo_client *client);
/* The same in the midst of a function that waits for something other than teplo_next. */
void client_settle_silently(struct teplo_client *client);
/* A result for teplo_next. */
void client_tell(struct teplo_client *client, struct teplo_result *result);
/* RESULT, which is in `done`, is given away. */
void client_untell(struct teplo_client *client, struct teplo_result *result);

#endif
