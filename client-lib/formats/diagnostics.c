/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/diagnostics.h"

#include "proto/json_scan.h"
#include "proto/utf8.h"

static const char *const kinds[DIAGNOSTIC_COUNT] = {
#define DIAGNOSTIC(name, text) [DIAGNOSTIC_##name] = (text),
#include "client-lib/formats/diagnostics.def"
#undef DIAGNOSTIC
};

static const char *provider_text(enum teplo_provider provider)
{
    switch (provider) {
#define PROVIDER(name, text)                                                                       \
    case TEPLO_##name:                                                                             \
        return text;
#include "client-lib/formats/providers.def"
#undef PROVIDER
    }
    return "";
}

void diagnostics_init(struct diagnostics *diagnostics)
{
    *diagnostics = (struct diagnostics){.count = 0};
    bytes_init(&diagnostics->items, (size_t)256 * 1024 * 1024);
}

void diagnostics_done(struct diagnostics *diagnostics)
{
    bytes_done(&diagnostics->items);
}

struct span diagnostics_cut(struct span text, size_t most)
{
    size_t length = 0;

    if (text.length <= most) {
        return text;
    }
    while (length < most) {
        size_t step = utf8_length(text.at + length, text.at + text.length);

        step = step == 0 ? 1 : step;
        if (length + step > most) {
            break;
        }
        length += step;
    }
    return (struct span){text.at, length};
}

static struct span cut(struct span text)
{
    return diagnostics_cut(text, DIAGNOSTIC_TEXT_MAXIMUM);
}

static void add_text(struct bytes *out, const char *key, struct span text)
{
    bytes_append_text(out, key);
    if (span_is_none(text)) {
        bytes_append_text(out, "null");
    } else {
        json_quote(out, text);
    }
}

void diagnostics_add(struct diagnostics *diagnostics, const struct diagnosed *tool,
                     enum diagnostic_kind kind, struct span at, struct span reason)
{
    struct bytes *out = &diagnostics->items;

    if (out->length >= DIAGNOSTICS_BYTES ||
        (kind != DIAGNOSTIC_DROPPED && diagnostics->count >= DIAGNOSTICS_MAXIMUM)) {
        diagnostics->left_out++;
        return;
    }
    diagnostics->count++;
    bytes_append_text(out, out->length == 0 ? "" : ",");
    add_text(out, "{\"server\":", tool->server);
    add_text(out, ",\"tool\":", span_is_none(tool->tool) ? tool->tool : cut(tool->tool));
    add_text(out, ",\"name\":", tool->name);
    add_text(out, ",\"provider\":", span_of(provider_text(tool->provider)));
    add_text(out, ",\"kind\":", span_of(kinds[kind]));
    add_text(out, ",\"at\":", span_is_none(at) ? SPAN("") : cut(at));
    add_text(out, ",\"reason\":", cut(reason));
    bytes_append_char(out, '}');
}

void diagnostics_write(const struct diagnostics *diagnostics, struct bytes *out)
{
    bytes_append_char(out, '[');
    bytes_append_span(out, bytes_span(&diagnostics->items));
    if (diagnostics->left_out > 0) {
        bytes_printf(out, ",{\"kind\":\"noted\",\"reason\":\"%zu more\"}", diagnostics->left_out);
    }
    bytes_append_char(out, ']');
    out->failed = out->failed || diagnostics->items.failed;
}

bool diagnostics_append(struct diagnostics *diagnostics, const struct diagnostics *from)
{
    struct bytes *items = &diagnostics->items;
    size_t length = items->length;

    if (from->items.failed) {
        return false;
    }
    if (from->count > 0) {
        bytes_append_text(items, length == 0 ? "" : ",");
        bytes_append_span(items, bytes_span(&from->items));
    }
    if (items->failed) {
        items->length = length;
        items->failed = false;
        return false;
    }
    diagnostics->count += from->count;
    diagnostics->left_out += from->left_out;
    return true;
}
