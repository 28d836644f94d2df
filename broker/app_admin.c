/* SPDX-License-Identifier: MIT */
/* What admin.sock shows and does.  Tables are arrays of flat objects, so that any reader can
   print them; figures of pools are those of the Redis rows (proto/REDIS.md). */
#include <errno.h>
#include <stdio.h>

#include "broker/app_priv.h"
#include "broker/ledger/ledger_answer.h"
#include "broker/routing/journal.h"
#include "broker/runtime/clock.h"
#include "proto/base/mem.h"

static void add_number(cJSON *object, const char *name, double number)
{
    (void)cJSON_AddNumberToObject(object, name, number);
}

static void add_text(cJSON *object, const char *name, const char *text)
{
    (void)cJSON_AddStringToObject(object, name, text == NULL ? "-" : text);
}

/* A moment of the monotonic clock on the wall's; 0, never, stays 0. */
static int64_t wall_of(const struct app *app, int64_t at_ms)
{
    return at_ms == 0 ? 0 : at_ms - app->started_ms + app->started_wall_ms;
}

/* {"NAME": []} with the array in *RET_ROWS. */
static cJSON *table(const char *name, cJSON **ret_rows)
{
    cJSON *object = cJSON_CreateObject();

    *ret_rows = cJSON_AddArrayToObject(object, name);
    return object;
}

static cJSON *add_row(cJSON *rows)
{
    cJSON *row = cJSON_CreateObject();

    (void)cJSON_AddItemToArray(rows, row);
    return row;
}

static cJSON *show_pools(void *owner)
{
    struct app *app = owner;
    struct snapshot snapshot;
    cJSON *rows;
    cJSON *object = table("pools", &rows);

    snapshot_init(&snapshot);
    app_take_snapshot(app, &snapshot);
    for (size_t i = 0; i < snapshot.pool_count; i++) {
        const struct pool_row *pool = &snapshot.pools[i];
        struct route *route = router_find(app->router, span_of(pool->name));
        const struct transport_end *last =
            route == NULL ? NULL : pool_last_failure(route_pool(route));
        cJSON *row = add_row(rows);

        add_text(row, "name", pool->name);
#define POOL_TEXT(name, size, fold) add_text(row, #name, pool->name);
#define POOL_COUNT(name, fold) add_number(row, #name, (double)pool->name);
#define POOL_DECIMAL(name, fold) add_number(row, #name, pool->name);
#define POOL_MOMENT(name, fold) add_number(row, #name, (double)wall_of(app, pool->name));
#include "proto/redis/pool_fields.def"
#undef POOL_TEXT
#undef POOL_COUNT
#undef POOL_DECIMAL
#undef POOL_MOMENT
        add_text(row, "last_error", last == NULL ? "-" : last->detail);
    }
    snapshot_done(&snapshot);
    return object;
}

static void add_sessions(void *owner, struct route *route)
{
    cJSON *rows = owner;
    struct pool *pool = route_pool(route);

    LIST_FOREACH (node, pool_sessions(pool)) {
        const struct session *session = LIST_ITEM(node, struct session, in_pool);
        int64_t now_ms = clock_now_ms();
        cJSON *row = add_row(rows);

        add_text(row, "pool", pool_name(pool));
        add_text(row, "session", session->name);
        add_text(row, "state", session_state_name(session->state));
        add_number(row, "inflight", (double)session_calls(session));
        add_number(row, "age_ms", (double)(now_ms - session->opened_at_ms));
        add_number(row, "idle_ms",
                   session->used_at_ms == 0 ? 0 : (double)(now_ms - session->used_at_ms));
        add_number(row, "calls_total", (double)session->calls_total);
        add_text(row, "proto", session->protocol);
    }
}

static cJSON *show_sessions(void *owner)
{
    struct app *app = owner;
    cJSON *rows;
    cJSON *object = table("sessions", &rows);

    router_each(app->router, add_sessions, rows);
    return object;
}

/* The first reason of possibly several. */
static const char *hold_name(const struct channel *channel)
{
    if ((channel->holds & CHANNEL_HOLD_MEMORY) != 0) {
        return "memory";
    }
    if ((channel->holds & CHANNEL_HOLD_OUTPUT) != 0) {
        return "output";
    }
    return (channel->holds & CHANNEL_HOLD_REQUESTS) != 0 ? "requests" : "-";
}

static cJSON *show_clients(void *owner)
{
    static const char *const eras[] = {"-", "legacy", "modern"};
    struct app *app = owner;
    cJSON *rows;
    cJSON *object = table("clients", &rows);

    LIST_FOREACH (node, &app->clients.all) {
        const struct client *client = LIST_ITEM(node, struct client, in_clients);
        const struct requester *requester = &client->requester;
        cJSON *row = add_row(rows);

        add_number(row, "client", (double)client->number);
        add_text(row, "pool", requester->route_name[0] == '\0' ? "-" : requester->route_name);
        add_text(row, "era", eras[requester->era]);
        add_text(row, "name", requester->name[0] == '\0' ? "-" : requester->name);
        add_number(row, "uid", client->channel.peer.uid);
        add_number(row, "pid", client->channel.pid);
        add_number(row, "inflight", (double)requester_waiting(requester));
        add_number(row, "queued_bytes", (double)channel_unread(&client->channel));
        add_text(row, "held", hold_name(&client->channel));
        add_number(row, "age_ms", (double)(clock_now_ms() - client->accepted_at_ms));
        add_number(row, "calls_total", (double)requester->calls_total);
    }
    return object;
}

static double ms_of(int64_t us)
{
    return (double)us / 1000;
}

/* From the beginning on; 0: it did not come to that. */
static void add_moment(cJSON *row, const char *name, const struct timeline *timeline,
                       int64_t moment_us)
{
    add_number(row, name, moment_us == 0 ? 0 : ms_of(moment_us - timeline->begun_us));
}

static void add_moments(cJSON *row, const struct timeline *timeline)
{
    add_moment(row, "wait_ms", timeline, timeline->session_us);
    add_moment(row, "sent_ms", timeline, timeline->sent_us);
    add_moment(row, "accepted_ms", timeline, timeline->accepted_us);
    add_moment(row, "first_ms", timeline, timeline->first_us);
    add_moment(row, "total_ms", timeline, timeline->done_us);
}

static const char *or_dash(const char *text)
{
    return text == NULL || text[0] == '\0' ? "-" : text;
}

static void add_call(const struct app *app, cJSON *rows, const struct journal_entry *entry)
{
    const struct timeline *timeline = &entry->timeline;
    bool has_failed = timeline->failure != FAILURE_NONE;
    cJSON *row = add_row(rows);

    add_number(row, "at_ms", (double)wall_of(app, timeline->begun_us / 1000));
    add_number(row, "age_ms", (double)(clock_now_ms() - timeline->begun_us / 1000));
    add_text(row, "call", or_dash(timeline->call));
    add_text(row, "pool", entry->pool);
    add_number(row, "client", (double)timeline->client);
    add_text(row, "session", or_dash(timeline->session));
    add_text(row, "method", or_dash(mcp_method_name(timeline->method)));
    add_text(row, "tool", or_dash(timeline->tool));
    add_text(row, "outcome", call_result_name(timeline->result));
    add_text(row, "class", or_dash(entry->error_class));
    add_text(row, "reason", has_failed ? failure_reason(timeline->failure) : "-");
    add_number(row, "rpc_code", (double)timeline->rpc_code);
    add_number(row, "attempts", timeline->attempts);
    add_moments(row, timeline);
    add_text(row, "trace", or_dash(timeline->trace));
}

static cJSON *show_calls(void *owner, const struct admin_calls *which)
{
    struct app *app = owner;
    const struct journal *journal = router_journal(app->router);
    const struct journal_entry *entry;
    size_t shown = 0;
    cJSON *rows;
    cJSON *object = table("calls", &rows);

    for (size_t i = 0; shown < which->limit; i++) {
        entry = which->only_failed ? journal_failed(journal, i) : journal_recent(journal, i);
        if (entry == NULL) {
            break;
        }
        if (which->pool[0] == '\0' || strcmp(which->pool, entry->pool) == 0) {
            add_call(app, rows, entry);
            shown++;
        }
    }
    return object;
}

static cJSON *show_errors(void *owner)
{
    struct app *app = owner;
    const struct incident *incident;
    cJSON *rows;
    cJSON *object = table("errors", &rows);

    for (size_t i = 0; (incident = incidents_at(&app->incidents, i)) != NULL; i++) {
        cJSON *row = add_row(rows);

        add_number(row, "at_ms", (double)incident->wall_ms);
        add_number(row, "age_ms", (double)(clock_wall_ms() - incident->wall_ms));
        add_text(row, "pool", incident->pool);
        add_text(row, "what", incident->type);
        add_text(row, "class", incident->error_class);
        add_text(row, "detail", incident->text);
        add_number(row, "n", (double)incident->n);
    }
    return object;
}

static cJSON *show_stats(void *owner)
{
    struct app *app = owner;
    struct snapshot snapshot;
    cJSON *object = cJSON_CreateObject();
    const struct instance_row *instance;

    snapshot_init(&snapshot);
    app_take_snapshot(app, &snapshot);
    redis_publisher_fill(app->publisher, &snapshot.instance);
    instance = &snapshot.instance;
#define INSTANCE_TEXT(name, size) add_text(object, #name, instance->name);
#define INSTANCE_COUNT(name) add_number(object, #name, (double)instance->name);
#define INSTANCE_DECIMAL(name) add_number(object, #name, instance->name);
#define INSTANCE_MOMENT(name) add_number(object, #name, (double)wall_of(app, instance->name));
#include "proto/redis/instance_fields.def"
#undef INSTANCE_TEXT
#undef INSTANCE_COUNT
#undef INSTANCE_DECIMAL
#undef INSTANCE_MOMENT
    snapshot_done(&snapshot);
    add_number(object, "ledger_live", (double)ledger_live(app->ledger));
    add_number(object, "ledger_total", (double)ledger_total(app->ledger));
    return object;
}

static void show_config(void *owner, struct bytes *out)
{
    struct app *app = owner;

    config_describe(app->config, out);
}

static const char *ask_outcome(void *owner, struct span call, uid_t asker, struct bytes *out)
{
    struct app *app = owner;

    return ledger_answer(app->ledger, call, asker, out) < 0 ? ledger_answer_usage : NULL;
}

/* A flush of a visitor to admin.sock; freed when it has been told. */
struct flush {
    struct app *app;
    struct list_node in_flushes;
    struct deferred refused;
    void (*done)(void *waiter, const char *redis, uint64_t seq);
    void *waiter;
};

static void end_flush(struct flush *flush, uint64_t seq)
{
    list_remove(&flush->app->flushes, &flush->in_flushes);
    flush->done(flush->waiter, redis_publisher_state(flush->app->publisher).state, seq);
    mem_free(flush);
}

static void on_flushed(void *owner, bool ok, uint64_t seq)
{
    end_flush(owner, ok ? seq : 0);
}

static void on_refused(void *owner)
{
    end_flush(owner, 0);
}

void app_end_flushes(struct app *app)
{
    struct list_node *node;

    while ((node = list_first(&app->flushes)) != NULL) {
        struct flush *flush = LIST_ITEM(node, struct flush, in_flushes);

        if (app->publisher != NULL) {
            redis_publisher_flush_cancel(app->publisher, flush);
        }
        deferred_cancel(&flush->refused);
        end_flush(flush, 0);
    }
}

static int flush_redis(void *owner, void (*done)(void *waiter, const char *redis, uint64_t seq),
                       void *waiter)
{
    struct app *app = owner;
    struct flush *flush = MEM_NEW(struct flush);

    if (flush == NULL) {
        return -ENOMEM;
    }
    *flush = (struct flush){.app = app, .done = done, .waiter = waiter};
    deferred_init(&flush->refused, app->loop, on_refused, flush);
    list_append(&app->flushes, &flush->in_flushes);
    if (app->publisher == NULL || redis_publisher_flush(app->publisher, on_flushed, flush) < 0) {
        deferred_schedule(&flush->refused);
    }
    return 0;
}

static int reload(void *owner, struct bytes *message)
{
    return app_reload(owner, message);
}

static void drain(void *owner)
{
    struct app *app = owner;

    router_drain(app->router);
    app_report(app, NULL, "drain", NULL, "told to refuse new calls");
}

static void resume(void *owner)
{
    struct app *app = owner;

    if (app->state == APP_SERVING) {
        router_resume(app->router);
    }
}

static void shut_down(void *owner)
{
    app_begin_shutdown(owner);
}

const struct admin_actions app_admin_actions = {
    show_pools,  show_sessions, show_clients, show_calls, show_errors, show_stats, app_health,
    show_config, ask_outcome,   flush_redis,  reload,     drain,       resume,     shut_down};
