/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/socket_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/lib/broker_path.h"

enum { WORDS_MAXIMUM = 4 * BROKER_PATH_SIZE };

static const char *file_name(const struct invocation *invocation, enum socket_kind kind,
                             char name[POOL_NAME_MAXIMUM + 8])
{
    const char *stem = kind == SOCKET_ADMIN ? "admin" : invocation->pool;

    if (stem == NULL) {
        return NULL;
    }
    (void)snprintf(name, POOL_NAME_MAXIMUM + 8, "%s.sock", stem);
    return name;
}

static void complain(const char *shown, int error)
{
    struct bytes words;
    const char *text;

    bytes_init(&words, WORDS_MAXIMUM);
    broker_path_explain(&words, shown, error);
    text = bytes_text(&words);
    complaint("%s", text == NULL ? "no broker" : text);
    bytes_done(&words);
}

enum exit_status socket_path_find(const struct invocation *invocation, enum socket_kind kind,
                                  struct sockaddr_un *ret_address)
{
    char name[POOL_NAME_MAXIMUM + 8];
    const struct broker_path_wish wish = {
        .runtime_dir = invocation->runtime_dir,
        .name = file_name(invocation, kind, name),
    };
    struct broker_path path;
    char shown[2 * BROKER_PATH_SIZE];
    int r;

    broker_path_init(&path, &wish);
    r = broker_path_find(&path, ret_address, shown, sizeof(shown));
    if (r == -ENAMETOOLONG) {
        return complaint_usage(NULL,
                               "a socket's path has %zu bytes at most, and this is longer: %s",
                               sizeof(ret_address->sun_path) - 1, shown);
    }
    if (r < 0) {
        complain(shown, -r);
        return STATUS_NO_BROKER;
    }
    return STATUS_OK;
}

/* The broker is there, but has no socket for this pool. */
static bool is_pool_missing(const struct invocation *invocation, const char *path)
{
    const char *slash = strrchr(path, '/');
    char beside[2 * sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    struct stat about;

    if (invocation->pool == NULL || slash == NULL) {
        return false;
    }
    (void)snprintf(beside, sizeof(beside), "%.*s/teplo.sock", (int)(slash - path), path);
    return stat(beside, &about) == 0;
}

enum exit_status socket_path_explain(const struct invocation *invocation,
                                     const struct sockaddr_un *address, int error)
{
    const char *path = address->sun_path;

    if (error == ENOENT && is_pool_missing(invocation, path)) {
        complaint("no broker: %s does not exist (the broker beside it has no pool '%s'; see "
                  "them with: teploctl show pools)",
                  path, invocation->pool);
    } else {
        complain(path, error);
    }
    return STATUS_NO_BROKER;
}
