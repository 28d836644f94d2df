/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/content.h"

#include <inttypes.h>

#include "client-lib/cli/output.h"
#include "client-lib/lib/value_text.h"
#include "proto/printable.h"

/* Printed text ends in a newline, its own or ours. */
static void print_text(enum form form, struct span text)
{
    struct bytes decoded;

    bytes_init(&decoded, 3 * text.length);
    value_text_append(&decoded, text);
    if (decoded.failed) {
        output_bytes(&decoded);
    }
    output_foreign(form, bytes_span(&decoded));
    if (decoded.length == 0 || decoded.at[decoded.length - 1] != '\n') {
        output_span(SPAN("\n"));
    }
    bytes_done(&decoded);
}

/* A blank and the word, if there is one. */
static void append_word(struct bytes *out, struct span value)
{
    struct bytes text;

    if (json_kind_of(value) != JSON_STRING) {
        return;
    }
    bytes_init(&text, 3 * value.length);
    value_text_append(&text, value);
    bytes_append_char(out, ' ');
    printable_line(out, bytes_span(&text));
    bytes_done(&text);
}

static void append_size(struct bytes *out, size_t size)
{
    double kibibytes = (double)size / 1024;

    if (size < 1024) {
        bytes_printf(out, " %zu B", size);
    } else if (kibibytes < 1024) {
        bytes_printf(out, " %.1f KiB", kibibytes);
    } else {
        bytes_printf(out, " %.1f MiB", kibibytes / 1024);
    }
}

/* TOKEN is base64 in quotes. */
static size_t decoded_size(struct span token)
{
    size_t length = token.length >= 2 ? token.length - 2 : 0;

    while (length > 0 && token.at[length] == '=') {
        length--;
    }
    return length / 4 * 3 + length % 4 * 3 / 4;
}

static void append_body_size(struct bytes *out, struct span item)
{
    struct span base64 = json_find(item, "data");
    struct span text = json_find(item, "text");

    if (span_is_none(base64)) {
        base64 = json_find(item, "blob");
    }
    if (json_kind_of(base64) == JSON_STRING) {
        append_size(out, decoded_size(base64));
    } else if (json_kind_of(text) == JSON_STRING) {
        append_size(out, text.length - 2);
    }
}

/* `[image image/png 12.3 KiB]`, `[resource file:///x text/plain 34 B]`, `[resource_link ...]`. */
static void print_other(struct span item)
{
    struct span inner = json_find(item, "resource");
    struct span place = json_kind_of(inner) == JSON_OBJECT ? inner : item;
    struct span type = json_find(item, "type");
    struct bytes line;

    bytes_init(&line, SIZE_MAX / 4);
    append_word(&line, json_kind_of(type) == JSON_STRING ? type : SPAN("\"content\""));
    append_word(&line, json_find(place, "uri"));
    append_word(&line, json_find(place, "mimeType"));
    append_body_size(&line, place);
    bytes_append_text(&line, "]\n");
    if (line.length > 0) {
        line.at[0] = '['; /* the blank before the first word */
    }
    output_bytes(&line);
    bytes_done(&line);
}

void content_print(enum form form, struct span result)
{
    struct json_walk walk = json_walk_of(json_find(result, "content"));
    struct span structured = json_find(result, "structuredContent");
    struct json_item item;
    bool has_text = false;

    while (json_walk_next(&walk, &item)) {
        struct span text = json_find(item.value, "text");

        if (json_string_is(json_find(item.value, "type"), "text") &&
            json_kind_of(text) == JSON_STRING) {
            print_text(form, text);
            has_text = true;
        } else {
            print_other(item.value);
        }
    }
    if (!has_text && !span_is_none(structured)) {
        output_json(structured);
    }
}
