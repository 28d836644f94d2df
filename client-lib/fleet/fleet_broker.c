/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_broker.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/json_scan.h"

enum { TEXT_MAXIMUM = 1024 };

/* ---- one object */

/* The value of the member NAME, a string decoded or a number as it is, in TEXT. */
static struct span member_of(struct span object, const char *name, struct bytes *text)
{
    struct span value = json_find(object, name);

    bytes_clear(text);
    if (json_kind_of(value) == JSON_NUMBER) {
        return value;
    }
    if (json_kind_of(value) != JSON_STRING || !json_string_decode(value, text)) {
        return SPAN_NONE;
    }
    return bytes_span(text);
}

static void fill_row(const struct fleet_shape *shape, struct fleet_row *row, struct span object)
{
    struct bytes text;

    bytes_init(&text, TEXT_MAXIMUM);
    for (size_t i = 0; i < shape->count; i++) {
        struct span value = member_of(object, shape->fields[i].name, &text);

        if (!span_is_none(value)) {
            fleet_row_set(shape, row, i, value);
        }
    }
    bytes_done(&text);
}

/* A field that the broker calls otherwise. */
static void fill_from(const struct fleet_shape *shape, struct fleet_row *row, size_t field,
                      struct span object, const char *name)
{
    struct bytes text;
    struct span value;

    bytes_init(&text, TEXT_MAXIMUM);
    value = member_of(object, name, &text);
    if (!span_is_none(value)) {
        fleet_row_set(shape, row, field, value);
    }
    bytes_done(&text);
}

/* ---- the lists */

/* The broker's own clock ticks as the host's: what it says is of this moment. */
static struct fleet_broker *add_broker(struct fleet_view *view, struct span stats)
{
    struct fleet_instance_row figures = {0};
    struct fleet_broker *broker;
    char name[FLEET_INSTANCE_SIZE];

    fill_row(&fleet_instance_shape, &figures.row, stats);
    (void)snprintf(name, sizeof(name), "%.28s:%" PRIu64, figures.host, figures.pid);
    broker = fleet_view_add_broker(view, span_of(name));
    if (broker != NULL) {
        broker->figures = figures;
        broker->figures.hb_at_ms = view->at_ms;
        fleet_set_known(&broker->figures.row, FLEET_INSTANCE_hb_at_ms);
        broker->has_heartbeat = true;
    }
    return broker;
}

static void add_pool(struct fleet_view *view, struct span object)
{
    struct bytes name;
    struct fleet_pool *pool;
    struct fleet_member *member;

    bytes_init(&name, TEXT_MAXIMUM);
    pool = fleet_view_add_pool(view, member_of(object, "name", &name));
    member = pool == NULL ? NULL : fleet_view_add_member(view);
    if (member != NULL) {
        member->pool = view->pool_count - 1;
        fill_row(&fleet_pool_shape, &member->figures.row, object);
        member->figures.updated_at_ms = view->at_ms;
        fleet_set_known(&member->figures.row, FLEET_POOL_updated_at_ms);
    }
    bytes_done(&name);
}

static void add_session(struct fleet_view *view, struct span object)
{
    struct fleet_session *session = fleet_view_add_session(view);

    if (session != NULL) {
        memcpy(session->inst, view->brokers[0].inst, sizeof(session->inst));
        fill_row(&fleet_session_shape, &session->figures.row, object);
        fill_from(&fleet_session_shape, &session->figures.row, FLEET_SESSION_sess, object,
                  "session");
    }
}

static void add_client(struct fleet_view *view, struct span object)
{
    struct fleet_client *client = fleet_view_add_client(view);

    if (client != NULL) {
        fill_row(&fleet_client_shape, &client->figures.row, object);
    }
}

/* An error that the broker remembers, told as an event. */
static void add_error(struct fleet_view *view, struct span object)
{
    static const struct {
        enum fleet_event_field field;
        const char *name;
    } names[] = {
        {FLEET_EVENT_type, "what"}, {FLEET_EVENT_code, "class"}, {FLEET_EVENT_msg, "detail"}};
    struct fleet_event *event = fleet_view_add_event(view);
    struct fleet_row *row;
    struct bytes text;

    if (event == NULL) {
        return;
    }
    row = &event->figures.row;
    fill_row(&fleet_event_shape, row, object);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fill_from(&fleet_event_shape, row, names[i].field, object, names[i].name);
    }
    fleet_row_set(&fleet_event_shape, row, FLEET_EVENT_inst, span_of(view->brokers[0].inst));
    bytes_init(&text, TEXT_MAXIMUM);
    if (!fleet_read_moment(member_of(object, "at_ms", &text), &event->at_ms)) {
        event->at_ms = 0;
    }
    (void)snprintf(event->id, sizeof(event->id), "%" PRId64 "-%zu", event->at_ms,
                   view->event_count);
    bytes_done(&text);
}

static void add_each(struct fleet_view *view, struct span answer, const char *name,
                     void (*add)(struct fleet_view *view, struct span object))
{
    struct json_walk walk = json_walk_of(json_find(answer, name));
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        add(view, item.value);
    }
}

void fleet_broker_fill(struct fleet_view *view, const struct fleet_answers *answers, int64_t at_ms)
{
    view->at_ms = at_ms;
    if (add_broker(view, answers->stats) == NULL) {
        return;
    }
    add_each(view, answers->pools, "pools", add_pool);
    add_each(view, answers->sessions, "sessions", add_session);
    add_each(view, answers->clients, "clients", add_client);
    add_each(view, answers->errors, "errors", add_error);
    fleet_view_settle(view);
}
