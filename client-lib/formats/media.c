/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/media.h"

static const struct {
    enum media_kind kind;
    const char *text;
    const char *other;
} rows[] = {
#define MEDIA(name, kind, text, other) {MEDIA_##kind, text, other},
#include "client-lib/formats/media_types.def"
#undef MEDIA
};

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c;
}

static bool is_word(struct span text, const char *word)
{
    size_t length = word == NULL ? 0 : strlen(word);

    if (word == NULL || text.length < length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (lower(text.at[i]) != word[i]) {
            return false;
        }
    }
    return text.length == length || strchr("; \t", text.at[length]) != NULL;
}

enum media_type media_find(struct span text)
{
    for (int i = 0; i < MEDIA_TYPES; i++) {
        if (is_word(text, rows[i].text) || is_word(text, rows[i].other)) {
            return (enum media_type)i;
        }
    }
    return MEDIA_TYPES;
}

enum media_kind media_kind_of(enum media_type type)
{
    return rows[type].kind;
}

const char *media_text(enum media_type type)
{
    return rows[type].text;
}

static bool is_base64(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

bool media_size(struct span base64, size_t *ret_size)
{
    size_t length = base64.length;

    if (length == 0 || length % 4 != 0) {
        return false;
    }
    for (int i = 0; i < 2 && base64.at[length - 1] == '='; i++) {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        if (!is_base64(base64.at[i])) {
            return false;
        }
    }
    *ret_size = length / 4 * 3 + length % 4 * 3 / 4;
    return true;
}
