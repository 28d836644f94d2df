/* SPDX-License-Identifier: MIT */
#include "broker/system/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fill dir->path; the mode to make it with. */
static mode_t find_path(struct runtime_dir *dir, const char *wish, struct bytes *message)
{
    const char *from_environment = getenv("TEPLO_RUNTIME_DIR");
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    char path[4096];
    mode_t mode = 0750;

    if (wish != NULL) {
        (void)snprintf(path, sizeof(path), "%s", wish);
    } else if (from_environment != NULL && from_environment[0] != '\0') {
        (void)snprintf(path, sizeof(path), "%s", from_environment);
    } else if (geteuid() == 0) {
        (void)snprintf(path, sizeof(path), "/run/teplo");
    } else if (xdg != NULL && xdg[0] != '\0') {
        (void)snprintf(path, sizeof(path), "%s/teplo", xdg);
    } else {
        (void)snprintf(path, sizeof(path), "/tmp/teplo-%u", (unsigned)geteuid());
        mode = 0700;
    }
    if (strlen(path) >= sizeof(dir->path) - 1) {
        bytes_printf(message,
                     "runtime directory %s: too long for the paths of Unix sockets; choose one of "
                     "at most %zu bytes with --runtime-dir",
                     path, sizeof(dir->path) - 2);
        return 0;
    }
    memcpy(dir->path, path, strlen(path) + 1);
    return mode;
}

static int check_directory(const char *path, struct bytes *message)
{
    struct stat status;

    if (lstat(path, &status) < 0) {
        bytes_printf(message, "runtime directory %s: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISDIR(status.st_mode)) {
        bytes_printf(message,
                     "runtime directory %s: is no directory; remove it or choose another "
                     "with --runtime-dir",
                     path);
        return -1;
    }
    if (status.st_uid != geteuid()) {
        bytes_printf(message,
                     "runtime directory %s: belongs to user %u, not to us; choose another "
                     "with --runtime-dir",
                     path, (unsigned)status.st_uid);
        return -1;
    }
    if ((status.st_mode & S_IWOTH) != 0) {
        bytes_printf(message, "runtime directory %s: everybody may write to it; chmod o-w %s", path,
                     path);
        return -1;
    }
    return 0;
}

static bool is_same_file(int fd, const char *path)
{
    struct stat ours;
    struct stat there;

    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

static int lock_directory(struct runtime_dir *dir, int lock_fd, struct bytes *message)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/teplo.lock", dir->path);
    /* The lock belongs to the open file, which its holder shares with us. */
    if (lock_fd >= 0 && is_same_file(lock_fd, path) && flock(lock_fd, LOCK_EX | LOCK_NB) == 0) {
        dir->lock_fd = lock_fd;
        return 0;
    }
    if (lock_fd >= 0) {
        (void)close(lock_fd);
    }
    dir->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (dir->lock_fd < 0) {
        bytes_printf(message, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        bytes_printf(message,
                     "%s: another teplod serves this directory; stop it, or give this one its own "
                     "with --runtime-dir",
                     dir->path);
        (void)close(dir->lock_fd);
        dir->lock_fd = -1;
        return -1;
    }
    return 0;
}

static int make_and_check(struct runtime_dir *dir, const char *wish, struct bytes *message)
{
    mode_t mode;

    *dir = (struct runtime_dir){.lock_fd = -1};
    mode = find_path(dir, wish, message);
    if (mode == 0) {
        return -1;
    }
    if (mkdir(dir->path, mode) < 0 && errno != EEXIST) {
        bytes_printf(message, "runtime directory %s: %s; choose another with --runtime-dir",
                     dir->path, strerror(errno));
        return -1;
    }
    return check_directory(dir->path, message);
}

int runtime_dir_open(struct runtime_dir *dir, const char *wish, int lock_fd, struct bytes *message)
{
    if (make_and_check(dir, wish, message) < 0) {
        if (lock_fd >= 0) {
            (void)close(lock_fd);
        }
        return -1;
    }
    return lock_directory(dir, lock_fd, message);
}

void runtime_dir_close(struct runtime_dir *dir)
{
    if (dir->lock_fd >= 0) {
        (void)close(dir->lock_fd);
        dir->lock_fd = -1;
    }
}
