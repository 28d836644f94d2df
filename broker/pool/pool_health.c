/* SPDX-License-Identifier: MIT */
/*
 * A pool's facts for health_model.c, and when to ask it: once a second while something may change
 * by itself (the keeper sees to that), and in the turn in which a hard fact changes.
 */
#include "broker/pool/pool_priv.h"

/* A little less than the keeper's longest interval: each of its turns is a look. */
enum { LOOK_MS = 900 };

static bool has_failure(const struct pool *pool)
{
    return pool->last_failure.failure != FAILURE_NONE;
}

/* Cheap, for every turn: as soon as they are others, health is looked at. */
static unsigned hard_facts_of(const struct pool *pool, enum breaker_state breaker)
{
    unsigned facts = (unsigned)breaker;

    facts |= pool->state == POOL_DRAINING ? 1U << 2 : 0;
    facts |= pool->totals.sess_opened_total > 0 ? 1U << 3 : 0;
    if (has_failure(pool)) {
        facts |= 1U << 4;
        facts |= pool->last_failure.is_settled ? 1U << 5 : 0;
        facts |= pool_is_up(pool) ? 1U << 6 : 0;
    }
    return facts;
}

static int64_t failing_ms(const struct pool *pool, int64_t now_ms)
{
    if (!has_failure(pool)) {
        return 0;
    }
    return now_ms - (pool->failing_since_ms != 0 ? pool->failing_since_ms : pool->failed_at_ms);
}

static void collect_facts(struct pool *pool, struct health_facts *ret_facts)
{
    struct pool_view view;
    struct pool_figures figures;

    pool_view(pool, &view);
    pool_figures(pool, &figures);
    *ret_facts = (struct health_facts){
        .is_draining = pool->state == POOL_DRAINING,
        .has_opened = view.has_opened,
        .has_failure = has_failure(pool),
        .is_settled = pool->last_failure.is_settled,
        .is_auth = has_failure(pool) && strcmp(pool->last_failure.error_class, "auth") == 0,
        .gave_up = view.breaker != BREAKER_CLOSED,
        .failing_ms = failing_ms(pool, view.now_ms),
        .open = view.open,
        .minimum = pool->limits.minimum,
        .oldest_wait_ms = view.oldest_wait_ms,
        .lost = pool->totals.sess_lost_total,
        .ratelimited = pool->ratelimited,
        .probes_ok = figures.probes_ok,
        .probes_failed = pool->totals.probes_fail_total,
        .unauthorized_ms = pool->unauthorized_ms,
    };
    pool->events->on_window(pool->owner, pool, &ret_facts->window);
}

static void look(struct pool *pool, enum breaker_state breaker)
{
    enum health before = pool->health.health;
    struct health_facts facts;

    collect_facts(pool, &facts);
    pool->health = health_model_next(&pool->health, &facts, loop_now_ms(pool->loop));
    /* An open breaker will be half open. */
    pool->is_quiet =
        health_model_is_steady(&pool->health) && facts.window.calls == 0 && breaker != BREAKER_OPEN;
    if (pool->health.health != before) {
        pool->events->on_health(pool->owner, pool, before);
    }
}

void pool_update_health(struct pool *pool)
{
    int64_t now_ms = loop_now_ms(pool->loop);
    enum breaker_state breaker = pool_breaker(pool);
    enum breaker_state told = pool->told_breaker;
    unsigned hard_facts = hard_facts_of(pool, breaker);

    if (told != breaker) {
        pool->told_breaker = breaker;
        pool->events->on_breaker(pool->owner, pool, told);
    }
    if (pool->is_urgent || hard_facts != pool->hard_facts || now_ms - pool->looked_ms >= LOOK_MS) {
        pool->is_urgent = false;
        pool->hard_facts = hard_facts;
        pool->looked_ms = now_ms;
        look(pool, breaker);
    }
    keeper_ensure(pool);
}

void pool_urge_health(struct pool *pool)
{
    pool->is_urgent = true;
    deferred_schedule(&pool->dispatch);
}

enum health pool_health(const struct pool *pool, const char **ret_reason, int64_t *ret_since_ms)
{
    *ret_reason = pool->health.reason;
    *ret_since_ms = pool->health.since_ms;
    return pool->health.health;
}
