/* SPDX-License-Identifier: MIT */
/* Called by ledger.c. */
#include "broker/ledger/ledger_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/log.h"

enum { TRIES = 4 };

/*
 * A lock of the open file, like flock(2)'s, and as short-lived as its process; but this kind can be
 * asked for without being taken, so that looking at a lock never stands in somebody's way.
 */
static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static bool is_plain_and_ours(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           status.st_nlink == 1 && fchmod(fd, 0600) == 0;
}

static bool is_still_at(int fd, const char *path)
{
    struct stat ours;
    struct stat there;

    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

static int remove_foreign(const char *path, struct bytes *message)
{
    if (unlink(path) < 0 && errno != ENOENT) {
        int saved = errno;

        bytes_printf(message, "%s: no file of the ledger, and it cannot be removed: %s", path,
                     strerror(saved));
        return -saved;
    }
    log_event(LOG_LEVEL_WARN, "ledger_replaced", "path=%s why=\"it was no plain file of ours\"",
              log_quote(path));
    return 0;
}

/* One try.  0: owned; -EAGAIN: something was in the way and is gone now. */
static int try_take(struct ledger_file *file, struct bytes *message)
{
    struct flock lock = whole_file();
    /* Neither through a symbolic link, nor waiting for the other end of a FIFO. */
    int fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    int locked;
    int r = 0;

    if (fd < 0 && (errno == ENOSPC || errno == EROFS || errno == EMFILE || errno == ENFILE ||
                   errno == EDQUOT || errno == ENOENT)) {
        r = -errno;
        bytes_printf(message, "%s: %s", file->path, strerror(-r));
        return r;
    }
    if (fd < 0) {
        r = remove_foreign(file->path, message);
        return r < 0 ? r : -EAGAIN;
    }
    /* The lock first: what a living broker owns stays, whatever became of its file. */
    locked = fcntl(fd, F_OFD_SETLK, &lock);
    if (locked < 0 && (errno == EAGAIN || errno == EACCES)) {
        r = -EBUSY;
    } else if (!is_plain_and_ours(fd)) {
        r = remove_foreign(file->path, message);
        r = r < 0 ? r : -EAGAIN;
    } else if (locked < 0) {
        r = -ENOLCK;
        bytes_printf(message, "%s: cannot be locked: %s", file->path, strerror(-r));
    } else if (!is_still_at(fd, file->path)) {
        r = -EAGAIN;
    }
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    file->fd = fd;
    return 0;
}

int ledger_file_take(struct ledger_file *file, const char *path, struct bytes *message)
{
    int r = -EAGAIN;

    *file = (struct ledger_file){.fd = -1};
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
        r = try_take(file, message);
    }
    if (r == -EAGAIN) {
        bytes_printf(message, "%s: somebody keeps replacing it", path);
    }
    return r;
}

/* A file of at most MAXIMUM bytes. */
static int read_all(int fd, size_t maximum, struct bytes *out)
{
    struct stat status;
    size_t length;

    if (fstat(fd, &status) < 0) {
        return -errno;
    }
    if (!S_ISREG(status.st_mode) || status.st_size < 0 || (uint64_t)status.st_size > maximum) {
        return -EFBIG;
    }
    length = (size_t)status.st_size;
    while (out->length < length) {
        char *room = bytes_reserve(out, length - out->length);
        ssize_t n = room == NULL ? -1 : pread(fd, room, length - out->length, (off_t)out->length);

        if (room == NULL) {
            return -ENOMEM;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n == 0) {
            return 0; /* it has just been shortened */
        }
        bytes_added(out, n < 0 ? 0 : (size_t)n);
    }
    return 0;
}

int ledger_file_read(const struct ledger_file *file, size_t maximum, struct bytes *out)
{
    return read_all(file->fd, maximum, out);
}

int ledger_file_map(struct ledger_file *file, size_t length, struct bytes *message)
{
    struct stat status;
    int r = fstat(file->fd, &status) < 0 ? errno : 0;

    if (r == 0 && status.st_size != (off_t)length) {
        r = ftruncate(file->fd, 0) < 0 ? errno : 0;
    }
    r = r == 0 ? posix_fallocate(file->fd, 0, (off_t)length) : r;
    if (r == 0) {
        file->block = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
        r = file->block == MAP_FAILED ? errno : 0;
    }
    if (r != 0) {
        file->block = NULL;
        bytes_printf(message, "%s: cannot have %zu bytes: %s", file->path, length, strerror(r));
        return -r;
    }
    file->length = length;
    return 0;
}

void ledger_file_close(struct ledger_file *file)
{
    if (file->block != NULL) {
        (void)munmap(file->block, file->length);
        file->block = NULL;
    }
    if (file->fd >= 0) {
        (void)close(file->fd);
        file->fd = -1;
    }
}

enum ledger_file_health ledger_file_health(const struct ledger_file *file)
{
    struct stat status;

    if (fstat(file->fd, &status) < 0 || status.st_size != (off_t)file->length) {
        return LEDGER_FILE_CUT;
    }
    return status.st_nlink == 0 || !is_still_at(file->fd, file->path) ? LEDGER_FILE_UNLINKED
                                                                      : LEDGER_FILE_SOUND;
}

int ledger_file_peek(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        (void)close(fd);
        return -EINVAL;
    }
    return fd;
}

bool ledger_file_is_owned(int fd)
{
    struct flock lock = whole_file();

    /* A lock that cannot be looked at counts as held: that promises nothing. */
    return fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}
