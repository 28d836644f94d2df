/* SPDX-License-Identifier: MIT */
/* fake_mcp.c as a process of its own, for tests that want speed: prints its URL, serves until
 * killed. */
#include <signal.h>
#include <stdio.h>

#include "broker/runtime/loop.h"
#include "tests/support/fake_mcp.h"

int main(void)
{
    static struct fake_mcp fake;
    struct loop *loop = loop_new();

    (void)signal(SIGPIPE, SIG_IGN);
    if (loop == NULL || fake_mcp_open(&fake, loop) < 0) {
        fprintf(stderr, "fake_server: cannot listen\n");
        return 1;
    }
    printf("%s\n", fake_mcp_url(&fake));
    (void)fflush(stdout);
    return loop_run(loop) == 0 ? 0 : 1;
}
