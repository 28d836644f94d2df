/* SPDX-License-Identifier: MIT */
/* `teploctl top`. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/output.h"
#include "client-lib/cli/top_live.h"
#include "client-lib/fleet/fleet_json.h"
#include "client-lib/top/top_frame.h"
#include "client-lib/top/top_screen.h"

enum { TEXT_MAXIMUM = 64 << 20, PLAIN_WIDTH = 200 };

/* Frames one below the other, as text or as JSON. */
struct printing {
    struct top_source *source;
    const struct invocation *invocation;
    struct fleet_view view;
    struct top_state state;
    struct top_look look;
};

static void print_frame(struct printing *printing)
{
    struct bytes text;

    bytes_init(&text, TEXT_MAXIMUM);
    if (printing->invocation->form == FORM_JSON) {
        fleet_json_write(&text, &printing->view);
        if (text.failed) {
            output_bytes(&text);
        } else {
            output_json(bytes_span(&text));
        }
    } else {
        top_frame_write(&text, &printing->view, &printing->state, &printing->look,
                        top_source_place(printing->source));
        output_bytes(&text);
    }
    bytes_done(&text);
}

static enum exit_status status_of(const struct fleet_view *view)
{
    switch (view->redis_state) {
    case FLEET_REDIS_UP:
    case FLEET_REDIS_EMPTY:
        return STATUS_OK;
    case FLEET_REDIS_DENIED:
        complaint("%s", view->why);
        return STATUS_REFUSED;
    case FLEET_REDIS_DOWN:
        complaint("%s", view->why);
        return STATUS_NO_BROKER;
    }
    return STATUS_OK;
}

static void sleep_until(int64_t at_ms)
{
    const struct timespec moment = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};

    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL);
}

/* COUNT frames; 0: until something ends us. */
static enum exit_status print_frames(struct printing *printing, unsigned count)
{
    int64_t next_ms = duration_now_ms();
    unsigned printed = 0;

    for (;;) {
        top_source_refresh(printing->source, &printing->view);
        print_frame(printing);
        if (++printed == count || output_end(STATUS_OK) != STATUS_OK) {
            return status_of(&printing->view);
        }
        if (printing->invocation->form != FORM_JSON) {
            output_span(SPAN("\n"));
        }
        next_ms += printing->invocation->interval_ms;
        sleep_until(next_ms);
    }
}

static enum exit_status print(struct top_source *source, const struct invocation *invocation,
                              unsigned count)
{
    const struct top_look fallback = {.width = PLAIN_WIDTH};
    struct printing printing = {.source = source, .invocation = invocation};
    enum exit_status status;

    top_source_init_view(source, &printing.view);
    top_state_init(&printing.state);
    top_screen_manners(&printing.look);
    top_screen_size(&printing.look, &fallback);
    printing.look.height = 0;
    printing.look.colours = TOP_NO_COLOURS;
    status = print_frames(&printing, count);
    fleet_view_done(&printing.view);
    top_source_close(source);
    return output_end(status);
}

/* Frames can take the place of each other. */
static bool is_screen(void)
{
    const char *terminal = getenv("TERM");

    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && terminal != NULL &&
           terminal[0] != '\0' && strcmp(terminal, "dumb") != 0;
}

enum exit_status command_top(const struct invocation *invocation)
{
    bool is_once = (invocation->given & SWITCH_ONCE) != 0;
    struct top_source *source;
    enum exit_status status;

    if (is_once && invocation->count > 0) {
        return complaint_usage(invocation->command, "--once and --count exclude each other");
    }
    status = top_source_open(&source, invocation);
    if (status != STATUS_OK) {
        return status;
    }
    (void)setlocale(LC_CTYPE, "");
    if (invocation->count > 0) {
        return print(source, invocation, invocation->count);
    }
    if (is_once || invocation->form == FORM_JSON || isatty(STDOUT_FILENO) != 1) {
        return print(source, invocation, 1);
    }
    return is_screen() ? top_live(source, invocation) : print(source, invocation, 0);
}
