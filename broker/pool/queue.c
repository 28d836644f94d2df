/* SPDX-License-Identifier: MIT */
#include "broker/pool/queue.h"

#include <errno.h>

#include "broker/pool/pool.h"
#include "proto/base/mem.h"

void queue_init(struct queue *queue, size_t max_inflight)
{
    *queue = (struct queue){.max_inflight = max_inflight};
    hashmap_init(&queue->parties);
    list_init(&queue->ring);
    list_init(&queue->arrivals);
}

void queue_done(struct queue *queue)
{
    struct party *party;

    CHECK(list_is_empty(&queue->arrivals));
    while ((party = hashmap_any(&queue->parties)) != NULL) {
        (void)hashmap_take(&queue->parties, hashmap_number_key(&party->number));
        mem_free(party);
    }
    hashmap_done(&queue->parties);
}

/* Calls that PARTY may have beside those it has. */
static size_t room_of(const struct queue *queue, const struct party *party)
{
    if (queue->max_inflight == 0 || party->number == PARTY_NOBODY) {
        return SIZE_MAX;
    }
    return party->inflight < queue->max_inflight ? queue->max_inflight - party->inflight : 0;
}

static size_t ready_of(const struct queue *queue, const struct party *party)
{
    size_t room = room_of(queue, party);

    return party->waiters.count < room ? party->waiters.count : room;
}

/*
 * Around every change to PARTY: leave_ready before, enter_ready after.  On the ring or off it, as
 * the invariant says; who joins is the last.
 */
static void leave_ready(struct queue *queue, const struct party *party)
{
    queue->ready -= party->in_ring.on == NULL ? 0 : ready_of(queue, party);
}

static void enter_ready(struct queue *queue, struct party *party)
{
    size_t ready = ready_of(queue, party);
    bool is_on = party->in_ring.on != NULL;

    if (ready > 0 && !is_on) {
        list_append(&queue->ring, &party->in_ring);
    } else if (ready == 0 && is_on) {
        list_remove(&queue->ring, &party->in_ring);
    }
    queue->ready += ready;
}

static void free_if_done(struct queue *queue, struct party *party)
{
    if (party->is_gone && party->inflight == 0 && party->session == NULL &&
        list_is_empty(&party->waiters)) {
        (void)hashmap_take(&queue->parties, hashmap_number_key(&party->number));
        mem_free(party);
    }
}

void queue_set_max_inflight(struct queue *queue, size_t max_inflight)
{
    HASHMAP_FOREACH (slot, &queue->parties) {
        leave_ready(queue, slot->value);
    }
    queue->max_inflight = max_inflight;
    HASHMAP_FOREACH (slot, &queue->parties) {
        enter_ready(queue, slot->value);
    }
}

struct party *queue_find_party(const struct queue *queue, int64_t number)
{
    return hashmap_find(&queue->parties, hashmap_number_key(&number));
}

static struct party *ensure_party(struct queue *queue, int64_t number)
{
    struct party *party = queue_find_party(queue, number);

    if (party != NULL) {
        return party;
    }
    party = MEM_NEW(struct party);
    if (party == NULL) {
        return NULL;
    }
    party->number = number;
    list_init(&party->waiters);
    if (hashmap_add(&queue->parties, hashmap_number_key(&party->number), party) < 0) {
        mem_free(party);
        return NULL;
    }
    return party;
}

enum place { PLACE_LAST, PLACE_FIRST };

static int enter(struct queue *queue, struct pool_waiter *waiter, enum place place)
{
    struct party *party = ensure_party(queue, waiter->party_number);

    if (party == NULL) {
        return -ENOMEM;
    }
    leave_ready(queue, party);
    waiter->party = party;
    if (place == PLACE_LAST) {
        list_append(&party->waiters, &waiter->in_waiters);
        list_append(&queue->arrivals, &waiter->in_arrivals);
    } else {
        list_prepend(&party->waiters, &waiter->in_waiters);
        list_prepend(&queue->arrivals, &waiter->in_arrivals);
    }
    party->bytes += waiter->bytes;
    queue->bytes += waiter->bytes;
    enter_ready(queue, party);
    return 0;
}

int queue_append(struct queue *queue, struct pool_waiter *waiter)
{
    return enter(queue, waiter, PLACE_LAST);
}

int queue_prepend(struct queue *queue, struct pool_waiter *waiter)
{
    int r = enter(queue, waiter, PLACE_FIRST);

    if (r == 0 && waiter->party->in_ring.on != NULL) {
        list_remove(&queue->ring, &waiter->party->in_ring);
        list_prepend(&queue->ring, &waiter->party->in_ring);
    }
    return r;
}

static void take_out(struct queue *queue, struct pool_waiter *waiter)
{
    struct party *party = waiter->party;

    leave_ready(queue, party);
    list_remove(&party->waiters, &waiter->in_waiters);
    list_remove(&queue->arrivals, &waiter->in_arrivals);
    party->bytes -= waiter->bytes;
    queue->bytes -= waiter->bytes;
    enter_ready(queue, party);
}

void queue_remove(struct queue *queue, struct pool_waiter *waiter)
{
    if (waiter->in_arrivals.on != NULL) {
        take_out(queue, waiter);
        free_if_done(queue, waiter->party);
    }
}

struct party *queue_turn(const struct queue *queue)
{
    return LIST_ITEM_OR_NULL(list_first(&queue->ring), struct party, in_ring);
}

void queue_pass(struct queue *queue, struct party *party)
{
    list_remove(&queue->ring, &party->in_ring);
    list_append(&queue->ring, &party->in_ring);
}

struct pool_waiter *queue_take(struct queue *queue, struct party *party)
{
    struct list_node *first = list_first(&party->waiters);
    struct pool_waiter *waiter;

    CHECK(first != NULL); /* who has nothing waiting is not in the ring */
    waiter = LIST_ITEM(first, struct pool_waiter, in_waiters);
    queue_pass(queue, party);
    take_out(queue, waiter);
    return waiter;
}

struct pool_waiter *queue_oldest(const struct queue *queue)
{
    return LIST_ITEM_OR_NULL(list_first(&queue->arrivals), struct pool_waiter, in_arrivals);
}

struct pool_waiter *queue_oldest_ready(const struct queue *queue)
{
    LIST_FOREACH (node, &queue->arrivals) {
        struct pool_waiter *waiter = LIST_ITEM(node, struct pool_waiter, in_arrivals);

        if (waiter->party->in_ring.on != NULL) {
            return waiter;
        }
    }
    return NULL;
}

struct pool_waiter *queue_victim(const struct queue *queue, const struct pool_waiter *waiter,
                                 size_t max_bytes)
{
    const struct party *own = queue_find_party(queue, waiter->party_number);
    bool by_bytes = max_bytes > 0 && queue->bytes + waiter->bytes > max_bytes;
    size_t excess = by_bytes ? queue->bytes + waiter->bytes - max_bytes : 1;
    size_t ours = by_bytes ? waiter->bytes : 1;
    size_t most = 0;
    const struct party *heaviest = NULL;

    if (own != NULL) {
        ours += by_bytes ? own->bytes : own->waiters.count;
    }
    HASHMAP_FOREACH (slot, &queue->parties) {
        const struct party *each = slot->value;
        size_t weight = by_bytes ? each->bytes : each->waiters.count;

        if (each != own && weight > most) {
            most = weight;
            heaviest = each;
        }
    }
    if (heaviest == NULL || most < excess || most - excess < ours) {
        return NULL;
    }
    return LIST_ITEM(list_last(&heaviest->waiters), struct pool_waiter, in_waiters);
}

void queue_count_call(struct queue *queue, struct party *party)
{
    leave_ready(queue, party);
    party->inflight++;
    enter_ready(queue, party);
}

void queue_count_settled(struct queue *queue, struct party *party)
{
    CHECK(party->inflight > 0);
    leave_ready(queue, party);
    party->inflight--;
    enter_ready(queue, party);
    free_if_done(queue, party);
}

void queue_leave(struct queue *queue, struct party *party)
{
    party->is_gone = true;
    free_if_done(queue, party);
}

void queue_release(struct queue *queue, struct party *party)
{
    party->session = NULL;
    free_if_done(queue, party);
}

size_t queue_unserved(const struct queue *queue)
{
    size_t count = 0;

    LIST_FOREACH (node, &queue->ring) {
        count += LIST_ITEM(node, struct party, in_ring)->session == NULL ? 1 : 0;
    }
    return count;
}
