/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_purge.h"

#include <errno.h>
#include <stdio.h>

#include "client-lib/fleet/fleet_plan.h"

enum { BATCH = 100, SCANNED_AT_ONCE = 1000, CURSOR_SIZE = 24, PREFIX_MAXIMUM = 64 };

/* One pass over the keys. */
struct sweep {
    struct fleet_purge *purge;
    enum fleet_purge_mode mode;
    struct bytes prefix;
    char cursor[CURSOR_SIZE];
    struct bytes batch; /* words for UNLINK */
    size_t batch_count;
};

int fleet_purge_init(struct fleet_purge *purge, const char *url, const char *namespace,
                     int64_t reply_ms)
{
    *purge = (struct fleet_purge){.reply_ms = reply_ms > 0 ? reply_ms : FLEET_PURGE_REPLY_MS};
    fleet_link_init(&purge->link);
    if (!fleet_is_pool_name(span_of(namespace))) {
        return -EINVAL;
    }
    (void)snprintf(purge->namespace, sizeof(purge->namespace), "%s", namespace);
    return redis_url_init(&purge->url, url);
}

void fleet_purge_done(struct fleet_purge *purge)
{
    fleet_link_done(&purge->link);
    redis_url_done(&purge->url);
}

/* ---- exchanges */

static int exchange(struct fleet_purge *purge, const struct bytes *commands, size_t replies,
                    struct resp_walk *ret_walk)
{
    struct span answer;
    int r = 0;

    if (commands->failed) {
        (void)snprintf(purge->link.why, sizeof(purge->link.why), "out of memory");
        return -ENOMEM;
    }
    if (purge->link.fd < 0) {
        r = fleet_link_open(&purge->link, &purge->url, fleet_link_now_ms() + purge->reply_ms);
    }
    if (r == 0) {
        r = fleet_link_exchange(&purge->link, bytes_span(commands), replies,
                                fleet_link_now_ms() + purge->reply_ms, &answer);
    }
    if (r == 0) {
        *ret_walk = resp_walk_of(answer);
    }
    return r;
}

/* An error reply as our own. */
static int refuse(struct fleet_purge *purge, struct span error)
{
    char text[FLEET_LINK_WHY_SIZE];

    (void)snprintf(text, sizeof(text), "Redis says: %.*s", (int)(error.length % 512),
                   error.length == 0 ? "" : error.at);
    (void)fleet_clean(purge->link.why, sizeof(purge->link.why), span_of(text));
    return -EACCES;
}

/* ---- brokers */

/* VIEW has the brokers afterwards.  -EACCES: an error among the replies. */
static int read_brokers(struct fleet_purge *purge, struct fleet_view *view,
                        struct fleet_refusal *refusal)
{
    struct resp_walk walk;
    struct bytes commands;
    int r;

    bytes_init(&commands, FLEET_LINK_COMMANDS_MAXIMUM);
    fleet_plan_ask_brokers(view, &commands);
    r = exchange(purge, &commands, FLEET_PLAN_BROKER_REPLIES, &walk);
    bytes_done(&commands);
    if (r < 0) {
        return r;
    }
    fleet_plan_take_brokers(view, &walk, refusal);
    if (refusal->denied + refusal->wrong > 0) {
        return refuse(purge,
                      span_of(refusal->denied > 0 ? refusal->first_denied : refusal->first_wrong));
    }
    return 0;
}

int fleet_purge_find_live(struct fleet_purge *purge, size_t *ret_count,
                          char inst[FLEET_INSTANCE_SIZE])
{
    struct fleet_refusal refusal = {0};
    struct fleet_view view;
    size_t count = 0;
    int r;

    fleet_view_init(&view, purge->namespace, FLEET_SOURCE_REDIS);
    r = read_brokers(purge, &view, &refusal);
    if (r == -EACCES &&
        fleet_link_follow(&purge->link, &purge->url, span_of(refusal.first_wrong))) {
        refusal = (struct fleet_refusal){0};
        r = read_brokers(purge, &view, &refusal);
    }
    for (size_t i = 0; r == 0 && i < view.broker_count; i++) {
        const struct fleet_broker *broker = &view.brokers[i];

        if (broker->has_heartbeat && broker->hb_age_ms < FLEET_PURGE_QUIET_MS) {
            (void)fleet_clean(inst, FLEET_INSTANCE_SIZE, span_of(broker->inst));
            count++;
        }
    }
    fleet_view_done(&view);
    *ret_count = r == 0 ? count : 0;
    return r;
}

/* ---- keys */

static void count_key(struct fleet_purge *purge, struct span rest)
{
    const char *colon = memchr(rest.at, ':', rest.length);
    struct span kind = {rest.at, colon == NULL ? rest.length : (size_t)(colon - rest.at)};
    char name[sizeof(purge->kinds[0].name)];
    size_t place = 0;

    (void)fleet_clean(name, sizeof(name), kind);
    while (place < purge->kind_count && strcmp(purge->kinds[place].name, name) != 0) {
        place++;
    }
    if (place == FLEET_PURGE_KINDS) {
        return;
    }
    if (place == purge->kind_count) {
        memcpy(purge->kinds[place].name, name, sizeof(name));
        purge->kind_count++;
    }
    purge->kinds[place].count++;
}

/* UNLINK of what is gathered. */
static int flush(struct sweep *sweep)
{
    struct resp_walk walk;
    struct resp reply = {.kind = RESP_NIL};
    struct bytes command;
    uint64_t removed;
    int r;

    if (sweep->batch_count == 0) {
        return 0;
    }
    bytes_init(&command, FLEET_LINK_COMMANDS_MAXIMUM);
    resp_command(&command, sweep->batch_count + 1);
    resp_word(&command, SPAN("UNLINK"));
    bytes_append_span(&command, bytes_span(&sweep->batch));
    command.failed = command.failed || sweep->batch.failed;
    r = exchange(sweep->purge, &command, 1, &walk);
    if (r == 0 && resp_next(&walk, &reply) && reply.kind == RESP_ERROR) {
        r = refuse(sweep->purge, reply.text);
    }
    if (r == 0 && fleet_read_count(reply.text, &removed)) {
        sweep->purge->count += removed;
    }
    bytes_done(&command);
    bytes_clear(&sweep->batch);
    sweep->batch_count = 0;
    return r;
}

/* KEY is one of ours: a pattern found it, and this looks again. */
static void take_key(struct sweep *sweep, struct span key)
{
    size_t length = sweep->prefix.length;

    if (!span_starts_with(key, bytes_span(&sweep->prefix))) {
        return;
    }
    count_key(sweep->purge, (struct span){key.at + length, key.length - length});
    if (sweep->mode == FLEET_PURGE_LOOK) {
        sweep->purge->count++;
    } else {
        resp_word(&sweep->batch, key);
        sweep->batch_count++;
    }
}

/* The answer to SCAN; the keys are copied, since the answer goes with the next exchange. */
static int take_page(struct sweep *sweep, struct resp_walk *walk, struct bytes *keys,
                     size_t *ret_count)
{
    struct resp reply;
    struct span cursor;
    struct fleet_refusal refusal = {0};
    size_t count = 0;

    if (!resp_next(walk, &reply) || reply.kind != RESP_ARRAY || reply.count != 2) {
        return refuse(sweep->purge, reply.kind == RESP_ERROR ? reply.text : SPAN("no answer"));
    }
    cursor = fleet_take_text(walk);
    if (cursor.length == 0 || cursor.length >= CURSOR_SIZE ||
        !fleet_take_array(walk, &refusal, &count)) {
        return refuse(sweep->purge, SPAN("no cursor"));
    }
    (void)snprintf(sweep->cursor, sizeof(sweep->cursor), "%.*s", (int)cursor.length, cursor.at);
    for (size_t i = 0; i < count; i++) {
        resp_word(keys, fleet_take_text(walk));
    }
    *ret_count = count;
    return keys->failed ? -ENOMEM : 0;
}

static int ask_page(struct sweep *sweep, struct resp_walk *ret_walk)
{
    struct bytes command;
    struct bytes pattern;
    int r;

    bytes_init(&command, 4096);
    bytes_init(&pattern, PREFIX_MAXIMUM + 1);
    /* A namespace has no character that a pattern would take for more than itself. */
    bytes_append_span(&pattern, bytes_span(&sweep->prefix));
    bytes_append_char(&pattern, '*');
    resp_command(&command, 6);
    resp_word(&command, SPAN("SCAN"));
    resp_word(&command, span_of(sweep->cursor));
    resp_word(&command, SPAN("MATCH"));
    resp_word(&command, bytes_span(&pattern));
    resp_word(&command, SPAN("COUNT"));
    resp_int(&command, SCANNED_AT_ONCE);
    command.failed = command.failed || pattern.failed;
    r = exchange(sweep->purge, &command, 1, ret_walk);
    bytes_done(&pattern);
    bytes_done(&command);
    return r;
}

static int sweep_page(struct sweep *sweep)
{
    struct resp_walk walk;
    struct bytes keys;
    size_t count = 0;
    int r = ask_page(sweep, &walk);

    bytes_init(&keys, FLEET_LINK_REPLIES_MAXIMUM);
    if (r == 0) {
        r = take_page(sweep, &walk, &keys, &count);
    }
    walk = resp_walk_of(bytes_span(&keys));
    for (size_t i = 0; r == 0 && i < count; i++) {
        take_key(sweep, fleet_take_text(&walk));
        if (sweep->batch_count == BATCH) {
            r = flush(sweep);
        }
    }
    if (r == 0) {
        r = flush(sweep);
    }
    bytes_done(&keys);
    return r;
}

int fleet_purge_run(struct fleet_purge *purge, enum fleet_purge_mode mode)
{
    struct sweep sweep = {.purge = purge, .mode = mode, .cursor = "0"};
    int r;

    purge->count = 0;
    purge->kind_count = 0;
    memset(purge->kinds, 0, sizeof(purge->kinds));
    bytes_init(&sweep.prefix, PREFIX_MAXIMUM);
    bytes_init(&sweep.batch, FLEET_LINK_COMMANDS_MAXIMUM);
    fleet_plan_append_key(&sweep.prefix, purge->namespace, "", "", "");
    r = sweep.prefix.failed ? -ENOMEM : 0;
    /* A key may be told twice, and removed once: UNLINK does not mind. */
    do {
        r = r < 0 ? r : sweep_page(&sweep);
    } while (r == 0 && strcmp(sweep.cursor, "0") != 0);
    bytes_done(&sweep.batch);
    bytes_done(&sweep.prefix);
    return r;
}
