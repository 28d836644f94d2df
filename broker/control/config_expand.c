/* SPDX-License-Identifier: MIT */
/* The half of config_text.h that reads files and the environment. */
#include "broker/control/config_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 1 << 14, NAME_SIZE = 256, PATH_SIZE = 4096 };

static int read_all(int fd, size_t maximum, struct bytes *out);
static struct span next_literal(struct span text);
static int expand_one(const struct config_place *place, struct span *text, const char *what,
                      struct bytes *out);
static int put(const struct config_place *place, struct span text, struct bytes *out);
static int put_variable(const struct config_place *place, struct span name, const char *what,
                        struct bytes *out);
static int put_file(const struct config_place *place, struct span path, struct bytes *out);

static void drop(struct span *text, size_t length)
{
    text->at += length;
    text->length -= length;
}

int config_text_read_file(const char *path, size_t maximum, struct bytes *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int r;

    bytes_init(out, maximum + READ_STEP);
    if (fd < 0) {
        return -errno;
    }
    r = read_all(fd, maximum, out);
    (void)close(fd);
    return r;
}

int config_text_expand(const struct config_place *place, struct span text, const char *what,
                       struct bytes *out)
{
    int r = 0;

    bytes_init(out, CONFIG_TEXT_MAXIMUM);
    while (r == 0 && text.length > 0) {
        struct span literal = next_literal(text);

        r = put(place, literal, out);
        drop(&text, literal.length);
        if (r == 0 && text.length > 0) {
            r = expand_one(place, &text, what, out);
        }
    }
    return r;
}

static int read_all(int fd, size_t maximum, struct bytes *out)
{
    for (;;) {
        char *room = bytes_reserve(out, READ_STEP);
        ssize_t got = room == NULL ? 0 : read(fd, room, READ_STEP);

        if (room == NULL) {
            return -ENOMEM;
        }
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        bytes_added(out, got < 0 ? 0 : (size_t)got);
        if (out->length > maximum) {
            return -EFBIG;
        }
    }
}

/* The beginning of TEXT, up to a "${" or "$${". */
static struct span next_literal(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        struct span rest = {text.at + i, text.length - i};

        if (span_starts_with(rest, SPAN("${")) || span_starts_with(rest, SPAN("$${"))) {
            return (struct span){text.at, i};
        }
    }
    return text;
}

static bool is_variable(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!is_letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.length > 0 && name.length < NAME_SIZE;
}

/* Takes a "${...}" or a "$${" off the beginning of TEXT.  It shows only what is plainly no secret.
 */
static int expand_one(const struct config_place *place, struct span *text, const char *what,
                      struct bytes *out)
{
    const char *end = memchr(text->at, '}', text->length);
    struct span prefix = SPAN("file:");
    struct span name;

    if (text->at[1] == '$') {
        drop(text, 3);
        return put(place, SPAN("${"), out);
    }
    if (end == NULL) {
        return config_refuse(place,
                             "a \"${\" without its \"}\"; close it, or write \"$${\" for these "
                             "two characters themselves");
    }
    name = (struct span){text->at + 2, (size_t)(end - text->at) - 2};
    drop(text, name.length + 3);
    if (is_variable(name)) {
        return put_variable(place, name, what, out);
    }
    if (span_starts_with(name, prefix)) {
        drop(&name, prefix.length);
        return put_file(place, name, out);
    }
    return config_refuse(place,
                         "a \"${...}\" that is neither ${VAR} nor ${file:/path}; correct it, or "
                         "write \"$${\" for the two characters themselves");
}

static int put(const struct config_place *place, struct span text, struct bytes *out)
{
    if (text.length > out->maximum - out->length) {
        return config_refuse(place, "a text longer than 64 KiB; shorten it");
    }
    bytes_append_span(out, text);
    return out->failed ? -ENOMEM : 0;
}

static int put_variable(const struct config_place *place, struct span name, const char *what,
                        struct bytes *out)
{
    char variable[NAME_SIZE];
    const char *value;

    memcpy(variable, name.at, name.length);
    variable[name.length] = '\0';
    value = getenv(variable);
    if (value == NULL) {
        return config_refuse(place, "${%s} is not set in the environment; export it, or remove %s",
                             variable, what);
    }
    return put(place, span_of(value), out);
}

static struct span without_newline(struct span text)
{
    if (text.length > 0 && text.at[text.length - 1] == '\n') {
        text.length--;
        if (text.length > 0 && text.at[text.length - 1] == '\r') {
            text.length--;
        }
    }
    return text;
}

static int read_secret(const char *path, struct bytes *out)
{
    struct stat status;

    bytes_init(out, 0);
    if (stat(path, &status) < 0) {
        return -errno;
    }
    /* A pipe or a device could stop the broker for ever. */
    return S_ISREG(status.st_mode) ? config_text_read_file(path, CONFIG_SECRET_MAXIMUM, out)
                                   : -EINVAL;
}

static int put_file(const struct config_place *place, struct span path, struct bytes *out)
{
    char shown[CONFIG_TEXT_SHOWN];
    char name[PATH_SIZE];
    struct bytes secret;
    int r;

    if (path.length == 0 || path.at[0] != '/' || path.length >= sizeof(name) ||
        memchr(path.at, '\0', path.length) != NULL) {
        return config_refuse(place, "a ${file:...} without a usable path; write it whole, as in "
                                    "${file:/run/secrets/token}");
    }
    memcpy(name, path.at, path.length);
    name[path.length] = '\0';
    r = read_secret(name, &secret);
    if (r == 0) {
        r = put(place, without_newline(bytes_span(&secret)), out);
    } else if (r == -EFBIG) {
        r = config_refuse(place,
                          "the file of ${file:%s} is larger than 64 KiB; name the one with "
                          "the secret alone",
                          config_text_show(path, shown));
    } else if (r != -ENOMEM) {
        r = config_refuse(place,
                          "the file of ${file:%s} cannot be read (%s); check the path and "
                          "its permissions",
                          config_text_show(path, shown),
                          r == -EINVAL ? "not a regular file" : strerror(-r));
    }
    bytes_done(&secret);
    return r;
}
