/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/declaration.h"

#include "proto/utf8.h"

static const struct span ELLIPSIS = SPAN_INIT("\xe2\x80\xa6");

size_t text_length(struct span text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++) {
        count += ((unsigned char)text.at[i] & 0xc0U) != 0x80 ? 1 : 0;
    }
    return count;
}

/* The first MOST characters. */
static struct span first_of(struct span text, size_t most)
{
    size_t at = 0;

    while (at < text.length && most > 0) {
        size_t length = utf8_length(text.at + at, text.at + text.length);

        at += length == 0 ? 1 : length;
        most--;
    }
    return (struct span){text.at, at < text.length ? at : text.length};
}

static void append_cut(struct bytes *out, struct span text, size_t most)
{
    if (text_length(text) <= most) {
        bytes_append_span(out, text);
    } else if (most > 0) {
        bytes_append_span(out, first_of(text, most - 1));
        bytes_append_span(out, ELLIPSIS);
    }
}

void declaration_describe(struct span text, struct span remark, size_t most, struct bytes *out,
                          int *ret_cut)
{
    size_t remark_length = remark.length == 0 ? 0 : text_length(remark);
    size_t gap = text.length > 0 && remark.length > 0 ? 1 : 0;
    size_t left;

    *ret_cut = most > 0 && text_length(text) + gap + remark_length > most;
    if (most == 0) {
        most = SIZE_MAX;
    }
    left = remark_length + gap < most ? most - remark_length - gap : 0;
    append_cut(out, text, left);
    if (remark.length > 0) {
        bytes_append_text(out, out->length > 0 ? " " : "");
        append_cut(out, remark, most);
    }
}

static void write_text(struct bytes *out, const char *key, struct span text)
{
    bytes_append_text(out, key);
    json_quote(out, text);
}

static void write_schema(const struct declaration *declaration, struct bytes *out, const char *key)
{
    if (declaration->schema != NULL) {
        bytes_append_text(out, key);
        tree_write(declaration->schema, out);
    }
}

static void write_strict(const struct declaration *declaration, struct bytes *out)
{
    if (declaration->is_strict || declaration->says_strict) {
        bytes_append_text(out, declaration->is_strict ? ",\"strict\":true" : ",\"strict\":false");
    }
}

void declaration_write(const struct declaration *declaration, struct bytes *out)
{
    bool is_gemini =
        declaration->provider == TEPLO_GEMINI || declaration->provider == TEPLO_GEMINI_OPENAPI;
    struct span description = declaration->description;

    switch (declaration->provider) {
    case TEPLO_OPENAI_CHAT:
        bytes_append_text(out, "{\"type\":\"function\",\"function\":{");
        break;
    case TEPLO_OPENAI_RESPONSES:
        bytes_append_text(out, "{\"type\":\"function\",");
        break;
    case TEPLO_GEMINI:
    case TEPLO_GEMINI_OPENAPI:
    case TEPLO_ANTHROPIC:
        bytes_append_char(out, '{');
        break;
    }
    write_text(out, "\"name\":", declaration->name);
    /* Gemini requires one. */
    if (description.length > 0 || is_gemini) {
        write_text(out, ",\"description\":", description.length > 0 ? description : SPAN(""));
    }
    switch (declaration->provider) {
    case TEPLO_OPENAI_CHAT:
    case TEPLO_OPENAI_RESPONSES:
        write_schema(declaration, out, ",\"parameters\":");
        write_strict(declaration, out);
        break;
    case TEPLO_GEMINI:
        write_schema(declaration, out, ",\"parametersJsonSchema\":");
        break;
    case TEPLO_GEMINI_OPENAPI:
        write_schema(declaration, out, ",\"parameters\":");
        break;
    case TEPLO_ANTHROPIC:
        write_schema(declaration, out, ",\"input_schema\":");
        write_strict(declaration, out);
        break;
    }
    bytes_append_text(out, declaration->provider == TEPLO_OPENAI_CHAT ? "}}" : "}");
}
