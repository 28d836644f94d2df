/* SPDX-License-Identifier: MIT */
#include "broker/health/fleet_rollup.h"

#include <stdio.h>
#include <string.h>

#define POOL_TEXT(name, size, fold) FLEET_FOLD_##fold,
#define POOL_COUNT(name, fold) FLEET_FOLD_##fold,
#define POOL_DECIMAL(name, fold) FLEET_FOLD_##fold,
#define POOL_MOMENT(name, fold) FLEET_FOLD_##fold,
const enum fleet_fold fleet_folds[POOL_FIELD_COUNT] = {
#include "proto/redis/pool_fields.def"
};
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT

#define FIELD(name, kind)                                                                          \
    {#name, kind, offsetof(struct fleet_row, name), sizeof(((struct fleet_row *)0)->name)},
#define FLEET_TEXT(name, size) FIELD(name, ROW_FIELD_TEXT)
#define FLEET_COUNT(name) FIELD(name, ROW_FIELD_COUNT)
#define FLEET_DECIMAL(name) FIELD(name, ROW_FIELD_DECIMAL)
#define FLEET_MOMENT(name) FIELD(name, ROW_FIELD_MOMENT)
const struct row_field fleet_row_fields[FLEET_FIELD_COUNT] = {
#include "proto/redis/fleet_fields.def"
};
#undef FLEET_TEXT
#undef FLEET_COUNT
#undef FLEET_DECIMAL
#undef FLEET_MOMENT

#define COPY(to, from) (void)snprintf(to, sizeof(to), "%s", from)

/* ---- histograms */

static void read_one(struct fleet_histograms *histograms, struct span part)
{
    static const struct {
        struct span word;
        size_t offset;
    } words[] = {
        {SPAN_INIT("lat "), offsetof(struct fleet_histograms, lat)},
        {SPAN_INIT("wait "), offsetof(struct fleet_histograms, wait)},
        {SPAN_INIT("create "), offsetof(struct fleet_histograms, create)},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_starts_with(part, words[i].word)) {
            struct span text = {part.at + words[i].word.length, part.length - words[i].word.length};

            if (histogram_read((struct histogram *)((char *)histograms + words[i].offset), text) <
                0) {
                return;
            }
        }
    }
}

void fleet_histograms_read(struct fleet_histograms *histograms, struct span text)
{
    const struct span head = SPAN("s3;");

    if (!span_starts_with(text, head)) {
        return;
    }
    while (text.length > 0) {
        const char *end = memchr(text.at, ';', text.length);
        size_t length = end == NULL ? text.length : (size_t)(end - text.at);
        size_t used = length + (end == NULL ? 0 : 1);

        read_one(histograms, (struct span){text.at, length});
        text = (struct span){text.at + used, text.length - used};
    }
}

/* ---- fields */

static void *at(const struct row_field *field, struct pool_row *row)
{
    return (char *)row + field->offset;
}

static const void *from(const struct row_field *field, const struct pool_row *row)
{
    return (const char *)row + field->offset;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static void add(const struct row_field *field, struct pool_row *to, const struct pool_row *row)
{
    if (field->kind == ROW_FIELD_DECIMAL) {
        *(double *)at(field, to) += *(const double *)from(field, row);
    } else if (field->kind == ROW_FIELD_COUNT) {
        uint64_t *count = at(field, to);

        *count = sum(*count, *(const uint64_t *)from(field, row));
    }
}

static void subtract(const struct row_field *field, struct pool_row *to, const struct pool_row *row)
{
    if (field->kind == ROW_FIELD_DECIMAL) {
        double *rest = at(field, to);

        *rest -= *(const double *)from(field, row);
        *rest = *rest < 0 ? 0 : *rest;
    } else if (field->kind == ROW_FIELD_COUNT) {
        uint64_t *rest = at(field, to);
        uint64_t less = *(const uint64_t *)from(field, row);

        *rest = less > *rest ? 0 : *rest - less;
    }
}

static void keep_greatest(const struct row_field *field, struct pool_row *to,
                          const struct pool_row *row)
{
    bool is_greater = false;

    switch (field->kind) {
    case ROW_FIELD_TEXT:
        return;
    case ROW_FIELD_COUNT:
        is_greater = *(const uint64_t *)from(field, row) > *(const uint64_t *)from(field, to);
        break;
    case ROW_FIELD_DECIMAL:
        is_greater = *(const double *)from(field, row) > *(const double *)from(field, to);
        break;
    case ROW_FIELD_MOMENT:
        is_greater = *(const int64_t *)from(field, row) > *(const int64_t *)from(field, to);
        break;
    }
    if (is_greater) {
        memcpy(at(field, to), from(field, row), field->size);
    }
}

static void add_totals(struct pool_row *to, const struct pool_row *row)
{
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        if (fleet_folds[i] == FLEET_FOLD_TOTAL) {
            add(&pool_row_fields[i], to, row);
        }
    }
}

uint64_t fleet_errors(const struct pool_row *row)
{
    return sum(sum(row->not_executed_total, row->unknown_total), row->result_lost_total);
}

void fleet_row_subtract(struct pool_row *row, const struct pool_row *gone)
{
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        if (fleet_folds[i] == FLEET_FOLD_TOTAL) {
            subtract(&pool_row_fields[i], row, gone);
        }
    }
}

/* ---- a pool */

enum health fleet_health(uint64_t code)
{
    return code < HEALTH_COUNT ? (enum health)code : HEALTH_UNKNOWN;
}

static bool is_bad(enum health health)
{
    return health == HEALTH_DEGRADED || health_severity(health) == 2;
}

void fleet_pool_begin(struct fleet_pool *pool, const char *name)
{
    *pool = (struct fleet_pool){.worst = HEALTH_UNKNOWN};
    COPY(pool->figures.row.name, name);
}

static void add_health(struct fleet_pool *pool, const struct pool_row *row)
{
    enum health health = fleet_health(row->health_code);
    double weight = row->rps * 60 + (double)row->waiting;

    health_rollup_add(&pool->rollup, health, weight > 0 && weight < 1e15 ? (uint64_t)weight : 0);
    pool->figures.inst_bad += is_bad(health) ? 1 : 0;
    if (pool->figures.inst_live == 1 || health_is_worse(health, pool->worst)) {
        pool->worst = health;
        COPY(pool->worst_reason, row->health_reason);
    }
}

static void add_shares(struct fleet_pool *pool, const struct pool_row *row)
{
    pool->err_weight += row->err_pct * row->rps;
    pool->tool_err_weight += row->tool_err_pct * row->rps;
    pool->util_weight += row->util_pct * (double)row->cap;
}

/* ROW is the one that decides about fields of this fold, among those so far. */
static bool decides(const struct fleet_pool *pool, enum fleet_fold fold, const struct pool_row *row)
{
    const struct pool_row *so_far = &pool->figures.row;

    if (fold == FLEET_FOLD_LATEST) {
        return pool->figures.inst_live == 1 || row->updated_at_ms > pool->latest_at_ms;
    }
    if (fold == FLEET_FOLD_WORST) {
        return pool->figures.inst_live == 1 || row->breaker_code > so_far->breaker_code;
    }
    return fold == FLEET_FOLD_ERROR && row->last_err_at_ms > so_far->last_err_at_ms;
}

void fleet_pool_add_live(struct fleet_pool *pool, const struct pool_row *row)
{
    struct pool_row *to = &pool->figures.row;
    bool is_decisive[FLEET_FOLD_OWN + 1];

    pool->figures.inst_live++;
    for (int fold = 0; fold <= FLEET_FOLD_OWN; fold++) {
        is_decisive[fold] = decides(pool, (enum fleet_fold)fold, row);
    }
    for (size_t i = 0; i < POOL_FIELD_COUNT; i++) {
        const struct row_field *field = &pool_row_fields[i];

        if (fleet_folds[i] == FLEET_FOLD_SUM || fleet_folds[i] == FLEET_FOLD_TOTAL) {
            add(field, to, row);
        } else if (fleet_folds[i] == FLEET_FOLD_MAX) {
            keep_greatest(field, to, row);
        } else if (is_decisive[fleet_folds[i]]) {
            memcpy(at(field, to), from(field, row), field->size);
        }
    }
    if (is_decisive[FLEET_FOLD_LATEST]) {
        pool->latest_at_ms = row->updated_at_ms;
    }
    add_health(pool, row);
    add_shares(pool, row);
}

void fleet_pool_add_dead(struct fleet_pool *pool, const struct pool_row *row)
{
    pool->figures.inst_dead++;
    add_totals(&pool->figures.row, row);
}

void fleet_pool_add_base(struct fleet_pool *pool, const struct pool_row *base)
{
    add_totals(&pool->figures.row, base);
}

static void set_quantiles(struct pool_row *row, const struct fleet_histograms *histograms)
{
    row->lat_p50_ms = histogram_quantile_ms(&histograms->lat, 0.5);
    row->lat_p95_ms = histogram_quantile_ms(&histograms->lat, 0.95);
    row->lat_p99_ms = histogram_quantile_ms(&histograms->lat, 0.99);
    row->wait_p50_ms = histogram_quantile_ms(&histograms->wait, 0.5);
    row->wait_p95_ms = histogram_quantile_ms(&histograms->wait, 0.95);
    row->wait_p99_ms = histogram_quantile_ms(&histograms->wait, 0.99);
    row->create_p95_ms = histogram_quantile_ms(&histograms->create, 0.95);
}

static double share(double weighted, double weight)
{
    return weight > 0 ? weighted / weight : 0;
}

static int64_t since(struct fleet_before before, enum health health, int64_t now_ms)
{
    bool is_same = before.health_code == (uint64_t)health && before.health_since_at_ms > 0 &&
                   before.health_since_at_ms <= now_ms;

    return is_same ? before.health_since_at_ms : now_ms;
}

static void set_health(struct pool_row *row, enum health health, const char *reason)
{
    row->health_code = (uint64_t)health;
    COPY(row->health, health_name(health));
    COPY(row->health_reason, reason);
}

void fleet_pool_end(struct fleet_pool *pool, struct fleet_before before, int64_t now_ms)
{
    struct pool_row *row = &pool->figures.row;
    enum health health = health_rollup_fleet(&pool->rollup);

    set_quantiles(row, &pool->histograms);
    row->err_pct = share(pool->err_weight, row->rps);
    row->tool_err_pct = share(pool->tool_err_weight, row->rps);
    row->util_pct = share(pool->util_weight, (double)row->cap);
    if (pool->figures.inst_live == 0) {
        set_health(row, HEALTH_UNKNOWN, "no_broker");
    } else {
        set_health(row, health, health == HEALTH_HEALTHY ? "" : pool->worst_reason);
    }
    row->health_since_at_ms = since(before, fleet_health(row->health_code), now_ms);
}

bool fleet_figures_is_before(const struct fleet_figures *a, const struct fleet_figures *b)
{
    enum health one = fleet_health(a->row.health_code);
    enum health other = fleet_health(b->row.health_code);

    if (one != other) {
        return health_is_worse(one, other);
    }
    return strcmp(a->row.name, b->row.name) < 0;
}

/* ---- the fleet */

void fleet_begin(struct fleet *fleet)
{
    *fleet = (struct fleet){.worst = HEALTH_UNKNOWN};
    fleet_pool_begin(&fleet->all, "_fleet");
}

void fleet_add_pool(struct fleet *fleet, const struct fleet_pool *pool)
{
    const struct pool_row *row = &pool->figures.row;
    enum health health = fleet_health(row->health_code);

    fleet->row.pools++;
    fleet->row.pools_bad += is_bad(health) ? 1 : 0;
    fleet->row.breakers_open += row->breaker_code > 0 ? 1 : 0;
    if (is_bad(health) && health_is_worse(health, fleet->worst)) {
        fleet->worst = health;
        COPY(fleet->row.health_reason, row->name);
    }
    health_rollup_add(&fleet->rollup, health, 0);
    fleet_pool_add_live(&fleet->all, row);
    histogram_merge(&fleet->all.histograms.lat, &pool->histograms.lat);
    histogram_merge(&fleet->all.histograms.wait, &pool->histograms.wait);
    histogram_merge(&fleet->all.histograms.create, &pool->histograms.create);
}

void fleet_add_live(struct fleet *fleet, const struct instance_row *row)
{
    fleet->row.inst_live++;
    fleet->row.inst_bad += is_bad(fleet_health(row->health_code)) ? 1 : 0;
    fleet->row.providers = sum(fleet->row.providers, row->providers);
}

void fleet_add_dead(struct fleet *fleet)
{
    fleet->row.inst_dead++;
}

/* Of the pools together. */
static void set_sums(struct fleet_row *row, const struct pool_row *all)
{
    double lists = (double)all->cache_hit_total + (double)all->cache_miss_total;

    row->s_active = all->s_active;
    row->s_idle = all->s_idle;
    row->s_total = all->s_total;
    row->s_cap = all->cap;
    row->waiting = all->waiting;
    row->maxwait_ms = all->maxwait_ms;
    row->inflight = all->inflight;
    row->calls_total = all->calls_total;
    row->ok_total = all->ok_total;
    row->tool_err_total = all->tool_err_total;
    row->rpc_err_total = all->rpc_err_total;
    row->cancelled_total = all->cancelled_total;
    row->err_total = fleet_errors(all);
    row->rps = all->rps;
    row->err_pct = all->err_pct;
    row->tool_err_pct = all->tool_err_pct;
    row->lat_p50_ms = all->lat_p50_ms;
    row->lat_p95_ms = all->lat_p95_ms;
    row->lat_p99_ms = all->lat_p99_ms;
    row->cache_hit_pct = share(100 * (double)all->cache_hit_total, lists);
}

void fleet_end(struct fleet *fleet, struct fleet_before before, int64_t now_ms)
{
    enum health health = health_rollup_worst(&fleet->rollup);

    fleet_pool_end(&fleet->all, before, now_ms);
    /* A pool may be little used and yet be the one that somebody needs: the worst decides. */
    set_health(&fleet->all.figures.row, health, fleet->row.health_reason);
    set_sums(&fleet->row, &fleet->all.figures.row);
    COPY(fleet->row.health, health_name(health));
    fleet->row.health_code = (uint64_t)health;
    fleet->row.health_since_at_ms = since(before, health, now_ms);
}
