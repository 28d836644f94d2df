/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_fold.h"

#include "client-lib/fleet/fleet_view.h"

/* No count comes near; a row that says so was not written by a broker. */
#define COUNT_MAXIMUM 9e18

enum fold {
    FOLD_SUM,
    FOLD_TOTAL,
    FOLD_MAX,
    FOLD_LATEST,
    FOLD_WORST,
    FOLD_ERROR,
    FOLD_MERGED,
    FOLD_WINDOW,
    FOLD_OWN
};

static const enum fold folds[] = {
#define POOL_TEXT(name, size, fold) FOLD_##fold,
#define POOL_COUNT(name, fold) FOLD_##fold,
#define POOL_DECIMAL(name, fold) FOLD_##fold,
#define POOL_MOMENT(name, fold) FOLD_##fold,
#include "proto/redis/pool_fields.def"
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
};

/* The rows of one pool that count: those of brokers that live. */
struct rows {
    const struct fleet_pool_row *at[FLEET_BROKERS_MAXIMUM];
    size_t count;
    size_t latest; /* of `at`: written last */
    size_t worst;
    size_t failed; /* last */
};

/* ---- one field of several rows */

static void copy_field(struct fleet_pool_row *to, const struct fleet_pool_row *from, size_t field)
{
    const struct fleet_field *what = &fleet_pool_shape.fields[field];
    size_t size = what->kind == FLEET_KIND_TEXT ? what->size : sizeof(uint64_t);

    _Static_assert(sizeof(double) == sizeof(uint64_t), "all numbers have one size");
    if (fleet_knows(&from->row, field)) {
        memcpy((char *)to + what->offset, (const char *)from + what->offset, size);
        fleet_set_known(&to->row, field);
    }
}

static void set_number(struct fleet_pool_row *to, size_t field, double value)
{
    const struct fleet_field *what = &fleet_pool_shape.fields[field];
    char *place = (char *)to + what->offset;

    if (what->kind == FLEET_KIND_DECIMAL) {
        *(double *)(void *)place = value;
    } else if (what->kind == FLEET_KIND_COUNT) {
        *(uint64_t *)(void *)place = (uint64_t)value;
    } else if (what->kind == FLEET_KIND_MOMENT) {
        *(int64_t *)(void *)place = (int64_t)value;
    }
    fleet_set_known(&to->row, field);
}

static double number(const struct fleet_pool_row *row, size_t field)
{
    return fleet_row_number(&fleet_pool_shape, &row->row, field);
}

static void add_up(struct fleet_pool_row *to, const struct rows *rows, size_t field)
{
    double sum = 0;
    bool is_known = false;

    for (size_t i = 0; i < rows->count; i++) {
        is_known = is_known || fleet_knows(&rows->at[i]->row, field);
        sum += number(rows->at[i], field);
    }
    if (is_known && sum < COUNT_MAXIMUM) {
        set_number(to, field, sum);
    }
}

static void take_greatest(struct fleet_pool_row *to, const struct rows *rows, size_t field)
{
    size_t greatest = 0;

    for (size_t i = 1; i < rows->count; i++) {
        greatest = number(rows->at[i], field) > number(rows->at[greatest], field) ? i : greatest;
    }
    copy_field(to, rows->at[greatest], field);
}

/* Shares of calls by the calls a second, those of places by the places. */
static void weigh(struct fleet_pool_row *to, const struct rows *rows, size_t field)
{
    size_t weight = field == FLEET_POOL_util_pct ? FLEET_POOL_cap : FLEET_POOL_rps;
    double all = 0;
    double sum = 0;

    for (size_t i = 0; i < rows->count; i++) {
        all += number(rows->at[i], weight);
        sum += number(rows->at[i], weight) * number(rows->at[i], field);
    }
    set_number(to, field, all > 0 ? sum / all : 0);
}

static void fold_own(struct fleet_pool_row *to, const struct rows *rows, size_t field)
{
    if (field == FLEET_POOL_updated_at_ms) {
        copy_field(to, rows->at[rows->latest], field);
    } else if (field != FLEET_POOL_seq) {
        copy_field(to, rows->at[rows->worst], field);
    }
}

static void fold_field(struct fleet_pool_row *to, const struct rows *rows, size_t field)
{
    switch (folds[field]) {
    case FOLD_SUM:
    case FOLD_TOTAL:
        add_up(to, rows, field);
        break;
    case FOLD_MAX:
        take_greatest(to, rows, field);
        break;
    case FOLD_LATEST:
        copy_field(to, rows->at[rows->latest], field);
        break;
    case FOLD_WORST:
        copy_field(to, rows->at[rows->worst], field);
        break;
    case FOLD_ERROR:
        copy_field(to, rows->at[rows->failed], field);
        break;
    case FOLD_MERGED:
        if (rows->count == 1) {
            copy_field(to, rows->at[0], field);
        }
        break;
    case FOLD_WINDOW:
        weigh(to, rows, field);
        break;
    case FOLD_OWN:
        fold_own(to, rows, field);
        break;
    }
}

/* ---- one pool */

static void collect(const struct fleet_view *view, struct fleet_pool *pool, struct rows *rows)
{
    *rows = (struct rows){0};
    for (size_t i = 0; i < pool->member_count; i++) {
        const struct fleet_member *member = &view->members[pool->first_member + i];
        const struct fleet_pool_row *row = &member->figures;
        unsigned severity = fleet_pool_severity(row);

        if (!view->brokers[member->broker].is_live) {
            pool->inst_dead++;
            continue;
        }
        pool->inst_live++;
        pool->inst_bad += severity >= 3;
        if (member->is_stale || rows->count == FLEET_BROKERS_MAXIMUM) {
            continue;
        }
        rows->at[rows->count] = row;
        if (row->updated_at_ms > rows->at[rows->latest]->updated_at_ms) {
            rows->latest = rows->count;
        }
        if (severity > fleet_pool_severity(rows->at[rows->worst])) {
            rows->worst = rows->count;
        }
        if (row->last_err_at_ms > rows->at[rows->failed]->last_err_at_ms) {
            rows->failed = rows->count;
        }
        rows->count++;
    }
}

static void fold_pool(const struct fleet_view *view, struct fleet_pool *pool)
{
    struct rows rows;

    collect(view, pool, &rows);
    pool->is_stale = !fleet_knows(&pool->figures.row, FLEET_POOL_updated_at_ms) ||
                     fleet_view_is_old(view, pool->figures.updated_at_ms, FLEET_ROLLUP_OLD_MS);
    if (pool->is_stale && rows.count > 0) {
        pool->rollup = FLEET_ROLLUP_READER;
        pool->figures = (struct fleet_pool_row){0};
        for (size_t i = 0; i < fleet_pool_shape.count; i++) {
            fold_field(&pool->figures, &rows, i);
        }
        if (view->source == FLEET_SOURCE_BROKER) {
            pool->rollup = FLEET_ROLLUP_BROKER;
            pool->is_stale = false;
        }
    }
}

/* ---- the whole */

static double sum_of(const struct fleet_view *view, size_t field)
{
    double sum = 0;

    for (size_t i = 0; i < view->pool_count; i++) {
        sum += number(&view->pools[i].figures, field);
    }
    return sum;
}

/* Fields of `fleet` that are the sums of a field of the pools. */
static const struct {
    enum fleet_whole_field to;
    enum fleet_pool_field from;
} sums[] = {
    {FLEET_WHOLE_s_active, FLEET_POOL_s_active},
    {FLEET_WHOLE_s_idle, FLEET_POOL_s_idle},
    {FLEET_WHOLE_s_total, FLEET_POOL_s_total},
    {FLEET_WHOLE_s_cap, FLEET_POOL_cap},
    {FLEET_WHOLE_waiting, FLEET_POOL_waiting},
    {FLEET_WHOLE_inflight, FLEET_POOL_inflight},
    {FLEET_WHOLE_calls_total, FLEET_POOL_calls_total},
    {FLEET_WHOLE_ok_total, FLEET_POOL_ok_total},
    {FLEET_WHOLE_tool_err_total, FLEET_POOL_tool_err_total},
    {FLEET_WHOLE_rpc_err_total, FLEET_POOL_rpc_err_total},
    {FLEET_WHOLE_cancelled_total, FLEET_POOL_cancelled_total},
};

/* FIELD is a count. */
static void set_count(struct fleet_whole_row *whole, enum fleet_whole_field field, double sum)
{
    if (sum < COUNT_MAXIMUM) {
        char *place = (char *)whole + fleet_whole_shape.fields[field].offset;

        *(uint64_t *)(void *)place = (uint64_t)sum;
        fleet_set_known(&whole->row, field);
    }
}

static void fold_sums(const struct fleet_view *view, struct fleet_whole_row *whole)
{
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        set_count(whole, sums[i].to, sum_of(view, sums[i].from));
    }
    set_count(whole, FLEET_WHOLE_err_total,
              sum_of(view, FLEET_POOL_not_executed_total) + sum_of(view, FLEET_POOL_unknown_total) +
                  sum_of(view, FLEET_POOL_result_lost_total));
    whole->rps = sum_of(view, FLEET_POOL_rps);
    fleet_set_known(&whole->row, FLEET_WHOLE_rps);
}

static void fold_shares(const struct fleet_view *view, struct fleet_whole_row *whole)
{
    double err = 0;
    double tool_err = 0;

    for (size_t i = 0; i < view->pool_count; i++) {
        const struct fleet_pool_row *row = &view->pools[i].figures;

        err += row->rps * row->err_pct;
        tool_err += row->rps * row->tool_err_pct;
        if (row->maxwait_ms > whole->maxwait_ms) {
            whole->maxwait_ms = row->maxwait_ms;
        }
    }
    whole->err_pct = whole->rps > 0 ? err / whole->rps : 0;
    whole->tool_err_pct = whole->rps > 0 ? tool_err / whole->rps : 0;
    fleet_set_known(&whole->row, FLEET_WHOLE_err_pct);
    fleet_set_known(&whole->row, FLEET_WHOLE_tool_err_pct);
    fleet_set_known(&whole->row, FLEET_WHOLE_maxwait_ms);
}

/* The health of the whole is that of its worst pool, and the reason its name. */
static void fold_health(const struct fleet_view *view, struct fleet_whole_row *whole)
{
    const struct fleet_pool *worst = NULL;

    for (size_t i = 0; i < view->pool_count; i++) {
        const struct fleet_pool *pool = &view->pools[i];
        unsigned severity = fleet_pool_severity(&pool->figures);

        whole->pools++;
        whole->pools_bad += severity >= 3;
        whole->breakers_open += pool->figures.breaker_code > 0;
        if (worst == NULL || severity > fleet_pool_severity(&worst->figures)) {
            worst = pool;
        }
    }
    fleet_set_known(&whole->row, FLEET_WHOLE_pools);
    fleet_set_known(&whole->row, FLEET_WHOLE_pools_bad);
    fleet_set_known(&whole->row, FLEET_WHOLE_breakers_open);
    if (worst == NULL || !fleet_knows(&worst->figures.row, FLEET_POOL_health_code)) {
        return;
    }
    (void)fleet_clean(whole->health, sizeof(whole->health), span_of(worst->figures.health));
    whole->health_code = worst->figures.health_code;
    whole->health_since_at_ms = worst->figures.health_since_at_ms;
    fleet_set_known(&whole->row, FLEET_WHOLE_health);
    fleet_set_known(&whole->row, FLEET_WHOLE_health_code);
    fleet_set_known(&whole->row, FLEET_WHOLE_health_since_at_ms);
    if (fleet_pool_severity(&worst->figures) > 0) {
        (void)fleet_clean(whole->health_reason, sizeof(whole->health_reason), span_of(worst->pool));
        fleet_set_known(&whole->row, FLEET_WHOLE_health_reason);
    }
}

static void fold_brokers(const struct fleet_view *view, struct fleet_whole_row *whole)
{
    for (size_t i = 0; i < view->broker_count; i++) {
        const struct fleet_broker *broker = &view->brokers[i];
        const struct fleet_instance_row *row = &broker->figures;

        if (!broker->is_live) {
            whole->inst_dead++;
            continue;
        }
        whole->inst_live++;
        whole->inst_bad +=
            fleet_severity(&row->row, FLEET_INSTANCE_health_code, row->health_code) >= 3;
        whole->providers += row->providers;
    }
    fleet_set_known(&whole->row, FLEET_WHOLE_inst_live);
    fleet_set_known(&whole->row, FLEET_WHOLE_inst_dead);
    fleet_set_known(&whole->row, FLEET_WHOLE_inst_bad);
    fleet_set_known(&whole->row, FLEET_WHOLE_providers);
}

void fleet_fold(struct fleet_view *view)
{
    for (size_t i = 0; i < view->pool_count; i++) {
        fold_pool(view, &view->pools[i]);
    }
    view->is_stale = !fleet_knows(&view->figures.row, FLEET_WHOLE_updated_at_ms) ||
                     fleet_view_is_old(view, view->figures.updated_at_ms, FLEET_ROLLUP_OLD_MS);
    if (view->is_stale && view->broker_count > 0) {
        view->rollup = FLEET_ROLLUP_READER;
        view->figures = (struct fleet_whole_row){0};
        fold_brokers(view, &view->figures);
        fold_sums(view, &view->figures);
        fold_shares(view, &view->figures);
        fold_health(view, &view->figures);
        view->figures.updated_at_ms = view->at_ms;
        fleet_set_known(&view->figures.row, FLEET_WHOLE_updated_at_ms);
        if (view->source == FLEET_SOURCE_BROKER) {
            view->rollup = FLEET_ROLLUP_BROKER;
            view->is_stale = false;
        }
    }
}
