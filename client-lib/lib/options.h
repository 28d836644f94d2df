/* SPDX-License-Identifier: MIT */
/* What a handle was told once, and how: struct teplo_options. */
#ifndef TEPLO_LIB_OPTIONS_H
#define TEPLO_LIB_OPTIONS_H

#include "client-lib/include/teplo.h"
#include "proto/base/check.h"

struct teplo_options {
    char *socket;      /* NULL: where broker_path.h looks */
    char *pool;        /* NULL: the only one */
    char *client_name; /* NULL: "libteplo" */
    int64_t timeout_ms;
    int64_t reconnect_ms;
    int64_t max_in_flight;
    int64_t max_message;
    int64_t max_idle;
};

enum { OPTIONS_TIMEOUT_MAXIMUM_MS = 604800000 };

/* The defaults. */
void options_init(struct teplo_options *options);
void options_done(struct teplo_options *options);
/* OTHER may be NULL: the defaults.  -ENOMEM, OPTIONS then needs no options_done. */
MUST_CHECK int options_copy(struct teplo_options *options, const struct teplo_options *other);

#endif
