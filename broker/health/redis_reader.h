/* SPDX-License-Identifier: MIT */
/* Bytes from Redis in, replies out: hiredis' reader with limits.  Called by redis_link; pure. */
#ifndef TEPLO_HEALTH_REDIS_READER_H
#define TEPLO_HEALTH_REDIS_READER_H

#include <hiredis/hiredis.h>
#include <stddef.h>

#include "proto/base/check.h"

enum {
    REDIS_READER_MAXIMUM = 65536, /* bytes of one reply */
    REDIS_READER_ELEMENTS = 512,  /* of one reply, those of the arrays in it counted too */
};

/* All zero is a reader without memory: redis_reader_done may be called for it. */
struct redis_reader {
    redisReader *reader;                 /* ours */
    redisReplyObjectFunctions functions; /* hiredis' own, but for the arrays */
    void *(*make_array)(const redisReadTask *task, int elements);
    size_t fed;   /* bytes since the last reply: an incomplete one is in them */
    int elements; /* that its arrays have promised so far */
};

/* -ENOMEM.  READER must not move afterwards. */
MUST_CHECK int redis_reader_init(struct redis_reader *reader);
void redis_reader_done(struct redis_reader *reader);
/* -ENOMEM. */
MUST_CHECK int redis_reader_feed(struct redis_reader *reader, const void *data, size_t length);
/*
 * The next reply, for freeReplyObject; NULL: more bytes are needed.  -EPROTO: this is not the
 * protocol, or a reply beyond the limits; redis_reader_error says which.
 */
MUST_CHECK int redis_reader_next(struct redis_reader *reader, redisReply **ret_reply);
const char *redis_reader_error(const struct redis_reader *reader);

#endif
