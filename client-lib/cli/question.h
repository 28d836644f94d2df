/* SPDX-License-Identifier: MIT */
/*
 * One request to the broker, and what its answer means.  Knows the wire's form and
 * no sockets; broker_link.c carries it.
 */
#ifndef TEPLO_CLI_QUESTION_H
#define TEPLO_CLI_QUESTION_H

#include <stdint.h>

#include "client-lib/cli/invocation.h"
#include "proto/base/bytes.h"
#include "proto/message.h"

enum question_form {
    QUESTION_MCP,   /* the 2026-07-28 form: an envelope in params._meta */
    QUESTION_ADMIN, /* plain JSON-RPC */
};

typedef void (*question_notice_fn)(const struct message *notification);

struct question {
    const char *method;
    enum question_form form;
    struct span members; /* raw members of params, without braces; may be none */
    int64_t end_ms;      /* the answer is wanted until then (duration.h), or DURATION_FOREVER */
    const char *doubt;   /* what to add when nobody knows whether it was done; may be NULL */
    const char *call;    /* a UUID that names the call, dev.teplo/call; may be NULL */
    const char *preface; /* what complaints begin with; may be NULL */
    question_notice_fn on_progress; /* NULL: no progress is asked for */
};

/* The line to send, with its newline, appended to OUT. */
void question_write(const struct question *question, int64_t id, struct bytes *out);

/*
 * ` (see: teploctl outcome UUID)`, for a call of unknown outcome: its own id, or that which ERROR,
 * the broker's, names.  Nothing for a question that is no call.
 */
void question_append_hint(const struct question *question, struct span error, struct bytes *out);

/* The preface, or "". */
const char *question_preface(const struct question *question);

/* MESSAGE answers the request ID: a result or an error of it, or an error that names no id. */
bool question_is_answer(const struct message *message, int64_t id);

/* Says what the broker or the server answered, in one line, and how to exit. */
enum exit_status question_refused(const struct question *question, struct span error);

#endif
