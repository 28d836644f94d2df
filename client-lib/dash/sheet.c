/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/sheet.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/base/mem.h"

/* FNV-1a: it has to tell one answer from the next, not to withstand anybody. */
static uint64_t digest(struct span text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(1099511628211);
    }
    return hash;
}

struct sheet *sheet_new(int status, struct span text, int64_t now_ms)
{
    struct sheet *sheet = mem_new(sizeof(*sheet) + text.length);

    if (sheet == NULL) {
        return NULL;
    }
    atomic_init(&sheet->holders, 1);
    sheet->status = status;
    sheet->made_ms = now_ms;
    sheet->length = text.length;
    if (text.length > 0) {
        memcpy(sheet->text, text.at, text.length);
    }
    (void)snprintf(sheet->etag, sizeof(sheet->etag), "\"%016" PRIx64 "\"", digest(text));
    return sheet;
}

struct sheet *sheet_hold(struct sheet *sheet)
{
    (void)atomic_fetch_add_explicit(&sheet->holders, 1, memory_order_relaxed);
    return sheet;
}

void sheet_drop(struct sheet *sheet)
{
    if (sheet != NULL && atomic_fetch_sub_explicit(&sheet->holders, 1, memory_order_acq_rel) == 1) {
        mem_free(sheet);
    }
}
