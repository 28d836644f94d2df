/* SPDX-License-Identifier: MIT */
/*
 * When what happens to which process: drawn from the seed, paced by the calls made, so that
 * a run of any length has its share.  Called by faults.c, each turn.
 */
#ifndef TEPLO_BENCH_FAULTS_NEMESIS_H
#define TEPLO_BENCH_FAULTS_NEMESIS_H

#include "client-lib/bench/faults_client.h"
#include "client-lib/bench/faults_process.h"

enum faults_event {
#define EVENT(name, option, each, help) FAULTS_EVENT_##name,
#include "client-lib/bench/faults_events.def"
#undef EVENT
    FAULTS_EVENT_COUNT
};

/* What is being done to a process, until when. */
enum faults_trouble {
    FAULTS_TROUBLE_NONE,
    FAULTS_TROUBLE_DOWN,      /* started again then */
    FAULTS_TROUBLE_FROZEN,    /* goes on then */
    FAULTS_TROUBLE_SETTINGS,  /* its settings are put right then */
    FAULTS_TROUBLE_STOPPING,  /* told a second time to stop then */
    FAULTS_TROUBLE_UPGRADING, /* has handed over by then */
};

struct faults_patient {
    enum faults_trouble trouble;
    int64_t until_ms;
};

/* How long a process had starved at the last look. */
struct faults_watch {
    pid_t pid;
    int64_t starved_us;
};

struct faults_nemesis {
    struct faults_book *book;
    struct faults_place *place;
    struct faults_client *clients;
    unsigned client_count;
    uint64_t state; /* of its dice */
    int64_t wanted[FAULTS_EVENT_COUNT];
    int64_t done[FAULTS_EVENT_COUNT];
    int64_t due[FAULTS_EVENT_COUNT]; /* the call at which the next one is due */
    struct faults_patient broker;
    struct faults_patient servers[FAULTS_SERVERS_MAXIMUM];
    struct faults_watch watches[2]; /* of the broker, and of the one before it */
};

/* WANTED: how many of each; -1: as many as the run's length asks for. */
void faults_nemesis_init(struct faults_nemesis *nemesis, struct faults_book *book,
                         struct faults_place *place, struct faults_client *clients,
                         unsigned client_count, const int64_t *wanted);
/* 0, or -1: a process ended by itself or would not start; said on stderr. */
MUST_CHECK int faults_nemesis_tick(struct faults_nemesis *nemesis);
/* Put the servers right, and do nothing more. */
MUST_CHECK int faults_nemesis_end(struct faults_nemesis *nemesis);
/* A broker is still on its way up or down; further ticks bring it there. */
bool faults_nemesis_is_busy(const struct faults_nemesis *nemesis);

const char *faults_event_option(enum faults_event event);
const char *faults_event_help(enum faults_event event);

#endif
