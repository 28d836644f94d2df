/* SPDX-License-Identifier: MIT */
/*
 * What may be called is what a plain reading of the patterns says, and what is listed is what may
 * be called, with its bytes.  The input: patterns in a line, separated by commas, a denied one
 * behind a '-'; then the JSON of a list, or of a name.
 */
#include "fuzz.h"

#include "broker/routing/access.h"

enum { PATTERNS_MAXIMUM = 8, PATTERN_MAXIMUM = 12, NAME_MAXIMUM = 24 };

static struct access_rules rules;

/* As one would explain it: '*' is nothing, or one byte and then again '*'. */
static bool is_match(const char *pattern, const char *name)
{
    if (*pattern == '*') {
        return is_match(pattern + 1, name) || (*name != '\0' && is_match(pattern, name + 1));
    }
    return *pattern == *name && (*name == '\0' || is_match(pattern + 1, name + 1));
}

static void take_pattern(struct span text)
{
    bool denies = span_starts_with(text, SPAN("-"));
    char pattern[PATTERN_MAXIMUM + 1] = "";

    if (denies) {
        text.at++;
        text.length--;
    }
    if (text.length == 0 || text.length > PATTERN_MAXIMUM ||
        memchr(text.at, '\0', text.length) != NULL) {
        return;
    }
    memcpy(pattern, text.at, text.length);
    PROPERTY(access_add_pattern(denies ? &rules.denied_tools : &rules.allowed_tools, pattern) == 0);
}

/* The line's patterns become the rules; what follows it is left. */
static void take_rules(struct span *input)
{
    for (int i = 0; i < PATTERNS_MAXIMUM && input->length > 0; i++) {
        size_t length = 0;
        bool is_last;

        while (length < input->length && input->at[length] != ',' && input->at[length] != '\n') {
            length++;
        }
        take_pattern((struct span){input->at, length});
        is_last = length == input->length || input->at[length] == '\n';
        length += length < input->length ? 1 : 0;
        input->at += length;
        input->length -= length;
        if (is_last) {
            return;
        }
    }
}

static bool is_match_of_any(const struct access_patterns *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (is_match(patterns->at[i], name)) {
            return true;
        }
    }
    return false;
}

static void check_name(struct span name)
{
    char text[NAME_MAXIMUM + 1];
    bool may = access_may_call(&rules, name);

    if (access_allows_every_tool(&rules)) {
        PROPERTY(may);
        return;
    }
    if (json_kind_of(name) != JSON_STRING) {
        PROPERTY(!may);
        return;
    }
    if (!json_string_copy(name, text, sizeof(text))) {
        return; /* too long for the plain reading, or not to be read */
    }
    if (may) {
        PROPERTY(!is_match_of_any(&rules.denied_tools, text));
        PROPERTY(rules.allowed_tools.count == 0 || is_match_of_any(&rules.allowed_tools, text));
    } else {
        bool has_control = false;

        for (const char *at = text; *at != '\0'; at++) {
            has_control = has_control || (unsigned char)*at < 0x20 || *at == 0x7f;
        }
        PROPERTY(has_control || is_match_of_any(&rules.denied_tools, text) ||
                 (rules.allowed_tools.count > 0 && !is_match_of_any(&rules.allowed_tools, text)));
    }
}

/* The list's tools in their order; each of them callable by every name that it has. */
static void check_list(struct span list)
{
    struct bytes out;
    struct json_walk walk;
    struct json_item item;

    bytes_init(&out, FUZZ_ROOM);
    access_filter_tools(&rules, list, &out);
    PROPERTY(!out.failed && out.length <= list.length && fuzz_is_json(bytes_span(&out)));
    walk = json_walk_of(json_find(bytes_span(&out), "tools"));
    while (json_walk_next(&walk, &item)) {
        struct json_walk members = json_walk_of(item.value);
        struct json_item member;

        while (json_walk_next(&members, &member)) {
            PROPERTY(!json_string_is(member.key, "name") || access_may_call(&rules, member.value));
        }
        PROPERTY(memmem(list.at, list.length, item.value.at, item.value.length) != NULL);
    }
    bytes_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);

    take_rules(&input);
    if (fuzz_is_json(input)) {
        input = json_trim(input);
        check_name(input);
        if (json_kind_of(input) == JSON_OBJECT) {
            check_list(input);
        }
    }
    access_rules_done(&rules);
    return 0;
}
