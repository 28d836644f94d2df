/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/broker_path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char system_dir[] = "/run/teplo";
static const char remedy[] = "start it: teplod --server NAME=URL";

/* A variable that is set and not empty, or "". */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL ? "" : value;
}

static void copy(char *to, size_t size, const char *text)
{
    (void)snprintf(to, size, "%s", text);
}

void broker_path_init(struct broker_path *path, const struct broker_path_wish *wish)
{
    const char *xdg = environment("XDG_RUNTIME_DIR");

    *path = (struct broker_path){0};
    copy(path->name, sizeof(path->name), wish->name == NULL ? "teplo.sock" : wish->name);
    if (wish->socket != NULL) {
        copy(path->socket, sizeof(path->socket), wish->socket);
    } else if (wish->name == NULL && wish->runtime_dir == NULL) {
        copy(path->socket, sizeof(path->socket), environment("TEPLO_SOCKET"));
    }
    copy(path->runtime_dir, sizeof(path->runtime_dir),
         wish->runtime_dir == NULL ? environment("TEPLO_RUNTIME_DIR") : wish->runtime_dir);
    path->is_own_dir_shared = xdg[0] == '\0';
    if (path->is_own_dir_shared) {
        (void)snprintf(path->own_dir, sizeof(path->own_dir), "/tmp/teplo-%ju", (uintmax_t)getuid());
    } else {
        (void)snprintf(path->own_dir, sizeof(path->own_dir), "%s/teplo", xdg);
    }
}

/* errno of looking for the file, 0 if it is there. */
static int look(const char *dir, const char *name)
{
    char file[2 * BROKER_PATH_SIZE];
    struct stat about;

    if (snprintf(file, sizeof(file), "%s/%s", dir, name) >= (int)sizeof(file)) {
        return ENAMETOOLONG;
    }
    return stat(file, &about) == 0 ? 0 : errno;
}

/* In /tmp anyone could have made it: then it is not believed. */
static bool is_foreign(const struct broker_path *path)
{
    struct stat about;

    return path->is_own_dir_shared && lstat(path->own_dir, &about) == 0 &&
           (!S_ISDIR(about.st_mode) || about.st_uid != getuid());
}

static const char *choose_dir(const struct broker_path *path, int *ret_error)
{
    int missing;

    *ret_error = 0;
    if (path->runtime_dir[0] != '\0') {
        return path->runtime_dir;
    }
    missing = look(system_dir, path->name);
    if (missing == 0 || geteuid() == 0) {
        return system_dir;
    }
    if (is_foreign(path)) {
        *ret_error = missing == EACCES ? 0 : -BROKER_PATH_FOREIGN;
    } else if (missing != EACCES || look(path->own_dir, path->name) == 0) {
        return path->own_dir;
    }
    /* A broker that this user may not see is the better thing to tell of. */
    return *ret_error == 0 ? system_dir : path->own_dir;
}

int broker_path_find(const struct broker_path *path, struct sockaddr_un *ret_address,
                     char *ret_shown, size_t size)
{
    char file[2 * BROKER_PATH_SIZE];
    int r = 0;

    if (path->socket[0] != '\0') {
        copy(file, sizeof(file), path->socket);
    } else {
        const char *dir = choose_dir(path, &r);

        (void)snprintf(file, sizeof(file), "%s/%s", dir, path->name);
        if (r < 0) {
            copy(ret_shown, size, dir);
            return r;
        }
    }
    copy(ret_shown, size, file);
    if (strlen(file) >= sizeof(ret_address->sun_path)) {
        return -ENAMETOOLONG;
    }
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, file, strlen(file) + 1);
    return 0;
}

/* Connecting to a file or a directory fails as to a socket that nobody listens on. */
static bool is_other_than_socket(const char *shown)
{
    struct stat about;

    return stat(shown, &about) == 0 && !S_ISSOCK(about.st_mode);
}

void broker_path_explain(struct bytes *out, const char *shown, int error)
{
    bytes_printf(out, "no broker: ");
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        bytes_printf(out, "%s does not exist (%s)", shown, remedy);
        return;
    case ECONNREFUSED:
        bytes_printf(out,
                     is_other_than_socket(shown) ? "%s is not a socket (%s)"
                                                 : "nothing listens on %s any more (%s)",
                     shown, remedy);
        return;
    case EACCES:
    case EPERM:
        bytes_printf(out,
                     "you have no permission to use %s (run this as the broker's user, or join "
                     "the socket's group)",
                     shown);
        return;
    case BROKER_PATH_FOREIGN:
        bytes_printf(out, "%s belongs to somebody else and is not used (%s)", shown, remedy);
        return;
    case EAGAIN:
    case ETIMEDOUT:
        bytes_printf(out, "%s is there, but nobody accepts (is teplod stopped?)", shown);
        return;
    case ENAMETOOLONG:
        bytes_printf(out, "a socket's path has %zu bytes at most, and this is longer: %s",
                     sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, shown);
        return;
    case EMFILE:
    case ENFILE:
        bytes_printf(out, "no descriptor is left to connect to %s (raise ulimit -n)", shown);
        return;
    default:
        bytes_printf(out, "%s: %s (%s)", shown, strerrordesc_np(error), remedy);
        return;
    }
}
