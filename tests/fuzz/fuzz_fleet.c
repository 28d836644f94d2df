/* SPDX-License-Identifier: MIT */
/*
 * Whatever Redis answers, the view is one: its JSON is JSON, its frames fit, and nothing in them is
 * for a terminal to obey.  Replies in pieces are complete when the whole is.  The first byte: the
 * cuts, and the width.  Then the replies about names, a NUL, and those about rows.
 */
#include "fuzz.h"

#include "client-lib/fleet/fleet_json.h"
#include "client-lib/fleet/fleet_plan.h"
#include "client-lib/fleet/fleet_series.h"
#include "client-lib/top/top_frame.h"

/* The replies are complete. */
static bool scan(struct span replies, size_t count, uint32_t seed)
{
    struct resp_scan whole = resp_scan_of(count);
    struct resp_scan cut = resp_scan_of(count);
    bool is_whole = false;
    bool is_complete = false;
    int expected = resp_scan_on(&whole, replies, &is_whole);
    int r = 0;

    for (size_t length = 0; r == 0 && !is_complete;) {
        length += 1 + fuzz_next_size(&seed, 64);
        length = length < replies.length ? length : replies.length;
        r = resp_scan_on(&cut, (struct span){replies.at, length}, &is_complete);
        if (length == replies.length) {
            break;
        }
    }
    /* In pieces it may be complete before what is too much has come. */
    PROPERTY(is_complete || (r == expected && is_complete == is_whole));
    return expected == 0 && is_whole;
}

static void check_json(const struct fleet_view *view)
{
    struct bytes json;

    bytes_init(&json, FUZZ_ROOM);
    fleet_json_write(&json, view);
    PROPERTY(!json.failed && fuzz_is_json(bytes_span(&json)));
    bytes_done(&json);
}

static void check_frames(const struct fleet_view *view, size_t width)
{
    const struct top_look look = {.width = width, .height = 30, .letters = TOP_ASCII};

    for (int i = 0; i < TOP_VIEW_COUNT; i++) {
        struct top_state state;
        struct bytes frame;

        top_state_init(&state);
        state.view = (enum top_view)i;
        if (view->pool_count > 0) {
            memcpy(state.pool, view->pools[0].pool, sizeof(state.pool));
        }
        bytes_init(&frame, FUZZ_ROOM);
        top_frame_write(&frame, view, &state, &look, "fuzz");
        PROPERTY(!frame.failed);
        for (size_t at = 0, column = 0; at < frame.length; at++) {
            column = frame.at[at] == '\n' ? 0 : column + 1;
            PROPERTY(column <= width);
            PROPERTY(frame.at[at] == '\n' || (frame.at[at] >= ' ' && frame.at[at] <= '~'));
        }
        bytes_done(&frame);
    }
}

static void check_series(struct span replies)
{
    struct fleet_refusal refusal = {0};
    struct resp_walk walk = resp_walk_of(replies);
    struct bytes json;

    bytes_init(&json, FUZZ_ROOM);
    fleet_series_write_json(&json, "p", FLEET_MINUTE, &walk, &refusal);
    PROPERTY(!json.failed && fuzz_is_json(bytes_span(&json)));
    bytes_done(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    unsigned steer = fuzz_take_byte(&input);
    const char *cut = input.length == 0 ? NULL : memchr(input.at, '\0', input.length);
    struct span names = {input.at, cut == NULL ? input.length : (size_t)(cut - input.at)};
    struct span rows =
        cut == NULL ? SPAN("") : (struct span){cut + 1, input.length - names.length - 1};
    struct fleet_refusal refusal = {0};
    struct fleet_view view;
    struct bytes asked;

    fleet_view_init(&view, "main", FLEET_SOURCE_REDIS);
    bytes_init(&asked, FUZZ_ROOM);
    if (scan(names, fleet_plan_ask_names(&view, &asked), steer)) {
        fleet_plan_take_names(&view, names, &refusal);
        bytes_clear(&asked);
        if (scan(rows, fleet_plan_ask_rows(&view, &asked), steer)) {
            fleet_plan_take_rows(&view, rows, &refusal);
        }
        fleet_view_settle(&view);
        check_json(&view);
        check_frames(&view, 1 + steer % 211);
    }
    if (scan(names, 1, steer)) {
        check_series(names);
    }
    bytes_done(&asked);
    fleet_view_done(&view);
    return 0;
}
