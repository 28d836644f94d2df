/* SPDX-License-Identifier: MIT */
/* Memory that is scarce for a while: one allocation refused, some in a row, or all from one on. */
#ifndef TEPLO_TESTS_SCARCE_H
#define TEPLO_TESTS_SCARCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/mem.h"

/* How many are refused. */
#define SCARCE_ONCE ((size_t)1)
#define SCARCE_SOME ((size_t)8)
#define SCARCE_ALL SIZE_MAX

static size_t scarce_asked;
static size_t scarce_number;
static size_t scarce_refusals;

static inline bool scarce_may_allocate(size_t size)
{
    size_t number = scarce_asked++;

    (void)size;
    return number < scarce_number || number - scarce_number >= scarce_refusals;
}

/* The NUMBER-th allocation from now on, counted from 0, is the first of REFUSALS. */
static inline void scarce_begin(size_t number, size_t refusals)
{
    scarce_asked = 0;
    scarce_number = number;
    scarce_refusals = refusals;
    mem_set_hook(scarce_may_allocate);
}

/* Plenty again.  True: one was refused meanwhile. */
static inline bool scarce_end(void)
{
    mem_set_hook(NULL);
    return scarce_asked > scarce_number;
}

#endif
