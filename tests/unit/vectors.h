/* SPDX-License-Identifier: MIT */
/* Files of vectors: one JSON object a line, its "name" said when something does not hold. */
#ifndef TEPLO_TESTS_VECTORS_H
#define TEPLO_TESTS_VECTORS_H

#include <stdlib.h>

#include "unit.h"

#include "proto/json_scan.h"

static const char *vector_name = "";
static bool vector_failed;

static inline void vector_fail(const char *what, struct span got, struct span expected)
{
    print_error("vector '%s': %s\n  got      %.*s\n  expected %.*s\n", vector_name, what,
                (int)got.length, got.at == NULL ? "" : got.at, (int)expected.length,
                expected.at == NULL ? "" : expected.at);
    vector_failed = true;
}

/* The same bytes; goes on when they are not. */
static inline void vector_expect(const char *what, struct span got, struct span expected)
{
    if (!span_equal(got, expected)) {
        vector_fail(what, got, expected);
    }
}

/* MEMBER's text, decoded into OUT; none if it is absent or null. */
static inline struct span vector_text(struct span vector, const char *member, struct bytes *out)
{
    struct span token = json_find(vector, member);

    bytes_clear(out);
    if (json_kind_of(token) != JSON_STRING) {
        return SPAN_NONE;
    }
    assert_true(json_string_decode(token, out));
    return (struct span){out->length == 0 ? "" : out->at, out->length};
}

/* Each line of the file given to PLAY; fails at the end if a vector did. */
static inline void vectors_play(const char *path, void (*play)(struct span vector))
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    size_t count = 0;
    ssize_t length;

    assert_non_null(file);
    vector_failed = false;
    while ((length = getline(&line, &room, file)) > 0) {
        struct span vector = {line, (size_t)length - 1};
        struct json_error error;
        static char name[128];

        if (json_check(vector, &json_limits_default, &error) < 0) {
            print_error("%s:%zu: %s at %zu\n", path, count + 1, json_fault_text(error.fault),
                        error.at);
            fail();
        }
        assert_true(json_string_copy(json_find(vector, "name"), name, sizeof(name)));
        vector_name = name;
        play(vector);
        count++;
    }
    free(line);
    assert_int_equal(fclose(file), 0);
    assert_true(count > 0);
    assert_false(vector_failed);
}

#endif
