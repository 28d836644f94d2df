/* SPDX-License-Identifier: MIT */
/*
 * The strings and integers of a checked text: the half of json_scan.h that converts.
 * Strings are read one code point at a time, so that an escape and the character it
 * stands for are never two different keys.
 */
#include "proto/json_scan.h"

#include "proto/utf8.h"

enum {
    /* Above all code points: what cannot be one.  Its low byte tells two of them apart. */
    NOT_A_POINT = 0x110000,
    HIGH_SURROGATE = 0xd800,
    LOW_SURROGATE = 0xdc00,
    SURROGATES_END = 0xe000,
};

static bool take_point(struct span *rest, uint32_t *ret_point);
static bool measure(struct span content, size_t *ret_length);
static void write_decoded(struct span content, char *to);

static bool has_escapes(struct span content)
{
    return content.length > 0 && memchr(content.at, '\\', content.length) != NULL;
}

/* What stands between the quotes.  False if STRING is no string token. */
static bool content_of(struct span string, struct span *ret_content)
{
    if (string.length < 2 || string.at[0] != '"' || string.at[string.length - 1] != '"') {
        return false;
    }
    *ret_content = (struct span){string.at + 1, string.length - 2};
    return true;
}

static bool is_surrogate(uint32_t point)
{
    return point >= HIGH_SURROGATE && point < SURROGATES_END;
}

/* Takes the text's bytes off *TEXT as long as CONTENT's decoded ones match; true at its end. */
static bool match(struct span content, struct span *text)
{
    uint32_t point;

    while (text->length > 0 && take_point(&content, &point)) {
        char sequence[UTF8_LONGEST];
        size_t length;

        if (point >= NOT_A_POINT || is_surrogate(point)) {
            return false;
        }
        length = utf8_write(point, sequence);
        if (!span_starts_with(*text, (struct span){sequence, length})) {
            return false;
        }
        text->at += length;
        text->length -= length;
    }
    return content.length == 0;
}

bool json_string_is(struct span string, const char *text)
{
    struct span content;
    struct span rest = span_of(text);

    if (!content_of(string, &content)) {
        return false;
    }
    if (!has_escapes(content)) {
        return span_equal(content, rest);
    }
    return match(content, &rest) && rest.length == 0;
}

bool json_string_starts(struct span string, const char *prefix)
{
    struct span content;
    struct span rest = span_of(prefix);

    if (!content_of(string, &content)) {
        return false;
    }
    if (!has_escapes(content)) {
        return span_starts_with(content, rest);
    }
    (void)match(content, &rest);
    return rest.length == 0;
}

bool json_string_equal(struct span a, struct span b)
{
    struct span rest_a;
    struct span rest_b;
    uint32_t point_a;
    uint32_t point_b;

    if (!content_of(a, &rest_a) || !content_of(b, &rest_b)) {
        return false;
    }
    if (!has_escapes(rest_a) && !has_escapes(rest_b)) {
        return span_equal(rest_a, rest_b);
    }
    while (take_point(&rest_a, &point_a)) {
        if (!take_point(&rest_b, &point_b) || point_a != point_b) {
            return false;
        }
    }
    return rest_b.length == 0;
}

bool json_string_decode(struct span string, struct bytes *out)
{
    struct span content;
    size_t length;
    char *room;

    if (!content_of(string, &content)) {
        return false;
    }
    if (!has_escapes(content)) {
        bytes_append_span(out, content);
        return !out->failed;
    }
    if (!measure(content, &length)) {
        return false;
    }
    room = bytes_reserve(out, length);
    if (room == NULL) {
        return false;
    }
    write_decoded(content, room);
    bytes_added(out, length);
    return true;
}

bool json_string_copy(struct span string, char *buffer, size_t size)
{
    struct span content;
    struct span rest;
    size_t length;
    uint32_t point;

    if (!content_of(string, &content) || !measure(content, &length) || length >= size) {
        return false;
    }
    rest = content;
    while (take_point(&rest, &point)) {
        if (point == 0) {
            return false;
        }
    }
    write_decoded(content, buffer);
    buffer[length] = '\0';
    return true;
}

/* CONTENT has no escapes, hence no control characters but one. */
static void show_plain(struct span content, char *buffer, size_t size)
{
    size_t length = content.length < size ? content.length : size - 1;
    char *del = buffer;

    while (length < content.length && length > 0 && (content.at[length] & 0xc0) == 0x80) {
        length--;
    }
    memcpy(buffer, content.at, length);
    buffer[length] = '\0';
    while ((del = strchr(del, 0x7f)) != NULL) {
        *del = ' ';
    }
}

void json_string_show(struct span string, char *buffer, size_t size)
{
    struct span rest = SPAN_NONE;
    size_t length = 0;
    uint32_t point;

    buffer[0] = '\0';
    if (!content_of(string, &rest)) {
        return;
    }
    if (!has_escapes(rest)) {
        show_plain(rest, buffer, size);
        return;
    }
    while (take_point(&rest, &point)) {
        char sequence[UTF8_LONGEST];
        size_t added;

        if (point >= NOT_A_POINT || is_surrogate(point)) {
            buffer[0] = '\0';
            return;
        }
        added = utf8_write(point < 0x20 || point == 0x7f ? ' ' : point, sequence);
        if (length + added >= size) {
            break;
        }
        memcpy(buffer + length, sequence, added);
        length += added;
    }
    buffer[length] = '\0';
}

static void append_escape(struct bytes *out, unsigned char byte)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    static const char hex[] = "0123456789abcdef";

    for (const char *letter = letters; *letter != '\0'; letter += 2) {
        if ((unsigned char)*letter == byte) {
            bytes_append(out, (const char[]){'\\', letter[1]}, 2);
            return;
        }
    }
    bytes_append(out, (const char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

void json_escape(struct bytes *out, struct span text)
{
    const char *at = text.at;
    const char *end = text.length == 0 ? at : at + text.length;
    const char *kept = at; /* from here on, not yet appended */

    while (at < end) {
        unsigned char byte = (unsigned char)*at;
        size_t length = utf8_length(at, end);

        if (length > 0 && byte >= 0x20 && byte != '"' && byte != '\\') {
            at += length;
            continue;
        }
        bytes_append(out, kept, (size_t)(at - kept));
        if (length == 0) {
            bytes_append_text(out, "\xef\xbf\xbd");
        } else {
            append_escape(out, byte);
        }
        kept = ++at;
    }
    if (kept < end) {
        bytes_append(out, kept, (size_t)(end - kept));
    }
}

void json_quote(struct bytes *out, struct span text)
{
    bytes_append_char(out, '"');
    json_escape(out, text);
    bytes_append_char(out, '"');
}

bool json_is_integer(struct span token)
{
    bool negative = token.length > 0 && token.at[0] == '-';
    size_t first = negative ? 1 : 0;

    if (token.length == first || (token.at[first] == '0' && token.length > first + 1)) {
        return false;
    }
    for (size_t i = first; i < token.length; i++) {
        if (token.at[i] < '0' || token.at[i] > '9') {
            return false;
        }
    }
    return true;
}

bool json_to_int(struct span token, int64_t *ret_number)
{
    int64_t number = 0;
    bool negative = token.length > 0 && token.at[0] == '-';

    if (!json_is_integer(token)) {
        return false;
    }
    for (size_t i = negative ? 1 : 0; i < token.length; i++) {
        int digit = token.at[i] - '0';

        /* Built on the side of its sign: INT64_MIN has no positive twin. */
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, negative ? -digit : digit, &number)) {
            return false;
        }
    }
    *ret_number = number;
    return true;
}

bool json_has_duplicates(struct span object, size_t most)
{
    struct span keys[JSON_KEYS_MAXIMUM];
    struct json_walk walk = json_walk_of(object);
    struct json_item item;
    size_t count = 0;

    CHECK(most <= JSON_KEYS_MAXIMUM);
    while (walk.keyed && json_walk_next(&walk, &item)) {
        for (size_t i = 0; i < count; i++) {
            if (json_string_equal(keys[i], item.key)) {
                return true;
            }
        }
        if (count == most) {
            return true;
        }
        keys[count++] = item.key;
    }
    return false;
}

static bool hex_of(const char *digits, uint32_t *ret_value)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];

        if (c >= '0' && c <= '9') {
            value = value * 16 + (uint32_t)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            value = value * 16 + (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

static void drop(struct span *rest, size_t length)
{
    rest->at += length;
    rest->length -= length;
}

/* REST begins with `\u`. */
static uint32_t take_hex_escape(struct span *rest)
{
    uint32_t point;
    uint32_t low;

    if (rest->length < 6 || !hex_of(rest->at + 2, &point)) {
        drop(rest, 1);
        return NOT_A_POINT;
    }
    drop(rest, 6);
    if (point < HIGH_SURROGATE || point >= LOW_SURROGATE || rest->length < 6 ||
        rest->at[0] != '\\' || rest->at[1] != 'u' || !hex_of(rest->at + 2, &low) ||
        low < LOW_SURROGATE || low >= SURROGATES_END) {
        return point;
    }
    drop(rest, 6);
    return 0x10000 + ((point - HIGH_SURROGATE) << 10) + (low - LOW_SURROGATE);
}

static uint32_t take_escape(struct span *rest)
{
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

    if (rest->length < 2) {
        drop(rest, 1);
        return NOT_A_POINT;
    }
    if (rest->at[1] == 'u') {
        return take_hex_escape(rest);
    }
    for (const char *letter = letters; *letter != '\0'; letter += 2) {
        if (*letter == rest->at[1]) {
            drop(rest, 2);
            return (uint32_t)letter[1];
        }
    }
    drop(rest, 1);
    return NOT_A_POINT;
}

/* The next code point; a lone surrogate is given as it is.  False at the end. */
static bool take_point(struct span *rest, uint32_t *ret_point)
{
    size_t length;

    if (rest->length == 0) {
        return false;
    }
    if (*rest->at == '\\') {
        *ret_point = take_escape(rest);
        return true;
    }
    length = utf8_length(rest->at, rest->at + rest->length);
    if (length == 0) {
        *ret_point = NOT_A_POINT | (unsigned char)*rest->at;
        length = 1;
    } else {
        *ret_point = utf8_point(rest->at, length);
    }
    drop(rest, length);
    return true;
}

/* The length of the decoded text.  False if it holds what is no text. */
static bool measure(struct span content, size_t *ret_length)
{
    char sequence[UTF8_LONGEST];
    size_t length = 0;
    uint32_t point;

    while (take_point(&content, &point)) {
        if (point >= NOT_A_POINT || is_surrogate(point)) {
            return false;
        }
        length += utf8_write(point, sequence);
    }
    *ret_length = length;
    return true;
}

/* CONTENT has been measured, and TO has that much room. */
static void write_decoded(struct span content, char *to)
{
    uint32_t point;

    while (take_point(&content, &point)) {
        to += utf8_write(point, to);
    }
}
