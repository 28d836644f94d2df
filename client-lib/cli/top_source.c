/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/top_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client-lib/cli/admin_link.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/fleet/fleet_broker.h"
#include "client-lib/fleet/fleet_reader.h"
#include "proto/base/mem.h"
#include "proto/redis_url.h"

enum { SAID_MAXIMUM = 4096 };

struct top_source {
    const struct invocation *invocation;
    struct fleet_reader *reader; /* NULL: the broker is asked */
    int64_t read_at_ms;          /* when the broker answered last; 0: never */
};

/* What is asked of the broker, in the order of struct fleet_answers. */
static const char *const questions[] = {"stats", "pools", "sessions", "clients", "errors"};

enum { QUESTION_COUNT = sizeof(questions) / sizeof(questions[0]) };

const char *top_source_url(const struct invocation *invocation)
{
    const char *url = invocation->redis_url;

    if (url == NULL && (invocation->given & SWITCH_RUNTIME_DIR) == 0) {
        url = getenv("TEPLO_REDIS_URL");
    }
    return url == NULL || url[0] == '\0' ? NULL : url;
}

enum exit_status top_source_refuse_url(const struct invocation *invocation, const char *url)
{
    const char *refusal = redis_url_refusal(url);

    /* It is not repeated: there may be a password in it. */
    return complaint_usage(invocation->command, "the url of Redis %s",
                           refusal == NULL ? "is none" : refusal);
}

static enum exit_status open_reader(struct top_source *source, const char *url)
{
    const struct invocation *invocation = source->invocation;
    const struct fleet_reader_options options = {.url = url,
                                                 .namespace = invocation->namespace,
                                                 .connect_ms = invocation->timeout_ms,
                                                 .reply_ms = invocation->timeout_ms};
    int r = fleet_reader_open(&source->reader, &options);

    if (r == -ENOMEM) {
        complaint("out of memory");
        return STATUS_NOT_EXECUTED;
    }
    return r < 0 ? top_source_refuse_url(invocation, url) : STATUS_OK;
}

enum exit_status top_source_open(struct top_source **ret_source,
                                 const struct invocation *invocation)
{
    const char *url = top_source_url(invocation);
    struct top_source *source;
    enum exit_status status = STATUS_OK;

    if (url == NULL && invocation->namespace != NULL) {
        return complaint_usage(invocation->command,
                               "a fleet's name is nothing to a broker: give --redis URL too");
    }
    source = MEM_NEW(struct top_source);
    if (source == NULL) {
        complaint("out of memory");
        return STATUS_NOT_EXECUTED;
    }
    source->invocation = invocation;
    if (url != NULL) {
        status = open_reader(source, url);
    }
    if (status != STATUS_OK) {
        top_source_close(source);
        return status;
    }
    *ret_source = source;
    return STATUS_OK;
}

void top_source_close(struct top_source *source)
{
    if (source != NULL) {
        fleet_reader_close(source->reader);
        mem_free(source);
    }
}

const char *top_source_place(const struct top_source *source)
{
    return source->reader == NULL ? "admin.sock" : fleet_reader_place(source->reader);
}

void top_source_init_view(const struct top_source *source, struct fleet_view *view)
{
    const char *namespace = source->invocation->namespace;

    if (source->reader == NULL) {
        fleet_view_init(view, "", FLEET_SOURCE_BROKER);
    } else {
        fleet_view_init(view, namespace == NULL ? "main" : namespace, FLEET_SOURCE_REDIS);
    }
    view->redis_state = FLEET_REDIS_DOWN;
}

/* ---- the broker */

static int64_t host_now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum exit_status ask_all(struct top_source *source, struct bytes results[QUESTION_COUNT])
{
    struct broker_link link;
    enum exit_status status = admin_link_open(&link, source->invocation);

    for (size_t i = 0; i < QUESTION_COUNT && status == STATUS_OK; i++) {
        status = admin_link_ask(&link, questions[i], NULL, &results[i]);
    }
    broker_link_done(&link);
    return status;
}

static void tell_down(struct top_source *source, struct fleet_view *view, struct span said)
{
    view->redis_state = FLEET_REDIS_DOWN;
    (void)fleet_clean(view->why, sizeof(view->why), said);
    view->age_ms = source->read_at_ms == 0 ? 0 : duration_now_ms() - source->read_at_ms;
}

static void refresh_broker(struct top_source *source, struct fleet_view *view)
{
    struct bytes results[QUESTION_COUNT];
    struct bytes said;

    bytes_init(&said, SAID_MAXIMUM);
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        bytes_init(&results[i], BROKER_LINK_ANSWER_MAXIMUM);
    }
    complaint_keep(&said);
    if (ask_all(source, results) == STATUS_OK) {
        const struct fleet_answers answers = {
            .stats = bytes_span(&results[0]),
            .pools = bytes_span(&results[1]),
            .sessions = bytes_span(&results[2]),
            .clients = bytes_span(&results[3]),
            .errors = bytes_span(&results[4]),
        };

        fleet_view_done(view);
        fleet_view_init(view, "", FLEET_SOURCE_BROKER);
        fleet_broker_fill(view, &answers, host_now_ms());
        source->read_at_ms = duration_now_ms();
    } else {
        tell_down(source, view, bytes_span(&said));
    }
    complaint_keep(NULL);
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        bytes_done(&results[i]);
    }
    bytes_done(&said);
}

void top_source_refresh(struct top_source *source, struct fleet_view *view)
{
    if (source->reader == NULL) {
        refresh_broker(source, view);
        return;
    }
    fleet_reader_refresh(source->reader, view);
    if (view->redis_state != FLEET_REDIS_DOWN && view->session_count == 0) {
        fleet_reader_add_sessions(source->reader, view);
    }
}
