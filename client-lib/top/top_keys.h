/* SPDX-License-Identifier: MIT */
/* Bytes of a terminal as keys.  Pure. */
#ifndef TEPLO_TOP_TOP_KEYS_H
#define TEPLO_TOP_TOP_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum top_key {
    TOP_KEY_CHARACTER, /* printable ASCII, in `character` */
    TOP_KEY_UP,
    TOP_KEY_DOWN,
    TOP_KEY_LEFT,
    TOP_KEY_RIGHT,
    TOP_KEY_PAGE_UP,
    TOP_KEY_PAGE_DOWN,
    TOP_KEY_HOME,
    TOP_KEY_END,
    TOP_KEY_ENTER,
    TOP_KEY_BACKSPACE,
    TOP_KEY_ESCAPE,
    TOP_KEY_INTERRUPT, /* Ctrl-C, Ctrl-D, Ctrl-\ */
    TOP_KEY_SUSPEND,   /* Ctrl-Z */
    TOP_KEY_REDRAW,    /* Ctrl-L */
    TOP_KEY_NONE,      /* something else */
};

struct top_press {
    enum top_key key;
    char character;
};

enum { TOP_KEYS_MAXIMUM = 64 };

/* Bytes that are no whole key yet. */
struct top_keys {
    char bytes[TOP_KEYS_MAXIMUM];
    size_t length;
};

/* Takes what fits, at most LENGTH; the rest is to come again. */
size_t top_keys_feed(struct top_keys *keys, const char *bytes, size_t length);
/* False: there is no whole key.  What is left may be an Escape, or the beginning of a key. */
bool top_keys_next(struct top_keys *keys, struct top_press *ret_press);
/* Nothing has followed for a while: what is left is an Escape.  False: nothing is left. */
bool top_keys_end(struct top_keys *keys, struct top_press *ret_press);

#endif
