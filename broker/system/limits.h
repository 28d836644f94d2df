/* SPDX-License-Identifier: MIT */
/* The limits the kernel sets for this process. */
#ifndef TEPLO_SYSTEM_LIMITS_H
#define TEPLO_SYSTEM_LIMITS_H

#include <stddef.h>

/* Raise the soft limit of descriptors to NEEDED if the hard one allows; what there is now. */
size_t limits_raise_descriptors(size_t needed);
/* No core files: they would hold credentials and results. */
void limits_forbid_core(void);

#endif
