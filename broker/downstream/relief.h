/* SPDX-License-Identifier: MIT */
/*
 * Who is held back for memory, and for how long.  Holding helps as long as what the clients hold
 * goes away by it; if servers hold the memory, or clients that are lighter, it would last for
 * ever.  So whoever has something to say and was not heard for RELIEF_AFTER_MS starts the relief:
 * until memory is ample the held ones go on in turn, one at a time, to be refused if need be
 * rather than not heard.  Pure: the clients' owner has the clock and says who is held.
 */
#ifndef TEPLO_DOWNSTREAM_RELIEF_H
#define TEPLO_DOWNSTREAM_RELIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RELIEF_AFTER_MS = 2000,
    RELIEF_TURN_MS = 200, /* at most, while others wait; one who is heard ends its turn */
};

enum { RELIEF_NOBODY = 0 };

/* All zero at the beginning. */
struct relief {
    bool is_on;
    uint64_t turn; /* the client's number, or RELIEF_NOBODY */
    int64_t turn_since_ms;
    /* A round: */
    bool turn_is_present;
    uint64_t next; /* of those who are held, the one who waits longest */
    int64_t next_since_ms;
};

/* A round: begin, add each who must give way and has something to say, then ask whose turn it is.
 */
void relief_begin(struct relief *relief);
/* SINCE_MS: it has waited to be read from then on. */
void relief_add(struct relief *relief, uint64_t number, int64_t since_ms);
/* Who goes on until the next round although it must give way, or RELIEF_NOBODY. */
uint64_t relief_choose(struct relief *relief, int64_t now_ms);
/* NUMBER has been heard: it is the next one's turn.  True if it was its turn. */
bool relief_heard(struct relief *relief, uint64_t number);
/* Memory is ample: nobody is held any more. */
void relief_end(struct relief *relief);

#endif
