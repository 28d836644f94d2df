/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

#include "proto/base/mem.h"
#include "proto/utf8.h"

enum { NAME_MAXIMUM = 255, POOL_MAXIMUM = 4096 /* it may be a URL */ };

struct number {
    enum teplo_option key;
    size_t offset;
    int64_t least;
    int64_t most;
    int64_t fallback;
    int64_t also; /* out of the range, and allowed */
};

struct text {
    enum teplo_option key;
    size_t offset;
    size_t most; /* bytes */
};

#define FIELD(name) offsetof(struct teplo_options, name)

static const struct number numbers[] = {
    {TEPLO_OPT_TIMEOUT_MS, FIELD(timeout_ms), 1, OPTIONS_TIMEOUT_MAXIMUM_MS, 60000,
     TEPLO_NO_DEADLINE},
    {TEPLO_OPT_RECONNECT_MS, FIELD(reconnect_ms), 0, 3600000, 5000, 0},
    {TEPLO_OPT_MAX_IN_FLIGHT, FIELD(max_in_flight), 1, 65536, 1024, 1},
    {TEPLO_OPT_MAX_MESSAGE, FIELD(max_message), 1024, 1 << 30, 64 << 20, 1024},
    {TEPLO_OPT_MAX_IDLE, FIELD(max_idle), 0, 1024, 8, 0},
};

static const struct text texts[] = {
    {TEPLO_OPT_SOCKET, FIELD(socket), sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1},
    {TEPLO_OPT_POOL, FIELD(pool), POOL_MAXIMUM},
    {TEPLO_OPT_CLIENT_NAME, FIELD(client_name), NAME_MAXIMUM},
};

static int64_t *number_at(struct teplo_options *options, const struct number *row)
{
    return (int64_t *)(void *)((char *)options + row->offset);
}

static char **text_at(struct teplo_options *options, const struct text *row)
{
    return (char **)(void *)((char *)options + row->offset);
}

void options_init(struct teplo_options *options)
{
    *options = (struct teplo_options){0};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        *number_at(options, &numbers[i]) = numbers[i].fallback;
    }
}

void options_done(struct teplo_options *options)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        mem_free(*text_at(options, &texts[i]));
    }
    options_init(options);
}

int options_copy(struct teplo_options *options, const struct teplo_options *other)
{
    struct teplo_options copy;

    options_init(&copy);
    if (other != NULL) {
        copy = *other;
        copy.socket = copy.pool = copy.client_name = NULL;
    }
    for (size_t i = 0; other != NULL && i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *text = *(char *const *)(const void *)((const char *)other + texts[i].offset);

        if (text == NULL) {
            continue;
        }
        *text_at(&copy, &texts[i]) = mem_copy_text(text, strlen(text));
        if (*text_at(&copy, &texts[i]) == NULL) {
            options_done(&copy);
            return -ENOMEM;
        }
    }
    *options = copy;
    return 0;
}

struct teplo_options *teplo_options_new(void)
{
    struct teplo_options *options = MEM_NEW(struct teplo_options);

    if (options != NULL) {
        options_init(options);
    }
    return options;
}

void teplo_options_free(struct teplo_options *options)
{
    if (options != NULL) {
        options_done(options);
        mem_free(options);
    }
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

/* A path need not be UTF-8: it goes to the kernel, not into a message. */
static bool may_be(const struct text *row, const char *value)
{
    return value[0] != '\0' && strnlen(value, row->most + 1) <= row->most &&
           (row->key == TEPLO_OPT_SOCKET || is_utf8(value));
}

int teplo_options_set_text(struct teplo_options *options, enum teplo_option key, const char *value)
{
    for (size_t i = 0; options != NULL && i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *copy = NULL;

        if (texts[i].key != key) {
            continue;
        }
        if (value != NULL && !may_be(&texts[i], value)) {
            return TEPLO_E_INVAL;
        }
        if (value != NULL) {
            copy = mem_copy_text(value, strlen(value));
            if (copy == NULL) {
                return TEPLO_E_NOMEM;
            }
        }
        mem_free(*text_at(options, &texts[i]));
        *text_at(options, &texts[i]) = copy;
        return TEPLO_OK;
    }
    return TEPLO_E_INVAL;
}

int teplo_options_set_number(struct teplo_options *options, enum teplo_option key, int64_t value)
{
    for (size_t i = 0; options != NULL && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct number *row = &numbers[i];

        if (row->key != key) {
            continue;
        }
        if ((value < row->least || value > row->most) && value != row->also) {
            return TEPLO_E_INVAL;
        }
        *number_at(options, row) = value;
        return TEPLO_OK;
    }
    return TEPLO_E_INVAL;
}
