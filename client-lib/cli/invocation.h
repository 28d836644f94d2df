/* SPDX-License-Identifier: MIT */
/*
 * What the user asked for: the command line, parsed and checked, and the table of
 * commands it chose from.  Made by command_line.c, read by every command.
 */
#ifndef TEPLO_CLI_INVOCATION_H
#define TEPLO_CLI_INVOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPERANDS_MAXIMUM = 1024, POOL_NAME_MAXIMUM = 32 };

enum exit_status {
#define STATUS(name, number, meaning) STATUS_##name = (number),
#include "client-lib/cli/exit_status.def"
#undef STATUS
};

enum switch_index {
#define SWITCH(name, word, letter, argument, help) SWITCH_INDEX_##name,
#include "client-lib/cli/switches.def"
#undef SWITCH
    SWITCH_COUNT
};

enum switch_bit {
#define SWITCH(name, word, letter, argument, help) SWITCH_##name = 1 << SWITCH_INDEX_##name,
#include "client-lib/cli/switches.def"
#undef SWITCH
    CLIENT_SWITCHES = SWITCH_POOL | SWITCH_RUNTIME_DIR,
    ADMIN_SWITCHES = SWITCH_RUNTIME_DIR | SWITCH_TIMEOUT | SWITCH_JSON,
    REDIS_SWITCHES = SWITCH_REDIS | SWITCH_NAMESPACE | SWITCH_NS | SWITCH_TIMEOUT,
    TOP_SWITCHES = REDIS_SWITCHES | SWITCH_RUNTIME_DIR | SWITCH_JSON | SWITCH_INTERVAL |
                   SWITCH_FRAMES | SWITCH_ONCE,
    PURGE_SWITCHES = REDIS_SWITCHES | SWITCH_DRY_RUN | SWITCH_YES | SWITCH_FORCE,
};

/* How the answer is printed. */
enum form {
    FORM_SCREEN, /* for people: stdout is a terminal, hostile bytes are replaced */
    FORM_LINES,  /* for programs: TAB separated, stable */
    FORM_JSON,   /* the raw result */
};

struct invocation {
    const struct command *command;
    const char *pool;        /* NULL: not named */
    const char *runtime_dir; /* NULL: not named */
    int64_t timeout_ms;      /* not positive: not named */
    enum form form;
    int provider; /* enum teplo_provider; 0: MCP's own form */
    bool strict;
    bool failed;           /* only what did */
    int given;             /* enum switch_bit, ored: the switches that were there */
    const char *redis_url; /* NULL: not named; a secret may be in it */
    const char *namespace; /* NULL: not named */
    int64_t interval_ms;
    unsigned count; /* frames; 0: until told to end */
    size_t operand_count;
    const char *operands[OPERANDS_MAXIMUM + 1]; /* borrowed from argv */
};

typedef enum exit_status (*command_fn)(const struct invocation *invocation);

struct command {
    const char *name;
    command_fn run;
    size_t least; /* operands */
    size_t most;
    int switches; /* enum switch_bit, ored */
    const char *arguments;
    const char *help;
};

extern const struct command commands[];
extern const size_t command_count;

const struct command *command_find(const char *name); /* NULL: no such command */

enum exit_status command_tools(const struct invocation *invocation);
enum exit_status command_call(const struct invocation *invocation);
enum exit_status command_outcome(const struct invocation *invocation);
enum exit_status command_connect(const struct invocation *invocation);
enum exit_status command_status(const struct invocation *invocation);
enum exit_status command_health(const struct invocation *invocation);
enum exit_status command_show(const struct invocation *invocation);
enum exit_status command_top(const struct invocation *invocation);
enum exit_status command_redis(const struct invocation *invocation);
enum exit_status command_action(const struct invocation *invocation);
enum exit_status command_check_config(const struct invocation *invocation);
enum exit_status command_help(const struct invocation *invocation);

#endif
