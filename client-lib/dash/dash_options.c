/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/dash_options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "proto/base/mem.h"
#include "proto/utf8.h"

enum switch_value {
    SWITCH_FIRST = 256, /* above every letter */
#define SWITCH(name, word, letter, argument, help) DASH_SWITCH_##name,
#include "client-lib/dash/dash_switches.def"
#undef SWITCH
    SWITCH_LAST,
};

static const struct switch_row {
    const char *word;
    char letter;
    const char *argument;
    const char *help;
} rows[] = {
#define SWITCH(name, word, letter, argument, help) {word, letter, argument, help},
#include "client-lib/dash/dash_switches.def"
#undef SWITCH
};

enum { ROWS = SWITCH_LAST - SWITCH_FIRST - 1, PASSWORD_SIZE = 1024, TITLE_MAXIMUM = 100 };

/* What was given, by switch; NULL: not. */
struct words {
    const char *of[ROWS];
    struct dash_names names;
};

static const char *given(const struct words *words, enum switch_value which)
{
    return words->of[which - SWITCH_FIRST - 1];
}

/* ---- the words themselves */

static void print_help(void)
{
    printf("usage: teplo-dash [switches]\n\n"
           "Serves a page that shows how a fleet of teplod is doing, as Redis tells it.\n\n");
    for (int i = 0; i < ROWS; i++) {
        char word[64];

        (void)snprintf(word, sizeof(word), "--%s %s", rows[i].word,
                       rows[i].argument == NULL ? "" : rows[i].argument);
        if (rows[i].letter != '\0') {
            printf("  -%c, %-27s %s\n", rows[i].letter, word, rows[i].help);
        } else {
            printf("      %-27s %s\n", word, rows[i].help);
        }
    }
    printf("\nThere is no login: whoever can connect can read.  Redis is only read.\n"
           "Exit status: 0 told to end; 1 cannot listen there; 2 wrong usage.\n");
}

static void make_getopt(struct option *options, char *letters)
{
    *letters++ = ':'; /* says which of the two errors it is */
    for (int i = 0; i < ROWS; i++) {
        options[i] = (struct option){rows[i].word,
                                     rows[i].argument == NULL ? no_argument : required_argument,
                                     NULL, SWITCH_FIRST + 1 + i};
        if (rows[i].letter != '\0') {
            *letters++ = rows[i].letter;
            if (rows[i].argument != NULL) {
                *letters++ = ':';
            }
        }
    }
    options[ROWS] = (struct option){0};
    *letters = '\0';
}

static int index_of(int found)
{
    for (int i = 0; i < ROWS; i++) {
        if (found == rows[i].letter || found == SWITCH_FIRST + 1 + i) {
            return i;
        }
    }
    return -1;
}

static bool take_word(struct words *words, int index, const char *value)
{
    if (index == DASH_SWITCH_HOST - SWITCH_FIRST - 1) {
        if (words->names.count == DASH_NAMES_MAXIMUM) {
            (void)complaint_usage(NULL, "--host: at most %d names", DASH_NAMES_MAXIMUM);
            return false;
        }
        words->names.names[words->names.count++] = value;
    }
    words->of[index] = value;
    return true;
}

static bool read_words(int argc, char **argv, struct words *words)
{
    struct option options[ROWS + 1];
    char letters[2 * ROWS + 2];
    int found;

    make_getopt(options, letters);
    opterr = 0;
    while ((found = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (found == ':') {
            (void)complaint_usage(NULL, "%s needs a value", argv[optind - 1]);
            return false;
        }
        if (found == '?') {
            (void)complaint_usage(NULL, "there is no switch '%s', or it takes no value",
                                  argv[optind - 1]);
            return false;
        }
        if (!take_word(words, index_of(found), optarg == NULL ? "" : optarg)) {
            return false;
        }
    }
    if (optind < argc) {
        (void)complaint_usage(NULL, "'%s' is no switch", argv[optind]);
        return false;
    }
    return true;
}

/* ---- what they mean */

static bool find_place(const struct words *words, struct dash_options *options)
{
    const char *text = given(words, DASH_SWITCH_LISTEN);

    if (text == NULL) {
        text = "127.0.0.1:9465";
    }
    if (!dash_place_parse(&options->place, text)) {
        (void)complaint_usage(NULL,
                              "--listen %s: an address and a port are needed: 127.0.0.1:9465, "
                              "[::1]:9465",
                              text);
        return false;
    }
    return true;
}

static bool is_utf8(const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        size_t length = utf8_length(text, end);

        if (length == 0) {
            return false;
        }
        text += length;
    }
    return true;
}

static bool find_texts(const struct words *words, struct dash_options *options)
{
    const char *title = given(words, DASH_SWITCH_TITLE);

    options->title = title == NULL ? "teplo" : title;
    options->names = words->names;
    if (strlen(options->title) > TITLE_MAXIMUM || !is_utf8(options->title)) {
        (void)complaint_usage(NULL, "--title: UTF-8 of %d bytes at most", TITLE_MAXIMUM);
        return false;
    }
    return true;
}

/* The first line of FILE, without its end. */
static bool read_password(const char *file, char password[PASSWORD_SIZE])
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, password, PASSWORD_SIZE - 1);

    if (length < 0) {
        complaint("--redis-password-file %s: %s", file, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (length < 0) {
        return false;
    }
    password[length] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    return true;
}

static bool find_redis(const struct words *words, struct dash_options *options)
{
    const char *file = given(words, DASH_SWITCH_PASSWORD);
    const char *namespace = given(words, DASH_SWITCH_NAMESPACE);
    const char *url = given(words, DASH_SWITCH_REDIS);
    char password[PASSWORD_SIZE];

    if (url == NULL) {
        url = getenv("TEPLO_REDIS_URL");
    }
    options->redis.url = url == NULL ? "redis://127.0.0.1:6379/0" : url;
    options->redis.namespace = namespace == NULL ? "main" : namespace;
    if (file == NULL) {
        return true;
    }
    if (read_password(file, password)) {
        options->password = mem_copy_text(password, strlen(password));
        options->redis.password = options->password;
    }
    explicit_bzero(password, sizeof(password));
    return options->password != NULL;
}

bool dash_options_parse(int argc, char **argv, struct dash_options *ret_options,
                        enum exit_status *ret_status)
{
    struct words words = {0};

    *ret_options = (struct dash_options){0};
    *ret_status = STATUS_USAGE;
    if (!read_words(argc, argv, &words)) {
        return false;
    }
    if (given(&words, DASH_SWITCH_HELP) != NULL || given(&words, DASH_SWITCH_VERSION) != NULL) {
        if (given(&words, DASH_SWITCH_HELP) != NULL) {
            print_help();
        } else {
            printf("teplo-dash " TEPLO_VERSION "\n");
        }
        *ret_status = STATUS_OK;
        return false;
    }
    return find_place(&words, ret_options) && find_texts(&words, ret_options) &&
           find_redis(&words, ret_options);
}

void dash_options_done(struct dash_options *options)
{
    if (options->password != NULL) {
        explicit_bzero(options->password, strlen(options->password));
        mem_free(options->password);
    }
}
