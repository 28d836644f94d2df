/* SPDX-License-Identifier: MIT */
/*
 * Called by transports; opens and reuses lane.c's connections.  Knows no MCP.
 */
#include "broker/upstream/lanes.h"

#include <stdio.h>

#include "broker/upstream/lane_priv.h"
#include "proto/base/mem.h"

enum { CLOSES_AT_ONCE_MS = 5 };

static void on_report(void *owner);
static void on_deadline(void *owner);

struct lanes *lanes_new(struct loop *loop, struct curl_driver *driver,
                        const struct lanes_options *options)
{
    struct lanes *lanes = MEM_NEW(struct lanes);

    if (lanes == NULL) {
        return NULL;
    }
    lanes->loop = loop;
    lanes->driver = driver;
    lanes->connect_timeout_ms = options->connect_timeout_ms;
    lanes->idle_reuse_max_ms = options->idle_reuse_max_ms;
    lanes->learnt_reuse_ms = INT64_MAX;
    lanes->maximum = options->maximum;
    list_init(&lanes->busy);
    list_init(&lanes->idle);
    list_init(&lanes->queue);
    list_init(&lanes->ended);
    deferred_init(&lanes->report, loop, on_report, lanes);
    lanes->is_encrypted = span_starts_with(span_of(options->origin), SPAN("https:"));
    lanes->origin = mem_copy_text(options->origin, strlen(options->origin));
    if (lanes->origin == NULL) {
        mem_free(lanes);
        return NULL;
    }
    return lanes;
}

static void reap(void *owner)
{
    struct lanes *lanes = owner;

    mem_free(lanes->origin);
    mem_free(lanes);
}

static void close_all(struct list *list)
{
    struct list_node *node;

    while ((node = list_first(list)) != NULL) {
        lane_close(LIST_ITEM(node, struct lane, in_state));
    }
}

void lanes_close(struct lanes *lanes)
{
    if (lanes == NULL || lanes->closing) {
        return;
    }
    lanes->closing = true;
    /* Their owners cancel exchanges before they let go of the server that owns the lanes. */
    CHECK(list_is_empty(&lanes->queue) && list_is_empty(&lanes->ended));
    close_all(&lanes->busy);
    close_all(&lanes->idle);
    deferred_cancel(&lanes->report);
    loop_reap(lanes->loop, &lanes->reapable, reap, lanes);
}

void lanes_set_limits(struct lanes *lanes, int64_t idle_reuse_max_ms, size_t maximum)
{
    lanes->idle_reuse_max_ms = idle_reuse_max_ms;
    lanes->maximum = maximum;
}

/*
 * A close on its way cannot be seen: a lane is trusted for half of the shortest idle time
 * after which this server closed one, and a server that closes at once gets a new
 * connection each time.
 */
void lanes_on_idle_close(struct lanes *lanes, int64_t age_ms)
{
    int64_t trusted_ms = age_ms < CLOSES_AT_ONCE_MS ? -1 : age_ms / 2;

    if (trusted_ms < lanes->learnt_reuse_ms) {
        lanes->learnt_reuse_ms = trusted_ms;
    }
}

int64_t lanes_reuse_ms(const struct lanes *lanes)
{
    return lanes->learnt_reuse_ms < lanes->idle_reuse_max_ms ? lanes->learnt_reuse_ms
                                                             : lanes->idle_reuse_max_ms;
}

void lanes_forget(struct lanes *lanes)
{
    lanes->learnt_reuse_ms = INT64_MAX;
}

const struct lanes_figures *lanes_figures(const struct lanes *lanes)
{
    return &lanes->figures;
}

/* The most recently used idle lane that is still good; the others found on the way are closed. */
static struct lane *take_fresh(struct lanes *lanes)
{
    struct list_node *node;

    while ((node = list_last(&lanes->idle)) != NULL) {
        struct lane *lane = LIST_ITEM(node, struct lane, in_state);

        if (lane_is_fresh(lane)) {
            return lane;
        }
        lanes->figures.stale++;
        lane_close(lane);
    }
    return NULL;
}

/* Find a lane for EXCHANGE.  False: all are busy. */
static bool place(struct lanes *lanes, struct exchange *exchange)
{
    struct lane *lane = take_fresh(lanes);

    if (lane != NULL) {
        lane_carry(lane, exchange);
        return true;
    }
    if (lanes->busy.count >= lanes->maximum) {
        return false;
    }
    if (lane_open(lanes, exchange) == NULL) {
        (void)snprintf(exchange->delivery.detail, sizeof(exchange->delivery.detail),
                       "no memory for a connection");
        lanes_on_end(lanes, exchange, DELIVERY_UNSENT);
    }
    return true;
}

void lanes_post(struct lanes *lanes, struct exchange *exchange, int64_t timeout_ms)
{
    CHECK(!lanes->closing && exchange->open && exchange->in_lanes.on == NULL);
    lanes->figures.posts++;
    timer_init(&exchange->deadline, lanes->loop, on_deadline, exchange);
    timer_start(&exchange->deadline, timeout_ms);
    if (!list_is_empty(&lanes->queue) || !place(lanes, exchange)) {
        list_append(&lanes->queue, &exchange->in_lanes);
    }
}

void lanes_cancel(struct lanes *lanes, struct exchange *exchange)
{
    if (!exchange->open) {
        return;
    }
    exchange->open = false;
    timer_stop(&exchange->deadline);
    if (exchange->in_lanes.on != NULL) {
        list_remove(exchange->in_lanes.on, &exchange->in_lanes);
    }
    if (exchange->lane != NULL) {
        lane_close(exchange->lane);
        lanes_on_room(lanes);
    }
}

void lanes_on_end(struct lanes *lanes, struct exchange *exchange, enum delivery_end end)
{
    timer_stop(&exchange->deadline);
    exchange->delivery.end = end;
    list_append(&lanes->ended, &exchange->in_lanes);
    deferred_schedule(&lanes->report);
}

void lanes_on_room(struct lanes *lanes)
{
    deferred_schedule(&lanes->report);
}

static void on_report(void *owner)
{
    struct lanes *lanes = owner;
    struct list_node *node;

    while ((node = list_take_first(&lanes->ended)) != NULL) {
        struct exchange *exchange = LIST_ITEM(node, struct exchange, in_lanes);

        exchange->open = false;
        exchange->on_end(exchange);
        if (lanes->closing) {
            return;
        }
    }
    while ((node = list_first(&lanes->queue)) != NULL) {
        struct exchange *exchange = LIST_ITEM(node, struct exchange, in_lanes);

        /* Off the queue first: place() may end the exchange at once, on another list. */
        list_remove(&lanes->queue, node);
        if (!place(lanes, exchange)) {
            list_prepend(&lanes->queue, node);
            return;
        }
    }
}

static void on_deadline(void *owner)
{
    struct exchange *exchange = owner;
    struct lane *lane = exchange->lane;
    struct list *queue = exchange->in_lanes.on;
    struct lanes *lanes;
    bool is_untouched = delivery_is_untouched(&exchange->delivery);

    (void)snprintf(exchange->delivery.detail, sizeof(exchange->delivery.detail), "%s",
                   is_untouched ? "no connection was free or came about in time"
                                : "the server took the request and gave no HTTP status in time");
    if (lane != NULL) {
        lanes = lane->set;
        lane_close(lane);
        lanes_on_end(lanes, exchange, is_untouched ? DELIVERY_UNSENT : DELIVERY_TIMED_OUT);
        lanes_on_room(lanes);
        return;
    }
    /* Still in line for a lane: the queue is embedded in its set. */
    CHECK(queue != NULL);
    lanes = LIST_ITEM(queue, struct lanes, queue);
    list_remove(queue, &exchange->in_lanes);
    lanes_on_end(lanes, exchange, DELIVERY_UNSENT);
}
