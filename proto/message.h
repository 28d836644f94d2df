/* SPDX-License-Identifier: MIT */
/*
 * The JSON-RPC 2.0 envelope: kind, id, method, and the spans of its parts.
 * Ids are raw tokens: the string "5" and the number 5 are two ids, and what comes
 * back is what was sent, byte for byte.
 */
#ifndef TEPLO_PROTO_MESSAGE_H
#define TEPLO_PROTO_MESSAGE_H

#include "proto/base/bytes.h"
#include "proto/json_scan.h"

enum { MESSAGE_ID_MAXIMUM = 256, MESSAGE_MEMBERS_MAXIMUM = 64, MESSAGE_METHOD_MAXIMUM = 128 };

enum message_kind {
    MESSAGE_REQUEST,
    MESSAGE_NOTIFICATION,
    MESSAGE_RESULT,
    MESSAGE_ERROR,
};

/* All spans lie inside `text`, values with their quotes and braces; none when absent. */
struct message {
    enum message_kind kind;
    struct span text;
    struct span id;     /* request, result; an error may have none or null: then none */
    struct span method; /* a string token */
    struct span params; /* an object (or an array: legal JSON-RPC) */
    struct span result;
    struct span error;          /* an object */
    struct span meta;           /* params._meta, if an object */
    struct span progress_token; /* params._meta.progressToken: a string or an integer */
};

/* Why a text is no message: ready to be sent back. */
struct message_fault {
    int code;       /* -32700 or -32600 */
    struct span id; /* the id as far as it could be read, inside the text; else none */
    char text[192]; /* what is wrong, where */
};

/*
 * TEXT is one message.  -EBADMSG and *RET_FAULT otherwise: not JSON, an array or
 * no object, a duplicate key in the envelope, in params or in params._meta, an id
 * that is null, fractional or longer than MESSAGE_ID_MAXIMUM, both result and error,
 * params that are null or a scalar, a method with a NUL or longer than
 * MESSAGE_METHOD_MAXIMUM, a progress token that could not be an id (null is as absent).
 */
MUST_CHECK int message_parse(struct span text, const struct json_limits *limits,
                             struct message *ret_message, struct message_fault *ret_fault);

/*
 * The id of a request of which only the beginning is there, if that is written as most write it:
 * `{"jsonrpc":"2.0","id":5,"method":`, without white space.  None otherwise.
 */
struct span message_peek_id(struct span head);

/* MESSAGE as it is in a copy of its text at TEXT: every span moves along. */
void message_move(struct message *message, const char *text);

/* The value of params.KEY, or none. */
struct span message_param(const struct message *message, const char *key);

#endif
