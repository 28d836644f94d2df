/* SPDX-License-Identifier: MIT */
/*
 * One client of the broker under test: keeps calls in flight, remembers which lines were
 * written whole, and after the broker's death asks the next one what became of them.
 * Called by faults.c.
 */
#ifndef TEPLO_BENCH_FAULTS_CLIENT_H
#define TEPLO_BENCH_FAULTS_CLIENT_H

#include "client-lib/bench/faults_book.h"
#include "proto/frame.h"
#include "proto/message.h"

enum { FAULTS_DEPTH_MAXIMUM = 64 };

/* A call that has no end yet. */
struct faults_open {
    int64_t number;
    uint64_t end_offset; /* of its line in what the connection has to carry */
    int64_t written_ms;  /* when the last byte of it was taken; 0: not yet */
    int64_t starved_us;  /* of the brokers, at that time */
    int64_t cancel_ms;   /* when to take it back; 0: never */
    int32_t deadline_ms;
};

/* A call of which only teplo/outcome may tell. */
struct faults_question {
    int64_t number;
    int64_t since_ms;
    int64_t due_ms; /* when to ask, or to ask again */
    bool is_asked;
};

/* A call taken back, and whether the broker has certainly read so. */
struct faults_barrier {
    int64_t number; /* 0: none */
    bool is_read;
};

struct faults_client {
    struct faults_book *book;
    uint16_t index;
    int fd; /* -1: not connected */
    int64_t retry_ms;
    int64_t away_ms; /* since when it is not connected */
    struct frame_reader reader;
    struct bytes out;
    size_t out_sent;
    uint64_t queued;  /* bytes given to this connection */
    uint64_t written; /* of them, those that the kernel took */
    struct faults_open open[FAULTS_DEPTH_MAXIMUM];
    size_t open_count;
    struct faults_question questions[FAULTS_DEPTH_MAXIMUM];
    size_t question_count;
    struct faults_barrier barriers[FAULTS_DEPTH_MAXIMUM];
    size_t barrier_next;
};

void faults_client_init(struct faults_client *client, struct faults_book *book, uint16_t index);
void faults_client_done(struct faults_client *client);
/* Once a turn: connect, make calls, ask, write. */
void faults_client_tick(struct faults_client *client);
/* Its connection has something to read. */
void faults_client_read(struct faults_client *client);
/* Close the connection with calls in flight: nobody waits for them any more. */
void faults_client_leave(struct faults_client *client);
/* All its calls have ended, and there are no more to be made. */
bool faults_client_is_over(const struct faults_client *client);
/* For how long it has tried to connect in vain. */
int64_t faults_client_away_ms(const struct faults_client *client);

#endif
