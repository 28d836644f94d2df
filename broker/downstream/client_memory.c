/* SPDX-License-Identifier: MIT */
/*
 * What clients do when memory is short: the heaviest are not read from, the heaviest of those that
 * do not read is cut off.  No call that was sent is touched.  Called by client.c and by the app.
 */
#include "broker/downstream/budget.h"
#include "broker/downstream/client.h"
#include "broker/runtime/log.h"
#include "proto/base/mem.h"

enum { LOOK_MS = 20 };

static size_t held_bytes(const struct client *client)
{
    return channel_held_bytes(&client->channel) + client->requester.text_bytes;
}

static void trim_all(const struct clients *clients)
{
    LIST_FOREACH (node, &clients->all) {
        channel_trim(&LIST_ITEM(node, struct client, in_clients)->channel);
    }
}

static struct budget weigh_all(const struct clients *clients)
{
    struct budget budget;

    budget_begin(&budget, mem_in_use(), clients->limits.memory_max_bytes);
    LIST_FOREACH (node, &clients->all) {
        budget_add(&budget, held_bytes(LIST_ITEM(node, struct client, in_clients)));
    }
    budget_weigh(&budget);
    return budget;
}

/* How many are held. */
static size_t hold_the_heaviest(const struct clients *clients)
{
    struct budget budget = weigh_all(clients);
    size_t held = 0;

    LIST_FOREACH (node, &clients->all) {
        struct client *client = LIST_ITEM(node, struct client, in_clients);

        if (budget_must_give_way(&budget, held_bytes(client))) {
            channel_hold(&client->channel, CHANNEL_HOLD_MEMORY);
            held++;
        } else {
            channel_release(&client->channel, CHANNEL_HOLD_MEMORY);
        }
    }
    return held;
}

/* One at a time: that may be enough. */
static void cut_off_the_heaviest(const struct clients *clients)
{
    struct client *heaviest = NULL;
    size_t most = clients->limits.channel.output_soft_bytes;

    LIST_FOREACH (node, &clients->all) {
        struct client *client = LIST_ITEM(node, struct client, in_clients);

        if (channel_is_blocked(&client->channel) && channel_unread(&client->channel) > most) {
            heaviest = client;
            most = channel_unread(&client->channel);
        }
    }
    if (heaviest != NULL) {
        channel_cut_off(&heaviest->channel);
    }
}

static void log_level_change(const struct clients *clients, enum budget_level before, size_t held)
{
    static const char *const names[] = {
        [BUDGET_AMPLE] = "ample", [BUDGET_TIGHT] = "tight", [BUDGET_SPENT] = "spent"};

    if (clients->memory == before) {
        return;
    }
    if (clients->memory == BUDGET_AMPLE) {
        log_event(LOG_LEVEL_INFO, "memory_ok", "bytes=%zu limit=%zu", mem_in_use(),
                  clients->limits.memory_max_bytes);
        return;
    }
    log_event(LOG_LEVEL_WARN, "memory_tight", "memory=%s bytes=%zu limit=%zu held=%zu",
              names[clients->memory], mem_in_use(), clients->limits.memory_max_bytes, held);
}

static void look(struct clients *clients)
{
    enum budget_level before = clients->memory;
    size_t held;

    trim_all(clients);
    held = hold_the_heaviest(clients);
    clients->memory = budget_next_level(before, mem_in_use(), clients->limits.memory_max_bytes);
    if (clients->memory == BUDGET_SPENT) {
        cut_off_the_heaviest(clients);
    }
    log_level_change(clients, before, held);
    if (clients->memory == BUDGET_AMPLE) {
        timer_stop(&clients->look_again);
    } else {
        timer_start(&clients->look_again, LOOK_MS);
    }
}

void clients_watch_memory(struct clients *clients)
{
    if (!clients->look_again.armed &&
        budget_level_of(mem_in_use(), clients->limits.memory_max_bytes) != BUDGET_AMPLE) {
        deferred_schedule(&clients->look_now);
    }
}

void clients_on_look(void *owner)
{
    look(owner);
}
