/* SPDX-License-Identifier: MIT */
/* The command line of teplo-bench --faults. */
#ifndef TEPLO_BENCH_FAULTS_OPTIONS_H
#define TEPLO_BENCH_FAULTS_OPTIONS_H

#include "client-lib/bench/faults_nemesis.h"

enum { FAULTS_CLIENTS_MAXIMUM = 256 };

struct faults_options {
    struct faults_programs programs;
    struct faults_odds odds;
    int64_t calls;
    int64_t clients;
    int64_t depth;
    int64_t slack_ms;
    int64_t seconds; /* after which no more calls are made; 0: no limit */
    int64_t wanted[FAULTS_EVENT_COUNT];
    const char *expected; /* the word of a rule that must be broken; NULL: none may be */
    bool keeps_files;
    char broker[PATH_MAX];
    char server[PATH_MAX];
};

/* 0; 1: help was asked for, and given; -1: wrong, and said so. */
MUST_CHECK int faults_options_read(struct faults_options *options, int count, char **words);

#endif
