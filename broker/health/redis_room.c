/* SPDX-License-Identifier: MIT */
/* What we take up in Redis: told once, and less of it when Redis is full. */
#include <inttypes.h>
#include <stdio.h>

#include "broker/health/redis_budget.h"
#include "broker/health/redis_publisher_priv.h"
#include "broker/runtime/log.h"

enum {
    HALVE_EVERY_MS = 10000,
    HALVINGS_MAXIMUM = 5,
    TRIMS_AT_ONCE = 64,
};

/* ---- the estimate */

/* With all the sessions that the configuration allows, in every broker. */
static struct redis_load load_of(const struct snapshot *snapshot, size_t brokers)
{
    size_t sessions = 0;

    for (size_t i = 0; i < snapshot->pool_count; i++) {
        sessions += (size_t)snapshot->pools[i].cap;
    }
    sessions = sessions > SNAPSHOT_SESSIONS_MAXIMUM ? SNAPSHOT_SESSIONS_MAXIMUM : sessions;
    return (struct redis_load){
        .brokers = brokers, .pools = snapshot->pool_count, .sessions = brokers * sessions};
}

void redis_room_tell_estimate(struct redis_publisher *publisher, size_t brokers)
{
    struct redis_load load = load_of(&publisher->snapshot, brokers);
    struct redis_budget budget =
        redis_budget_of(&load, publisher->series_pools, publisher->max_bytes);
    bool is_cut = budget.series_pools < load.pools;

    if (publisher->is_estimate_told) {
        return;
    }
    publisher->is_estimate_told = true;
    log_event(budget.bytes > publisher->max_bytes ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
              "redis_estimate",
              "bytes=%" PRIu64 " max_bytes=%" PRIu64
              " brokers=%zu pools=%zu sessions=%zu series_pools=%zu%s",
              budget.bytes, publisher->max_bytes, load.brokers, load.pools, load.sessions,
              budget.series_pools,
              is_cut ? " remedy=\"raise redis.max_bytes or redis.ts_max_pools\"" : "");
}

/* ---- a full Redis */

void redis_room_on_full(struct redis_publisher *publisher)
{
    int64_t now_ms = loop_now_ms(publisher->loop);

    if (publisher->halvings > 0 && now_ms - publisher->halved_at_ms < HALVE_EVERY_MS) {
        return;
    }
    publisher->halvings += publisher->halvings < HALVINGS_MAXIMUM ? 1 : 0;
    publisher->halved_at_ms = now_ms;
    publisher->next_trim = 0;
}

void redis_room_on_success(struct redis_publisher *publisher)
{
    publisher->halvings = 0;
}

static void trim(struct redis_publisher *publisher, enum redis_key key, const char *pool,
                 unsigned kept)
{
    struct redis_command command;

    redis_command_begin(&command, "XTRIM");
    redis_publisher_add_own_key(publisher, &command, key, pool);
    redis_command_add(&command, "MAXLEN");
    redis_command_add(&command, "~");
    redis_command_add_int(&command, kept >> publisher->halvings);
    redis_publisher_send(publisher, &command, REPLY_ASIDE);
}

/* The events, then the samples of the fleet and of each pool, whoever wrote them. */
static void trim_next(struct redis_publisher *publisher)
{
    const struct snapshot *snapshot = &publisher->snapshot;
    size_t number = publisher->next_trim++;
    const char *pool = number < 2 ? "_fleet" : snapshot->pools[number - 2].name;

    if (number == 0 && !publisher->is_refused[REDIS_KEY_EV]) {
        trim(publisher, REDIS_KEY_EV, NULL, REDIS_EVENTS_KEPT);
    } else if (number > 0) {
        trim(publisher, REDIS_KEY_SAMPLES, pool, REDIS_SAMPLES_KEPT);
        trim(publisher, REDIS_KEY_MINUTES, pool, REDIS_MINUTES_KEPT);
    }
}

void redis_room_stay_alive(struct redis_publisher *publisher)
{
    size_t streams = publisher->snapshot.pool_count + 2;
    struct redis_command command;

    redis_command_begin(&command, "PEXPIRE");
    redis_publisher_add_own_key(publisher, &command, REDIS_KEY_INSTANCE, NULL);
    redis_command_add_int(&command, publisher->instance_ttl_ms);
    redis_publisher_send(publisher, &command, REPLY_ASIDE);
    for (int i = 0; i < TRIMS_AT_ONCE && publisher->next_trim < streams; i++) {
        trim_next(publisher);
    }
}
