/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_plan.h"
#include "proto/redis_key.h"

/* Fields of `meta` that are asked for, in this order. */
static const char *const meta_fields[] = {"tick_ms", "dead_ms"};

enum { META_FIELDS = sizeof(meta_fields) / sizeof(meta_fields[0]), KEY_MAXIMUM = 256 };

/* An hour: longer ticks are nobody's. */
enum { TICK_MAXIMUM_MS = 3600000 };

/* ---- commands */

void fleet_plan_append_key(struct bytes *out, const char *namespace, const char *name,
                           const char *pool, const char *inst)
{
    bytes_printf(out, "teplo:{%s}:v1:%s", namespace, name);
    if (pool[0] != '\0') {
        bytes_printf(out, ":%s", pool);
    }
    if (inst[0] != '\0') {
        bytes_printf(out, ":%s", inst);
    }
}

static void ask_key(struct bytes *out, const struct fleet_view *view, const char *name,
                    const char *pool, const char *inst)
{
    struct bytes key;

    bytes_init(&key, KEY_MAXIMUM);
    fleet_plan_append_key(&key, view->namespace, name, pool, inst);
    out->failed = out->failed || key.failed;
    resp_word(out, bytes_span(&key));
    bytes_done(&key);
}

/* HMGET, not HGETALL: what comes back is no longer than what we know of. */
static void ask_row(struct bytes *out, const struct fleet_view *view, const char *const name[3],
                    const struct fleet_shape *shape)
{
    resp_command(out, shape->count + 2);
    resp_word(out, SPAN("HMGET"));
    ask_key(out, view, name[0], name[1], name[2]);
    for (size_t i = 0; i < shape->count; i++) {
        resp_word(out, span_of(shape->fields[i].name));
    }
}

#define ROW_NAME(name, pool, inst) ((const char *const[3]){name, pool, inst})

static void ask_members(struct bytes *out, const struct fleet_view *view, const char *name,
                        int64_t most)
{
    resp_command(out, 5);
    resp_word(out, SPAN("ZRANGE"));
    ask_key(out, view, name, "", "");
    /* By score: the last ones are those heard of last.  One more than fits: there are more. */
    resp_int(out, -(most + 1));
    resp_word(out, SPAN("-1"));
    resp_word(out, SPAN("WITHSCORES"));
}

static void ask_events(struct bytes *out, const struct fleet_view *view)
{
    resp_command(out, 6);
    resp_word(out, SPAN("XREVRANGE"));
    ask_key(out, view, "ev", "", "");
    resp_word(out, SPAN("+"));
    resp_word(out, SPAN("-"));
    resp_word(out, SPAN("COUNT"));
    resp_int(out, FLEET_EVENTS_MAXIMUM);
}

void fleet_plan_ask_brokers(const struct fleet_view *view, struct bytes *out)
{
    resp_words(out, "TIME");
    resp_command(out, META_FIELDS + 2);
    resp_word(out, SPAN("HMGET"));
    ask_key(out, view, "meta", "", "");
    for (size_t i = 0; i < META_FIELDS; i++) {
        resp_word(out, span_of(meta_fields[i]));
    }
    ask_members(out, view, "inst", FLEET_BROKERS_MAXIMUM);
}

size_t fleet_plan_ask_names(const struct fleet_view *view, struct bytes *out)
{
    fleet_plan_ask_brokers(view, out);
    ask_members(out, view, "pools", FLEET_POOLS_MAXIMUM);
    ask_row(out, view, ROW_NAME("fleet", "", ""), &fleet_whole_shape);
    ask_events(out, view);
    return FLEET_PLAN_BROKER_REPLIES + 3;
}

/* Pool I of VIEW and broker J: the rows of no more pairs than the view can hold are asked for. */
static bool is_asked_for(const struct fleet_view *view, size_t i, size_t j)
{
    return i * view->broker_count + j < FLEET_MEMBERS_MAXIMUM;
}

size_t fleet_plan_ask_rows(const struct fleet_view *view, struct bytes *out)
{
    size_t replies = view->broker_count + 2 * view->pool_count;

    for (size_t i = 0; i < view->broker_count; i++) {
        ask_row(out, view, ROW_NAME("i", "", view->brokers[i].inst), &fleet_instance_shape);
    }
    for (size_t i = 0; i < view->pool_count; i++) {
        ask_row(out, view, ROW_NAME("f", view->pools[i].pool, ""), &fleet_pool_shape);
        resp_command(out, 2);
        resp_word(out, SPAN("HGETALL"));
        ask_key(out, view, "cfg", view->pools[i].pool, "");
    }
    for (size_t i = 0; i < view->pool_count; i++) {
        for (size_t j = 0; j < view->broker_count && is_asked_for(view, i, j); j++) {
            ask_row(out, view, ROW_NAME("p", view->pools[i].pool, view->brokers[j].inst),
                    &fleet_pool_shape);
            replies++;
        }
    }
    return replies;
}

void fleet_plan_ask_sessions(const struct fleet_view *view, const char *inst, struct bytes *out)
{
    resp_command(out, 6);
    resp_word(out, SPAN("XRANGE"));
    ask_key(out, view, "tbl:sess", "", inst);
    resp_word(out, SPAN("-"));
    resp_word(out, SPAN("+"));
    resp_word(out, SPAN("COUNT"));
    resp_int(out, FLEET_SESSIONS_MAXIMUM);
}

void fleet_plan_ask_fleets(struct bytes *out)
{
    resp_words(out, "SCAN 0 MATCH teplo:{*}:v1:inst COUNT 1000");
}

/* ---- replies */

static void take_time(struct fleet_view *view, struct resp_walk *walk,
                      struct fleet_refusal *refusal)
{
    size_t count = 0;
    int64_t parts[2] = {0, 0};

    if (!fleet_take_array(walk, refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct span text = fleet_take_text(walk);

        if (i < 2 && !fleet_read_moment(text, &parts[i])) {
            parts[i] = 0;
        }
    }
    if (parts[0] > 0 && parts[0] < INT64_MAX / 2000 && parts[1] >= 0 && parts[1] < 1000000) {
        view->at_ms = parts[0] * 1000 + parts[1] / 1000;
    }
}

static void take_meta(struct fleet_view *view, struct resp_walk *walk,
                      struct fleet_refusal *refusal)
{
    int64_t values[META_FIELDS] = {0, 0};
    size_t count = 0;

    if (!fleet_take_array(walk, refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct span text = fleet_take_text(walk);

        if (i < META_FIELDS && (!fleet_read_moment(text, &values[i]) || values[i] < 0 ||
                                values[i] > TICK_MAXIMUM_MS)) {
            values[i] = 0;
        }
    }
    view->tick_ms = values[0] > 0 ? values[0] : view->tick_ms;
    view->dead_ms = values[1] > 0 ? values[1] : redis_key_dead_ms(view->tick_ms);
}

static void take_brokers(struct fleet_view *view, struct resp_walk *walk,
                         struct fleet_refusal *refusal)
{
    size_t count = 0;

    if (!fleet_take_array(walk, refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i += 2) {
        struct span inst = fleet_take_text(walk);
        struct span score = i + 1 < count ? fleet_take_text(walk) : SPAN_NONE;
        struct fleet_broker *broker;
        double at_ms;

        if (!fleet_is_instance_name(inst)) {
            continue;
        }
        broker = fleet_view_add_broker(view, inst);
        if (broker != NULL && fleet_read_decimal(score, &at_ms) && at_ms >= 0 && at_ms < 9e15) {
            broker->has_heartbeat = true;
            broker->hb_age_ms = view->at_ms - (int64_t)at_ms;
        }
    }
}

static void take_pools(struct fleet_view *view, struct resp_walk *walk,
                       struct fleet_refusal *refusal)
{
    size_t count = 0;

    if (!fleet_take_array(walk, refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i += 2) {
        struct span pool = fleet_take_text(walk);

        if (i + 1 < count) {
            (void)fleet_take_text(walk); /* when it was seen last */
        }
        if (fleet_is_pool_name(pool) && fleet_view_add_pool(view, pool) == NULL) {
            view->is_truncated = true;
        }
    }
}

static void take_events(struct fleet_view *view, struct resp_walk *walk,
                        struct fleet_refusal *refusal)
{
    size_t count = 0;

    if (!fleet_take_array(walk, refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct fleet_event_row figures = {0};
        struct fleet_event *event;
        struct span id;
        struct span moment;

        if (!fleet_take_entry(walk, &fleet_event_shape, &figures.row, &id)) {
            continue;
        }
        event = fleet_view_add_event(view);
        if (event == NULL) {
            continue;
        }
        event->figures = figures;
        (void)fleet_clean(event->id, sizeof(event->id), id);
        moment = (struct span){event->id, strcspn(event->id, "-")};
        if (!fleet_read_moment(moment, &event->at_ms)) {
            event->at_ms = 0;
        }
    }
}

void fleet_plan_take_brokers(struct fleet_view *view, struct resp_walk *walk,
                             struct fleet_refusal *refusal)
{
    take_time(view, walk, refusal);
    take_meta(view, walk, refusal);
    take_brokers(view, walk, refusal);
}

void fleet_plan_take_names(struct fleet_view *view, struct span replies,
                           struct fleet_refusal *refusal)
{
    struct resp_walk walk = resp_walk_of(replies);

    fleet_plan_take_brokers(view, &walk, refusal);
    take_pools(view, &walk, refusal);
    view->rollup = fleet_take_row(&walk, &fleet_whole_shape, &view->figures.row, refusal)
                       ? FLEET_ROLLUP_REPORTER
                       : FLEET_ROLLUP_NONE;
    take_events(view, &walk, refusal);
}

static void take_notes(struct fleet_pool *pool, struct resp_walk *walk,
                       struct fleet_refusal *refusal)
{
    size_t count = 0;

    if (!fleet_take_array(walk, refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i += 2) {
        struct span name = fleet_take_text(walk);
        struct span value = i + 1 < count ? fleet_take_text(walk) : SPAN_NONE;
        struct fleet_note *note = &pool->notes[pool->note_count];

        if (pool->note_count < FLEET_NOTES_MAXIMUM && name.length > 0 && value.length > 0) {
            (void)fleet_clean(note->name, sizeof(note->name), name);
            (void)fleet_clean(note->value, sizeof(note->value), value);
            pool->note_count++;
        }
    }
}

static void take_members(struct fleet_view *view, size_t i, struct resp_walk *walk,
                         struct fleet_refusal *refusal)
{
    for (size_t j = 0; j < view->broker_count; j++) {
        struct fleet_pool_row figures = {0};
        struct fleet_member *member;

        if (!is_asked_for(view, i, j)) {
            view->is_truncated = true;
            return;
        }
        if (!fleet_take_row(walk, &fleet_pool_shape, &figures.row, refusal)) {
            continue;
        }
        member = fleet_view_add_member(view);
        if (member != NULL) {
            member->pool = i;
            member->broker = j;
            member->figures = figures;
        }
    }
}

void fleet_plan_take_rows(struct fleet_view *view, struct span replies,
                          struct fleet_refusal *refusal)
{
    struct resp_walk walk = resp_walk_of(replies);

    for (size_t i = 0; i < view->broker_count; i++) {
        (void)fleet_take_row(&walk, &fleet_instance_shape, &view->brokers[i].figures.row, refusal);
    }
    for (size_t i = 0; i < view->pool_count; i++) {
        struct fleet_pool *pool = &view->pools[i];

        pool->rollup = fleet_take_row(&walk, &fleet_pool_shape, &pool->figures.row, refusal)
                           ? FLEET_ROLLUP_REPORTER
                           : FLEET_ROLLUP_NONE;
        take_notes(pool, &walk, refusal);
    }
    for (size_t i = 0; i < view->pool_count; i++) {
        take_members(view, i, &walk, refusal);
    }
}

void fleet_plan_take_sessions(struct fleet_view *view, const char *inst, struct resp_walk *walk,
                              struct fleet_refusal *refusal)
{
    size_t count = 0;

    if (!fleet_take_array(walk, refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct fleet_session_row figures = {0};
        struct fleet_session *session;
        struct span id;

        if (!fleet_take_entry(walk, &fleet_session_shape, &figures.row, &id)) {
            continue;
        }
        session = fleet_view_add_session(view);
        if (session != NULL) {
            (void)fleet_clean(session->inst, sizeof(session->inst), span_of(inst));
            session->figures = figures;
        }
    }
}

void fleet_plan_take_fleets(struct span replies, struct bytes *out)
{
    const size_t before = strlen("teplo:{");
    const size_t behind = strlen("}:v1:inst");
    struct fleet_refusal refusal = {0};
    struct resp_walk walk = resp_walk_of(replies);
    size_t start = out->length;
    size_t count = 0;

    if (!fleet_take_array(&walk, &refusal, &count) || count != 2) {
        return;
    }
    (void)fleet_take_text(&walk); /* the cursor */
    if (!fleet_take_array(&walk, &refusal, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct span key = fleet_take_text(&walk);
        struct span name = SPAN_NONE;

        if (key.length > before + behind) {
            name = (struct span){key.at + before, key.length - before - behind};
        }
        if (fleet_is_pool_name(name)) {
            bytes_append_text(out, out->length == start ? "" : ", ");
            bytes_append_span(out, name);
        }
    }
}
