/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/verdict.h"

#include <string.h>

static const struct {
    const char *word;
    enum delivery delivery;
} rows[] = {
#define VERDICT(name, word, delivery, meaning) {word, DELIVERY_##delivery},
#include "client-lib/bench/verdicts.def"
#undef VERDICT
};

const char *verdict_word(enum verdict verdict)
{
    return rows[verdict].word;
}

enum delivery verdict_delivery(enum verdict verdict)
{
    return rows[verdict].delivery;
}

enum verdict verdict_of(const struct message *answer)
{
    struct span outcome;

    if (answer->kind == MESSAGE_RESULT) {
        return json_kind_of(json_find(answer->result, "isError")) == JSON_TRUE ? VERDICT_TOOL_ERROR
                                                                               : VERDICT_RESULT;
    }
    outcome = json_find(json_find(json_find(answer->error, "data"), "teplo"), "outcome");
    for (enum verdict said = VERDICT_NOT_EXECUTED; said <= VERDICT_RESULT_LOST; said++) {
        if (json_string_is(outcome, rows[said].word)) {
            return said;
        }
    }
    return VERDICT_ERROR;
}

/* What another writer of the same JSON may set otherwise, and what escaping adds. */
static bool is_filler(char c)
{
    return c == ' ' || c == '\\';
}

static const char *skip_filler(const char *at, const char *end)
{
    while (at < end && is_filler(*at)) {
        at++;
    }
    return at;
}

/* WANTED stands at AT, filler apart. */
static bool stands_at(const char *at, const char *end, struct span wanted)
{
    const char *next = wanted.at;
    const char *wanted_end = wanted.at + wanted.length;

    for (;;) {
        next = skip_filler(next, wanted_end);
        if (next == wanted_end) {
            return true;
        }
        at = skip_filler(at, end);
        if (at == end || *at != *next) {
            return false;
        }
        at++;
        next++;
    }
}

bool verdict_is_echo(struct span result, struct span arguments)
{
    /* Without the braces: members may stand among others, and their order is kept. */
    struct span inside = {arguments.at + 1, arguments.length < 2 ? 0 : arguments.length - 2};
    const char *end = result.at + result.length;

    if (inside.length == 0 || memmem(result.at, result.length, inside.at, inside.length) != NULL) {
        return true;
    }
    for (const char *at = result.at; at < end; at++) {
        at = memchr(at, inside.at[0], (size_t)(end - at));
        if (at == NULL) {
            return false;
        }
        if (stands_at(at, end, inside)) {
            return true;
        }
    }
    return false;
}
