/* SPDX-License-Identifier: MIT */
/*
 * Memory and who must give way when it is short.  Pure: the clients' owner says what is in use and
 * what each client holds; a round of that tells which of them are not read from until the next.
 * The heaviest give way, as many as hold what is too much, so that whoever asks little is served.
 */
#ifndef TEPLO_DOWNSTREAM_BUDGET_H
#define TEPLO_DOWNSTREAM_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/* AMPLE: nobody gives way.  TIGHT: the heaviest do.  SPENT: and no new request is taken. */
enum budget_level { BUDGET_AMPLE, BUDGET_TIGHT, BUDGET_SPENT };

enum {
    BUDGET_LIGHT_BYTES = 4096, /* who holds less gives way never: it would help nobody */
    BUDGET_WEIGHTS = 256,      /* four for each power of two */
};

/* From 80 % of LIMIT tight, from 100 % spent. */
enum budget_level budget_level_of(size_t in_use, size_t limit);
/* The same after BEFORE, for the log: back only when it has become clearly better. */
enum budget_level budget_next_level(enum budget_level before, size_t in_use, size_t limit);

/* Bytes of LIMIT that who gives way leaves to the others when it may ask in spite of that. */
size_t budget_spare(size_t limit);

struct budget {
    size_t excess;    /* bytes above 80 % of the limit */
    size_t of_others; /* of those, what is left if all who can give way do: no client's doing */
    size_t held[BUDGET_WEIGHTS];
    size_t edge;      /* the lightest weight of which anybody gives way */
    size_t edge_left; /* bytes that are to come from that weight */
};

/* A round: begin, add everybody, weigh; then ask for everybody in turn, once. */
void budget_begin(struct budget *budget, size_t in_use, size_t limit);
void budget_add(struct budget *budget, size_t held_bytes);
void budget_weigh(struct budget *budget);
bool budget_must_give_way(struct budget *budget, size_t held_bytes);

#endif
