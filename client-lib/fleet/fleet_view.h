/* SPDX-License-Identifier: MIT */
/*
 * A fleet of brokers at one moment: what is shown by `teploctl top` and by the page.  Made by
 * fleet_plan (out of Redis) or by a reader of the admin socket, told by fleet_json.  Pure.
 *
 * Bounded: what there is beyond the maxima below is left out, and `is_truncated` says so.
 */
#ifndef TEPLO_FLEET_FLEET_VIEW_H
#define TEPLO_FLEET_FLEET_VIEW_H

#include "client-lib/fleet/fleet_shape.h"

enum {
    FLEET_POOLS_MAXIMUM = 256,
    FLEET_BROKERS_MAXIMUM = 128,
    FLEET_MEMBERS_MAXIMUM = 2048, /* pools times brokers */
    FLEET_EVENTS_MAXIMUM = 50,
    FLEET_NOTES_MAXIMUM = 32,     /* fields of cfg:<pool> */
    FLEET_SESSIONS_MAXIMUM = 256, /* of one broker */
    FLEET_CLIENTS_MAXIMUM = 1024,

    FLEET_INSTANCE_SIZE = 40,
    FLEET_POOL_SIZE = 33,
    FLEET_WHY_SIZE = 256,

    FLEET_TICK_MS = 1000,       /* where meta does not say */
    FLEET_ROLLUP_OLD_MS = 6000, /* f: and fleet, older than this, have no writer any more */
};

enum fleet_source { FLEET_SOURCE_REDIS, FLEET_SOURCE_BROKER };

enum fleet_redis_state {
    FLEET_REDIS_UP,
    FLEET_REDIS_DOWN,   /* not reached, or no answer: the view is as it was */
    FLEET_REDIS_DENIED, /* it does not let us read, or not all of it */
    FLEET_REDIS_EMPTY,  /* it knows nothing of this namespace */
};

/* Who added up what several brokers say. */
enum fleet_rollup {
    FLEET_ROLLUP_NONE,     /* nobody: there are no rows */
    FLEET_ROLLUP_REPORTER, /* the broker that is elected for it: f:<pool>, fleet */
    FLEET_ROLLUP_BROKER,   /* there is one broker, which speaks for itself */
    FLEET_ROLLUP_READER,   /* we did, from the brokers' own rows: no quantiles of several brokers */
};

/* A pool as one broker sees it: p:<pool>:<iid>. */
struct fleet_member {
    size_t pool;   /* its place in view->pools */
    size_t broker; /* in view->brokers */
    bool is_stale;
    struct fleet_pool_row figures;
};

/* A field of cfg:<pool>, whatever it is. */
struct fleet_note {
    char name[33];
    char value[65];
};

struct fleet_pool {
    char pool[FLEET_POOL_SIZE];
    enum fleet_rollup rollup;
    bool is_stale; /* the reporter's row is old, or missing */
    struct fleet_pool_row figures;
    uint64_t inst_live, inst_bad, inst_dead; /* brokers that have a row of this pool */
    struct fleet_note notes[FLEET_NOTES_MAXIMUM];
    size_t note_count;
    size_t first_member; /* in view->members, which are in the order of the pools */
    size_t member_count;
};

struct fleet_broker {
    char inst[FLEET_INSTANCE_SIZE];
    bool is_live;  /* heard of lately */
    bool is_stale; /* its row is old, or missing */
    bool has_heartbeat;
    int64_t hb_age_ms; /* negative: ahead of the clock, which went back */
    struct fleet_instance_row figures;
};

struct fleet_event {
    char id[48];
    int64_t at_ms;
    struct fleet_event_row figures;
};

struct fleet_session {
    char inst[FLEET_INSTANCE_SIZE];
    struct fleet_session_row figures;
};

struct fleet_client {
    struct fleet_client_row figures;
};

struct fleet_view {
    char namespace[33];
    enum fleet_source source;
    int64_t at_ms; /* of the clock of Redis (of the host, for a broker); 0: never read */
    int64_t tick_ms;
    int64_t dead_ms; /* a broker not heard of for so long is dead */

    enum fleet_redis_state redis_state;
    char why[FLEET_WHY_SIZE]; /* a sentence, or empty */
    int64_t age_ms;           /* of what is below */
    bool is_truncated;

    enum fleet_rollup rollup;
    bool is_stale; /* the reporter's row of the whole is old, or missing */
    struct fleet_whole_row figures;

    struct fleet_pool *pools; /* worst first */
    size_t pool_count;
    struct fleet_member *members;
    size_t member_count;
    struct fleet_broker *brokers; /* live ones first */
    size_t broker_count;
    struct fleet_event *events; /* newest first */
    size_t event_count;
    struct fleet_session *sessions; /* only if they were asked for */
    size_t session_count;
    struct fleet_client *clients; /* only a broker tells */
    size_t client_count;
};

void fleet_view_init(struct fleet_view *view, const char *namespace, enum fleet_source source);
void fleet_view_done(struct fleet_view *view);

/* A zeroed row behind the others, good until the next; NULL: the maximum, or no memory. */
MUST_CHECK struct fleet_pool *fleet_view_add_pool(struct fleet_view *view, struct span name);
MUST_CHECK struct fleet_broker *fleet_view_add_broker(struct fleet_view *view, struct span inst);
MUST_CHECK struct fleet_member *fleet_view_add_member(struct fleet_view *view);
MUST_CHECK struct fleet_event *fleet_view_add_event(struct fleet_view *view);
MUST_CHECK struct fleet_session *fleet_view_add_session(struct fleet_view *view);
MUST_CHECK struct fleet_client *fleet_view_add_client(struct fleet_view *view);

/*
 * The rows are all there: says what is dead and stale at view->at_ms, adds up what no reporter has
 * added up, and puts all in order.
 */
void fleet_view_settle(struct fleet_view *view);

/*
 * NEWER, which is empty afterwards, takes the place of VIEW; where it could not be read, the rows
 * stay, and only what is said of the source is NEWER's.
 */
void fleet_view_follow(struct fleet_view *view, struct fleet_view *newer);

/* Moment AT_MS, on the clock of the view, is more than LIMIT_MS off: the clock may have jumped. */
bool fleet_view_is_old(const struct fleet_view *view, int64_t at_ms, int64_t limit_ms);

/*
 * How bad a pool is: circuit_open 5, unhealthy 4, degraded 3, unknown 2, draining 1, healthy 0.  By
 * health_code; a row without one is unknown.
 */
unsigned fleet_severity(const struct fleet_row *row, size_t code_field, uint64_t code);
unsigned fleet_pool_severity(const struct fleet_pool_row *figures);

/* [a-z][a-z0-9_-]{0,31}; for an instance also upper case and dots, and 39 bytes. */
bool fleet_is_pool_name(struct span name);
bool fleet_is_instance_name(struct span name);

const char *fleet_redis_state_name(enum fleet_redis_state state);
const char *fleet_rollup_name(enum fleet_rollup rollup);

#endif
