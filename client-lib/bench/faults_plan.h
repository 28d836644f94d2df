/* SPDX-License-Identifier: MIT */
/*
 * What each call of a run is: a pure function of the seed and the call's number, so that its
 * request can be written, and its answer known, without keeping either.
 */
#ifndef TEPLO_BENCH_FAULTS_PLAN_H
#define TEPLO_BENCH_FAULTS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum faults_kind {
#define KIND(name, word, least, most, weight, touches, silent) FAULTS_KIND_##name,
#include "client-lib/bench/faults_kinds.def"
#undef KIND
    FAULTS_KIND_COUNT
};

struct faults_odds {
    uint64_t seed;
    unsigned fault_permille;
    unsigned cancel_permille;
    unsigned servers;
    int32_t deadline_ms;
    int32_t silent_deadline_ms; /* of calls that nobody will answer */
};

struct faults_plan {
    int64_t number;
    enum faults_kind kind;
    int64_t kind_number; /* behind the colon; 0: none */
    unsigned server;
    int32_t ms;
    int32_t bytes;
    int32_t deadline_ms;
    int32_t cancel_ms; /* after which the client takes it back; -1: it does not */
};

/* The next of a sequence (splitmix64). */
uint64_t faults_random(uint64_t *state);
/* Between LEAST and MOST, both included. */
int64_t faults_between(uint64_t *state, int64_t least, int64_t most);

struct faults_plan faults_plan_of(const struct faults_odds *odds, int64_t number);
const char *faults_kind_word(enum faults_kind kind);
/* Other calls of its session may come to an unknown outcome by it. */
bool faults_kind_touches_session(enum faults_kind kind);

/* The JSON-RPC id of a call, in one of three forms. */
void faults_write_id(struct bytes *out, int64_t number);
/* The number in such an id, or of a question or barrier about it; -1: none of ours. */
int64_t faults_number_of(struct span id);
/* A UUID. */
void faults_write_call(struct bytes *out, const struct faults_odds *odds, int64_t number);
/* The request's line, newline included. */
void faults_write_request(struct bytes *out, const struct faults_odds *odds,
                          const struct faults_plan *plan);
/* TEXT, an answer, is the one to PLAN's call. */
bool faults_is_answer(struct span text, const struct faults_odds *odds,
                      const struct faults_plan *plan);

#endif
