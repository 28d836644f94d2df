/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/names.h"

#include "client-lib/formats/sha256.h"
#include "client-lib/include/teplo.h"
#include "proto/utf8.h"

enum {
    TAG_DIGITS = 8,
    BEFORE_TAG = PUBLIC_NAME_MAXIMUM - TAG_DIGITS - 1,
    /* So much of what a model wrote is compared. */
    COMPARED_MAXIMUM = 2 * PUBLIC_NAME_MAXIMUM,
};

/* A name being made: what is beyond the maximum is counted only. */
struct draft {
    char at[PUBLIC_NAME_MAXIMUM];
    size_t length;
    bool is_altered;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_inner(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

static bool is_public(struct span name)
{
    if (name.length == 0 || name.length > PUBLIC_NAME_MAXIMUM || !is_letter(name.at[0])) {
        return false;
    }
    for (size_t i = 1; i < name.length; i++) {
        if (!is_inner(name.at[i])) {
            return false;
        }
    }
    return true;
}

static void draft_add_char(struct draft *draft, char c)
{
    if (draft->length < sizeof(draft->at)) {
        draft->at[draft->length] = c;
    }
    draft->length++;
}

/* One `_` for each character that cannot stand in a name, however many bytes it has. */
static void draft_add(struct draft *draft, struct span text)
{
    static const char filler = '_';
    const char *end = text.length == 0 ? text.at : text.at + text.length;

    for (const char *at = text.at; at < end;) {
        size_t length = utf8_length(at, end);
        bool fits = is_inner(*at);
        char kept = filler;

        if (draft->length == 0 && fits && !is_letter(*at)) {
            draft_add_char(draft, filler);
            draft->is_altered = true;
        }
        if (fits) {
            kept = *at;
        }
        draft_add_char(draft, kept);
        draft->is_altered = draft->is_altered || !fits;
        at += length == 0 ? 1 : length;
    }
}

/* Names that became alike are told apart by what they were made of. */
static void append_tag(struct bytes *out, struct span server, struct span tool)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[SHA256_BYTES];
    struct sha256 sha256;

    sha256_init(&sha256);
    sha256_add(&sha256, server);
    sha256_add(&sha256, (struct span){"", 1});
    sha256_add(&sha256, tool);
    sha256_end(&sha256, digest);
    bytes_append_char(out, '_');
    for (size_t i = 0; i < TAG_DIGITS / 2; i++) {
        bytes_append_char(out, hex[digest[i] >> 4]);
        bytes_append_char(out, hex[digest[i] & 15]);
    }
}

enum name_change public_name(struct span server, struct span tool, unsigned flags,
                             struct bytes *out)
{
    bool is_prefixed = server.length > 0;
    struct draft draft = {.length = 0};

    if (tool.length == 0) {
        return NAME_IMPOSSIBLE;
    }
    if (is_public(tool) && (!is_prefixed || (flags & TEPLO_T_PREFIX) == 0)) {
        bytes_append_span(out, tool);
        return NAME_KEPT;
    }
    draft_add(&draft, server);
    if (is_prefixed) {
        draft_add(&draft, SPAN("__"));
    }
    draft_add(&draft, tool);
    if (!draft.is_altered && draft.length <= PUBLIC_NAME_MAXIMUM) {
        bytes_append(out, draft.at, draft.length);
        return NAME_PREFIXED;
    }
    bytes_append(out, draft.at, draft.length < BEFORE_TAG ? draft.length : BEFORE_TAG);
    append_tag(out, server, tool);
    return NAME_ALTERED;
}

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    if (c == '-' || c == '.') {
        return '_';
    }
    return c;
}

static bool is_alike(struct span a, struct span b)
{
    if (a.length != b.length) {
        return false;
    }
    for (size_t i = 0; i < a.length; i++) {
        if (fold(a.at[i]) != fold(b.at[i])) {
            return false;
        }
    }
    return true;
}

static bool find_same(const struct name_list *list, struct span written, size_t *ret_index)
{
    for (size_t i = 0; i < list->count; i++) {
        if (span_equal(list->at(list->names, i), written)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool find_alike(const struct name_list *list, struct span written, size_t *ret_index)
{
    size_t found = list->count;

    for (size_t i = 0; i < list->count; i++) {
        if (is_alike(list->at(list->names, i), written)) {
            if (found < list->count) {
                return false;
            }
            found = i;
        }
    }
    if (found == list->count) {
        return false;
    }
    *ret_index = found;
    return true;
}

static struct span without_prefix(struct span written)
{
    static const struct span prefixes[] = {SPAN_INIT("default_api:"), SPAN_INIT("default_api.")};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (span_starts_with(written, prefixes[i])) {
            return (struct span){written.at + prefixes[i].length,
                                 written.length - prefixes[i].length};
        }
    }
    return written;
}

bool name_find(const struct name_list *list, struct span written, size_t *ret_index)
{
    struct span bare = without_prefix(written);

    return find_same(list, written, ret_index) || find_same(list, bare, ret_index) ||
           find_alike(list, written, ret_index) || find_alike(list, bare, ret_index);
}

/* How many characters have to be added, taken away or changed to make A of B. */
static size_t distance(struct span a, struct span b)
{
    size_t row[COMPARED_MAXIMUM + 1];

    a.length = a.length < COMPARED_MAXIMUM ? a.length : COMPARED_MAXIMUM;
    b.length = b.length < COMPARED_MAXIMUM ? b.length : COMPARED_MAXIMUM;
    for (size_t j = 0; j <= b.length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a.length; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b.length; j++) {
            size_t changed = diagonal + (fold(a.at[i]) == fold(b.at[j]) ? 0 : 1);
            size_t moved = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;

            diagonal = row[j + 1];
            row[j + 1] = changed < moved ? changed : moved;
        }
    }
    return row[b.length];
}

size_t name_find_nearest(const struct name_list *list, struct span written,
                         size_t ret_indexes[NAME_NEAREST])
{
    struct span bare = without_prefix(written);
    size_t distances[NAME_NEAREST];
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        size_t far = distance(list->at(list->names, i), bare);
        size_t place = count;

        while (place > 0 && distances[place - 1] > far) {
            place--;
        }
        if (place == NAME_NEAREST) {
            continue;
        }
        count = count < NAME_NEAREST ? count + 1 : count;
        for (size_t j = count - 1; j > place; j--) {
            distances[j] = distances[j - 1];
            ret_indexes[j] = ret_indexes[j - 1];
        }
        distances[place] = far;
        ret_indexes[place] = i;
    }
    return count;
}
