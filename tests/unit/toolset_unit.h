/* SPDX-License-Identifier: MIT */
/* What the tests of calls and answers share: toolsets, and what they are told of them by name. */
#ifndef TEPLO_TESTS_TOOLSET_UNIT_H
#define TEPLO_TESTS_TOOLSET_UNIT_H

#include "vectors.h"

#include "client-lib/include/teplo.h"

static const struct {
    const char *word;
    enum teplo_provider provider;
} toolset_providers[] = {
    {"openai", TEPLO_OPENAI_CHAT},  {"openai_responses", TEPLO_OPENAI_RESPONSES},
    {"gemini", TEPLO_GEMINI},       {"gemini_openapi", TEPLO_GEMINI_OPENAPI},
    {"anthropic", TEPLO_ANTHROPIC},
};

static const struct {
    const char *word;
    uint32_t flag;
} toolset_flags[] = {
    {"strict", TEPLO_T_STRICT},
    {"prefix", TEPLO_T_PREFIX},
    {"no_media", TEPLO_T_NO_MEDIA},
    {"structured", TEPLO_T_STRUCTURED},
    {"separate_media", TEPLO_T_SEPARATE_MEDIA},
};

static inline enum teplo_provider provider_of(struct span word)
{
    for (size_t i = 0; i < COUNT_OF(toolset_providers); i++) {
        if (json_string_is(word, toolset_providers[i].word)) {
            return toolset_providers[i].provider;
        }
    }
    fail_msg("there is no provider %.*s", (int)word.length, word.at);
    return TEPLO_OPENAI_CHAT;
}

/* ARRAY has WORD; also if there is no array. */
static inline bool has_word(struct span array, const char *word)
{
    struct json_walk walk = json_walk_of(array);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        if (json_string_is(item.value, word)) {
            return true;
        }
    }
    return span_is_none(array);
}

/* Of the words in ARRAY. */
static inline uint32_t flags_of(struct span array)
{
    uint32_t flags = 0;

    for (size_t i = 0; i < COUNT_OF(toolset_flags); i++) {
        if (!span_is_none(array) && has_word(array, toolset_flags[i].word)) {
            flags |= toolset_flags[i].flag;
        }
    }
    return flags;
}

static inline struct teplo_toolset *toolset_open(enum teplo_provider provider, uint32_t flags,
                                                 const char *server, struct span listing)
{
    struct teplo_toolset *toolset = NULL;

    assert_int_equal(teplo_toolset_new(provider, flags, &toolset), 0);
    if (teplo_toolset_add(toolset, server, listing.at, listing.length) != 0) {
        fail_msg("%s", teplo_toolset_error(toolset));
    }
    return toolset;
}

/* A function from text to text of a toolset. */
typedef int (*toolset_fn)(struct teplo_toolset *toolset, const char *text, size_t length,
                          char **ret_json, size_t *ret_length);

/* What FUNCTION makes of TEXT, for teplo_free; none, and the reason in toolset_error, if nothing.
 */
static inline struct span toolset_turn(struct teplo_toolset *toolset, toolset_fn function,
                                       struct span text)
{
    char *json = NULL;
    size_t length = 0;
    int error = function(toolset, text.at, text.length, &json, &length);
    struct json_error fault;

    if (error < 0) {
        assert_null(json);
        assert_true(strlen(teplo_toolset_error(toolset)) > 0);
        return SPAN_NONE;
    }
    assert_int_equal(error, 0);
    assert_int_equal(json[length], '\0');
    assert_int_equal(json_check((struct span){json, length}, &json_limits_default, &fault), 0);
    return (struct span){json, length};
}

static inline void toolset_turn_done(struct span json)
{
    union {
        const char *text;
        void *block;
    } mine = {.text = json.at};

    teplo_free(mine.block);
}

/* The response of PROVIDER in which WRITTEN, the text of the arguments, is; false if it cannot be.
 */
static inline bool response_wrap(enum teplo_provider provider, struct span written,
                                 struct bytes *out)
{
    static const struct {
        const char *before;
        const char *behind;
        bool is_text;
    } rows[] = {
        [TEPLO_OPENAI_CHAT] = {"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"tool_calls\":"
                               "[{\"id\":\"call_1\",\"type\":\"function\",\"function\":"
                               "{\"name\":\"tool\",\"arguments\":",
                               "}}]}}]}", true},
        [TEPLO_OPENAI_RESPONSES] = {"{\"output\":[{\"type\":\"function_call\",\"call_id\":"
                                    "\"call_1\",\"name\":\"tool\",\"arguments\":",
                                    "}]}", true},
        [TEPLO_GEMINI] = {"{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":"
                          "[{\"functionCall\":{\"name\":\"tool\",\"args\":",
                          "}}]}}]}", false},
        [TEPLO_GEMINI_OPENAPI] = {"{\"parts\":[{\"functionCall\":{\"name\":\"tool\",\"args\":",
                                  "}}]}", false},
        [TEPLO_ANTHROPIC] = {"{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
                             "\"toolu_1\",\"name\":\"tool\",\"input\":",
                             "}]}", false},
    };
    struct json_error error;

    bytes_clear(out);
    bytes_append_text(out, rows[provider].before);
    if (rows[provider].is_text) {
        json_quote(out, written);
    } else if (json_check(written, &json_limits_default, &error) == 0) {
        bytes_append_span(out, written);
    } else {
        return false;
    }
    bytes_append_text(out, rows[provider].behind);
    return true;
}

static inline struct span element_of(struct span array, size_t index)
{
    struct json_walk walk = json_walk_of(array);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        if (index-- == 0) {
            return item.value;
        }
    }
    return SPAN_NONE;
}

#endif
