/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_json.h"

#include <inttypes.h>

#include "proto/json_scan.h"

/* ---- pieces */

static void write_value(struct bytes *out, const struct fleet_field *field,
                        const struct fleet_row *row)
{
    const char *place = (const char *)row + field->offset;

    switch (field->kind) {
    case FLEET_KIND_TEXT:
        json_quote(out, span_of(place));
        break;
    case FLEET_KIND_COUNT:
        bytes_printf(out, "%" PRIu64, *(const uint64_t *)(const void *)place);
        break;
    case FLEET_KIND_DECIMAL:
        fleet_write_decimal(out, *(const double *)(const void *)place);
        break;
    case FLEET_KIND_MOMENT:
        bytes_append_int(out, *(const int64_t *)(const void *)place);
        break;
    }
}

void fleet_json_write_fields(struct bytes *out, const struct fleet_shape *shape,
                             const struct fleet_row *row)
{
    for (size_t i = 0; i < shape->count; i++) {
        bytes_printf(out, "%s\"%s\":", i == 0 ? "" : ",", shape->fields[i].name);
        if (fleet_knows(row, i)) {
            write_value(out, &shape->fields[i], row);
        } else {
            bytes_append_text(out, "null");
        }
    }
}

/* `"name":"text"`, with a comma behind. */
static void write_text(struct bytes *out, const char *name, const char *text)
{
    bytes_printf(out, "\"%s\":", name);
    json_quote(out, span_of(text));
    bytes_append_char(out, ',');
}

static const char *truth(bool is_so)
{
    return is_so ? "true" : "false";
}

/* ---- the parts */

static void write_redis(struct bytes *out, const struct fleet_view *view)
{
    bytes_append_text(out, "\"redis\":{");
    write_text(out, "state", fleet_redis_state_name(view->redis_state));
    write_text(out, "why", view->why);
    bytes_printf(out, "\"age_ms\":%" PRId64 "}", view->age_ms);
}

static void write_whole(struct bytes *out, const struct fleet_view *view)
{
    bytes_append_text(out, "\"fleet\":");
    if (view->rollup == FLEET_ROLLUP_NONE) {
        bytes_append_text(out, "null");
        return;
    }
    bytes_append_char(out, '{');
    fleet_json_write_fields(out, &fleet_whole_shape, &view->figures.row);
    bytes_printf(out, ",\"rollup\":\"%s\",\"stale\":%s}", fleet_rollup_name(view->rollup),
                 truth(view->is_stale));
}

/* The value as a number if it is one. */
static void write_notes(struct bytes *out, const struct fleet_pool *pool)
{
    bytes_append_text(out, "\"cfg\":");
    if (pool->note_count == 0) {
        bytes_append_text(out, "null");
        return;
    }
    for (size_t i = 0; i < pool->note_count; i++) {
        struct span value = span_of(pool->notes[i].value);
        double number;

        bytes_append_char(out, i == 0 ? '{' : ',');
        json_quote(out, span_of(pool->notes[i].name));
        bytes_append_char(out, ':');
        if (fleet_read_decimal(value, &number)) {
            fleet_write_decimal(out, number);
        } else {
            json_quote(out, value);
        }
    }
    bytes_append_char(out, '}');
}

static void write_member(struct bytes *out, const struct fleet_view *view,
                         const struct fleet_member *member)
{
    const struct fleet_broker *broker = &view->brokers[member->broker];

    bytes_append_char(out, '{');
    write_text(out, "inst", broker->inst);
    fleet_json_write_fields(out, &fleet_pool_shape, &member->figures.row);
    bytes_printf(out, ",\"stale\":%s,\"dead\":%s}", truth(member->is_stale),
                 truth(!broker->is_live));
}

static void write_pool(struct bytes *out, const struct fleet_view *view,
                       const struct fleet_pool *pool)
{
    bytes_append_char(out, '{');
    write_text(out, "pool", pool->pool);
    fleet_json_write_fields(out, &fleet_pool_shape, &pool->figures.row);
    bytes_printf(out,
                 ",\"inst_live\":%" PRIu64 ",\"inst_bad\":%" PRIu64 ",\"inst_dead\":%" PRIu64 ",",
                 pool->inst_live, pool->inst_bad, pool->inst_dead);
    write_notes(out, pool);
    bytes_printf(out, ",\"rollup\":\"%s\",\"stale\":%s,\"brokers\":[",
                 fleet_rollup_name(pool->rollup), truth(pool->is_stale));
    for (size_t i = 0; i < pool->member_count; i++) {
        bytes_append_text(out, i == 0 ? "" : ",");
        write_member(out, view, &view->members[pool->first_member + i]);
    }
    bytes_append_text(out, "]}");
}

static void write_broker(struct bytes *out, const struct fleet_broker *broker)
{
    bytes_append_char(out, '{');
    write_text(out, "inst", broker->inst);
    fleet_json_write_fields(out, &fleet_instance_shape, &broker->figures.row);
    bytes_printf(out, ",\"live\":%s,\"dead\":%s,\"hb_age_ms\":", truth(broker->is_live),
                 truth(!broker->is_live));
    if (broker->has_heartbeat) {
        bytes_append_int(out, broker->hb_age_ms);
    } else {
        bytes_append_text(out, "null");
    }
    bytes_printf(out, ",\"stale\":%s}", truth(broker->is_stale));
}

static void write_event(struct bytes *out, const struct fleet_event *event)
{
    bytes_append_char(out, '{');
    write_text(out, "id", event->id);
    bytes_printf(out, "\"at_ms\":%" PRId64 ",", event->at_ms);
    fleet_json_write_fields(out, &fleet_event_shape, &event->figures.row);
    bytes_append_char(out, '}');
}

static void write_session(struct bytes *out, const struct fleet_session *session)
{
    bytes_append_char(out, '{');
    write_text(out, "inst", session->inst);
    fleet_json_write_fields(out, &fleet_session_shape, &session->figures.row);
    bytes_append_char(out, '}');
}

/* ---- the whole */

static void write_lists(struct bytes *out, const struct fleet_view *view)
{
    bytes_append_text(out, ",\"pools\":[");
    for (size_t i = 0; i < view->pool_count; i++) {
        bytes_append_text(out, i == 0 ? "" : ",");
        write_pool(out, view, &view->pools[i]);
    }
    bytes_append_text(out, "],\"brokers\":[");
    for (size_t i = 0; i < view->broker_count; i++) {
        bytes_append_text(out, i == 0 ? "" : ",");
        write_broker(out, &view->brokers[i]);
    }
    bytes_append_text(out, "],\"events\":[");
    for (size_t i = 0; i < view->event_count; i++) {
        bytes_append_text(out, i == 0 ? "" : ",");
        write_event(out, &view->events[i]);
    }
    bytes_append_char(out, ']');
}

void fleet_json_write(struct bytes *out, const struct fleet_view *view)
{
    bytes_append_text(out, "{\"v\":1,");
    write_text(out, "namespace", view->namespace);
    write_text(out, "source", view->source == FLEET_SOURCE_REDIS ? "redis" : "broker");
    bytes_printf(out,
                 "\"at_ms\":%" PRId64 ",\"tick_ms\":%" PRId64 ",\"dead_ms\":%" PRId64
                 ",\"truncated\":%s,",
                 view->at_ms, view->tick_ms, view->dead_ms, truth(view->is_truncated));
    write_redis(out, view);
    bytes_append_char(out, ',');
    write_whole(out, view);
    write_lists(out, view);
    if (view->session_count > 0 || view->source == FLEET_SOURCE_BROKER) {
        bytes_append_text(out, ",\"sessions\":[");
        for (size_t i = 0; i < view->session_count; i++) {
            bytes_append_text(out, i == 0 ? "" : ",");
            write_session(out, &view->sessions[i]);
        }
        bytes_append_char(out, ']');
    }
    if (view->source == FLEET_SOURCE_BROKER) {
        bytes_append_text(out, ",\"clients\":[");
        for (size_t i = 0; i < view->client_count; i++) {
            bytes_append_text(out, i == 0 ? "{" : ",{");
            fleet_json_write_fields(out, &fleet_client_shape, &view->clients[i].figures.row);
            bytes_append_char(out, '}');
        }
        bytes_append_char(out, ']');
    }
    bytes_append_char(out, '}');
}

void fleet_json_write_sessions(struct bytes *out, const struct fleet_view *view, const char *inst)
{
    bool is_first = true;

    bytes_append_char(out, '{');
    write_text(out, "inst", inst);
    bytes_append_text(out, "\"sessions\":[");
    for (size_t i = 0; i < view->session_count; i++) {
        if (strcmp(view->sessions[i].inst, inst) == 0) {
            bytes_append_text(out, is_first ? "" : ",");
            write_session(out, &view->sessions[i]);
            is_first = false;
        }
    }
    bytes_append_text(out, "]}");
}
