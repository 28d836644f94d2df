/* SPDX-License-Identifier: MIT */
/*
 * Called by transports; opens and reuses lane.c's connections.  Knows no MCP.
 */
#include "broker/upstream/lanes.h"

#include <stdio.h>

#include "broker/runtime/clock.h"
#include "broker/upstream/lane_priv.h"
#include "proto/base/mem.h"

static void on_report(void *owner);
static void on_proof(void *owner);
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
    timer_init(&lanes->proof, loop, on_proof, lanes);
    keep_alive_init(&lanes->keep);
    lanes_set_limits(lanes, &options->limits);
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
    CHECK(lanes->witness == NULL && !lanes->proof.armed);
    deferred_cancel(&lanes->report);
    loop_reap(lanes->loop, &lanes->reapable, reap, lanes);
}

static void let_witness_go(struct lanes *lanes)
{
    if (lanes->witness != NULL) {
        lanes->witness = NULL;
        timer_stop(&lanes->proof);
        lanes_on_room(lanes);
    }
}

void lanes_set_limits(struct lanes *lanes, const struct lanes_limits *limits)
{
    keep_alive_set_limits(&lanes->keep, limits->reuse, limits->idle_reuse_max_ms);
    lanes->maximum = limits->maximum;
    let_witness_go(lanes);
}

void lanes_forget(struct lanes *lanes)
{
    keep_alive_forget(&lanes->keep);
    let_witness_go(lanes);
}

const struct lanes_figures *lanes_figures(const struct lanes *lanes)
{
    return &lanes->figures;
}

/* EXCHANGE on the most recently used idle lane that is good; others found on the way are closed. */
static bool place_on_idle(struct lanes *lanes, struct exchange *exchange)
{
    int64_t now_us = clock_now_us();
    struct list_node *node = list_last(&lanes->idle);

    while (node != NULL) {
        struct lane *lane = LIST_ITEM(node, struct lane, in_state);
        struct list_node *previous = node->previous == &lanes->idle.head ? NULL : node->previous;
        int64_t idled_us = now_us - lane->idle_since_us;
        enum keep_alive_use use = keep_alive_use(&lanes->keep, idled_us, now_us);

        if (lane != lanes->witness) {
            if (use != KEEP_ALIVE_NOT && lane_is_alive(lane)) {
                lanes->figures.asked += use == KEEP_ALIVE_ASKING ? 1 : 0;
                lane_carry(lane, exchange, use, idled_us);
                return true;
            }
            lanes->figures.stale++;
            lane_close(lane);
        }
        node = previous;
    }
    return false;
}

/* Room for one more connection: idle ones that nobody may use now give way, the oldest first. */
static void make_room(struct lanes *lanes)
{
    struct list_node *node = list_first(&lanes->idle);

    if (lanes->busy.count + lanes->idle.count < lanes->maximum || node == NULL) {
        return;
    }
    if (LIST_ITEM(node, struct lane, in_state) == lanes->witness) {
        node = node->next;
    }
    if (node != &lanes->idle.head) {
        lane_close(LIST_ITEM(node, struct lane, in_state));
    }
}

/* Find a lane for EXCHANGE.  False: all are busy. */
static bool place(struct lanes *lanes, struct exchange *exchange)
{
    if (lanes->busy.count + (lanes->witness != NULL ? 1 : 0) >= lanes->maximum) {
        return false;
    }
    if (!exchange->wants_new && place_on_idle(lanes, exchange)) {
        return true;
    }
    make_room(lanes);
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

void lanes_on_unheard(struct lanes *lanes, struct exchange *exchange)
{
    lanes->figures.moved++;
    exchange_begin(exchange, -1);
    exchange->wants_new = true;
    /* It has been in line already. */
    list_prepend(&lanes->queue, &exchange->in_lanes);
    deferred_schedule(&lanes->report);
}

void lanes_on_idle(struct lanes *lanes, struct lane *lane)
{
    if (lanes->witness == NULL && keep_alive_wants_witness(&lanes->keep)) {
        lanes->witness = lane;
        timer_start(&lanes->proof, KEEP_ALIVE_WITNESS_US / 1000);
    }
}

void lanes_on_closed(struct lanes *lanes, const struct lane *lane)
{
    if (lanes->witness == lane) {
        let_witness_go(lanes);
    }
}

static void on_proof(void *owner)
{
    struct lanes *lanes = owner;
    struct lane *lane = lanes->witness;
    int64_t idled_us = clock_now_us() - lane->idle_since_us;

    if (idled_us < KEEP_ALIVE_WITNESS_US) {
        timer_start(&lanes->proof, 1);
        return;
    }
    let_witness_go(lanes);
    /* One that is dead will be seen to be, by its own event or its next user. */
    if (lane_is_alive(lane)) {
        keep_alive_on_witness(&lanes->keep);
    }
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
