/* SPDX-License-Identifier: MIT */
/*
 * The reporter's parts: redis_reporter.c (lead, stages, what was asked), redis_reporter_lists.c
 * (who is there), redis_reporter_fold.c (who is gone), redis_reporter_rows.c (their rows),
 * redis_reporter_write.c (sums and tables), redis_reporter_samples.c.
 */
#ifndef TEPLO_HEALTH_REDIS_REPORTER_PRIV_H
#define TEPLO_HEALTH_REDIS_REPORTER_PRIV_H

#include "broker/health/fleet_rollup.h"
#include "broker/health/redis_publisher_priv.h"
#include "broker/health/redis_reporter.h"
#include "broker/health/redis_scripts.h"

enum {
    REPORT_BROKERS = 128,
    REPORT_POOLS = 250,
    REPORT_PAIRS = 2048,
    REPORT_LISTED = 256,       /* members of a set that are read */
    REPORT_LOST_KEPT = 64,     /* brokers whose folded totals are remembered */
    REPORT_FOLDED_A_ROUND = 4, /* brokers */
    REPORT_TABLE_ROWS = 128,
    ASKED_WINDOW = 48, /* no more is asked before some of it is answered */
    ASKED_ASIDE = 16,  /* but for so many that belong to no round */
    ASKED_MAXIMUM = 200,
};

_Static_assert(ASKED_MAXIMUM + TRANSACTION_STEPS + EVENTS_A_TICK + 16 <= 512,
               "a round and a tick at once are no more than the link lets be owed");

enum round_stage {
#define STAGE(name, function, successors) ROUND_##name,
#include "broker/health/redis_reporter_stages.def"
#undef STAGE
    ROUND_STAGES
};

enum asked_what {
#define ASKED(name, function, script) ASKED_##name,
#include "broker/health/redis_reporter_asked.def"
#undef ASKED
    ASKED_COUNT
};

/* One command whose reply is owed. */
struct asked {
    enum asked_what what;
    uint32_t round; /* replies to an earlier one are dropped */
    uint16_t pool;
    uint16_t broker;
    enum redis_script_form form;
};

struct report_broker {
    char iid[34];
    int64_t heard_ms; /* its last heartbeat */
    bool is_live;
    bool is_suspect; /* it fell silent once: some of its totals may be folded */
    bool is_loss_told;
    bool is_gone; /* folded in this round */
    bool has_row;
    struct instance_row row;
};

struct redis_reporter {
    struct redis_publisher *publisher; /* owns us */
    int64_t forget_ms;
    int64_t judges_from_ms; /* before, nobody is called lost or gone */
    struct asked asked[ASKED_MAXIMUM];
    size_t first_asked;
    size_t asked_count;
    size_t owed_count; /* of them, those of this round, but for the lease */

    bool is_leader;
    bool is_lease_asked;
    bool is_new_leader; /* who it was before is not told yet */
    int64_t lease_sent_ms;
    int64_t lease_until_ms; /* by our clock: beyond, somebody else may lead */
    char holder[34];        /* when it was last asked */
    int64_t off_until_ms;
    bool is_off_told;
    bool is_refusal_told;
    bool is_excess_told;
    bool is_owing;

    enum round_stage stage;
    uint32_t round;
    uint64_t wanted_seq; /* of the last tick that was acknowledged */
    uint64_t round_seq;  /* of the last one when the round began */
    uint64_t done_seq;   /* whose flushes `done` ends */
    bool is_done_ok;
    struct deferred done;
    size_t cursor; /* of the stage: what is asked next */
    size_t cursor_broker;
    unsigned cursor_part;
    unsigned attempts;
    int64_t now_ms; /* on the clock of Redis, when the round began */

    struct report_broker *brokers; /* ours, newest heartbeat first */
    size_t broker_count;
    struct fleet_figures *pools; /* ours, by name */
    struct {
        bool is_foreign; /* f:<pool> is somebody else's */
        bool has_base;
    } pool_flags[REPORT_POOLS];
    size_t pool_count;
    char trimmed[34];           /* the oldest one that fell silent, when there are too many */
    struct fleet_before before; /* of the fleet */
    char reporter_before[34];

    struct fleet_pool pool; /* in the making */
    struct fleet_before pool_before;
    int64_t pool_folds;
    struct pool_row scratch;
    struct pool_row gone;
    bool has_gone;
    bool has_row;
    bool is_torn; /* somebody was folded while we read */
    struct fleet fleet;

    size_t transaction_count; /* commands between MULTI and EXEC */
    bool has_fleet;           /* the last but one writes `fleet` */
    bool has_written;         /* `fleet`, since it leads */
    int64_t bases_due_ms;     /* their TTL is set anew */
    int64_t tables_due_ms;
    size_t table_pools; /* how many rows there were to be */
    size_t table_brokers;
    bool is_foreign[2]; /* tbl:pools, tbl:inst */
    bool is_fleet_foreign;
    int64_t sampled_slot;
    int64_t slot;
    size_t series;        /* the fleet's, and those of so many pools less one */
    size_t sampled_pools; /* how many there were */
};

#define STAGE(name, function, successors)                                                          \
    bool redis_reporter_next_##function(struct redis_reporter *reporter);
#include "broker/health/redis_reporter_stages.def"
#undef STAGE

#define ASKED(name, function, script)                                                              \
    void redis_reporter_ask_##function(const struct redis_reporter *reporter,                      \
                                       const struct asked *asked, struct redis_command *command);  \
    void redis_reporter_on_##function(struct redis_reporter *reporter, const struct asked *asked,  \
                                      const redisReply *reply);
#include "broker/health/redis_reporter_asked.def"
#undef ASKED

/* redis_reporter.c */
/* One more word: KEY of POOL and of the broker IID; NULL where it has none. */
void redis_reporter_add_key(const struct redis_reporter *reporter, struct redis_command *command,
                            enum redis_key key, const char *pool, const char *iid);
void redis_reporter_ask(struct redis_reporter *reporter, enum asked_what what, size_t pool,
                        size_t broker);
/* A command that belongs to no round.  False: too much is unanswered. */
MUST_CHECK bool redis_reporter_post_aside(struct redis_reporter *reporter,
                                          struct redis_command *command, enum asked_what what);
/* It may run no scripts, and will not try for a while. */
bool redis_reporter_is_off(const struct redis_reporter *reporter);
/* A command of a transaction. */
void redis_reporter_queue(struct redis_reporter *reporter, struct redis_command *command);
/* PEXPIRE for KEY of POOL, as keys.def has it. */
void redis_reporter_queue_expire(struct redis_reporter *reporter, enum redis_key key,
                                 const char *pool);
void redis_reporter_begin_transaction(struct redis_reporter *reporter);
void redis_reporter_end_transaction(struct redis_reporter *reporter);
/* Redis refused what we do: the round is given up, or the reporter is off. */
void redis_reporter_fail(struct redis_reporter *reporter, enum redis_fault fault, const char *why);
/* The same for the reply to a script; what only its key is to blame for is said once. */
void redis_reporter_fail_script(struct redis_reporter *reporter, const char *why);
/* The round is given up. */
void redis_reporter_give_up(struct redis_reporter *reporter);
/* A key of ours is somebody else's: said once. */
void redis_reporter_refuse(struct redis_reporter *reporter, const char *why);
/* There are more brokers and pools than are added up: said once. */
void redis_reporter_tell_excess(struct redis_reporter *reporter);
/* Nobody else may have taken the lead by now; steps down otherwise. */
bool redis_reporter_still_leads(struct redis_reporter *reporter);

/* Nothing that is written now and then may be there. */
void redis_reporter_begin_anew(struct redis_reporter *reporter);

/* redis_reporter_lists.c */
struct span redis_reporter_text(const redisReply *reply);
/* A list of names and values, as HGETALL has it, into a row; the number of fields it knew. */
size_t redis_reporter_read_row(const redisReply *reply, const struct row_field *fields,
                               size_t count, void *row);

#endif
