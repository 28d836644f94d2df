/* SPDX-License-Identifier: MIT */
/* `teploctl status`: the broker's row and its pools, in short. */
#include "client-lib/cli/admin_link.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/table.h"

/* The lines of the form for scripts, in this order. */
static const char *const fields[] = {"version",   "pid",         "uptime_s", "state",
                                     "providers", "pools",       "s_total",  "inflight",
                                     "waiting",   "calls_total", "health",   "redis_state"};

static void append(struct bytes *out, const char *before, struct span object, const char *field)
{
    bytes_append_text(out, before);
    table_cell(out, json_find(object, field));
}

static void append_uptime(struct bytes *out, struct span stats)
{
    struct span uptime = json_find(stats, "uptime_s");
    struct span whole = uptime; /* without the fraction of a second */
    int64_t uptime_s;

    bytes_append_text(out, ", up ");
    for (size_t i = 0; i < whole.length; i++) {
        if (whole.at[i] == '.') {
            whole.length = i;
        }
    }
    if (json_kind_of(uptime) == JSON_NUMBER && json_to_int(whole, &uptime_s) &&
        uptime_s < INT64_MAX / 1000) {
        duration_print(out, uptime_s * 1000);
    } else {
        table_cell(out, uptime);
    }
}

/* ` (err_pct)`; nothing for a pool that is well. */
static void append_reason(struct bytes *out, struct span reason)
{
    if (json_kind_of(reason) == JSON_STRING && !json_string_is(reason, "-") &&
        !json_string_is(reason, "")) {
        bytes_append_text(out, " (");
        table_cell(out, reason);
        bytes_append_char(out, ')');
    }
}

static void print_screen(struct span stats, struct span pools)
{
    struct json_walk walk = json_walk_of(pools);
    struct json_item item;
    struct bytes out;

    bytes_init(&out, SIZE_MAX / 4);
    append(&out, "teplod ", stats, "version");
    append(&out, ", pid ", stats, "pid");
    append_uptime(&out, stats);
    append(&out, ": ", stats, "state");
    append(&out, "\nclients ", stats, "providers");
    append(&out, ", sessions ", stats, "s_total");
    append(&out, ", calls ", stats, "calls_total");
    append(&out, " (", stats, "inflight");
    append(&out, " in flight, ", stats, "waiting");
    append(&out, " waiting), Redis ", stats, "redis_state");
    bytes_append_char(&out, '\n');
    while (json_walk_next(&walk, &item)) {
        append(&out, "pool ", item.value, "name");
        append(&out, ": ", item.value, "health");
        append_reason(&out, json_find(item.value, "health_reason"));
        append(&out, ", sessions ", item.value, "s_total");
        append(&out, " of ", item.value, "cap");
        append(&out, ", in flight ", item.value, "inflight");
        append(&out, ", waiting ", item.value, "waiting");
        bytes_append_char(&out, '\n');
    }
    output_bytes(&out);
    bytes_done(&out);
}

static void print_lines(struct span stats, struct span pools)
{
    static const char *const cells[] = {"name", "health",   "health_reason", "s_total",
                                        "cap",  "inflight", "waiting"};
    struct json_walk walk = json_walk_of(pools);
    struct json_item item;
    struct bytes out;

    bytes_init(&out, SIZE_MAX / 4);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        bytes_append_text(&out, fields[i]);
        append(&out, "\t", stats, fields[i]);
        bytes_append_char(&out, '\n');
    }
    while (json_walk_next(&walk, &item)) {
        bytes_append_text(&out, "pool");
        for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
            append(&out, "\t", item.value, cells[i]);
        }
        bytes_append_char(&out, '\n');
    }
    output_bytes(&out);
    bytes_done(&out);
}

/* Both raw results under one roof: {"stats":...,"pools":...}. */
static void print_json(struct span stats, struct span pools)
{
    struct bytes out;

    bytes_init(&out, SIZE_MAX / 4);
    bytes_append_text(&out, "{\"stats\":");
    bytes_append_span(&out, stats);
    bytes_append_text(&out, ",\"pools\":");
    bytes_append_span(&out, span_is_none(pools) ? SPAN("[]") : pools);
    bytes_append_char(&out, '}');
    if (out.failed) {
        output_bytes(&out);
    } else {
        output_json(bytes_span(&out));
    }
    bytes_done(&out);
}

static void print(enum form form, struct span stats, struct span pools)
{
    switch (form) {
    case FORM_JSON:
        print_json(stats, pools);
        break;
    case FORM_SCREEN:
        print_screen(stats, pools);
        break;
    case FORM_LINES:
        print_lines(stats, pools);
        break;
    }
}

enum exit_status command_status(const struct invocation *invocation)
{
    struct broker_link link;
    struct bytes stats;
    struct bytes pools;
    enum exit_status status = admin_link_open(&link, invocation);

    bytes_init(&stats, BROKER_LINK_ANSWER_MAXIMUM);
    bytes_init(&pools, BROKER_LINK_ANSWER_MAXIMUM);
    if (status == STATUS_OK) {
        status = admin_link_ask(&link, "stats", NULL, &stats);
    }
    if (status == STATUS_OK) {
        status = admin_link_ask(&link, "pools", NULL, &pools);
    }
    if (status == STATUS_OK) {
        print(invocation->form, bytes_span(&stats), json_find(bytes_span(&pools), "pools"));
    }
    bytes_done(&pools);
    bytes_done(&stats);
    broker_link_done(&link);
    return output_end(status);
}
