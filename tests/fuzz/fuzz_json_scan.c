/* SPDX-License-Identifier: MIT */
/*
 * What the checker accepts, the cursor walks from end to end, strings come back from
 * decoding and quoting, and cJSON, which is more lenient, accepts it as well.
 */
#include "fuzz.h"

#include <cjson/cJSON.h>

static void look_at_string(struct span string)
{
    struct bytes text;
    struct bytes again;
    struct bytes quoted;
    char copy[64];

    bytes_init(&text, FUZZ_ROOM);
    bytes_init(&again, FUZZ_ROOM);
    bytes_init(&quoted, FUZZ_ROOM);
    PROPERTY(json_string_equal(string, string) && json_string_starts(string, ""));
    if (json_string_decode(string, &text)) {
        json_quote(&quoted, bytes_span(&text));
        PROPERTY(fuzz_is_json(bytes_span(&quoted)) && fuzz_is_one_line(bytes_span(&quoted)));
        PROPERTY(json_string_equal(string, bytes_span(&quoted)));
        PROPERTY(json_string_decode(bytes_span(&quoted), &again));
        PROPERTY(span_equal(bytes_span(&text), bytes_span(&again)));
        if (json_string_copy(string, copy, sizeof(copy))) {
            PROPERTY(span_is(bytes_span(&text), copy) || text.length == 0);
            PROPERTY(json_string_is(string, copy) && json_string_starts(string, copy));
        } else {
            PROPERTY(text.length >= sizeof(copy) || memchr(text.at, '\0', text.length) != NULL);
        }
    } else {
        PROPERTY(text.length == 0 && !text.failed);
        PROPERTY(!json_string_copy(string, copy, sizeof(copy)));
    }
    bytes_done(&text);
    bytes_done(&again);
    bytes_done(&quoted);
}

static void look_at_number(struct span token)
{
    struct bytes digits;
    int64_t number;

    if (!json_to_int(token, &number)) {
        return;
    }
    PROPERTY(json_is_integer(token));
    bytes_init(&digits, 100);
    bytes_append_int(&digits, number);
    PROPERTY(span_equal(bytes_span(&digits), token) || span_is(token, "-0"));
    bytes_done(&digits);
}

/* Two keys that decode alike make json_has_duplicates say so, and nothing else does. */
static void look_at_keys(struct span object)
{
    struct json_walk walk = json_walk_of(object);
    struct json_item item;
    bool duplicates = false;
    size_t count = 0;

    while (json_walk_next(&walk, &item)) {
        struct json_walk before = json_walk_of(object);
        struct json_item other;

        for (size_t i = 0; i < count && json_walk_next(&before, &other); i++) {
            duplicates = duplicates || json_string_equal(other.key, item.key);
        }
        count++;
    }
    if (count <= JSON_KEYS_MAXIMUM) {
        PROPERTY(json_has_duplicates(object, JSON_KEYS_MAXIMUM) == duplicates);
    }
}

/* Recursive, as deep as json_limits_default lets it. */
static void look_at(struct span value, unsigned depth)
{
    enum json_kind kind = json_kind_of(value);
    struct json_walk walk = json_walk_of(value);
    struct json_item item;
    const char *at = value.at;

    PROPERTY(kind != JSON_NONE);
    /* Every value is a text of its own; not asked at each depth, for that is quadratic. */
    PROPERTY(depth > 2 || fuzz_is_json(value));
    PROPERTY(span_equal(json_trim(value), value));
    if (kind == JSON_STRING) {
        look_at_string(value);
    } else if (kind == JSON_NUMBER) {
        look_at_number(value);
    }
    while (json_walk_next(&walk, &item)) {
        PROPERTY(fuzz_is_inside(item.value, value) && item.value.at > at);
        if (kind == JSON_OBJECT) {
            PROPERTY(fuzz_is_inside(item.key, value) && item.key.at > at);
            look_at_string(item.key);
        } else {
            PROPERTY(kind == JSON_ARRAY && span_is_none(item.key));
        }
        look_at(item.value, depth + 1);
        at = item.value.at + item.value.length - 1;
    }
    if (kind == JSON_OBJECT && depth < 3 && value.length < 2000) {
        look_at_keys(value);
    }
}

/* On anything at all: inside, and not for ever. */
static void walk_anyway(struct span text)
{
    struct json_walk walk = json_walk_of(text);
    struct json_item item;
    size_t steps = 0;

    while (json_walk_next(&walk, &item)) {
        PROPERTY(++steps <= text.length);
        PROPERTY(fuzz_is_inside(item.value, text));
        PROPERTY(!walk.keyed || fuzz_is_inside(item.key, text));
    }
    (void)json_find(text, "key");
    (void)json_has_duplicates(text, JSON_KEYS_MAXIMUM);
}

/* cJSON refuses half pairs, and cuts numbers of 64 characters. */
static bool is_beyond_cjson(struct span text)
{
    size_t number = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (i + 3 < text.length && text.at[i] == '\\' && text.at[i + 1] == 'u' &&
            (text.at[i + 2] | 0x20) == 'd') {
            return true;
        }
        number = strchr("0123456789+-.eE", text.at[i]) != NULL ? number + 1 : 0;
        if (number > 60) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span text = fuzz_input(at, size);
    struct json_error error;

    walk_anyway(text);
    if (json_check(text, &json_limits_default, &error) < 0) {
        PROPERTY(error.at <= size && error.fault != JSON_FAULT_NONE);
        PROPERTY(strlen(json_fault_text(error.fault)) > 0);
        /* The offending byte is no part of what makes a text. */
        PROPERTY(error.fault == JSON_FAULT_DEPTH || error.fault == JSON_FAULT_TOKENS ||
                 !fuzz_is_json(text));
        return 0;
    }
    look_at(json_trim(text), 0);
    if (!is_beyond_cjson(text)) {
        cJSON *tree = cJSON_ParseWithLength(text.at, text.length);

        PROPERTY(tree != NULL);
        cJSON_Delete(tree);
    }
    return 0;
}
