/* SPDX-License-Identifier: MIT */
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

static mem_may_fn may_hook;

void mem_set_hook(mem_may_fn may)
{
    may_hook = may;
}

static bool may_allocate(size_t size)
{
    return may_hook == NULL || may_hook(size);
}

void *mem_new(size_t size)
{
    return may_allocate(size) ? calloc(1, size) : NULL;
}

void *mem_resize(void *block, size_t size)
{
    return may_allocate(size) ? realloc(block, size) : NULL;
}

char *mem_copy_text(const char *text, size_t length)
{
    char *copy = may_allocate(length + 1) ? malloc(length + 1) : NULL;

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
    free(block);
}
