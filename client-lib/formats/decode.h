/* SPDX-License-Identifier: MIT */
/*
 * What a model wrote as arguments becomes what the tool is called with.  The tool's own
 * schema decides; nothing is guessed: what the schema does not ask for stays as it came.
 */
#ifndef TEPLO_FORMATS_DECODE_H
#define TEPLO_FORMATS_DECODE_H

#include "client-lib/formats/toolset.h"

enum { ARGUMENTS_MAXIMUM = 1024 * 1024, ARGUMENTS_DEPTH = 64, ARGUMENTS_VALUES = 100000 };

enum decode_flag {
    DECODED_DUPLICATE_KEYS = 1, /* an object had a key twice: the last counts */
};

/* What the decoding of a whole response may take; see facets_init. */
enum { DECODE_STEPS = 4000000 };

/*
 * WRITTEN is the model's text: "" and null are {}.  Appends the arguments of TOOL to OUT.  0;
 * -EBADMSG: they are none, and COMPLAINT tells the model why, where, and what is expected; -ENOMEM.
 * *STEPS is what is left of DECODE_STEPS, and less afterwards.
 */
MUST_CHECK int decode_arguments(const struct format_tool *tool, struct span written,
                                uint32_t *steps, struct bytes *out, unsigned *ret_flags,
                                struct bytes *complaint);

#endif
