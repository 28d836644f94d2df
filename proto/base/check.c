/* SPDX-License-Identifier: MIT */
#include "proto/base/check.h"

#include <stdio.h>
#include <stdlib.h>

static check_dump_fn dump_hook;

void check_set_dump(check_dump_fn dump)
{
    dump_hook = dump;
}

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    check_dump_fn dump = dump_hook;

    fprintf(stderr, "level=error event=check_failed condition=\"%s\" at=%s:%d\n", condition, file,
            line);
    /* Cleared first: a dump that fails a check of its own must not recurse. */
    dump_hook = NULL;
    if (dump != NULL) {
        dump();
    }
    abort();
}
