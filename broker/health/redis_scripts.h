/* SPDX-License-Identifier: MIT */
/*
 * The scripts that Redis runs for us (redis_scripts.def): known by their digest, sent whole when
 * Redis does not know one.  Never inside MULTI, where that cannot be made up for.  Pure.
 */
#ifndef TEPLO_HEALTH_REDIS_SCRIPTS_H
#define TEPLO_HEALTH_REDIS_SCRIPTS_H

#include <stdbool.h>

#include "broker/health/redis_command.h"
#include "broker/health/redis_fault.h"

enum redis_script {
#define SCRIPT(name, keys, text) REDIS_SCRIPT_##name,
#include "broker/health/redis_scripts.def"
#undef SCRIPT
    REDIS_SCRIPT_COUNT
};

enum redis_script_form { REDIS_SCRIPT_DIGEST, REDIS_SCRIPT_WHOLE };

/* EVALSHA or EVAL up to the number of keys; keys and arguments follow. */
void redis_script_begin(struct redis_command *command, enum redis_script script,
                        enum redis_script_form form);

/* REPLY, an error, says that Redis does not know the script: send it whole. */
bool redis_script_is_unknown(const char *reply);
/*
 * What an error reply to a script is about: an older Redis puts the error of a command in the
 * script behind words of its own.
 */
enum redis_fault redis_script_fault(const char *reply);

#endif
