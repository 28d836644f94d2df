/* SPDX-License-Identifier: MIT */
#include "tests/support/stage.h"

#include <stdio.h>

#include "broker/runtime/log.h"

static void on_ready(void *owner, struct pool *pool, int64_t took_ms);
static void on_lost(void *owner, struct pool *pool, const struct transport_end *end);
static void on_failed(void *owner, struct pool *pool, const struct transport_end *end);
static void on_notice(void *owner, struct pool *pool, int64_t party, const struct message *notice);
static void on_bereaved(void *owner, struct pool *pool, int64_t party);
static void on_load(void *owner, struct pool *pool, size_t active, size_t cap);
static void on_health(void *owner, struct pool *pool, enum health before);
static void on_breaker(void *owner, struct pool *pool, enum breaker_state before);
static void on_window(void *owner, struct pool *pool, struct health_window *ret_window);
static void on_drained(void *owner, struct pool *pool);
static void on_session(struct pool_waiter *waiter, struct session *session);
static void on_refused(struct pool_waiter *waiter, enum failure failure, const char *detail);
static void on_answer(void *owner, const struct message *answer);
static void on_progress(void *owner, const struct message *notice);
static void on_call_failed(void *owner, enum failure failure, const char *detail, bool may_repeat);

static const struct pool_events pool_events = {.on_ready = on_ready,
                                               .on_lost = on_lost,
                                               .on_failed = on_failed,
                                               .on_notice = on_notice,
                                               .on_bereaved = on_bereaved,
                                               .on_load = on_load,
                                               .on_health = on_health,
                                               .on_breaker = on_breaker,
                                               .on_window = on_window,
                                               .on_drained = on_drained};
static const struct call_events call_events = {on_answer, on_progress, on_call_failed};

void stage_init(struct stage *stage)
{
    *stage =
        (struct stage){.limits = {.size = STAGE_SIZE,
                                  .max_inflight = STAGE_MAX_INFLIGHT,
                                  .queue_max = 64,
                                  .breaker = {.failures = 5, .open_ms = 100, .open_max_ms = 400},
                                  .retry_budget = 20,
                                  .retry_budget_minimum = 3,
                                  .lifetime_ms = STAGE_LONG_MS,
                                  .idle_timeout_ms = STAGE_LONG_MS,
                                  .check_delay_ms = STAGE_LONG_MS,
                                  .keepalive_ms = STAGE_LONG_MS,
                                  .cancel_grace_ms = STAGE_LONG_MS,
                                  .backoff_min_ms = 1,
                                  .backoff_max_ms = 8},
                       .server_limits = {.connect_timeout_ms = STAGE_LONG_MS,
                                         .init_timeout_ms = STAGE_LONG_MS,
                                         .check_timeout_ms = STAGE_LONG_MS,
                                         .idle_reuse_max_ms = STAGE_LONG_MS,
                                         .response_max_bytes = 1 << 20,
                                         .lanes_max = 32}};
    log_set_level(LOG_LEVEL_ERROR);
}

static int open_pool(struct stage *stage)
{
    struct server_options options = {
        .name = "fake", .url = fake_mcp_url(&stage->fake), .limits = stage->server_limits};

    stage->server = server_new(stage->loop, stage->streams, stage->posts, &options);
    if (stage->server == NULL) {
        return -1;
    }
    stage->pool = pool_new(stage->loop, stage->server, &stage->limits, &pool_events, stage);
    if (stage->pool == NULL) {
        server_unref(stage->server);
        stage->server = NULL;
        return -1;
    }
    return 0;
}

int stage_open(struct stage *stage)
{
    stage->loop = loop_new();
    if (stage->loop == NULL || fake_mcp_open(&stage->fake, stage->loop) < 0) {
        return -1;
    }
    stage->streams = curl_driver_new(stage->loop, 0);
    stage->posts = curl_driver_new(stage->loop, 0);
    return stage->streams == NULL || stage->posts == NULL ? -1 : open_pool(stage);
}

static void close_pool(struct stage *stage)
{
    pool_close(stage->pool);
    loop_settle(stage->loop);
    stage->pool = NULL;
    stage->server = NULL;
}

void stage_close(struct stage *stage)
{
    close_pool(stage);
    fake_mcp_close(&stage->fake);
    loop_settle(stage->loop);
    curl_driver_free(stage->streams);
    curl_driver_free(stage->posts);
    loop_free(stage->loop);
}

int stage_renew(struct stage *stage)
{
    close_pool(stage);
    return open_pool(stage);
}

struct pool_figures stage_figures(const struct stage *stage)
{
    struct pool_figures figures;

    pool_figures(stage->pool, &figures);
    return figures;
}

struct session *stage_session(const struct stage *stage, size_t i)
{
    LIST_FOREACH (node, pool_sessions(stage->pool)) {
        if (i-- == 0) {
            return LIST_ITEM(node, struct session, in_pool);
        }
    }
    return NULL;
}

/* ---- what the pool tells */

static void on_ready(void *owner, struct pool *pool, int64_t took_ms)
{
    struct stage *stage = owner;

    (void)pool;
    stage->ready++;
    stage->took_ms = took_ms;
}

static void on_lost(void *owner, struct pool *pool, const struct transport_end *end)
{
    struct stage *stage = owner;

    (void)pool;
    stage->lost++;
    stage->end = *end;
}

static void on_failed(void *owner, struct pool *pool, const struct transport_end *end)
{
    struct stage *stage = owner;

    (void)pool;
    stage->failed++;
    stage->end = *end;
}

static void on_notice(void *owner, struct pool *pool, int64_t party, const struct message *notice)
{
    struct stage *stage = owner;

    (void)pool;
    (void)party;
    (void)notice;
    stage->notices++;
}

static void on_bereaved(void *owner, struct pool *pool, int64_t party)
{
    struct stage *stage = owner;

    (void)pool;
    stage->bereaved = party;
}

static void on_load(void *owner, struct pool *pool, size_t active, size_t cap)
{
    struct stage *stage = owner;

    (void)pool;
    stage->loads++;
    stage->active = active;
    stage->cap = cap;
}

static void on_health(void *owner, struct pool *pool, enum health before)
{
    struct stage *stage = owner;

    (void)pool;
    (void)before;
    stage->healths++;
}

static void on_breaker(void *owner, struct pool *pool, enum breaker_state before)
{
    struct stage *stage = owner;

    (void)before;
    stage->breakers |= 1U << pool_breaker(pool);
}

static void on_window(void *owner, struct pool *pool, struct health_window *ret_window)
{
    struct stage *stage = owner;

    (void)pool;
    *ret_window = stage->window;
}

static void on_drained(void *owner, struct pool *pool)
{
    struct stage *stage = owner;

    (void)pool;
    stage->drained++;
}

/* ---- callers */

void caller_start(struct caller *caller, struct stage *stage, const char *tool)
{
    struct message_fault fault;
    int length;

    *caller = (struct caller){
        .stage = stage, .repeats = caller->repeats, .party = caller->party, .bytes = caller->bytes};
    length = snprintf(caller->text, sizeof(caller->text),
                      "{\"jsonrpc\":\"2.0\",\"id\":\"mine\",\"method\":\"tools/call\",\"params\":{"
                      "\"name\":\"%s\",\"arguments\":{\"n\":1}}}",
                      tool);
    CHECK(message_parse((struct span){caller->text, (size_t)length}, &json_limits_default,
                        &caller->message, &fault) == 0);
    caller->waiter.on_session = on_session;
    caller->waiter.on_refused = on_refused;
    caller->waiter.party_number = caller->party;
    caller->waiter.bytes = caller->bytes;
    pool_acquire(stage->pool, &caller->waiter);
    /* Never before the call that started it has returned. */
    CHECK(caller->sessions == 0 && caller->failures == 0);
}

unsigned callers_told(const struct caller *callers, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += callers[i].answers + callers[i].failures;
    }
    return sum;
}

unsigned callers_answered(const struct caller *callers, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += callers[i].answers;
    }
    return sum;
}

static void on_session(struct pool_waiter *waiter, struct session *session)
{
    struct caller *caller = LIST_ITEM(waiter, struct caller, waiter);

    CHECK(session->state == SESSION_READY);
    CHECK(session_calls(session) < pool_limits(caller->stage->pool)->max_inflight);
    caller->sessions++;
    (void)sscanf(session->name, "fake/%u", &caller->session);
    caller->call = session_call(session, &caller->message, STAGE_LONG_MS, &call_events, caller);
    if (caller->call == NULL) {
        caller->failures++;
        caller->failure = FAILURE_OUT_OF_MEMORY;
        return;
    }
    pool_count_call(caller->stage->pool, waiter, caller->call);
}

static void fail(struct caller *caller, enum failure failure, const char *detail)
{
    caller->call = NULL;
    caller->failures++;
    caller->failure = failure;
    (void)snprintf(caller->detail, sizeof(caller->detail), "%s", detail == NULL ? "" : detail);
}

static void on_refused(struct pool_waiter *waiter, enum failure failure, const char *detail)
{
    fail(LIST_ITEM(waiter, struct caller, waiter), failure, detail);
}

static void on_answer(void *owner, const struct message *answer)
{
    struct caller *caller = owner;

    CHECK(caller->call != NULL);
    caller->call = NULL;
    caller->answers++;
    caller->errors += answer->kind == MESSAGE_ERROR ? 1 : 0;
}

static void on_progress(void *owner, const struct message *notice)
{
    struct caller *caller = owner;

    CHECK(caller->call != NULL && notice->kind == MESSAGE_NOTIFICATION);
    caller->notices++;
}

static void on_call_failed(void *owner, enum failure failure, const char *detail, bool may_repeat)
{
    struct caller *caller = owner;

    CHECK(caller->call != NULL);
    caller->may_repeat = may_repeat;
    if (may_repeat && caller->repeats) {
        caller->call = NULL;
        pool_acquire_again(caller->stage->pool, &caller->waiter);
        return;
    }
    fail(caller, failure, detail);
}
