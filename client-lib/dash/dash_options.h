/* SPDX-License-Identifier: MIT */
/* argv and environment into what to do, checked.  Called by dash.c only. */
#ifndef TEPLO_DASH_OPTIONS_H
#define TEPLO_DASH_OPTIONS_H

#include "client-lib/cli/invocation.h"
#include "client-lib/dash/dash_place.h"
#include "client-lib/fleet/fleet_reader.h"

/* Texts are borrowed from argv. */
struct dash_options {
    struct dash_place place;
    struct dash_names names;
    struct fleet_reader_options redis;
    char *password; /* owned: redis.password; NULL: as the url says */
    const char *title;
};

/*
 * True: *RET_OPTIONS says what to do; end with dash_options_done.  False: *RET_STATUS is the exit
 * status, and what there was to say has been said.
 */
bool dash_options_parse(int argc, char **argv, struct dash_options *ret_options,
                        enum exit_status *ret_status);
void dash_options_done(struct dash_options *options);

#endif
