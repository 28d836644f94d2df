/* SPDX-License-Identifier: MIT */
/*
 * The processes of a run: the broker and the scripted servers, started, shot, frozen and
 * started again at the same place, in a private directory.  Called by faults.c and
 * faults_nemesis.c.
 */
#ifndef TEPLO_BENCH_FAULTS_PROCESS_H
#define TEPLO_BENCH_FAULTS_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "proto/base/check.h"

enum { FAULTS_SERVERS_MAXIMUM = 8 };

struct faults_programs {
    const char *broker;
    const char *server;
    const char *options;      /* members for the broker's object in its configuration, or "" */
    const char *pool_options; /* the same for the object of each server */
};

struct faults_process {
    pid_t pid; /* 0: not running */
    unsigned port;
    char ledger[PATH_MAX];
};

struct faults_place {
    const struct faults_programs *programs;
    char directory[64]; /* owned: made by us, removed when all went well */
    char config[PATH_MAX];
    char socket[PATH_MAX];
    struct faults_process broker;
    struct faults_process retired; /* the broker that handed over, until it ends */
    int notices;                   /* what brokers tell a service manager */
    bool is_ready;                 /* the broker has told so: it may be sent signals */
    struct faults_process servers[FAULTS_SERVERS_MAXIMUM];
    unsigned server_count;
    unsigned configs; /* times that the configuration was written */
};

/* Starts everything.  0, or -1 when that was said on stderr. */
MUST_CHECK int faults_place_open(struct faults_place *place, const struct faults_programs *programs,
                                 unsigned servers);
/* Ends whatever still runs at once.  KEEP_FILES: a failure is to be looked into. */
enum faults_files { FAULTS_FILES_REMOVE, FAULTS_FILES_KEEP };
void faults_place_close(struct faults_place *place, enum faults_files files);

MUST_CHECK int faults_start_server(struct faults_place *place, unsigned number);
MUST_CHECK int faults_start_broker(struct faults_place *place);
void faults_signal(const struct faults_process *process, int signal);
/* SIGKILL, and its end. */
void faults_kill(struct faults_process *process);
/* For how long it was ready to run, and had no processor. */
int64_t faults_starved_us(const struct faults_process *process);
/* Take leave of killed brokers that have become our children since. */
void faults_bury(const struct faults_place *place);
/* It has ended, and *RET_STATUS is what waitpid said. */
bool faults_has_ended(struct faults_process *process, int *ret_status);
/* Waits for its end, for MS at most.  The same. */
bool faults_await_end(struct faults_process *process, int ms, int *ret_status);
/*
 * Reads what brokers have told: `is_ready`, and whether another process is the broker now; the
 * one before is then the retired one.
 */
void faults_read_notices(struct faults_place *place);
/* The configuration again, with something in it changed. */
MUST_CHECK int faults_write_config(struct faults_place *place);
/* Settings of a server, by its /__ctl; it must be running and not frozen. */
void faults_control(const struct faults_process *server, const char *json);

#endif
