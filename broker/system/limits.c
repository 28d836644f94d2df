/* SPDX-License-Identifier: MIT */
#include "broker/system/limits.h"

#include <sys/resource.h>

size_t limits_raise_descriptors(size_t needed)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
        return 0;
    }
    if (limit.rlim_cur < needed) {
        rlim_t before = limit.rlim_cur;

        limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
            return before;
        }
    }
    return limit.rlim_cur;
}

void limits_forbid_core(void)
{
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
}
