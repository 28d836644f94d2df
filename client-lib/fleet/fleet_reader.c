/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_reader.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "client-lib/fleet/fleet_json.h"
#include "client-lib/fleet/fleet_link.h"
#include "client-lib/fleet/fleet_plan.h"
#include "proto/base/mem.h"

struct fleet_reader {
    struct redis_url url;
    char namespace[FLEET_POOL_SIZE];
    int64_t connect_ms;
    int64_t reply_ms;
    int64_t read_at_ms; /* monotonic; when a view was read last, 0: never */
    struct fleet_link link;
    struct bytes commands;
};

/* The url's own is wiped. */
static int replace_password(struct redis_url *url, const char *password)
{
    char *copy = mem_copy_text(password, strlen(password));

    if (copy == NULL) {
        return -ENOMEM;
    }
    if (url->password != NULL) {
        explicit_bzero(url->password, strlen(url->password));
        mem_free(url->password);
    }
    url->password = copy;
    return 0;
}

int fleet_reader_open(struct fleet_reader **ret_reader, const struct fleet_reader_options *options)
{
    const char *namespace = options->namespace == NULL ? "main" : options->namespace;
    struct fleet_reader *reader;
    int r;

    if (!fleet_is_pool_name(span_of(namespace))) {
        return -EINVAL;
    }
    reader = MEM_NEW(struct fleet_reader);
    if (reader == NULL) {
        return -ENOMEM;
    }
    fleet_link_init(&reader->link);
    bytes_init(&reader->commands, FLEET_LINK_COMMANDS_MAXIMUM);
    (void)snprintf(reader->namespace, sizeof(reader->namespace), "%s", namespace);
    reader->connect_ms = options->connect_ms > 0 ? options->connect_ms : FLEET_CONNECT_MS;
    reader->reply_ms = options->reply_ms > 0 ? options->reply_ms : FLEET_REPLY_MS;
    r = redis_url_init(&reader->url, options->url);
    if (r == 0 && options->password != NULL) {
        r = replace_password(&reader->url, options->password);
    }
    if (r < 0) {
        fleet_reader_close(reader);
        return r;
    }
    *ret_reader = reader;
    return 0;
}

void fleet_reader_close(struct fleet_reader *reader)
{
    if (reader != NULL) {
        fleet_link_done(&reader->link);
        bytes_done(&reader->commands);
        redis_url_done(&reader->url);
        mem_free(reader);
    }
}

const char *fleet_reader_place(const struct fleet_reader *reader)
{
    return reader->url.shown;
}

const char *fleet_reader_why(const struct fleet_reader *reader)
{
    return reader->link.why;
}

/* ---- one exchange */

static int ensure_link(struct fleet_reader *reader)
{
    if (reader->link.fd >= 0) {
        return 0;
    }
    return fleet_link_open(&reader->link, &reader->url, fleet_link_now_ms() + reader->connect_ms);
}

/* What reader->commands asks for.  A connection that was closed while nobody looked is renewed. */
static int exchange(struct fleet_reader *reader, size_t replies, int64_t end_ms,
                    struct span *ret_replies)
{
    struct fleet_link *link = &reader->link;
    bool was_open = link->fd >= 0;
    int r = ensure_link(reader);

    if (reader->commands.failed) {
        (void)snprintf(link->why, sizeof(link->why), "out of memory");
        return -ENOMEM;
    }
    if (r == 0) {
        r = fleet_link_exchange(link, bytes_span(&reader->commands), replies, end_ms, ret_replies);
    }
    if (r == -EPIPE && was_open) {
        r = ensure_link(reader);
        if (r == 0) {
            r = fleet_link_exchange(link, bytes_span(&reader->commands), replies, end_ms,
                                    ret_replies);
        }
    }
    bytes_trim(&reader->commands, 1 << 16);
    return r;
}

/* ---- a view */

static int64_t host_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The names of all there is.  -EBUSY: an error that any command would get. */
static int read_names(struct fleet_reader *reader, struct fleet_view *view,
                      struct fleet_refusal *refusal, int64_t end_ms)
{
    struct span replies;
    int r = exchange(reader, fleet_plan_ask_names(view, &reader->commands), end_ms, &replies);

    if (r < 0) {
        return r;
    }
    fleet_plan_take_names(view, replies, refusal);
    if (refusal->is_of_all) {
        (void)snprintf(reader->link.why, sizeof(reader->link.why), "Redis says: %s",
                       refusal->first_wrong);
        return -EBUSY;
    }
    return 0;
}

static int read_view(struct fleet_reader *reader, struct fleet_view *view,
                     struct fleet_refusal *refusal)
{
    int64_t end_ms = fleet_link_now_ms() + reader->connect_ms + reader->reply_ms;
    struct span replies;
    int r = read_names(reader, view, refusal, end_ms);

    if (r == -EBUSY &&
        fleet_link_follow(&reader->link, &reader->url, span_of(refusal->first_wrong))) {
        *refusal = (struct fleet_refusal){0};
        r = read_names(reader, view, refusal, end_ms);
    }
    if (r < 0) {
        fleet_link_close(&reader->link);
        return r;
    }
    if (view->pool_count + view->broker_count > 0) {
        r = exchange(reader, fleet_plan_ask_rows(view, &reader->commands), end_ms, &replies);
        if (r < 0) {
            return r;
        }
        fleet_plan_take_rows(view, replies, refusal);
    }
    fleet_view_settle(view);
    return 0;
}

/* What is to be said of a view that was read. */
static void judge(struct fleet_view *view, const struct fleet_refusal *refusal)
{
    view->redis_state = FLEET_REDIS_UP;
    if (refusal->denied > 0) {
        view->redis_state = FLEET_REDIS_DENIED;
        (void)snprintf(view->why, sizeof(view->why), "Redis does not let us read all of it: %s",
                       refusal->first_denied);
    } else if (view->broker_count + view->pool_count + view->event_count == 0 &&
               view->rollup == FLEET_ROLLUP_NONE) {
        view->redis_state = FLEET_REDIS_EMPTY;
        (void)snprintf(view->why, sizeof(view->why), "no broker has written here as fleet %s",
                       view->namespace);
    } else if (refusal->wrong > 0) {
        (void)snprintf(view->why, sizeof(view->why), "%zu keys cannot be read: %s", refusal->wrong,
                       refusal->first_wrong);
    }
}

/* Others may be there: the name may be a wrong one.  Where that is denied, there is no word of it.
 */
static void name_others(struct fleet_reader *reader, struct fleet_view *view)
{
    struct span replies;
    struct bytes names;
    size_t length = strlen(view->why);

    bytes_init(&names, 128);
    fleet_plan_ask_fleets(&reader->commands);
    if (exchange(reader, 1, fleet_link_now_ms() + reader->reply_ms, &replies) == 0) {
        fleet_plan_take_fleets(replies, &names);
    }
    if (names.length > 0 && !names.failed) {
        (void)snprintf(view->why + length, sizeof(view->why) - length, "; there is: %.*s",
                       (int)names.length, names.at);
    }
    bytes_done(&names);
}

void fleet_reader_refresh(struct fleet_reader *reader, struct fleet_view *view)
{
    struct fleet_refusal refusal = {0};
    struct fleet_view fresh;
    int r;

    fleet_view_init(&fresh, reader->namespace, FLEET_SOURCE_REDIS);
    /* Where TIME is denied. */
    fresh.at_ms = host_now_ms();
    bytes_clear(&reader->commands);
    r = read_view(reader, &fresh, &refusal);
    if (r < 0) {
        fleet_view_done(&fresh);
        view->redis_state =
            reader->link.is_denied && r == -EACCES ? FLEET_REDIS_DENIED : FLEET_REDIS_DOWN;
        (void)snprintf(view->why, sizeof(view->why), "%s", reader->link.why);
        view->age_ms = reader->read_at_ms > 0 ? fleet_link_now_ms() - reader->read_at_ms : 0;
        return;
    }
    judge(&fresh, &refusal);
    if (fresh.redis_state == FLEET_REDIS_EMPTY) {
        name_others(reader, &fresh);
    }
    reader->read_at_ms = fleet_link_now_ms();
    fleet_view_done(view);
    *view = fresh;
}

/* ---- the rest */

/* Errors among the replies as an error of the exchange. */
static int refuse(struct fleet_reader *reader, const struct fleet_refusal *refusal)
{
    if (refusal->denied + refusal->wrong == 0) {
        return 0;
    }
    (void)snprintf(reader->link.why, sizeof(reader->link.why), "Redis says: %s",
                   refusal->denied > 0 ? refusal->first_denied : refusal->first_wrong);
    return refusal->denied > 0 ? -EACCES : -EPROTO;
}

void fleet_reader_add_sessions(struct fleet_reader *reader, struct fleet_view *view)
{
    struct fleet_refusal refusal = {0};
    struct resp_walk walk;
    struct span replies;
    size_t count = 0;

    bytes_clear(&reader->commands);
    for (size_t i = 0; i < view->broker_count && view->brokers[i].is_live; i++) {
        fleet_plan_ask_sessions(view, view->brokers[i].inst, &reader->commands);
        count++;
    }
    if (count == 0 ||
        exchange(reader, count, fleet_link_now_ms() + reader->reply_ms, &replies) < 0) {
        return;
    }
    walk = resp_walk_of(replies);
    for (size_t i = 0; i < count; i++) {
        fleet_plan_take_sessions(view, view->brokers[i].inst, &walk, &refusal);
    }
}

int fleet_reader_series(struct fleet_reader *reader, const char *pool,
                        enum fleet_resolution resolution, int64_t from_ms, struct bytes *out)
{
    struct fleet_refusal refusal = {0};
    struct resp_walk walk;
    struct span replies;
    int r;

    if (!fleet_series_is_name(span_of(pool))) {
        (void)snprintf(reader->link.why, sizeof(reader->link.why), "no pool has such a name");
        return -EINVAL;
    }
    bytes_clear(&reader->commands);
    fleet_series_ask(&reader->commands, reader->namespace, pool, resolution, from_ms);
    r = exchange(reader, 1, fleet_link_now_ms() + reader->reply_ms, &replies);
    if (r < 0) {
        return r;
    }
    walk = resp_walk_of(replies);
    fleet_series_write_json(out, pool, resolution, &walk, &refusal);
    return refuse(reader, &refusal);
}

int fleet_reader_sessions(struct fleet_reader *reader, const char *inst, struct bytes *out)
{
    struct fleet_refusal refusal = {0};
    struct fleet_view view;
    struct span replies;
    int r;

    if (!fleet_is_instance_name(span_of(inst))) {
        (void)snprintf(reader->link.why, sizeof(reader->link.why), "no broker has such a name");
        return -EINVAL;
    }
    fleet_view_init(&view, reader->namespace, FLEET_SOURCE_REDIS);
    bytes_clear(&reader->commands);
    fleet_plan_ask_sessions(&view, inst, &reader->commands);
    r = exchange(reader, 1, fleet_link_now_ms() + reader->reply_ms, &replies);
    if (r == 0) {
        struct resp_walk walk = resp_walk_of(replies);

        fleet_plan_take_sessions(&view, inst, &walk, &refusal);
        fleet_json_write_sessions(out, &view, inst);
        r = refuse(reader, &refusal);
    }
    fleet_view_done(&view);
    return r;
}
