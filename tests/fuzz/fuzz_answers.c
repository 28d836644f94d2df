/* SPDX-License-Identifier: MIT */
/* Any results: what is made of them passes the lint of what the providers refuse. */
#include "turns.h"

#include "answer_lint.h"

/* The calls of PAIRS in the order of their indexes, those without one where they are. */
static void append_calls(struct span pairs, struct bytes *out)
{
    enum { PAIRS_MAXIMUM = 1024 };
    static struct span calls[PAIRS_MAXIMUM];
    static int64_t indexes[PAIRS_MAXIMUM];
    struct json_walk walk = json_walk_of(pairs);
    struct json_item item;
    size_t count = 0;

    for (; json_walk_next(&walk, &item); count++) {
        calls[count] = json_find(item.value, "call");
        if (!json_to_int(json_find(calls[count], "index"), &indexes[count])) {
            indexes[count] = (int64_t)count;
        }
    }
    bytes_append_char(out, '[');
    for (size_t done = 0; done < count; done++) {
        size_t next = count;

        for (size_t i = 0; i < count; i++) {
            bool is_left = !span_is_none(calls[i]);

            if (is_left && (next == count || indexes[i] < indexes[next])) {
                next = i;
            }
        }
        bytes_append_text(out, done == 0 ? "" : ",");
        bytes_append_span(out, calls[next]);
        calls[next] = SPAN_NONE;
    }
    bytes_append_char(out, ']');
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    enum teplo_provider provider;
    struct teplo_toolset *toolset = turns_toolset(fuzz_take_byte(&input), &provider);
    char *json = NULL;
    size_t length = 0;
    int error = teplo_toolset_answers(toolset, input.length == 0 ? "" : input.at, input.length,
                                      &json, &length);
    struct bytes calls;

    if (error < 0) {
        PROPERTY(json == NULL && strlen(teplo_toolset_error(toolset)) > 0);
        return 0;
    }
    bytes_init(&calls, FUZZ_ROOM);
    append_calls(json_trim(input), &calls);
    PROPERTY(answer_lint(provider, bytes_span(&calls), (struct span){json, length}) == NULL);
    bytes_done(&calls);
    teplo_free(json);
    return 0;
}
