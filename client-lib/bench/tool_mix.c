/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/tool_mix.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/cli/duration.h"
#include "proto/json_scan.h"

static const char default_template[] = "{\"n\":%n}";

void tool_mix_init(struct tool_mix *mix)
{
    *mix = (struct tool_mix){0};
}

void tool_mix_done(struct tool_mix *mix)
{
    for (size_t i = 0; i < mix->count; i++) {
        bytes_done(&mix->tools[i].arguments);
    }
    mix->count = 0;
}

/* ---- parsing */

/* Cuts the text up to the next STOP off; TEXT is none when that was the last. */
static struct span cut(struct span *text, char stop)
{
    const char *end = memchr(text->at, stop, text->length);
    struct span part = *text;

    if (end == NULL) {
        *text = SPAN_NONE;
        return part;
    }
    part.length = (size_t)(end - part.at);
    text->at += part.length + 1;
    text->length -= part.length + 1;
    return part;
}

static bool read_weight(struct span text, uint64_t *ret_weight)
{
    uint64_t weight = 0;

    if (text.length == 0 || text.length > 7) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (!isdigit((unsigned char)text.at[i])) {
            return false;
        }
        weight = weight * 10 + (uint64_t)(text.at[i] - '0');
    }
    *ret_weight = weight;
    return weight > 0 && weight <= TOOL_WEIGHT_MAXIMUM;
}

static bool read_delay(struct span text, int64_t *ret_delay_ms)
{
    char copy[32];

    if (text.length >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    return duration_parse(copy, ret_delay_ms);
}

/* What is wrong with it, or NULL. */
static const char *parse_tool(struct span text, struct tool *tool)
{
    struct span name = cut(&text, ':');
    struct span weight = span_is_none(text) ? SPAN("1") : cut(&text, ':');

    if (name.length == 0 || name.length > TOOL_NAME_MAXIMUM) {
        return "a tool's name is missing or too long";
    }
    if (!read_weight(weight, &tool->weight)) {
        return "a weight is a whole number from 1 to 1000000";
    }
    if (!span_is_none(text) && !read_delay(text, &tool->delay_ms)) {
        return "a delay is a whole number with its unit, like 500ms";
    }
    memcpy(tool->name, name.at, name.length);
    tool->name[name.length] = '\0';
    return NULL;
}

int tool_mix_parse(struct tool_mix *mix, const char *text, const char **ret_fault)
{
    struct span rest = span_of(text);

    mix->weight = 0;
    for (mix->count = 0; !span_is_none(rest); mix->count++) {
        struct tool *tool = &mix->tools[mix->count];
        const char *fault;

        if (mix->count == TOOL_MIX_MAXIMUM) {
            *ret_fault = "there are more than 8 tools";
            return -EINVAL;
        }
        *tool = (struct tool){0};
        bytes_init(&tool->arguments, TOOL_ARGUMENTS_MAXIMUM);
        fault = parse_tool(cut(&rest, ','), tool);
        if (fault != NULL) {
            *ret_fault = fault;
            return -EINVAL;
        }
        mix->weight += tool->weight;
    }
    return 0;
}

/* ---- arguments */

static void write_members(struct tool *tool, size_t payload)
{
    struct bytes *out = &tool->arguments;
    char *room;

    if (tool->delay_ms > 0) {
        bytes_printf(out, "\"ms\":%" PRId64 ",", tool->delay_ms);
    }
    if (payload == 0) {
        return;
    }
    bytes_append_text(out, "\"payload\":\"");
    room = bytes_reserve(out, payload);
    if (room != NULL) {
        memset(room, 'x', payload);
        bytes_added(out, payload);
    }
    bytes_append_text(out, "\",");
}

/* The template is what it should be with a number in it. */
static int check_arguments(const struct tool *tool)
{
    struct json_error error;
    struct bytes text;
    int r = -ENOMEM;

    bytes_init(&text, TOOL_ARGUMENTS_MAXIMUM);
    tool_write_arguments(tool, 0, &text);
    if (!text.failed && !tool->arguments.failed) {
        bool is_json = json_check(bytes_span(&text), &json_limits_default, &error) == 0;

        r = is_json && json_kind_of(bytes_span(&text)) == JSON_OBJECT ? 0 : -EINVAL;
    }
    bytes_done(&text);
    return r;
}

int tool_mix_set_arguments(struct tool_mix *mix, const char *template, size_t payload)
{
    struct span body = json_trim(span_of(template == NULL ? default_template : template));
    struct span rest;

    if (body.length < 2 || body.at[0] != '{') {
        return -EINVAL;
    }
    rest = json_trim((struct span){body.at + 1, body.length - 1});
    for (size_t i = 0; i < mix->count; i++) {
        struct tool *tool = &mix->tools[i];
        int r;

        bytes_append_char(&tool->arguments, '{');
        write_members(tool, payload);
        if (rest.at[0] == '}' && tool->arguments.length > 1) {
            tool->arguments.length--; /* no member follows the last comma */
        }
        bytes_append_span(&tool->arguments, rest);
        r = check_arguments(tool);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

size_t tool_mix_choose(const struct tool_mix *mix, uint64_t number)
{
    /* 61.8 % of the whole, times n, modulo the whole: spreads evenly at every scale. */
    const uint64_t golden = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t turn = (number * golden) >> 32;
    uint64_t place = turn * mix->weight >> 32;
    size_t i = 0;

    while (i + 1 < mix->count && place >= mix->tools[i].weight) {
        place -= mix->tools[i].weight;
        i++;
    }
    return i;
}

void tool_write_arguments(const struct tool *tool, uint64_t number, struct bytes *out)
{
    struct span rest = bytes_span(&tool->arguments);

    while (!span_is_none(rest)) {
        bytes_append_span(out, cut(&rest, '%'));
        if (span_is_none(rest)) {
            return;
        }
        if (rest.length > 0 && rest.at[0] == 'n') {
            bytes_append_int(out, (int64_t)number);
        } else {
            bytes_append_char(out, '%');
        }
        if (rest.length > 0 && (rest.at[0] == 'n' || rest.at[0] == '%')) {
            rest.at++;
            rest.length--;
        }
    }
}
