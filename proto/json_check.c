/* SPDX-License-Identifier: MIT */
/*
 * The checker: one pass, and no recursion, since a peer chooses the depth.  Each
 * function leaves `at` behind what it accepted, or on the offending byte.
 */
#include "proto/json_scan.h"

#include <errno.h>

#include "proto/json_priv.h"
#include "proto/utf8.h"
#include "proto/word.h"

struct checker {
    const char *at;
    const char *end;
    const struct json_limits *limits;
    uint32_t depth;
    uint32_t tokens;
    bool opened; /* the last value is a container with a first value */
    uint64_t objects[JSON_DEPTH_MAXIMUM / 64]; /* a bit for each open container: an object */
};

static enum json_fault check_text(struct checker *checker);
static enum json_fault check_value(struct checker *checker);
static enum json_fault open_container(struct checker *checker);
static enum json_fault close_containers(struct checker *checker);
static enum json_fault check_key(struct checker *checker);
static enum json_fault check_string(struct checker *checker);
static enum json_fault check_escape(struct checker *checker);
static enum json_fault check_number(struct checker *checker);
static enum json_fault check_literal(struct checker *checker);

const struct json_limits json_limits_default = {.depth = 128, .tokens = 1000000};

static const char *const fault_texts[] = {
#define JSON_FAULT(name, text) [JSON_FAULT_##name] = (text),
#include "proto/json_faults.def"
#undef JSON_FAULT
};

const char *json_fault_text(enum json_fault fault)
{
    CHECK((unsigned)fault < JSON_FAULT_COUNT);
    return fault_texts[fault];
}

int json_check(struct span text, const struct json_limits *limits, struct json_error *ret_error)
{
    struct checker checker = {.at = text.at, .limits = limits};
    enum json_fault fault = JSON_FAULT_EMPTY;

    CHECK(limits->depth <= JSON_DEPTH_MAXIMUM);
    if (text.length > 0) {
        checker.end = text.at + text.length;
        fault = check_text(&checker);
    }
    if (fault == JSON_FAULT_NONE) {
        return 0;
    }
    *ret_error = (struct json_error){fault, text.length == 0 ? 0 : (size_t)(checker.at - text.at)};
    return -EBADMSG;
}

static enum json_fault check_text(struct checker *checker)
{
    enum json_fault fault = JSON_FAULT_NONE;

    if ((size_t)(checker->end - checker->at) >= 3 && memcmp(checker->at, "\xef\xbb\xbf", 3) == 0) {
        return JSON_FAULT_BOM;
    }
    checker->at = skip_space(checker->at, checker->end);
    if (checker->at == checker->end) {
        return JSON_FAULT_EMPTY;
    }
    do {
        fault = check_value(checker);
        if (fault == JSON_FAULT_NONE && !checker->opened) {
            fault = close_containers(checker);
        }
    } while (fault == JSON_FAULT_NONE && checker->depth > 0);
    if (fault != JSON_FAULT_NONE) {
        return fault;
    }
    checker->at = skip_space(checker->at, checker->end);
    return checker->at == checker->end ? JSON_FAULT_NONE : JSON_FAULT_TRAILING;
}

static enum json_fault check_value(struct checker *checker)
{
    char first;

    checker->opened = false;
    checker->at = skip_space(checker->at, checker->end);
    if (checker->at == checker->end) {
        return JSON_FAULT_TRUNCATED;
    }
    if (checker->tokens == checker->limits->tokens) {
        return JSON_FAULT_TOKENS;
    }
    checker->tokens++;
    first = *checker->at;
    if (first == '"') {
        return check_string(checker);
    }
    if (first == '{' || first == '[') {
        return open_container(checker);
    }
    if (is_digit(first) || first == '-' || first == '+' || first == '.') {
        return check_number(checker);
    }
    return check_literal(checker);
}

static bool is_in_object(const struct checker *checker)
{
    uint32_t top = checker->depth - 1;

    return (checker->objects[top / 64] >> (top % 64) & 1) != 0;
}

static enum json_fault open_container(struct checker *checker)
{
    bool is_object = *checker->at == '{';
    uint64_t bit = UINT64_C(1) << (checker->depth % 64);

    if (checker->depth == checker->limits->depth) {
        return JSON_FAULT_DEPTH;
    }
    if (is_object) {
        checker->objects[checker->depth / 64] |= bit;
    } else {
        checker->objects[checker->depth / 64] &= ~bit;
    }
    checker->at = skip_space(checker->at + 1, checker->end);
    if (checker->at < checker->end && *checker->at == (is_object ? '}' : ']')) {
        checker->at++;
        return JSON_FAULT_NONE;
    }
    checker->depth++;
    checker->opened = true;
    return is_object ? check_key(checker) : JSON_FAULT_NONE;
}

/* Behind a value: close what ends here, and stop where the next value begins. */
static enum json_fault close_containers(struct checker *checker)
{
    while (checker->depth > 0) {
        bool in_object = is_in_object(checker);

        checker->at = skip_space(checker->at, checker->end);
        if (checker->at == checker->end) {
            return JSON_FAULT_TRUNCATED;
        }
        if (*checker->at == ',') {
            checker->at++;
            return in_object ? check_key(checker) : JSON_FAULT_NONE;
        }
        if (*checker->at != (in_object ? '}' : ']')) {
            return JSON_FAULT_UNEXPECTED;
        }
        checker->at++;
        checker->depth--;
    }
    return JSON_FAULT_NONE;
}

/* A key and its colon. */
static enum json_fault check_key(struct checker *checker)
{
    enum json_fault fault;

    checker->at = skip_space(checker->at, checker->end);
    if (checker->at == checker->end) {
        return JSON_FAULT_TRUNCATED;
    }
    if (*checker->at != '"') {
        return JSON_FAULT_UNEXPECTED;
    }
    fault = check_string(checker);
    if (fault != JSON_FAULT_NONE) {
        return fault;
    }
    checker->at = skip_space(checker->at, checker->end);
    if (checker->at == checker->end) {
        return JSON_FAULT_TRUNCATED;
    }
    if (*checker->at != ':') {
        return JSON_FAULT_UNEXPECTED;
    }
    checker->at++;
    return JSON_FAULT_NONE;
}

/* Past the bytes of a string that stand for themselves: no quote, backslash, control, high bit. */
static const char *skip_plain(const char *at, const char *end)
{
    while ((size_t)(end - at) >= WORD_BYTES) {
        uint64_t word = word_load(at);

        if (((word & WORD_HIGH_BITS) | word_has_below(word, 0x20) | word_has(word, '"') |
             word_has(word, '\\')) != 0) {
            break;
        }
        at += WORD_BYTES;
    }
    /* One test for both ends: as unsigned, bytes with the high bit are above 0x7f. */
    while (at < end && (unsigned char)(*at - 0x20) < 0x60 && *at != '"' && *at != '\\') {
        at++;
    }
    return at;
}

static enum json_fault check_string(struct checker *checker)
{
    const char *end = checker->end;
    enum json_fault fault;

    checker->at++;
    for (;;) {
        checker->at = skip_plain(checker->at, end);
        if (checker->at == end) {
            return JSON_FAULT_TRUNCATED;
        }
        if (*checker->at == '"') {
            checker->at++;
            return JSON_FAULT_NONE;
        }
        if (*checker->at == '\\') {
            fault = check_escape(checker);
            if (fault != JSON_FAULT_NONE) {
                return fault;
            }
            continue;
        }
        if ((unsigned char)*checker->at < 0x20) {
            return JSON_FAULT_CONTROL;
        }
        /* Text in other scripts comes in runs. */
        while (checker->at < end && (unsigned char)*checker->at >= 0x80) {
            size_t length = utf8_length(checker->at, end);

            if (length == 0) {
                return JSON_FAULT_UTF8;
            }
            checker->at += length;
        }
    }
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static enum json_fault check_escape(struct checker *checker)
{
    char letter;

    checker->at++;
    if (checker->at == checker->end) {
        return JSON_FAULT_TRUNCATED;
    }
    letter = *checker->at;
    if (letter == '\0' || strchr("\"\\/bfnrtu", letter) == NULL) {
        return JSON_FAULT_ESCAPE;
    }
    checker->at++;
    for (int digits = letter == 'u' ? 4 : 0; digits > 0; digits--) {
        if (checker->at == checker->end) {
            return JSON_FAULT_TRUNCATED;
        }
        if (!is_hex(*checker->at)) {
            return JSON_FAULT_ESCAPE;
        }
        checker->at++;
    }
    return JSON_FAULT_NONE;
}

/* At least one digit. */
static enum json_fault check_digits(struct checker *checker)
{
    if (checker->at == checker->end) {
        return JSON_FAULT_TRUNCATED;
    }
    if (!is_digit(*checker->at)) {
        return JSON_FAULT_NUMBER;
    }
    while (checker->at < checker->end && is_digit(*checker->at)) {
        checker->at++;
    }
    return JSON_FAULT_NONE;
}

static bool skip_one_of(struct checker *checker, char a, char b)
{
    if (checker->at < checker->end && (*checker->at == a || *checker->at == b)) {
        checker->at++;
        return true;
    }
    return false;
}

static enum json_fault check_number(struct checker *checker)
{
    enum json_fault fault = JSON_FAULT_NONE;

    (void)skip_one_of(checker, '-', '-');
    if (skip_one_of(checker, '0', '0')) {
        if (checker->at < checker->end && is_digit(*checker->at)) {
            return JSON_FAULT_NUMBER;
        }
    } else {
        fault = check_digits(checker);
    }
    if (fault == JSON_FAULT_NONE && skip_one_of(checker, '.', '.')) {
        fault = check_digits(checker);
    }
    if (fault == JSON_FAULT_NONE && skip_one_of(checker, 'e', 'E')) {
        (void)skip_one_of(checker, '+', '-');
        fault = check_digits(checker);
    }
    return fault;
}

static enum json_fault check_literal(struct checker *checker)
{
    static const struct span words[] = {SPAN_INIT("true"), SPAN_INIT("false"), SPAN_INIT("null")};
    size_t available = (size_t)(checker->end - checker->at);
    char first = *checker->at;

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t length = available < words[i].length ? available : words[i].length;

        if (memcmp(checker->at, words[i].at, length) == 0) {
            checker->at += length;
            return length == words[i].length ? JSON_FAULT_NONE : JSON_FAULT_TRUNCATED;
        }
    }
    if ((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')) {
        return JSON_FAULT_LITERAL;
    }
    return JSON_FAULT_UNEXPECTED;
}
