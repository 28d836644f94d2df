/* SPDX-License-Identifier: MIT */
/* What the kernel knows about this process, and the name it goes by.  Called by the app. */
#ifndef TEPLO_HEALTH_PROCESS_FIGURES_H
#define TEPLO_HEALTH_PROCESS_FIGURES_H

#include <stdint.h>

#include "broker/health/snapshot.h"

/* All zero at the start; what cannot be read keeps its last value. */
struct process_figures {
    int64_t sampled_us; /* monotonic, of the last sample of the CPU */
    int64_t cpu_us;     /* used until then */
    double cpu_pct;
    uint64_t rss_bytes;
    uint64_t fds;
    int64_t fds_counted_us; /* 0: the kernel counts for us */
};

/* Sets host, pid, cpu_pct (since the last call), rss_bytes, fds and fds_max. */
void process_figures_fill(struct process_figures *figures, struct instance_row *row);

/* i-<host>-<8 hex digits>: another at each call, and no reader takes it for a number. */
void health_instance_id(char ret_id[40]);

#endif
