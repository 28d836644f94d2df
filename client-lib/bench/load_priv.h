/* SPDX-License-Identifier: MIT */
/* What load.c (phases and clients) and load_calls.c (calls) share.  Nobody else includes it. */
#ifndef TEPLO_BENCH_LOAD_PRIV_H
#define TEPLO_BENCH_LOAD_PRIV_H

#include "client-lib/bench/load.h"
#include "client-lib/bench/pace.h"
#include "proto/base/list.h"

enum { MS_NS = 1000000 };

enum phase {
    PHASE_OPENING, /* not every client is ready */
    PHASE_WARMING,
    PHASE_MEASURING,
    PHASE_ENDING, /* no call begins any more */
};

/* Room for one call in flight. */
struct slot {
    int64_t id; /* on its wire; 0: free */
    uint64_t number;
    size_t tool;
    int64_t intended_ns; /* when it was due, which may be before it began */
    bool counts;         /* began after the warm-up */
    bool is_lost;        /* given up: keeps its place, its answer may come still */
    struct list_node in_free;
};

struct client {
    struct load *load;
    struct wire *wire; /* owned; NULL: not connected */
    bool is_ready;
    struct event *reopen;      /* owned; pending while there is no wire */
    struct slot *slots;        /* owned, options->in_flight of them */
    struct list free;          /* of them, those without a call */
    struct list_node in_roomy; /* on load->roomy: is_ready and not `free` empty */
};

struct load {
    const struct bench_options *options;
    struct load_result *result;
    struct event_base *base; /* owned */
    struct event *turn;      /* owned; the end of a phase, or the next call of the timetable */
    struct event *sweep;     /* owned; looks for lost calls */
    struct client *clients;  /* owned, options->clients of them */
    struct list roomy;       /* clients that can begin a call, longest waiting first */
    unsigned ready;
    enum phase phase;
    struct pace pace;
    uint64_t numbers; /* calls begun */
    uint64_t counted; /* of them, those that count */
    uint64_t in_flight;
    int64_t opening_ends_ns;
    int64_t warm_up_ends_ns;
    int64_t ends_ns;
    int64_t last_answer_ns;
    int64_t cpu_start_ns;
    struct bytes text;      /* of one request */
    struct bytes arguments; /* of one call */
    enum exit_status status;
};

int64_t load_now_ns(void);

bool load_may_begin(const struct load *load);
/* Open loop: all calls that are due, as far as there is room.  The clients are flushed. */
void load_begin_due(struct load *load);
/*
 * CLIENT may have room: begin what can begin.  In a closed loop its wire is not flushed: that
 * comes once, at the end of its event.
 */
void load_fill(struct client *client);

/* Events of a client's wire. */
void load_on_text(void *owner, struct span text);
void load_on_refused(void *owner, int64_t id);
/* The connection has ended: what was in flight on it is lost, and all its slots are free. */
void load_lose_calls(struct client *client);
/* Calls due before OLDEST that are in flight still are lost. */
void load_give_up_before(struct load *load, int64_t oldest_ns);

/* The phase may be over. */
void load_end_if_done(struct load *load);
/* Set the timer to what is due next: a call, or the end of the phase. */
void load_wait_for_turn(struct load *load);

#endif
