/* SPDX-License-Identifier: MIT */
/*
 * What clients do when memory is short: the heaviest are not read from, or, if that lasts, one at a
 * time (relief.h); the heaviest of those that do not read is cut off.  No call that was sent is
 * touched.  Called by client.c and by the app.
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

static void look_who_gives_way(struct clients *clients, struct budget *budget)
{
    relief_begin(&clients->relief);
    LIST_FOREACH (node, &clients->all) {
        struct client *client = LIST_ITEM(node, struct client, in_clients);

        client->gives_way = budget_must_give_way(budget, held_bytes(client));
        if (!client->gives_way || !channel_waits_for(&client->channel, CHANNEL_HOLD_MEMORY)) {
            client->unread_since_ms = 0;
            continue;
        }
        if (client->unread_since_ms == 0) {
            client->unread_since_ms = loop_now_ms(clients->loop);
        }
        relief_add(&clients->relief, client->number, client->unread_since_ms);
    }
}

/* How many are held: TURN is not, though it gives way. */
static size_t hold_all_but(const struct clients *clients, uint64_t turn)
{
    size_t spare = clients->relief.is_on ? budget_spare(clients->limits.memory_max_bytes) : 0;
    size_t held = 0;

    LIST_FOREACH (node, &clients->all) {
        struct client *client = LIST_ITEM(node, struct client, in_clients);

        client->requester.spare_bytes = client->gives_way ? spare : 0;
        if (client->gives_way && client->number != turn) {
            channel_hold(&client->channel, CHANNEL_HOLD_MEMORY);
            held++;
        } else {
            client->unread_since_ms = 0;
            channel_release(&client->channel, CHANNEL_HOLD_MEMORY);
        }
    }
    return held;
}

/* How many are held. */
static size_t hold_the_heaviest(struct clients *clients)
{
    struct budget budget = weigh_all(clients);
    bool was_on = clients->relief.is_on;
    size_t held;

    look_who_gives_way(clients, &budget);
    held = hold_all_but(clients, relief_choose(&clients->relief, loop_now_ms(clients->loop)));
    if (clients->relief.is_on && !was_on) {
        log_event(LOG_LEVEL_WARN, "memory_tight", "cause=%s bytes=%zu limit=%zu held=%zu",
                  budget.of_others > 0 ? "servers" : "clients", mem_in_use(),
                  clients->limits.memory_max_bytes, held);
    }
    return held;
}

void client_was_heard(struct client *client)
{
    struct clients *clients = client->clients;

    if (relief_heard(&clients->relief, client->number)) {
        deferred_schedule(&clients->look_now);
    }
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
        relief_end(&clients->relief);
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
