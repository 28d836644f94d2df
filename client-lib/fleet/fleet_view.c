/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_view.h"

#include <stdlib.h>

#include "client-lib/fleet/fleet_fold.h"
#include "proto/base/mem.h"
#include "proto/redis_key.h"

/* Rows grow by so many at once. */
enum { STEP = 32, TICKS_OF_A_STALE_ROW = 3 };

void fleet_view_init(struct fleet_view *view, const char *namespace, enum fleet_source source)
{
    *view = (struct fleet_view){
        .source = source, .tick_ms = FLEET_TICK_MS, .dead_ms = redis_key_dead_ms(FLEET_TICK_MS)};
    (void)fleet_clean(view->namespace, sizeof(view->namespace), span_of(namespace));
}

void fleet_view_done(struct fleet_view *view)
{
    mem_free(view->pools);
    mem_free(view->members);
    mem_free(view->brokers);
    mem_free(view->events);
    mem_free(view->sessions);
    mem_free(view->clients);
    *view = (struct fleet_view){0};
}

void fleet_view_follow(struct fleet_view *view, struct fleet_view *newer)
{
    if (newer->at_ms != 0) {
        fleet_view_done(view);
        *view = *newer;
        *newer = (struct fleet_view){0};
        return;
    }
    view->redis_state = newer->redis_state;
    view->age_ms = newer->age_ms;
    memcpy(view->why, newer->why, sizeof(view->why));
    fleet_view_done(newer);
}

/* ---- rows */

/* ROWS of SIZE each, COUNT of them: place for one more, zeroed.  NULL: MOST, or no memory. */
static void *add_row(void **rows, size_t *count, size_t size, size_t most)
{
    char *row;

    if (*count >= most) {
        return NULL;
    }
    if (*count % STEP == 0) {
        void *grown = mem_resize(*rows, (*count + STEP) * size);

        if (grown == NULL) {
            return NULL;
        }
        *rows = grown;
    }
    row = (char *)*rows + *count * size;
    memset(row, 0, size);
    (*count)++;
    return row;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): members have no parentheses */
#define ADD_ROW(view, name, most)                                                                  \
    void *rows = (view)->name##s;                                                                  \
    struct fleet_##name *added = add_row(&rows, &(view)->name##_count, sizeof(*added), most);      \
    (view)->name##s = rows;                                                                        \
    (view)->is_truncated = (view)->is_truncated || added == NULL
/* NOLINTEND(bugprone-macro-parentheses) */

struct fleet_pool *fleet_view_add_pool(struct fleet_view *view, struct span name)
{
    ADD_ROW(view, pool, FLEET_POOLS_MAXIMUM);
    if (added != NULL) {
        (void)fleet_clean(added->pool, sizeof(added->pool), name);
    }
    return added;
}

struct fleet_broker *fleet_view_add_broker(struct fleet_view *view, struct span inst)
{
    ADD_ROW(view, broker, FLEET_BROKERS_MAXIMUM);
    if (added != NULL) {
        (void)fleet_clean(added->inst, sizeof(added->inst), inst);
    }
    return added;
}

struct fleet_member *fleet_view_add_member(struct fleet_view *view)
{
    ADD_ROW(view, member, FLEET_MEMBERS_MAXIMUM);
    return added;
}

struct fleet_event *fleet_view_add_event(struct fleet_view *view)
{
    ADD_ROW(view, event, FLEET_EVENTS_MAXIMUM);
    return added;
}

struct fleet_session *fleet_view_add_session(struct fleet_view *view)
{
    /* Of all brokers together; a table of one has FLEET_SESSIONS_MAXIMUM. */
    ADD_ROW(view, session, 4 * FLEET_SESSIONS_MAXIMUM);
    return added;
}

struct fleet_client *fleet_view_add_client(struct fleet_view *view)
{
    ADD_ROW(view, client, FLEET_CLIENTS_MAXIMUM);
    return added;
}

/* ---- names */

static bool is_made_of(struct span name, const char *letters, size_t most)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.at[i] == '\0' || strchr(letters, name.at[i]) == NULL) {
            return false;
        }
    }
    return name.length >= 1 && name.length <= most;
}

bool fleet_is_pool_name(struct span name)
{
    return is_made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789_-", FLEET_POOL_SIZE - 1) &&
           name.at[0] >= 'a' && name.at[0] <= 'z';
}

bool fleet_is_instance_name(struct span name)
{
    return is_made_of(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
                      FLEET_INSTANCE_SIZE - 1);
}

const char *fleet_redis_state_name(enum fleet_redis_state state)
{
    static const char *const names[] = {[FLEET_REDIS_UP] = "up",
                                        [FLEET_REDIS_DOWN] = "down",
                                        [FLEET_REDIS_DENIED] = "denied",
                                        [FLEET_REDIS_EMPTY] = "empty"};

    return names[state];
}

const char *fleet_rollup_name(enum fleet_rollup rollup)
{
    static const char *const names[] = {[FLEET_ROLLUP_NONE] = "none",
                                        [FLEET_ROLLUP_REPORTER] = "reporter",
                                        [FLEET_ROLLUP_BROKER] = "broker",
                                        [FLEET_ROLLUP_READER] = "reader"};

    return names[rollup];
}

/* ---- age */

bool fleet_view_is_old(const struct fleet_view *view, int64_t at_ms, int64_t limit_ms)
{
    /* Unsigned: AT_MS is anything that Redis holds. */
    uint64_t distance = at_ms > view->at_ms ? (uint64_t)at_ms - (uint64_t)view->at_ms
                                            : (uint64_t)view->at_ms - (uint64_t)at_ms;

    return distance > (uint64_t)limit_ms;
}

static void judge_ages(struct fleet_view *view)
{
    int64_t row_ms = TICKS_OF_A_STALE_ROW * view->tick_ms;

    for (size_t i = 0; i < view->broker_count; i++) {
        struct fleet_broker *broker = &view->brokers[i];

        broker->is_live = broker->has_heartbeat && broker->hb_age_ms <= view->dead_ms &&
                          broker->hb_age_ms >= -view->dead_ms;
        broker->is_stale = fleet_view_is_old(view, broker->figures.hb_at_ms, row_ms);
    }
    for (size_t i = 0; i < view->member_count; i++) {
        struct fleet_member *member = &view->members[i];

        member->is_stale = fleet_view_is_old(view, member->figures.updated_at_ms, row_ms);
    }
}

/* ---- order */

unsigned fleet_severity(const struct fleet_row *row, size_t code_field, uint64_t code)
{
    static const unsigned severities[] = {0, 3, 4, 5, 1, 2};
    enum { UNKNOWN = 2 };

    if (!fleet_knows(row, code_field) || code >= sizeof(severities) / sizeof(severities[0])) {
        return UNKNOWN;
    }
    return severities[code];
}

unsigned fleet_pool_severity(const struct fleet_pool_row *figures)
{
    return fleet_severity(&figures->row, FLEET_POOL_health_code, figures->health_code);
}

static int compare_pools(const void *a, const void *b)
{
    const struct fleet_pool *one = a;
    const struct fleet_pool *other = b;
    unsigned one_severity = fleet_pool_severity(&one->figures);
    unsigned other_severity = fleet_pool_severity(&other->figures);

    if (one_severity != other_severity) {
        return one_severity > other_severity ? -1 : 1;
    }
    if (one->figures.waiting != other->figures.waiting) {
        return one->figures.waiting > other->figures.waiting ? -1 : 1;
    }
    return strcmp(one->pool, other->pool);
}

/* Live ones first, then as the names are. */
static int compare_brokers(const struct fleet_view *view, size_t a, size_t b)
{
    const struct fleet_broker *one = &view->brokers[a];
    const struct fleet_broker *other = &view->brokers[b];

    if (one->is_live != other->is_live) {
        return one->is_live ? -1 : 1;
    }
    return strcmp(one->inst, other->inst);
}

/* Members name brokers by their place, so these are moved one by one; they are few. */
static void swap_brokers(struct fleet_view *view, size_t a, size_t b)
{
    struct fleet_broker kept = view->brokers[a];

    view->brokers[a] = view->brokers[b];
    view->brokers[b] = kept;
    for (size_t i = 0; i < view->member_count; i++) {
        struct fleet_member *member = &view->members[i];

        member->broker = member->broker == a ? b : member->broker == b ? a : member->broker;
    }
}

static void sort_brokers(struct fleet_view *view)
{
    for (size_t i = 0; i + 1 < view->broker_count; i++) {
        size_t first = i;

        for (size_t j = i + 1; j < view->broker_count; j++) {
            first = compare_brokers(view, j, first) < 0 ? j : first;
        }
        if (first != i) {
            swap_brokers(view, i, first);
        }
    }
}

/* Pool by pool, and in each as the brokers are. */
static int compare_members(const void *a, const void *b)
{
    const struct fleet_member *one = a;
    const struct fleet_member *other = b;

    if (one->pool != other->pool) {
        return one->pool < other->pool ? -1 : 1;
    }
    return one->broker < other->broker ? -1 : one->broker > other->broker;
}

static void find_members(struct fleet_view *view)
{
    if (view->member_count > 1) {
        qsort(view->members, view->member_count, sizeof(view->members[0]), compare_members);
    }
    for (size_t i = 0; i < view->member_count; i++) {
        struct fleet_pool *pool = &view->pools[view->members[i].pool];

        if (pool->member_count++ == 0) {
            pool->first_member = i;
        }
    }
}

/* Places in view->pools are new after this; the pools know their members. */
static void sort_pools(struct fleet_view *view)
{
    if (view->pool_count > 1) {
        qsort(view->pools, view->pool_count, sizeof(view->pools[0]), compare_pools);
    }
    for (size_t i = 0; i < view->pool_count; i++) {
        for (size_t j = 0; j < view->pools[i].member_count; j++) {
            view->members[view->pools[i].first_member + j].pool = i;
        }
    }
}

void fleet_view_settle(struct fleet_view *view)
{
    judge_ages(view);
    sort_brokers(view);
    find_members(view);
    fleet_fold(view);
    sort_pools(view);
}
