/* SPDX-License-Identifier: MIT */
/*
 * Which tool the n-th call is for, and with which arguments: a pure function of n, so that
 * two runs send the same calls in the same order.
 */
#ifndef TEPLO_BENCH_TOOL_MIX_H
#define TEPLO_BENCH_TOOL_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum {
    TOOL_MIX_MAXIMUM = 8,
    TOOL_NAME_MAXIMUM = 128,
    TOOL_WEIGHT_MAXIMUM = 1000000,
    TOOL_ARGUMENTS_MAXIMUM = 64 << 20,
};

struct tool {
    char name[TOOL_NAME_MAXIMUM + 1];
    uint64_t weight;
    int64_t delay_ms;       /* an argument of the call, "ms"; 0: none */
    struct bytes arguments; /* a JSON object; %n stands for the call's number, %% for % */
};

struct tool_mix {
    struct tool tools[TOOL_MIX_MAXIMUM];
    size_t count;
    uint64_t weight; /* of all */
};

/* Empty: good for tool_mix_done. */
void tool_mix_init(struct tool_mix *mix);
void tool_mix_done(struct tool_mix *mix);

/*
 * TEXT is `NAME:WEIGHT[:TIME],...`, or one NAME.  0, or -EINVAL and *RET_FAULT, a word or
 * two about what is wrong.
 */
MUST_CHECK int tool_mix_parse(struct tool_mix *mix, const char *text, const char **ret_fault);
/*
 * The arguments of every tool: TEMPLATE, an object, or by default {"n":%n}; with PAYLOAD
 * bytes of padding and the tool's delay in front.  0, -EINVAL (no object), -ENOMEM.
 */
MUST_CHECK int tool_mix_set_arguments(struct tool_mix *mix, const char *template, size_t payload);

/* Tools come in the proportion of their weights in every stretch of calls, not in blocks. */
size_t tool_mix_choose(const struct tool_mix *mix, uint64_t number);
/* The arguments of call NUMBER, appended to OUT. */
void tool_write_arguments(const struct tool *tool, uint64_t number, struct bytes *out);

#endif
