/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/resp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* "$536870912" is the longest length there is. */
enum { LENGTH_DIGITS = 10, LINE_MAXIMUM = 4096 };

void resp_command(struct bytes *out, size_t count)
{
    bytes_printf(out, "*%zu\r\n", count);
}

void resp_word(struct bytes *out, struct span word)
{
    bytes_printf(out, "$%zu\r\n", word.length);
    bytes_append_span(out, word);
    bytes_append_text(out, "\r\n");
}

void resp_int(struct bytes *out, int64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRId64, number);

    resp_word(out, (struct span){digits, (size_t)length});
}

void resp_words(struct bytes *out, const char *words)
{
    size_t count = 1;

    for (const char *at = words; *at != '\0'; at++) {
        count += *at == ' ';
    }
    resp_command(out, count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(words, " ");

        resp_word(out, (struct span){words, length});
        words += length + (words[length] == ' ');
    }
}

/* ---- one value */

/* "-1" or digits; false for anything else. */
static bool length_of(struct span digits, size_t *ret_length, bool *ret_is_nil)
{
    size_t length = 0;

    *ret_is_nil = span_is(digits, "-1");
    if (digits.length < 1 || digits.length > LENGTH_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < digits.length && !*ret_is_nil; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9') {
            return false;
        }
        length = length * 10 + (size_t)(digits.at[i] - '0');
    }
    *ret_length = length;
    return true;
}

/* The line at AT without its type and its end, and where it ends.  -EAGAIN: not whole yet. */
static int line_of(struct span rest, struct span *ret_line, size_t *ret_taken)
{
    size_t most = rest.length < LINE_MAXIMUM ? rest.length : LINE_MAXIMUM;
    const char *end = memchr(rest.at, '\n', most);

    if (end == NULL) {
        return rest.length < LINE_MAXIMUM ? -EAGAIN : -EPROTO;
    }
    if (end < rest.at + 2 || end[-1] != '\r') {
        return -EPROTO;
    }
    *ret_line = (struct span){rest.at + 1, (size_t)(end - rest.at) - 2};
    *ret_taken = (size_t)(end - rest.at) + 1;
    return 0;
}

static int bulk_of(struct span rest, struct span digits, struct resp *ret_value, size_t *taken)
{
    size_t length = 0;
    bool is_nil;

    if (!length_of(digits, &length, &is_nil)) {
        return -EPROTO;
    }
    if (is_nil) {
        *ret_value = (struct resp){.kind = RESP_NIL};
        return 0;
    }
    if (rest.length - *taken < length + 2) {
        return -EAGAIN;
    }
    if (memcmp(rest.at + *taken + length, "\r\n", 2) != 0) {
        return -EPROTO;
    }
    *ret_value = (struct resp){.kind = RESP_TEXT, .text = {rest.at + *taken, length}};
    *taken += length + 2;
    return 0;
}

static int array_of(struct span digits, struct resp *ret_value)
{
    size_t count = 0;
    bool is_nil;

    if (!length_of(digits, &count, &is_nil)) {
        return -EPROTO;
    }
    *ret_value = (struct resp){.kind = is_nil ? RESP_NIL : RESP_ARRAY, .count = count};
    return 0;
}

/* The value at the front of REST; of an array the header.  -EAGAIN: not whole yet.  -EPROTO. */
static int value_of(struct span rest, struct resp *ret_value, size_t *ret_taken)
{
    struct span line;
    int r;

    if (rest.length == 0) {
        return -EAGAIN;
    }
    r = line_of(rest, &line, ret_taken);
    if (r < 0) {
        return r;
    }
    switch (rest.at[0]) {
    case '+':
        *ret_value = (struct resp){.kind = RESP_TEXT, .text = line};
        return 0;
    case '-':
        *ret_value = (struct resp){.kind = RESP_ERROR, .text = line};
        return 0;
    case ':':
        *ret_value = (struct resp){.kind = RESP_NUMBER, .text = line};
        return 0;
    case '$':
        return bulk_of(rest, line, ret_value, ret_taken);
    case '*':
        return array_of(line, ret_value);
    default:
        return -EPROTO;
    }
}

/* ---- all of them */

struct resp_scan resp_scan_of(size_t replies)
{
    return (struct resp_scan){.missing = replies};
}

int resp_scan_on(struct resp_scan *scan, struct span bytes, bool *ret_complete)
{
    *ret_complete = false;
    while (scan->missing > 0) {
        struct span rest = {bytes.at + scan->at, bytes.length - scan->at};
        struct resp value;
        size_t taken = 0;
        int r = value_of(rest, &value, &taken);

        if (r == -EAGAIN) {
            return 0;
        }
        if (r < 0) {
            return r;
        }
        scan->at += taken;
        scan->values++;
        scan->missing--;
        if (value.count > RESP_VALUES_MAXIMUM - scan->values - scan->missing) {
            return -EPROTO;
        }
        scan->missing += value.count;
    }
    *ret_complete = true;
    return scan->at == bytes.length ? 0 : -EPROTO;
}

struct resp_walk resp_walk_of(struct span replies)
{
    return (struct resp_walk){replies.at, replies.at + replies.length};
}

bool resp_next(struct resp_walk *walk, struct resp *ret_value)
{
    size_t taken = 0;

    if (value_of((struct span){walk->at, (size_t)(walk->end - walk->at)}, ret_value, &taken) < 0) {
        *ret_value = (struct resp){.kind = RESP_NIL};
        walk->at = walk->end;
        return false;
    }
    walk->at += taken;
    return true;
}

void resp_skip(struct resp_walk *walk, const struct resp *value)
{
    size_t missing = value->count;
    struct resp element;

    while (missing > 0 && resp_next(walk, &element)) {
        missing += element.count;
        missing--;
    }
}
