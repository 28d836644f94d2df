/* SPDX-License-Identifier: MIT */
/*
 * The only calls to the allocator.  Every function may return NULL, and every
 * caller lives with it; tests make each allocation fail in turn through the hook.
 */
#ifndef TEPLO_BASE_MEM_H
#define TEPLO_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/check.h"

/* Zeroed memory. */
MUST_CHECK void *mem_new(size_t size);
MUST_CHECK void *mem_resize(void *block, size_t size);
/* A copy of LENGTH bytes with a NUL behind it. */
MUST_CHECK char *mem_copy_text(const char *text, size_t length);
void mem_free(void *block);

/*
 * Bytes that the functions above have given out and not had back, with what the allocator rounds
 * up to, without what it keeps for itself.  Libraries' own memory is not in it.
 */
size_t mem_in_use(void);

/* Asked before each allocation; false makes it fail.  NULL, the default, never does. */
typedef bool (*mem_may_fn)(size_t size);
void mem_set_hook(mem_may_fn may);

#define MEM_NEW(type) ((type *)mem_new(sizeof(type)))

#endif
