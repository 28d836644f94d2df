/* SPDX-License-Identifier: MIT */
#include "proto/base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static mem_may_fn may_hook;
/* Of all threads: the library's callers may have several.  Wraps, and comes right again. */
static atomic_size_t in_use;

void mem_set_hook(mem_may_fn may)
{
    may_hook = may;
}

size_t mem_in_use(void)
{
    return atomic_load_explicit(&in_use, memory_order_relaxed);
}

static bool may_allocate(size_t size)
{
    return may_hook == NULL || may_hook(size);
}

/* BLOCK is in use from now on. */
static void *count(void *block)
{
    (void)atomic_fetch_add_explicit(&in_use, malloc_usable_size(block), memory_order_relaxed);
    return block;
}

static void discount(size_t size)
{
    (void)atomic_fetch_sub_explicit(&in_use, size, memory_order_relaxed);
}

void *mem_new(size_t size)
{
    return may_allocate(size) ? count(calloc(1, size)) : NULL;
}

void *mem_resize(void *block, size_t size)
{
    size_t before = malloc_usable_size(block);
    void *resized = may_allocate(size) ? realloc(block, size) : NULL;

    if (resized != NULL) {
        discount(before);
        (void)count(resized);
    }
    return resized;
}

char *mem_copy_text(const char *text, size_t length)
{
    char *copy = may_allocate(length + 1) ? count(malloc(length + 1)) : NULL;

    if (copy == NULL) {
        return NULL;
    }
    if (length > 0) {
        memcpy(copy, text, length);
    }
    copy[length] = '\0';
    return copy;
}

void mem_free(void *block)
{
    discount(malloc_usable_size(block));
    free(block);
}
