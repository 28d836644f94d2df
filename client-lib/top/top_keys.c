/* SPDX-License-Identifier: MIT */
#include "client-lib/top/top_keys.h"

#include <string.h>

#include "proto/base/bytes.h"

/* What terminals send behind an Escape, in both of their modes. */
static const struct {
    const char *bytes;
    enum top_key key;
} sequences[] = {
    {"[A", TOP_KEY_UP},   {"OA", TOP_KEY_UP},       {"[B", TOP_KEY_DOWN},
    {"OB", TOP_KEY_DOWN}, {"[C", TOP_KEY_RIGHT},    {"OC", TOP_KEY_RIGHT},
    {"[D", TOP_KEY_LEFT}, {"OD", TOP_KEY_LEFT},     {"[H", TOP_KEY_HOME},
    {"OH", TOP_KEY_HOME}, {"[1~", TOP_KEY_HOME},    {"[7~", TOP_KEY_HOME},
    {"[F", TOP_KEY_END},  {"OF", TOP_KEY_END},      {"[4~", TOP_KEY_END},
    {"[8~", TOP_KEY_END}, {"[5~", TOP_KEY_PAGE_UP}, {"[6~", TOP_KEY_PAGE_DOWN},
};

enum { SEQUENCE_COUNT = sizeof(sequences) / sizeof(sequences[0]), ESCAPE = 0x1b, DELETE = 0x7f };

size_t top_keys_feed(struct top_keys *keys, const char *bytes, size_t length)
{
    size_t room = sizeof(keys->bytes) - keys->length;
    size_t taken = length < room ? length : room;

    memcpy(keys->bytes + keys->length, bytes, taken);
    keys->length += taken;
    return taken;
}

static void drop(struct top_keys *keys, size_t length)
{
    keys->length -= length;
    memmove(keys->bytes, keys->bytes + length, keys->length);
}

static struct top_press press_of(char byte)
{
    switch (byte) {
    case 0x03:
    case 0x04:
    case 0x1c:
        return (struct top_press){.key = TOP_KEY_INTERRUPT};
    case 0x1a:
        return (struct top_press){.key = TOP_KEY_SUSPEND};
    case 0x0c:
        return (struct top_press){.key = TOP_KEY_REDRAW};
    case '\r':
    case '\n':
        return (struct top_press){.key = TOP_KEY_ENTER};
    case '\b':
    case DELETE:
        return (struct top_press){.key = TOP_KEY_BACKSPACE};
    default:
        return byte >= ' ' && byte < DELETE
                   ? (struct top_press){.key = TOP_KEY_CHARACTER, .character = byte}
                   : (struct top_press){.key = TOP_KEY_NONE};
    }
}

/* How long the sequence at the front is: `ESC [ 1 ; 5 A`, `ESC O A`.  0: it is not whole. */
static size_t sequence_length(struct span bytes)
{
    if (bytes.length < 2) {
        return 0;
    }
    if (bytes.at[1] == 'O') {
        return bytes.length < 3 ? 0 : 3;
    }
    if (bytes.at[1] != '[') {
        return 1; /* an Escape, and then something else */
    }
    for (size_t i = 2; i < bytes.length; i++) {
        if (bytes.at[i] >= '@' && bytes.at[i] <= '~') {
            return i + 1;
        }
    }
    /* So long a one is none. */
    return bytes.length == TOP_KEYS_MAXIMUM ? bytes.length : 0;
}

static enum top_key key_of(struct span sequence)
{
    for (size_t i = 0; i < SEQUENCE_COUNT; i++) {
        if (span_is(sequence, sequences[i].bytes)) {
            return sequences[i].key;
        }
    }
    return TOP_KEY_NONE;
}

bool top_keys_next(struct top_keys *keys, struct top_press *ret_press)
{
    struct span bytes = {keys->bytes, keys->length};
    size_t length;

    if (bytes.length == 0) {
        return false;
    }
    if (bytes.at[0] != ESCAPE) {
        *ret_press = press_of(bytes.at[0]);
        drop(keys, 1);
        return true;
    }
    length = sequence_length(bytes);
    if (length == 0) {
        return false;
    }
    *ret_press = (struct top_press){
        .key = length == 1 ? TOP_KEY_ESCAPE : key_of((struct span){bytes.at + 1, length - 1})};
    drop(keys, length);
    return true;
}

bool top_keys_end(struct top_keys *keys, struct top_press *ret_press)
{
    if (keys->length == 0) {
        return false;
    }
    keys->length = 0;
    *ret_press = (struct top_press){.key = TOP_KEY_ESCAPE};
    return true;
}
