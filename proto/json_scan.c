/* SPDX-License-Identifier: MIT */
/*
 * The cursor: it trusts the checker and looks only for the ends of values.  Called
 * by message, splice and mcp, and by whoever reads a checked text.
 */
#include "proto/json_scan.h"

#include "proto/json_priv.h"

static const char *skip_value(const char *at, const char *end);

enum json_kind json_kind_of(struct span value)
{
    if (value.length == 0) {
        return JSON_NONE;
    }
    switch (*value.at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return *value.at == '-' || is_digit(*value.at) ? JSON_NUMBER : JSON_NONE;
    }
}

struct span json_trim(struct span value)
{
    while (value.length > 0 && is_space(*value.at)) {
        value.at++;
        value.length--;
    }
    while (value.length > 0 && is_space(value.at[value.length - 1])) {
        value.length--;
    }
    return value;
}

struct json_walk json_walk_of(struct span container)
{
    struct span value = json_trim(container);
    enum json_kind kind = json_kind_of(value);

    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        return (struct json_walk){value.at, value.at, false};
    }
    return (struct json_walk){value.at + 1, value.at + value.length, kind == JSON_OBJECT};
}

bool json_walk_next(struct json_walk *walk, struct json_item *ret_item)
{
    const char *end = walk->end;
    const char *at = skip_space(walk->at, end);
    struct json_item item = {SPAN_NONE, SPAN_NONE};

    if (at < end && *at == ',') {
        at = skip_space(at + 1, end);
    }
    if (at == end || *at == ']' || *at == '}') {
        walk->at = end;
        return false;
    }
    if (walk->keyed) {
        item.key.at = at;
        at = skip_value(at, end);
        item.key.length = (size_t)(at - item.key.at);
        at = skip_space(at, end);
        at = at < end && *at == ':' ? skip_space(at + 1, end) : at;
    }
    item.value.at = at;
    at = skip_value(at, end);
    item.value.length = (size_t)(at - item.value.at);
    walk->at = at;
    *ret_item = item;
    return true;
}

struct span json_find(struct span object, const char *key)
{
    struct json_walk walk = json_walk_of(object);
    struct json_item item;

    while (walk.keyed && json_walk_next(&walk, &item)) {
        if (json_string_is(item.key, key)) {
            return item.value;
        }
    }
    return SPAN_NONE;
}

/* AT is on the opening quote; the place behind the closing one. */
static const char *skip_string(const char *at, const char *end)
{
    at++;
    while (at < end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        const char *slashes = quote;

        if (quote == NULL) {
            return end;
        }
        while (slashes > at && slashes[-1] == '\\') {
            slashes--;
        }
        at = quote + 1;
        if ((quote - slashes) % 2 == 0) {
            return at;
        }
    }
    return end;
}

/* Brackets are counted, not matched: the checker has matched them. */
static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;

    do {
        char c = *at;

        if (c == '"') {
            at = skip_string(at, end);
            continue;
        }
        at++;
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    } while (depth > 0 && at < end);
    return at;
}

static bool is_delimiter(char c)
{
    return is_space(c) || c == ',' || c == ':' || c == ']' || c == '}';
}

/* At least one byte further, unless at the end: so that a walk over anything ends. */
static const char *skip_value(const char *at, const char *end)
{
    if (at == end) {
        return end;
    }
    if (*at == '"') {
        return skip_string(at, end);
    }
    if (*at == '{' || *at == '[') {
        return skip_container(at, end);
    }
    do {
        at++;
    } while (at < end && !is_delimiter(*at));
    return at;
}
