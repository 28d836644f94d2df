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

static bool may_have_turn(const struct queue *queue, const struct party *party)
{
    return !list_is_empty(&party->waiters) &&
           (queue->max_inflight == 0 || party->number == PARTY_NOBODY ||
            party->inflight < queue->max_inflight);
}

/* On the ring or off it, as the invariant says; who joins is the last. */
static void settle_ring(struct queue *queue, struct party *party)
{
    bool is_on = party->in_ring.on != NULL;

    if (may_have_turn(queue, party) && !is_on) {
        list_append(&queue->ring, &party->in_ring);
    } else if (!may_have_turn(queue, party) && is_on) {
        list_remove(&queue->ring, &party->in_ring);
    }
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
    queue->max_inflight = max_inflight;
    HASHMAP_FOREACH (slot, &queue->parties) {
        settle_ring(queue, slot->value);
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

int queue_append(struct queue *queue, struct pool_waiter *waiter)
{
    struct party *party = ensure_party(queue, waiter->party_number);

    if (party == NULL) {
        return -ENOMEM;
    }
    waiter->party = party;
    list_append(&party->waiters, &waiter->in_waiters);
    list_append(&queue->arrivals, &waiter->in_arrivals);
    queue->bytes += waiter->bytes;
    settle_ring(queue, party);
    return 0;
}

int queue_prepend(struct queue *queue, struct pool_waiter *waiter)
{
    struct party *party = ensure_party(queue, waiter->party_number);

    if (party == NULL) {
        return -ENOMEM;
    }
    waiter->party = party;
    list_prepend(&party->waiters, &waiter->in_waiters);
    list_prepend(&queue->arrivals, &waiter->in_arrivals);
    queue->bytes += waiter->bytes;
    settle_ring(queue, party);
    if (party->in_ring.on != NULL) {
        list_remove(&queue->ring, &party->in_ring);
        list_prepend(&queue->ring, &party->in_ring);
    }
    return 0;
}

void queue_remove(struct queue *queue, struct pool_waiter *waiter)
{
    struct party *party = waiter->party;

    if (waiter->in_arrivals.on == NULL) {
        return;
    }
    list_remove(&party->waiters, &waiter->in_waiters);
    list_remove(&queue->arrivals, &waiter->in_arrivals);
    queue->bytes -= waiter->bytes;
    settle_ring(queue, party);
    free_if_done(queue, party);
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
    list_remove(&party->waiters, first);
    list_remove(&queue->arrivals, &waiter->in_arrivals);
    queue->bytes -= waiter->bytes;
    settle_ring(queue, party);
    return waiter;
}

struct pool_waiter *queue_oldest(const struct queue *queue)
{
    return LIST_ITEM_OR_NULL(list_first(&queue->arrivals), struct pool_waiter, in_arrivals);
}

struct pool_waiter *queue_heaviest(const struct queue *queue, int64_t of)
{
    const struct party *party = queue_find_party(queue, of);
    size_t most = party == NULL ? 1 : party->waiters.count + 1;
    const struct party *heaviest = NULL;

    HASHMAP_FOREACH (slot, &queue->parties) {
        const struct party *each = slot->value;

        if (each->waiters.count > most) {
            most = each->waiters.count;
            heaviest = each;
        }
    }
    return heaviest == NULL
               ? NULL
               : LIST_ITEM(list_last(&heaviest->waiters), struct pool_waiter, in_waiters);
}

void queue_count_call(struct queue *queue, struct party *party)
{
    party->inflight++;
    settle_ring(queue, party);
}

void queue_count_settled(struct queue *queue, struct party *party)
{
    CHECK(party->inflight > 0);
    party->inflight--;
    settle_ring(queue, party);
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
