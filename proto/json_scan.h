/* SPDX-License-Identifier: MIT */
/*
 * A strict JSON checker (RFC 8259) and a cursor over what it accepted.
 * It finds spans and never converts: ids, numbers and bodies keep their bytes.
 * Stricter than most parsers where leniency lets two readers disagree: UTF-8 is
 * validated, a raw control byte inside a string, a BOM and trailing bytes are
 * refused.  Lone surrogate escapes are refused only where text is decoded, since
 * Python and JavaScript both emit them and a body passes untouched.
 */
#ifndef TEPLO_PROTO_JSON_SCAN_H
#define TEPLO_PROTO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum json_fault {
#define JSON_FAULT(name, text) JSON_FAULT_##name,
#include "proto/json_faults.def"
#undef JSON_FAULT
    JSON_FAULT_COUNT
};

enum { JSON_DEPTH_MAXIMUM = 1024 };

struct json_limits {
    uint32_t depth;  /* containers inside containers; at most JSON_DEPTH_MAXIMUM */
    uint32_t tokens; /* values, keys not counted */
};

/* 128 deep, a million values. */
extern const struct json_limits json_limits_default;

struct json_error {
    enum json_fault fault;
    size_t at; /* offset of the offending byte */
};

const char *json_fault_text(enum json_fault fault);

/* TEXT is one JSON value with nothing but white space around it.  0, or -EBADMSG and *RET_ERROR. */
MUST_CHECK int json_check(struct span text, const struct json_limits *limits,
                          struct json_error *ret_error);

/*
 * Everything below works only on text that json_check accepted; on other text it
 * stays inside the span and ends, but what it finds means nothing.
 */
enum json_kind {
    JSON_NONE, /* an absent span */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

enum json_kind json_kind_of(struct span value);
/* Without the white space around it. */
struct span json_trim(struct span value);

struct json_item {
    struct span key;   /* a string token with its quotes; none in an array */
    struct span value; /* trimmed */
};

/* A cursor over the members of an object or the elements of an array. */
struct json_walk {
    const char *at;
    const char *end;
    bool keyed;
};

/* CONTAINER other than object or array: a walk that ends at once. */
struct json_walk json_walk_of(struct span container);
bool json_walk_next(struct json_walk *walk, struct json_item *ret_item);

/* The value of the first member called KEY (escapes in the text are honoured), or none. */
struct span json_find(struct span object, const char *key);

/* STRING is a string token with its quotes; TEXT plain.  Escapes are honoured. */
bool json_string_is(struct span string, const char *text);
bool json_string_starts(struct span string, const char *prefix);
/* Two string tokens stand for the same text, however they are escaped. */
bool json_string_equal(struct span a, struct span b);
/*
 * The decoded text appended to OUT.  False, OUT untouched, for a lone surrogate or not
 * a string; false, OUT failed, if it does not fit.
 */
MUST_CHECK bool json_string_decode(struct span string, struct bytes *out);
/* Into a C string of SIZE bytes.  False if it does not fit, has a NUL, or cannot be decoded. */
MUST_CHECK bool json_string_copy(struct span string, char *buffer, size_t size);
/*
 * The same for people's eyes, always something: cut where it does not fit, at a character's end,
 * control characters as blanks; empty if it cannot be decoded.
 */
void json_string_show(struct span string, char *buffer, size_t size);
/* TEXT (UTF-8) as a string token with quotes.  Bytes that are not UTF-8 become U+FFFD. */
void json_quote(struct bytes *out, struct span text);
/* The same without the quotes, for a string put together from parts. */
void json_escape(struct bytes *out, struct span text);

/* The token is an integer in plain decimal, of any length. */
bool json_is_integer(struct span token);
/* The token is an integer in plain decimal that fits.  `1.0` and `1e3` are not. */
MUST_CHECK bool json_to_int(struct span token, int64_t *ret_number);

enum { JSON_KEYS_MAXIMUM = 256 };
/*
 * Two members of OBJECT have the same decoded key, or it has more than MOST members,
 * which is at most JSON_KEYS_MAXIMUM.
 */
bool json_has_duplicates(struct span object, size_t most);

#endif
