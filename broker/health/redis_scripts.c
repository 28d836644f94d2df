/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_scripts.h"

#include <string.h>

#include "broker/health/sha1.h"
#include "proto/base/check.h"

static const struct {
    int64_t keys;
    struct span text;
} scripts[REDIS_SCRIPT_COUNT] = {
#define SCRIPT(name, keys, text) {keys, SPAN_INIT(text)},
#include "broker/health/redis_scripts.def"
#undef SCRIPT
};

void redis_script_begin(struct redis_command *command, enum redis_script script,
                        enum redis_script_form form)
{
    static char digests[REDIS_SCRIPT_COUNT][SHA1_TEXT_SIZE];

    CHECK(script < REDIS_SCRIPT_COUNT);
    if (form == REDIS_SCRIPT_WHOLE) {
        redis_command_begin(command, "EVAL");
        redis_command_add(command, scripts[script].text.at);
    } else {
        if (digests[script][0] == '\0') {
            sha1_text(scripts[script].text, digests[script]);
        }
        redis_command_begin(command, "EVALSHA");
        redis_command_add(command, digests[script]);
    }
    redis_command_add_int(command, scripts[script].keys);
}

bool redis_script_is_unknown(const char *reply)
{
    return strncmp(reply, "NOSCRIPT", 8) == 0;
}

enum redis_fault redis_script_fault(const char *reply)
{
    const char *marks[] = {": -", "@user_script: 1: ", "@user_script:1: "};
    enum redis_fault fault = redis_fault_of(reply);

    for (size_t i = 0; fault == REDIS_FAULT_OTHER && i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *inner = strstr(reply, marks[i]);

        fault = inner == NULL ? fault : redis_fault_of(inner + strlen(marks[i]));
    }
    return fault;
}
