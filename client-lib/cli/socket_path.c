/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/socket_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"

static const char system_dir[] = "/run/teplo";
static const char remedy[] = "start it: teplod --server NAME=URL";

/* A variable that is set and not empty, or NULL. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

static void file_name(const struct invocation *invocation, enum socket_kind kind, char *name,
                      size_t size)
{
    const char *stem = invocation->pool == NULL ? "teplo" : invocation->pool;

    (void)snprintf(name, size, "%s.sock", kind == SOCKET_ADMIN ? "admin" : stem);
}

/* errno of looking for the file, 0 if it is there. */
static int look(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat about;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
        return ENAMETOOLONG;
    }
    return stat(path, &about) == 0 ? 0 : errno;
}

/* The user's own directory.  In /tmp anyone could have made it: then it is not believed. */
static enum exit_status own_dir(char *dir, size_t size)
{
    const char *xdg = environment("XDG_RUNTIME_DIR");
    struct stat about;

    if (xdg != NULL) {
        (void)snprintf(dir, size, "%s/teplo", xdg);
        return STATUS_OK;
    }
    (void)snprintf(dir, size, "/tmp/teplo-%ju", (uintmax_t)getuid());
    if (lstat(dir, &about) == 0 && (!S_ISDIR(about.st_mode) || about.st_uid != getuid())) {
        complaint("no broker: %s belongs to somebody else and is not used (%s)", dir, remedy);
        return STATUS_NO_BROKER;
    }
    return STATUS_OK;
}

static enum exit_status choose_dir(const struct invocation *invocation, const char *name, char *dir,
                                   size_t size)
{
    const char *named = invocation->runtime_dir != NULL ? invocation->runtime_dir
                                                        : environment("TEPLO_RUNTIME_DIR");
    enum exit_status status;
    int missing;

    if (named != NULL) {
        (void)snprintf(dir, size, "%s", named);
        return STATUS_OK;
    }
    missing = look(system_dir, name);
    if (missing == 0 || geteuid() == 0) {
        (void)snprintf(dir, size, "%s", system_dir);
        return STATUS_OK;
    }
    status = own_dir(dir, size);
    if (missing == EACCES && (status != STATUS_OK || look(dir, name) != 0)) {
        /* A broker that this user may not see is the better thing to tell of. */
        (void)snprintf(dir, size, "%s", system_dir);
        return STATUS_OK;
    }
    return status;
}

/* $TEPLO_SOCKET, unless the command line says otherwise. */
static const char *named_socket(const struct invocation *invocation, enum socket_kind kind)
{
    if (kind != SOCKET_CLIENT || invocation->pool != NULL || invocation->runtime_dir != NULL) {
        return NULL;
    }
    return environment("TEPLO_SOCKET");
}

enum exit_status socket_path_find(const struct invocation *invocation, enum socket_kind kind,
                                  struct sockaddr_un *ret_address)
{
    const char *socket_name = named_socket(invocation, kind);
    char path[PATH_MAX + POOL_NAME_MAXIMUM + 8];
    char dir[PATH_MAX];
    char name[POOL_NAME_MAXIMUM + 8];
    enum exit_status status;

    if (socket_name != NULL) {
        (void)snprintf(path, sizeof(path), "%s", socket_name);
    } else {
        file_name(invocation, kind, name, sizeof(name));
        status = choose_dir(invocation, name, dir, sizeof(dir));
        if (status != STATUS_OK) {
            return status;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    }
    if (strlen(path) >= sizeof(ret_address->sun_path)) {
        return complaint_usage(NULL,
                               "a socket's path has %zu bytes at most, and this is longer: %s",
                               sizeof(ret_address->sun_path) - 1, path);
    }
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, path, strlen(path) + 1);
    return STATUS_OK;
}

/* The broker is there, but has no socket for this pool. */
static bool is_pool_missing(const struct invocation *invocation, const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

    if (invocation->pool == NULL || slash == NULL) {
        return false;
    }
    (void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
    return look(dir, "teplo.sock") == 0;
}

enum exit_status socket_path_explain(const struct invocation *invocation,
                                     const struct sockaddr_un *address, int error)
{
    const char *path = address->sun_path;

    if (error == ENOENT && is_pool_missing(invocation, path)) {
        complaint("no broker: %s does not exist (the broker beside it has no pool '%s'; see "
                  "them with: teploctl show pools)",
                  path, invocation->pool);
    } else if (error == ENOENT || error == ENOTDIR) {
        complaint("no broker: %s does not exist (%s)", path, remedy);
    } else if (error == ECONNREFUSED) {
        complaint("no broker: nothing listens on %s any more (%s)", path, remedy);
    } else if (error == EACCES || error == EPERM) {
        complaint("no broker: you have no permission to use %s (run this as the broker's user, "
                  "or join the socket's group)",
                  path);
    } else if (error == ETIMEDOUT) {
        complaint("no broker: %s is there, but nobody accepts (is teplod stopped?)", path);
    } else {
        complaint("no broker: %s: %s (%s)", path, strerror(error), remedy);
    }
    return STATUS_NO_BROKER;
}
