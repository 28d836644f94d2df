/* SPDX-License-Identifier: MIT */
/*
 * The publisher's parts: redis_publisher.c (life, what the link says), redis_publisher_state.c,
 * redis_publisher_flush.c, redis_tick.c (transactions and what their replies say),
 * redis_tick_rows.c and redis_tick_details.c (what is in them), redis_herald.c (events and the
 * clock), redis_room.c (what we take up in Redis).
 */
#ifndef TEPLO_HEALTH_REDIS_PUBLISHER_PRIV_H
#define TEPLO_HEALTH_REDIS_PUBLISHER_PRIV_H

#include "broker/health/event_ring.h"
#include "broker/health/redis_clock.h"
#include "broker/health/redis_link.h"
#include "broker/health/redis_publisher.h"
#include "broker/health/redis_reporter.h"
#include "broker/health/row_field.h"
#include "proto/base/hashmap.h"
#include "proto/redis_key.h"

enum {
    REDIS_REPLY_KEPT = 320, /* of an error reply: a MOVED must fit, with its host */
    /* More pools take several transactions: a reply is owed for each command. */
    TRANSACTION_POOLS = 64,
    POOL_STEPS = 4,
    TRANSACTION_STEPS = POOL_STEPS * TRANSACTION_POOLS + 8,
    EVENTS_A_TICK = EVENT_RING_BURST,
};

/* What a command was, so that its reply is understood. */
enum reply_tag {
    REPLY_QUEUED, /* MULTI, and what waits for EXEC */
    REPLY_EXEC,
    REPLY_TIME,
    REPLY_EVENT,
    REPLY_ASIDE, /* nobody waits for it: EXPIRE, and what keeps our heartbeat in a full Redis */
    REPLY_GOODBYE,
    REPLY_REPORTER, /* of redis_reporter.c, which knows what it asked */
};
/* What the link keeps of a command is its tag and the tick it was sent in. */
enum { REPLY_TAGS = 8 };

/* What Redis has of a pool. */
struct published {
    struct pool_row row; /* as acknowledged; its name is the key in by_name */
    bool is_acknowledged;
    bool is_refused; /* its key is somebody else's */
    int64_t full_at_ms;
    struct config_row config; /* as acknowledged */
    int64_t config_due_ms;
    bool is_config_refused;
    uint64_t seq; /* of the last tick that had this pool */
};

enum step_kind { STEP_OTHER, STEP_INSTANCE, STEP_KEY, STEP_POOL, STEP_CONFIG, STEP_BROKERS };

/* One command of a transaction. */
struct step {
    enum step_kind kind;
    enum redis_key key;          /* of STEP_KEY */
    struct published *published; /* of STEP_POOL and STEP_CONFIG; ours */
    const struct pool_row *row;  /* of STEP_POOL: of the snapshot */
    bool is_delta;
    const struct config_row *config; /* of STEP_CONFIG: of the snapshot */
};

struct tick {
    bool is_running; /* until its last EXEC is answered */
    bool is_partial; /* a row was refused */
    bool was_slow;
    bool has_instance;  /* is sent */
    bool has_pools_key; /* it is time for the key `pools` */
    bool has_histograms;
    bool has_table; /* of sessions */
    bool is_table_sent;
    uint64_t table_digest;
    size_t next_pool; /* first one of the next transaction */
    struct step steps[TRANSACTION_STEPS];
    size_t step_count;
    enum redis_fault fault; /* the first in this transaction */
    char why[REDIS_REPLY_KEPT];
};

enum publisher_life {
    PUBLISHER_OPEN,
    PUBLISHER_LEAVING,   /* a last tick is to come */
    PUBLISHER_LAST_TICK, /* it runs, or has failed */
    PUBLISHER_FOLDING,   /* its totals go into the base */
    PUBLISHER_FOLDED,    /* or could not */
    PUBLISHER_GOODBYE,   /* its last words are out */
    PUBLISHER_CLOSED,    /* no link any more */
};

struct redis_publisher {
    struct loop *loop;
    struct redis_link *link; /* ours; NULL when CLOSED */
    snapshot_take_fn take;
    void *owner;
    char prefix[64]; /* teplo:{namespace}:v1: */
    char instance[40];
    int64_t tick_ms;
    int64_t instance_ttl_ms;
    uint64_t max_bytes;
    size_t series_pools;
    enum publisher_life life;

    enum redis_state state;
    enum redis_fault fault;
    bool is_told;      /* the state was logged once */
    unsigned failures; /* in a row */
    int64_t failing_since_ms;
    int64_t hold_until_ms;

    struct snapshot snapshot; /* of the tick that runs */
    struct tick tick;
    uint64_t seq;
    struct hashmap published; /* by name; owns struct published */
    bool is_instance_known;   /* Redis had our instance row once */
    bool is_refused[REDIS_KEY_COUNT];
    int64_t write_due_ms[REDIS_KEY_COUNT];
    int64_t expire_due_ms[REDIS_KEY_COUNT];
    uint64_t table_digest; /* of the table of sessions that Redis has */
    struct bytes text;     /* scratch, for the longest values */

    bool is_estimate_told;
    unsigned halvings; /* of what our streams may hold, since Redis was full */
    int64_t halved_at_ms;
    size_t next_trim; /* the stream that is made shorter next */

    struct redis_reporter *reporter; /* ours */

    struct redis_clock clock;
    int64_t time_sent_us; /* 0: no TIME is out */
    bool is_fresh;        /* connected, but its clock is not read yet */
    struct event_ring ring;
    struct ring_event sending[EVENTS_A_TICK]; /* not acknowledged; refused ones move to the front */
    size_t sending_count;                     /* 0: none are out */
    size_t sending_answered;
    size_t sending_failed;
    enum redis_fault sending_fault; /* the first of them */
    char sending_why[REDIS_REPLY_KEPT];
    bool has_stop;

    struct list flushes; /* struct flush by in_flushes; ours, oldest first */
    struct timer flush_timer;
    struct timer tick_timer;
    struct deferred work;

    struct timer leave_timer;
    struct timer done_timer;
    void (*done)(void *owner);
    void *done_owner;

    uint64_t connections_total;
    uint64_t skipped_total;
    struct reapable reapable;
};

/* redis_publisher.c */
void redis_publisher_send(struct redis_publisher *publisher, struct redis_command *command,
                          enum reply_tag tag);
/* One more word: KEY of POOL (NULL where it has none) and of this broker. */
void redis_publisher_add_own_key(const struct redis_publisher *publisher,
                                 struct redis_command *command, enum redis_key key,
                                 const char *pool);
/* Redis refused what we do: change state, pause or reconnect.  Ends the tick. */
void redis_publisher_fail(struct redis_publisher *publisher, enum redis_fault fault,
                          const char *why);
/* All that was written may be gone: write it whole. */
void redis_publisher_resync(struct redis_publisher *publisher);
/* The tick that ran is acknowledged. */
void redis_publisher_on_ticked(struct redis_publisher *publisher);
/* KEY was written: see to its TTL if it is time. */
void redis_publisher_expire(struct redis_publisher *publisher, enum redis_key key);
void redis_publisher_refuse(struct redis_publisher *publisher, enum redis_key key, const char *why);

/* What redis_reporter_leave began is over. */
void redis_publisher_on_folded(struct redis_publisher *publisher);

/* redis_publisher_state.c */
/* Logs, and makes an event, once per change. */
void redis_publisher_set_state(struct redis_publisher *publisher, enum redis_state state,
                               enum redis_fault fault, const char *why);

/* redis_publisher_flush.c */
/* Those who wait for tick SEQ or an earlier one are told; the last thing the caller does. */
void redis_publisher_flush_end(struct redis_publisher *publisher, uint64_t seq, bool ok);
/* Nobody is told. */
void redis_publisher_flush_forget(struct redis_publisher *publisher);
/* Of the flush_timer. */
void redis_publisher_flush_expire(void *owner);

/* redis_tick.c */
void redis_tick_begin(struct redis_publisher *publisher);
void redis_tick_on_queued(struct redis_publisher *publisher, const redisReply *reply);
void redis_tick_on_exec(struct redis_publisher *publisher, const redisReply *reply);
void redis_tick_forget(struct redis_publisher *publisher);
/* On the clock of Redis. */
int64_t redis_tick_now_ms(const struct redis_publisher *publisher);
/* One more command of the transaction. */
void redis_tick_queue(struct redis_publisher *publisher, struct redis_command *command,
                      struct step step);

/* redis_tick_rows.c */
void redis_tick_add_field(struct redis_publisher *publisher, struct redis_command *command,
                          const struct row_field *field, const void *row);
/* The TTL of KEY, anew. */
void redis_tick_queue_expire(struct redis_publisher *publisher, enum redis_key key,
                             const char *pool);
void redis_tick_queue_instance(struct redis_publisher *publisher);
void redis_tick_queue_meta(struct redis_publisher *publisher);
/* TRANSACTION_POOLS at most. */
void redis_tick_queue_pools(struct redis_publisher *publisher, size_t first, size_t count);

/* redis_tick_details.c */
void redis_tick_init_text(struct bytes *text);
/* If it has changed, or it is time; completes ROW. */
void redis_tick_queue_config(struct redis_publisher *publisher, struct published *published,
                             struct config_row *row);
void redis_tick_on_config(struct redis_publisher *publisher, const struct step *step);
/* Of the pool at INDEX of the snapshot, if this tick has histograms. */
void redis_tick_queue_histograms(struct redis_publisher *publisher, size_t index);
/* Whether this tick writes the table. */
void redis_tick_plan_table(struct redis_publisher *publisher);
size_t redis_tick_table_steps(const struct redis_publisher *publisher);
void redis_tick_queue_table(struct redis_publisher *publisher);

/* redis_room.c */
/* Logged once: what the keys will weigh, in a fleet of so many BROKERS. */
void redis_room_tell_estimate(struct redis_publisher *publisher, size_t brokers);
/* Redis is full: our streams may hold half of what they did. */
void redis_room_on_full(struct redis_publisher *publisher);
void redis_room_on_success(struct redis_publisher *publisher);
/* What a full Redis takes: the heartbeat lives on, and some streams are made shorter. */
void redis_room_stay_alive(struct redis_publisher *publisher);

/* redis_herald.c */
void redis_herald_ask_time(struct redis_publisher *publisher);
void redis_herald_on_time(struct redis_publisher *publisher, const redisReply *reply);
void redis_herald_send_events(struct redis_publisher *publisher);
/* All that wait, with nobody looking at the replies. */
void redis_herald_send_last_events(struct redis_publisher *publisher);
void redis_herald_on_event_reply(struct redis_publisher *publisher, const redisReply *reply);
/* The connection is gone, and with it the replies. */
void redis_herald_forget(struct redis_publisher *publisher);

#endif
