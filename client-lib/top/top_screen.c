/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_screen.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The other screen, without a cursor; no line wraps onto the next. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"

static struct termios before;
/* volatile: a crash may leave from anywhere. */
static volatile bool is_entered;

/* 0 once all is written. */
static int write_all(struct span text)
{
    while (text.length > 0) {
        ssize_t n = write(STDOUT_FILENO, text.at, text.length);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            text.at += n;
            text.length -= (size_t)n;
        }
    }
    return 0;
}

int top_screen_enter(void)
{
    struct termios raw;

    /* Where it was entered before, what others have made of it since is not to be kept. */
    if (!is_entered && tcgetattr(STDIN_FILENO, &before) < 0) {
        return -errno;
    }
    raw = before;
    raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | IGNCR | ISTRIP);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0) {
        return -errno;
    }
    is_entered = true;
    return write_all(SPAN(ENTER));
}

void top_screen_leave(void)
{
    if (is_entered) {
        is_entered = false;
        (void)write_all(SPAN(LEAVE));
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    }
}

int top_screen_show(struct span frame)
{
    struct bytes out;
    int r = -ENOMEM;

    bytes_init(&out, 2 * frame.length + 4096);
    bytes_append_text(&out, "\033[H");
    for (size_t at = 0; at < frame.length;) {
        const char *line = frame.at + at;
        const char *end = memchr(line, '\n', frame.length - at);
        size_t length = end == NULL ? frame.length - at : (size_t)(end - line);

        bytes_append_text(&out, at == 0 ? "" : "\r\n");
        bytes_append(&out, line, length);
        bytes_append_text(&out, "\033[K");
        at += length + 1;
    }
    bytes_append_text(&out, "\033[J");
    if (!out.failed) {
        r = write_all(bytes_span(&out));
    }
    bytes_done(&out);
    return r;
}

static size_t number_in(const char *name)
{
    const char *text = getenv(name);
    unsigned long number = text == NULL ? 0 : strtoul(text, NULL, 10);

    return number < 10000 ? (size_t)number : 0;
}

void top_screen_size(struct top_look *look, const struct top_look *fallback)
{
    struct winsize size = {0};
    bool is_terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    size_t width = is_terminal ? size.ws_col : number_in("COLUMNS");

    look->width = width > 0 ? width : fallback->width;
    look->height = is_terminal && size.ws_row > 0 ? size.ws_row : fallback->height;
}

void top_screen_manners(struct top_look *look)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool is_dumb = terminal == NULL || terminal[0] == '\0' || strcmp(terminal, "dumb") == 0;
    bool is_plain =
        (no_colour != NULL && no_colour[0] != '\0') || is_dumb || isatty(STDOUT_FILENO) != 1;

    look->colours = is_plain ? TOP_NO_COLOURS : TOP_COLOURS;
    look->letters = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? TOP_UTF8 : TOP_ASCII;
}
