/* SPDX-License-Identifier: MIT */
/* A fleet for tests: what Redis answers, written down in short. */
#ifndef TEPLO_TESTS_FLEET_UNIT_H
#define TEPLO_TESTS_FLEET_UNIT_H

#include "unit.h"

#include "client-lib/fleet/fleet_json.h"
#include "client-lib/fleet/fleet_plan.h"
#include "proto/json_scan.h"

#define FLEET_UNIT_NOW 1790000000000 /* what TIME says */

/* A reply of texts, given with blanks between; "-nil-" is a nil. */
static inline void reply_list(struct bytes *out, const char *words)
{
    size_t count = words[0] == '\0' ? 0 : 1;

    for (const char *at = words; *at != '\0'; at++) {
        count += *at == ' ';
    }
    bytes_printf(out, "*%zu\r\n", count);
    for (; count > 0; count--) {
        size_t length = strcspn(words, " ");
        struct span word = {words, length};

        if (span_is(word, "-nil-")) {
            bytes_append_text(out, "$-1\r\n");
        } else {
            resp_word(out, word);
        }
        words += length + (words[length] == ' ');
    }
}

/* An answer to HMGET of SHAPE's fields: PAIRS are `name=value`, with blanks between. */
static inline void reply_row(struct bytes *out, const struct fleet_shape *shape, const char *pairs)
{
    bytes_printf(out, "*%zu\r\n", shape->count);
    for (size_t i = 0; i < shape->count; i++) {
        size_t length = strlen(shape->fields[i].name);
        const char *at = pairs;
        bool is_found = false;

        while (*at != '\0') {
            size_t word = strcspn(at, " ");

            if (strncmp(at, shape->fields[i].name, length) == 0 && at[length] == '=') {
                resp_word(out, (struct span){at + length + 1, word - length - 1});
                is_found = true;
                break;
            }
            at += word + (at[word] == ' ');
        }
        if (!is_found) {
            bytes_append_text(out, "$-1\r\n");
        }
    }
}

/* An entry of a stream, which is one of the elements of a reply. */
static inline void reply_entry(struct bytes *out, const char *id, const char *words)
{
    bytes_append_text(out, "*2\r\n");
    resp_word(out, span_of(id));
    reply_list(out, words);
}

/* Replies are complete; VIEW is filled, not yet settled. */
static inline void take_all(struct fleet_view *view, struct bytes *names, struct bytes *rows)
{
    struct fleet_refusal refusal = {0};

    fleet_plan_take_names(view, bytes_span(names), &refusal);
    fleet_plan_take_rows(view, bytes_span(rows), &refusal);
    assert_int_equal(refusal.denied + refusal.wrong, 0);
    bytes_done(names);
    bytes_done(rows);
}

#define HEALTHY "health=healthy health_code=0 health_since_at_ms=1789990000000 breaker=closed "
#define FRESH "updated_at_ms=1789999999500 "
#define PLACES "cap=10 s_idle=3 s_active=2 s_total=5 "
#define CALLS                                                                                      \
    "calls_total=12044 ok_total=11000 tool_err_total=900 not_executed_total=40 unknown_total=3 "   \
    "e_timeout_total=30 e_connect_total=13 rps=40.1 err_pct=0.1 tool_err_pct=3.1 lat_p50_ms=38 "   \
    "lat_p95_ms=210.25 lat_p99_ms=2100 wait_p95_ms=12 upstream=http://server:8080/mcp "
#define ILL                                                                                        \
    "health=degraded health_code=1 health_since_at_ms=1789999839000 health_reason=err_pct,broken " \
    "breaker=closed waiting=7 maxwait_ms=1234.5 s_broken=2 s_total=7 last_err_class=timeout "      \
    "last_err_at_ms=1789999997000 "
#define OPEN                                                                                       \
    "health=circuit_open health_code=3 health_since_at_ms=1789999988000 health_reason=breaker "    \
    "breaker=open breaker_code=1 s_broken=4 s_total=9 last_err_class=connect "                     \
    "last_err_at_ms=1789999999000 "

/* Two brokers that live and one that is dead; three pools; a reporter. */
static inline void fleet_unit_view(struct fleet_view *view)
{
    struct bytes names;
    struct bytes rows;

    bytes_init(&names, 1 << 20);
    bytes_init(&rows, 1 << 20);
    reply_list(&names, "1790000000 0");
    reply_list(&names, "1000 2500");
    reply_list(&names, "i-web3-00000003 1789999980000 i-web2-00000002 1789999999600 "
                       "i-web1-00000001 1789999999500");
    reply_list(&names, "github 1 jira 2 search 3");
    reply_row(&names, &fleet_whole_shape,
              "inst_live=2 inst_dead=1 pools=3 pools_bad=2 breakers_open=1 s_active=6 s_idle=9 "
              "waiting=14 maxwait_ms=1234.5 rps=120.3 err_pct=2.4 tool_err_pct=3.1 lat_p50_ms=38 "
              "lat_p95_ms=412 health=circuit_open health_code=3 reporter=i-web1-00000001 " FRESH);
    bytes_append_text(&names, "*2\r\n");
    reply_entry(&names, "1789999999000-0",
                "type breaker sev error inst i-web1-00000001 pool search sess - code open n 1 msg "
                "connect_refused");
    reply_entry(&names, "1789999839000-1",
                "type health sev warn inst i-web2-00000002 pool jira sess - code degraded n 3 msg "
                "err_pct");
    for (int i = 3; i > 0; i--) {
        char row[256];

        (void)snprintf(
            row, sizeof(row),
            "host=web%d pid=%d version=0.1.0 state=serving hb_at_ms=%s health=healthy "
            "health_code=0 redis_state=up redis_rtt_ms=0.412 providers=12 rss_bytes=12345678 "
            "uptime_s=86400.5 cpu_pct=3.5 fds=64 lag_p99_ms=0.4",
            i, 1000 + i, i == 3 ? "1789999980000" : "1789999999500");
        reply_row(&rows, &fleet_instance_shape, row);
    }
    reply_row(&rows, &fleet_pool_shape, HEALTHY FRESH PLACES CALLS);
    reply_list(&rows, "upstream http://github/mcp cap 10");
    reply_row(&rows, &fleet_pool_shape, ILL FRESH PLACES CALLS);
    reply_list(&rows, "");
    reply_row(&rows, &fleet_pool_shape, OPEN FRESH PLACES);
    reply_list(&rows, "");
    for (int pool = 0; pool < 3; pool++) {
        for (int broker = 3; broker > 0; broker--) {
            reply_row(&rows, &fleet_pool_shape,
                      pool == 1   ? ILL FRESH PLACES CALLS
                      : pool == 2 ? OPEN FRESH PLACES
                                  : HEALTHY FRESH PLACES CALLS);
        }
    }
    fleet_view_init(view, "main", FLEET_SOURCE_REDIS);
    take_all(view, &names, &rows);
    fleet_view_settle(view);
}

/* It is JSON; the caller frees. */
static inline struct bytes json_of(const struct fleet_view *view)
{
    struct json_error error;
    struct bytes json;

    bytes_init(&json, 1 << 24);
    fleet_json_write(&json, view);
    assert_false(json.failed);
    assert_int_equal(json_check(bytes_span(&json), &json_limits_default, &error), 0);
    return json;
}

#endif
