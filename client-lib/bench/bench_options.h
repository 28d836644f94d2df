/* SPDX-License-Identifier: MIT */
/* argv into what to do, checked.  Called by bench.c only. */
#ifndef TEPLO_BENCH_OPTIONS_H
#define TEPLO_BENCH_OPTIONS_H

#include <stdbool.h>
#include <sys/un.h>

#include "client-lib/bench/sse_wire.h"
#include "client-lib/bench/tool_mix.h"
#include "client-lib/cli/invocation.h"

enum target { TARGET_SOCKET, TARGET_URL };

enum { CLIENTS_MAXIMUM = 100000, IN_FLIGHT_MAXIMUM = 100000 };

/* Texts are borrowed from argv. */
struct bench_options {
    enum target target;
    struct sockaddr_un socket;  /* of TARGET_SOCKET */
    struct http_place place;    /* of TARGET_URL */
    const char *target_name;    /* the path or URL */
    const char *pool;           /* NULL: not named */
    const char *upstream_stats; /* URL; NULL: none */
    unsigned clients;
    unsigned in_flight;
    uint64_t calls; /* 0: no limit */
    int64_t duration_ms;
    int64_t warm_up_ms;
    int64_t deadline_ms; /* 0: none */
    int64_t patience_ms;
    uint64_t rate; /* 0: a closed loop */
    uint64_t payload;
    bool verifies;
    bool prints_json;
    struct tool_mix mix; /* owned */
};

/*
 * True: *RET_OPTIONS says what to do; end with bench_options_done.  False: *RET_STATUS is the
 * exit status, and what there was to say has been said.
 */
bool bench_options_parse(int argc, char **argv, struct bench_options *ret_options,
                         enum exit_status *ret_status);
void bench_options_done(struct bench_options *options);

#endif
