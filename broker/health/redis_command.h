/* SPDX-License-Identifier: MIT */
/* One command for Redis, word by word, in a buffer of its own.  Lives on the stack. */
#ifndef TEPLO_HEALTH_REDIS_COMMAND_H
#define TEPLO_HEALTH_REDIS_COMMAND_H

#include <event2/buffer.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/health/redis_access.h"

/* Our longest are a row of a hash and a ZADD of all pools of a transaction.  More is a CHECK. */
enum { REDIS_COMMAND_WORDS = 192, REDIS_COMMAND_TEXT = 12288 };

struct redis_command {
    size_t count;
    const char *words[REDIS_COMMAND_WORDS]; /* into text */
    size_t lengths[REDIS_COMMAND_WORDS];
    size_t used;
    char text[REDIS_COMMAND_TEXT];
};

/* WORDS: one or more, parted by blanks. */
void redis_command_begin(struct redis_command *command, const char *words);
/* AUTH, for who has a user or a password.  Wipe COMMAND afterwards. */
void redis_command_auth(struct redis_command *command, const struct redis_credentials *credentials);
/* One word, whatever is in it. */
void redis_command_add(struct redis_command *command, const char *word);
void redis_command_add_int(struct redis_command *command, int64_t number);
/* As Redis wants it, behind OUTPUT.  -ENOMEM; -ENOBUFS: that would be longer than MAXIMUM. */
MUST_CHECK int redis_command_append(struct redis_command *command, struct evbuffer *output,
                                    size_t maximum);

#endif
