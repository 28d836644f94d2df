/* SPDX-License-Identifier: MIT */
/* Lists of values: each once, and of a type that is allowed. */
#include <stdlib.h>

#include "client-lib/formats/declaration.h"
#include "client-lib/formats/lint.h"

size_t lint_length(struct span token)
{
    struct bytes text;
    size_t length = token.length;

    if (json_kind_of(token) != JSON_STRING) {
        return length;
    }
    bytes_init(&text, token.length * 3);
    tree_token_text(token, &text);
    length = text_length(bytes_span(&text));
    bytes_done(&text);
    return length;
}

/* Equal values have equal texts; objects only where their members are in one order. */
static struct span text_of(struct arena *arena, const struct tree_node *value)
{
    struct span copy;
    struct bytes text;

    if (value->kind == JSON_NUMBER ||
        (value->kind == JSON_STRING &&
         memchr(value->token.at, '\\', value->token.length) == NULL)) {
        return value->token;
    }
    bytes_init(&text, arena->maximum);
    if (value->kind == JSON_STRING) {
        struct bytes decoded;

        bytes_init(&decoded, value->token.length * 3);
        tree_text(value, &decoded);
        json_quote(&text, bytes_span(&decoded));
        text.failed = text.failed || decoded.failed;
        bytes_done(&decoded);
    } else {
        tree_write(value, &text);
    }
    copy = arena_take(arena, &text);
    bytes_done(&text);
    return copy;
}

static int compare(const void *a, const void *b)
{
    const struct span *left = a;
    const struct span *right = b;
    size_t least = left->length < right->length ? left->length : right->length;
    int order = least == 0 ? 0 : memcmp(left->at, right->at, least);

    return order != 0 ? order : (left->length > right->length) - (left->length < right->length);
}

bool lint_unique(struct lint *lint, const struct tree_node *list, const char *reason)
{
    size_t count = 0;
    struct span *texts;

    if (list->count < 2) {
        return true;
    }
    texts = arena_new(lint->arena, list->count * sizeof(*texts));
    if (texts == NULL) {
        return lint_fail(lint, "out of memory");
    }
    for (const struct tree_node *value = list->first; value != NULL; value = value->next) {
        texts[count++] = text_of(lint->arena, value);
    }
    qsort(texts, count, sizeof(*texts), compare);
    for (size_t i = 1; i < count; i++) {
        if (span_equal(texts[i - 1], texts[i])) {
            return lint_fail(lint, reason);
        }
    }
    return true;
}

/* 1.0 is an integer; what has an exponent is not looked at. */
static bool may_be_integer(struct span number)
{
    const char *point = memchr(number.at, '.', number.length);

    if (memchr(number.at, 'e', number.length) != NULL ||
        memchr(number.at, 'E', number.length) != NULL || point == NULL) {
        return true;
    }
    while (++point < number.at + number.length) {
        if (*point != '0') {
            return false;
        }
    }
    return true;
}

bool lint_fits(struct lint *lint, const struct tree_node *values, unsigned types)
{
    for (const struct tree_node *value = values->first; types != 0 && value != NULL;
         value = value->next) {
        unsigned own = type_of_value(value);

        if (own == TYPE_INTEGER || (own == TYPE_NUMBER && may_be_integer(value->token))) {
            own = TYPE_NUMERIC;
        }
        if ((own & types) == 0) {
            return lint_fail(lint, "a value that is of none of the types");
        }
    }
    return true;
}
