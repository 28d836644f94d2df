/* SPDX-License-Identifier: MIT */
/*
 * struct teplo_result: what a ticket brought.  Written by one thread, then given away and never
 * changed again, but for the text, which is made when it is first asked for.
 */
#ifndef TEPLO_LIB_RESULT_H
#define TEPLO_LIB_RESULT_H

#include <stdatomic.h>

#include "client-lib/include/teplo.h"
#include "client-lib/lib/uuid.h"
#include "proto/base/bytes.h"
#include "proto/base/list.h"

enum { RESULT_REASON_SIZE = 32 };

struct result_text {
    size_t length;
    char at[];
};

struct teplo_result {
    struct list_node in_done; /* of the handle, until teplo_next takes it */
    uint64_t ticket;
    enum teplo_kind kind;
    int status;
    int is_error;
    enum teplo_outcome outcome;
    int64_t rpc_code;
    int64_t retry_after_ms;
    /* Owned, with a NUL behind; none if absent. */
    struct span json;
    struct span message;
    struct span rpc_data;
    /* What to say where there was no memory for the message. */
    const char *fallback;
    _Atomic(struct result_text *) text;
    char reason[RESULT_REASON_SIZE];
    char call[UUID_TEXT_SIZE];
};

/* NULL when memory is out. */
MUST_CHECK struct teplo_result *result_new(uint64_t ticket, enum teplo_kind kind);

/* FROM as an owned span.  -ENOMEM. */
MUST_CHECK int result_keep(struct span *ret_kept, struct span from);

void result_drop(struct span *kept);
/* JSON is owned: it takes the place of what RESULT had. */
void result_replace_json(struct teplo_result *result, struct span json);

/* How a request ended without an answer of the server. */
struct result_end {
    int status;
    enum teplo_outcome outcome;
    const char *reason;
};

/* Never fails: without memory the message is what teplo_strerror says of the status. */
void result_fail(struct teplo_result *result, const struct result_end *end, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
