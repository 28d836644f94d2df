/* SPDX-License-Identifier: MIT */
#include "broker/control/http_accept.h"

#include <strings.h>

enum { WEIGHT_ONE = 1000, WEIGHT_DIGITS = 3 };

static struct span trimmed(struct span text)
{
    while (text.length > 0 && strchr(" \t", text.at[0]) != NULL) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && strchr(" \t", text.at[text.length - 1]) != NULL) {
        text.length--;
    }
    return text;
}

/* The part of *REST before the next C outside of quotes, which is taken off. */
static struct span take_until(struct span *rest, char c)
{
    struct span part = {rest->at, 0};
    bool is_quoted = false;

    while (part.length < rest->length && (is_quoted || rest->at[part.length] != c)) {
        is_quoted = is_quoted != (rest->at[part.length] == '"');
        part.length++;
    }
    rest->at += part.length;
    rest->length -= part.length;
    if (rest->length > 0) {
        rest->at++;
        rest->length--;
    }
    return trimmed(part);
}

static bool is_word(struct span text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

/* "1", "0.25": thousandths.  What is none weighs nothing. */
static int weight_of(struct span text)
{
    int weight = 0;
    int unit = WEIGHT_ONE;

    for (size_t i = 0; i < text.length; i++) {
        if (i == 1 && text.at[i] == '.') {
            continue;
        }
        if (text.at[i] < '0' || text.at[i] > '9' || i > 1 + WEIGHT_DIGITS) {
            return 0;
        }
        weight += (text.at[i] - '0') * unit;
        unit /= 10;
    }
    return weight > WEIGHT_ONE ? 0 : weight;
}

struct range {
    struct span type;
    struct span version; /* none: any */
    int weight;
};

static struct range read_range(struct span text)
{
    struct range range = {.weight = WEIGHT_ONE};

    range.type = take_until(&text, ';');
    while (text.length > 0) {
        struct span value = take_until(&text, ';');
        struct span name = take_until(&value, '=');

        value = trimmed(value);
        if (value.length >= 2 && value.at[0] == '"' && value.at[value.length - 1] == '"') {
            value.at++;
            value.length -= 2;
        }
        if (is_word(name, "q")) {
            range.weight = weight_of(value);
        } else if (is_word(name, "version")) {
            range.version = value;
        }
    }
    return range;
}

static bool is_openmetrics(const struct range *range)
{
    return is_word(range->type, "application/openmetrics-text") &&
           (span_is_none(range->version) || is_word(range->version, "1.0.0") ||
            is_word(range->version, "0.0.1"));
}

bool http_accept_prefers_openmetrics(struct span accept)
{
    int openmetrics = 0;
    int text = 0;

    while (accept.length > 0) {
        struct range range = read_range(take_until(&accept, ','));

        if (is_openmetrics(&range) && range.weight > openmetrics) {
            openmetrics = range.weight;
        }
        if (is_word(range.type, "text/plain") && range.weight > text) {
            text = range.weight;
        }
    }
    return openmetrics > 0 && openmetrics >= text;
}
