/* SPDX-License-Identifier: MIT */
/* `teploctl health`: how the pools are, worst first, and an exit status as Nagios wants it. */
#include "client-lib/cli/admin_link.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/table.h"

/* Not of exit_status.def: what monitoring reads from the plugins that it runs. */
enum check_status { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

static enum check_status check_status_of(struct span health)
{
    static const struct {
        const char *name;
        enum check_status status;
    } states[] = {
        {"healthy", CHECK_OK},      {"degraded", CHECK_WARNING},   {"draining", CHECK_WARNING},
        {"unknown", CHECK_WARNING}, {"unhealthy", CHECK_CRITICAL}, {"circuit_open", CHECK_CRITICAL},
    };

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (json_string_is(health, states[i].name)) {
            return states[i].status;
        }
    }
    return CHECK_UNKNOWN;
}

static bool has_text(struct span value)
{
    return json_kind_of(value) == JSON_STRING && !json_string_is(value, "-") &&
           !json_string_is(value, "");
}

static void append(struct bytes *out, const char *before, struct span object, const char *field)
{
    bytes_append_text(out, before);
    table_cell(out, json_find(object, field));
}

/* `, not ready (draining, pools)`; nothing while it is. */
static void append_readiness(struct bytes *out, struct span result)
{
    struct json_walk walk = json_walk_of(json_find(result, "ready_reasons"));
    struct json_item item;
    const char *before = " (";

    if (json_kind_of(json_find(result, "ready")) != JSON_FALSE) {
        return;
    }
    bytes_append_text(out, ", not ready");
    while (json_walk_next(&walk, &item)) {
        bytes_append_text(out, before);
        table_cell(out, item.value);
        before = ", ";
    }
    if (before[0] == ',') {
        bytes_append_char(out, ')');
    }
}

static void append_pool(struct bytes *out, struct span pool)
{
    struct span last = json_find(pool, "last_error");

    append(out, "", pool, "name");
    append(out, ": ", pool, "health");
    bytes_append_text(out, " for ");
    table_cell_time(out, json_find(pool, "age_ms"));
    append(out, ": ", pool, "sentence");
    if (has_text(last)) {
        append(out, "; last: ", pool, "last_error");
    }
    bytes_append_char(out, '\n');
}

static void print_screen(struct span result)
{
    struct json_walk walk = json_walk_of(json_find(result, "pools"));
    struct json_item item;
    struct bytes out;

    bytes_init(&out, SIZE_MAX / 4);
    append(&out, "teplod: ", result, "health");
    append_readiness(&out, result);
    bytes_append_char(&out, '\n');
    while (json_walk_next(&walk, &item)) {
        append_pool(&out, item.value);
    }
    output_bytes(&out);
    bytes_done(&out);
}

static void append_list(struct bytes *out, struct span list)
{
    struct json_walk walk = json_walk_of(list);
    struct json_item item;
    size_t count = 0;

    while (json_walk_next(&walk, &item)) {
        bytes_append_text(out, count++ == 0 ? "" : ",");
        table_cell(out, item.value);
    }
    if (count == 0) {
        bytes_append_char(out, '-');
    }
}

static void print_lines(struct span result)
{
    struct json_walk walk = json_walk_of(json_find(result, "pools"));
    struct json_item item;
    struct bytes out;

    bytes_init(&out, SIZE_MAX / 4);
    append(&out, "broker\t", result, "health");
    append(&out, "\t", result, "reason");
    append(&out, "\t", result, "ready");
    bytes_append_char(&out, '\t');
    append_list(&out, json_find(result, "ready_reasons"));
    bytes_append_char(&out, '\n');
    while (json_walk_next(&walk, &item)) {
        append(&out, "pool\t", item.value, "name");
        append(&out, "\t", item.value, "health");
        bytes_append_char(&out, '\t');
        append_list(&out, json_find(item.value, "reasons"));
        append(&out, "\t", item.value, "age_ms");
        append(&out, "\t", item.value, "breaker");
        append(&out, "\t", item.value, "sentence");
        append(&out, "\t", item.value, "last_error");
        bytes_append_char(&out, '\n');
    }
    output_bytes(&out);
    bytes_done(&out);
}

static void print(enum form form, struct span result)
{
    switch (form) {
    case FORM_JSON:
        output_json(result);
        break;
    case FORM_SCREEN:
        print_screen(result);
        break;
    case FORM_LINES:
        print_lines(result);
        break;
    }
}

enum exit_status command_health(const struct invocation *invocation)
{
    struct broker_link link;
    struct bytes result;
    enum exit_status status = admin_link_open(&link, invocation);
    enum check_status check = CHECK_UNKNOWN;

    bytes_init(&result, BROKER_LINK_ANSWER_MAXIMUM);
    if (status == STATUS_OK) {
        status = admin_link_ask(&link, "health", NULL, &result);
    }
    if (status == STATUS_OK) {
        check = check_status_of(json_find(bytes_span(&result), "health"));
        print(invocation->form, bytes_span(&result));
    }
    bytes_done(&result);
    broker_link_done(&link);
    /* A check whose words were lost has found out nothing. */
    return (enum exit_status)(output_end(status) == STATUS_OK ? check : CHECK_UNKNOWN);
}
