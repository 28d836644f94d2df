/* SPDX-License-Identifier: MIT */
/*
 * Any response: refused with a reason, or each call in it is one that can be made or says why
 * not, and each gets its answer.
 */
#include "turns.h"

#include "answer_lint.h"

/* No half of a surrogate pair, no key twice, no deeper than arguments may be. */
static void look_at_arguments(struct span value, unsigned depth)
{
    struct json_walk walk = json_walk_of(value);
    struct json_item item;
    struct bytes text;

    bytes_init(&text, FUZZ_ROOM);
    PROPERTY(json_kind_of(value) != JSON_STRING || json_string_decode(value, &text));
    PROPERTY(depth <= 64);
    if (json_kind_of(value) == JSON_OBJECT) {
        size_t count = 0;

        while (json_walk_next(&walk, &item)) {
            bytes_clear(&text);
            PROPERTY(json_string_decode(item.key, &text));
            count++;
        }
        PROPERTY(count > JSON_KEYS_MAXIMUM || !json_has_duplicates(value, JSON_KEYS_MAXIMUM));
        walk = json_walk_of(value);
    }
    bytes_done(&text);
    while (json_walk_next(&walk, &item)) {
        enum json_kind kind = json_kind_of(item.value);

        look_at_arguments(item.value, depth + (kind == JSON_OBJECT || kind == JSON_ARRAY ? 1 : 0));
    }
}

static void look_at_call(struct span call, int64_t index)
{
    struct span arguments = json_find(call, "arguments");
    struct span error = json_find(call, "error");
    struct span class = json_find(error, "class");
    int64_t number;

    PROPERTY(json_to_int(json_find(call, "index"), &number) && number == index);
    PROPERTY(span_is_none(arguments) != span_is_none(error));
    PROPERTY(json_kind_of(json_find(call, "name")) == JSON_STRING);
    if (span_is_none(error)) {
        PROPERTY(json_kind_of(arguments) == JSON_OBJECT);
        PROPERTY(json_kind_of(json_find(call, "tool")) == JSON_STRING);
        look_at_arguments(arguments, 1);
    } else {
        PROPERTY(json_string_is(class, "InvalidArguments") || json_string_is(class, "NoSuchTool"));
        PROPERTY(json_find(error, "message").length > 10);
    }
}

/* Nothing came back for any of them: each is answered all the same. */
static void answer_all(struct teplo_toolset *toolset, enum teplo_provider provider,
                       struct span calls)
{
    struct json_walk walk = json_walk_of(calls);
    struct json_item item;
    struct bytes pairs;
    char *answers;
    size_t length;

    bytes_init(&pairs, FUZZ_ROOM);
    bytes_append_char(&pairs, '[');
    while (json_walk_next(&walk, &item)) {
        bytes_append_text(&pairs, pairs.length == 1 ? "{\"call\":" : ",{\"call\":");
        bytes_append_span(&pairs, item.value);
        bytes_append_char(&pairs, '}');
    }
    bytes_append_char(&pairs, ']');
    PROPERTY(teplo_toolset_answers(toolset, pairs.at, pairs.length, &answers, &length) == 0);
    PROPERTY(answer_lint(provider, calls, (struct span){answers, length}) == NULL);
    teplo_free(answers);
    bytes_done(&pairs);
}

/* What goes back to the model is a piece of what came from it. */
static void look_at_turn(enum teplo_provider provider, struct span append, struct span response)
{
    struct json_walk walk = json_walk_of(append);
    struct json_item item;

    PROPERTY(json_kind_of(append) == JSON_ARRAY);
    while (json_walk_next(&walk, &item)) {
        struct span turn =
            provider == TEPLO_ANTHROPIC ? json_find(item.value, "content") : item.value;

        PROPERTY(memmem(response.at, response.length, turn.at, turn.length) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    enum teplo_provider provider;
    struct teplo_toolset *toolset = turns_toolset(fuzz_take_byte(&input), &provider);
    char *json = NULL;
    size_t length = 0;
    int error = teplo_toolset_calls(toolset, input.length == 0 ? "" : input.at, input.length, &json,
                                    &length);
    struct span turn = {json, length};
    struct json_walk walk = json_walk_of(json_find(turn, "calls"));
    struct json_item item;
    int64_t index = 0;

    if (error < 0) {
        PROPERTY(json == NULL && strlen(teplo_toolset_error(toolset)) > 0);
        return 0;
    }
    PROPERTY(fuzz_is_json(turn));
    while (json_walk_next(&walk, &item)) {
        look_at_call(item.value, index++);
    }
    look_at_turn(provider, json_find(turn, "append"), input);
    answer_all(toolset, provider, json_find(turn, "calls"));
    teplo_free(json);
    return 0;
}
