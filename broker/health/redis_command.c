/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_command.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/check.h"

static void add(struct redis_command *command, const char *word, size_t length)
{
    char *at = command->text + command->used;

    CHECK(command->count < REDIS_COMMAND_WORDS && length <= REDIS_COMMAND_TEXT - command->used);
    memcpy(at, word, length);
    command->words[command->count] = at;
    command->lengths[command->count] = length;
    command->count++;
    command->used += length;
}

void redis_command_begin(struct redis_command *command, const char *words)
{
    command->count = 0;
    command->used = 0;
    while (*words != '\0') {
        size_t length = strcspn(words, " ");

        add(command, words, length);
        words += length + strspn(words + length, " ");
    }
}

void redis_command_auth(struct redis_command *command, const struct redis_credentials *credentials)
{
    redis_command_begin(command, "AUTH");
    if (credentials->user != NULL) {
        redis_command_add(command, credentials->user);
    }
    redis_command_add(command, credentials->password == NULL ? "" : credentials->password);
}

void redis_command_add(struct redis_command *command, const char *word)
{
    add(command, word, strlen(word));
}

void redis_command_add_int(struct redis_command *command, int64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%" PRId64, number);
    redis_command_add(command, digits);
}

int redis_command_append(struct redis_command *command, struct evbuffer *output, size_t maximum)
{
    char *text = NULL;
    int length =
        redisFormatCommandArgv(&text, (int)command->count, command->words, command->lengths);
    int r = -ENOMEM;

    if (length < 0) {
        return -ENOMEM;
    }
    if (evbuffer_get_length(output) + (size_t)length > maximum) {
        r = -ENOBUFS;
    } else if (evbuffer_add(output, text, (size_t)length) == 0) {
        r = 0;
    }
    redisFreeCommand(text);
    return r;
}
