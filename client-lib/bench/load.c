/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/load.h"

#include <errno.h>
#include <string.h>

#include "client-lib/bench/load_priv.h"
#include "client-lib/bench/socket_wire.h"
#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/socket_path.h"
#include "proto/base/mem.h"

enum { REOPEN_MS = 10, SWEEP_MS = 100, OPENING_MS = 15000 };

static void on_ready(void *owner);
static void on_end(void *owner, int error);
static void turn_cb(evutil_socket_t fd, short what, void *arg);
static void sweep_cb(evutil_socket_t fd, short what, void *arg);
static void reopen_cb(evutil_socket_t fd, short what, void *arg);

static const struct wire_events wire_events = {on_ready, load_on_text, load_on_refused, on_end};

static int64_t cpu_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void set_timer(struct event *event, int64_t length_ns)
{
    struct timeval length = {length_ns / 1000000000, length_ns % 1000000000 / 1000};

    (void)event_add(event, &length);
}

/* ---- phases */

static void end_run(struct load *load, enum exit_status status)
{
    load->status = status;
    (void)event_base_loopbreak(load->base);
}

void load_end_if_done(struct load *load)
{
    if (load->phase == PHASE_MEASURING && !load_may_begin(load)) {
        load->phase = PHASE_ENDING;
    }
    if (load->phase == PHASE_ENDING && load->in_flight == 0) {
        end_run(load, STATUS_OK);
    }
}

void load_wait_for_turn(struct load *load)
{
    int64_t next_ns = load->phase == PHASE_WARMING ? load->warm_up_ends_ns : load->ends_ns;
    int64_t now = load_now_ns();

    if (load->phase == PHASE_ENDING) {
        return;
    }
    if (load->options->rate > 0 && !list_is_empty(&load->roomy)) {
        int64_t due_ns = pace_due_ns(&load->pace, load->numbers);

        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    if (next_ns < DURATION_FOREVER) {
        set_timer(load->turn, next_ns > now ? next_ns - now : 0);
    }
}

static void begin_measuring(struct load *load)
{
    load->phase = PHASE_MEASURING;
    load->cpu_start_ns = cpu_ns();
}

static void move_on(struct load *load)
{
    int64_t now = load_now_ns();

    if (load->phase == PHASE_WARMING && now >= load->warm_up_ends_ns) {
        begin_measuring(load);
    }
    if (load->phase == PHASE_MEASURING && now >= load->ends_ns) {
        load->phase = PHASE_ENDING;
        if (load->options->rate > 0) {
            uint64_t due = pace_due_count(&load->pace, load->ends_ns - 1);

            load->result->behind = due > load->numbers ? due - load->numbers : 0;
        }
    }
}

static void turn_cb(evutil_socket_t fd, short what, void *arg)
{
    struct load *load = arg;

    (void)fd;
    (void)what;
    move_on(load);
    if (load->options->rate > 0) {
        load_begin_due(load);
    }
    load_end_if_done(load);
    load_wait_for_turn(load);
}

static void begin_all(struct load *load)
{
    const struct bench_options *options = load->options;
    int64_t now = load_now_ns();

    load->phase = PHASE_WARMING;
    load->pace = (struct pace){now, options->rate == 0 ? 1 : options->rate};
    load->warm_up_ends_ns = now + options->warm_up_ms * MS_NS;
    load->last_answer_ns = load->warm_up_ends_ns;
    load->ends_ns = options->duration_ms == DURATION_FOREVER
                        ? DURATION_FOREVER
                        : load->warm_up_ends_ns + options->duration_ms * MS_NS;
    move_on(load);
    for (unsigned i = 0; i < options->clients; i++) {
        struct client *client = &load->clients[i];

        load_fill(client);
        if (client->wire != NULL) {
            client->wire->kind->flush(client->wire);
        }
    }
    load_wait_for_turn(load);
}

static void sweep_cb(evutil_socket_t fd, short what, void *arg)
{
    struct load *load = arg;

    (void)fd;
    (void)what;
    if (load->phase == PHASE_OPENING && load_now_ns() > load->opening_ends_ns) {
        complaint("%u of %u clients could not connect to %s in time",
                  load->options->clients - load->ready, load->options->clients,
                  load->options->target_name);
        end_run(load, STATUS_NO_BROKER);
    }
    load_give_up_before(load, load_now_ns() - load->options->patience_ms * MS_NS);
    load_end_if_done(load);
    set_timer(load->sweep, (int64_t)SWEEP_MS * MS_NS);
}

/* ---- clients */

static int open_wire(struct client *client)
{
    struct load *load = client->load;
    const struct bench_options *options = load->options;

    client->wire =
        options->target == TARGET_SOCKET
            ? socket_wire_open(load->base, &options->socket, &wire_events, client)
            : sse_wire_open(load->base, &options->place, options->in_flight, &wire_events, client);
    return client->wire == NULL ? -errno : 0;
}

static void explain(struct load *load, int error)
{
    static const struct invocation anywhere;

    if (load->options->target == TARGET_SOCKET) {
        (void)socket_path_explain(&anywhere, &load->options->socket, -error);
    } else {
        complaint("no MCP server at %s: %s", load->options->target_name,
                  error == 0 ? "it closed the connection" : strerror(-error));
    }
    end_run(load, STATUS_NO_BROKER);
}

/* While all are opened a failure ends the run, unless the listener's queue is just full. */
static void open_client(struct client *client)
{
    int r = open_wire(client);

    if (r == 0) {
        return;
    }
    if (client->load->phase == PHASE_OPENING && r != -EAGAIN) {
        explain(client->load, r);
        return;
    }
    set_timer(client->reopen, (int64_t)REOPEN_MS * MS_NS);
}

static void reopen_cb(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    open_client(arg);
}

static void on_ready(void *owner)
{
    struct client *client = owner;
    struct load *load = client->load;

    client->is_ready = true;
    load->ready++;
    list_append(&load->roomy, &client->in_roomy);
    if (load->phase == PHASE_OPENING && load->ready == load->options->clients) {
        begin_all(load);
    } else {
        load_fill(client);
        client->wire->kind->flush(client->wire);
    }
}

static void on_end(void *owner, int error)
{
    struct client *client = owner;
    struct load *load = client->load;

    client->wire->kind->close(client->wire);
    client->wire = NULL;
    if (!client->is_ready && load->phase == PHASE_OPENING) {
        explain(load, error);
        return;
    }
    load->ready -= client->is_ready ? 1 : 0;
    client->is_ready = false;
    if (client->in_roomy.on != NULL) {
        list_remove(&load->roomy, &client->in_roomy);
    }
    load_lose_calls(client);
    load->result->reconnects++;
    load_end_if_done(load);
    open_client(client);
}

/* ---- making and ending it */

static int make_client(struct load *load, struct client *client)
{
    client->load = load;
    list_init(&client->free);
    client->slots = mem_new(load->options->in_flight * sizeof(*client->slots));
    client->reopen = event_new(load->base, -1, 0, reopen_cb, client);
    if (client->slots == NULL || client->reopen == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < load->options->in_flight; i++) {
        list_append(&client->free, &client->slots[i].in_free);
    }
    return 0;
}

/* Timers as exact as the clock: a millisecond is long here. */
static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
        base = event_base_new_with_config(config);
    }
    if (config != NULL) {
        event_config_free(config);
    }
    return base;
}

static int make(struct load *load)
{
    list_init(&load->roomy);
    bytes_init(&load->text, WIRE_TEXT_MAXIMUM);
    bytes_init(&load->arguments, TOOL_ARGUMENTS_MAXIMUM);
    load->base = make_base();
    load->clients = mem_new(load->options->clients * sizeof(*load->clients));
    if (load->base == NULL || load->clients == NULL) {
        return -ENOMEM;
    }
    load->turn = event_new(load->base, -1, 0, turn_cb, load);
    load->sweep = event_new(load->base, -1, 0, sweep_cb, load);
    if (load->turn == NULL || load->sweep == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < load->options->clients; i++) {
        if (make_client(load, &load->clients[i]) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static void free_event(struct event *event)
{
    if (event != NULL) {
        event_free(event);
    }
}

static void done(struct load *load)
{
    for (unsigned i = 0; load->clients != NULL && i < load->options->clients; i++) {
        struct client *client = &load->clients[i];

        if (client->wire != NULL) {
            client->wire->kind->close(client->wire);
        }
        free_event(client->reopen);
        mem_free(client->slots);
    }
    mem_free(load->clients);
    free_event(load->turn);
    free_event(load->sweep);
    if (load->base != NULL) {
        event_base_free(load->base);
    }
    bytes_done(&load->text);
    bytes_done(&load->arguments);
}

enum exit_status load_run(const struct bench_options *options, struct load_result *ret_result)
{
    struct load load = {.options = options, .result = ret_result, .status = STATUS_OK};

    if (make(&load) < 0) {
        done(&load);
        complaint("out of memory, or of descriptors");
        return STATUS_NOT_EXECUTED;
    }
    load.opening_ends_ns = load_now_ns() + (int64_t)OPENING_MS * MS_NS;
    set_timer(load.sweep, (int64_t)SWEEP_MS * MS_NS);
    for (unsigned i = 0; i < options->clients && load.status == STATUS_OK; i++) {
        open_client(&load.clients[i]);
    }
    if (load.status == STATUS_OK) {
        (void)event_base_dispatch(load.base);
    }
    ret_result->all_calls = load.numbers;
    ret_result->elapsed_ns = load.last_answer_ns - load.warm_up_ends_ns;
    ret_result->cpu_ns = cpu_ns() - load.cpu_start_ns;
    done(&load);
    return load.status;
}
