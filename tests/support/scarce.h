/* SPDX-License-Identifier: MIT */
/* Memory that is scarce for a while: one allocation refused, or all from one on. */
#ifndef TEPLO_TESTS_SCARCE_H
#define TEPLO_TESTS_SCARCE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/mem.h"

enum scarcity { SCARCE_ONCE, SCARCE_FROM_THEN_ON };

static size_t scarce_asked;
static size_t scarce_number;
static enum scarcity scarce_how;

static inline bool scarce_may_allocate(size_t size)
{
    size_t number = scarce_asked++;

    (void)size;
    return number < scarce_number || (number > scarce_number && scarce_how == SCARCE_ONCE);
}

/* The NUMBER-th allocation from now on, counted from 0, is the first refused. */
static inline void scarce_begin(size_t number, enum scarcity how)
{
    scarce_asked = 0;
    scarce_number = number;
    scarce_how = how;
    mem_set_hook(scarce_may_allocate);
}

/* Plenty again.  True: one was refused meanwhile. */
static inline bool scarce_end(void)
{
    mem_set_hook(NULL);
    return scarce_asked > scarce_number;
}

#endif
