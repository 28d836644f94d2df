/* SPDX-License-Identifier: MIT */
/* `teploctl check-config`: teplod checks its own configuration; this finds it and becomes it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"

/* The folder of our own binary.  False: it cannot be known. */
static bool find_own_dir(char *dir, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", dir, size - 1);
    char *slash;

    if (length <= 0) {
        return false;
    }
    dir[length] = '\0';
    slash = strrchr(dir, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return true;
}

/* Returns only if there is no teplod at PATH that can be run. */
static void try_exec(const char *path, const char *file)
{
    (void)execl(path, "teplod", "--check-config", file, (char *)NULL);
}

enum exit_status command_check_config(const struct invocation *invocation)
{
    /* Installed beside it or in sbin; in a build tree. */
    static const char *const places[] = {"", "/../sbin", "/../broker", "/../../broker"};
    const char *file = invocation->operands[0];
    char dir[PATH_MAX];
    char path[PATH_MAX + 64];

    if (find_own_dir(dir, sizeof(dir))) {
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            (void)snprintf(path, sizeof(path), "%s%s/teplod", dir, places[i]);
            try_exec(path, file);
        }
    }
    (void)execlp("teplod", "teplod", "--check-config", file, (char *)NULL);
    complaint("teplod cannot be run: %s (it is looked for beside teploctl, in ../broker beside "
              "it, and in PATH)",
              strerror(errno));
    return STATUS_NO_BROKER;
}
