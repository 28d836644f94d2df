/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/targets.h"

#include "proto/utf8.h"

static const char *const strict_formats[] = {"date-time", "time", "date", "duration", "email",
                                             "hostname",  "ipv4", "ipv6", "uuid",     NULL};
static const char *const claude_formats[] = {"date-time", "time",     "date", "duration",
                                             "email",     "hostname", "ipv4", "ipv6",
                                             "uuid",      "uri",      NULL};
static const char *const gemini_json_formats[] = {"date-time", "date", "time", NULL};
static const char *const gemini_formats[] = {"date-time", "enum", NULL};

const struct target_limits target_limits[TARGET_COUNT] = {
#define TARGET(name, tools, description, keys, formats, levels, properties, values, characters,    \
               many, enum_characters, rules)                                                       \
    [TARGET_##name] = {#name,  tools,      description, IS_##formats,    levels, properties,       \
                       values, characters, many,        enum_characters, keys,   rules},
#define IS_any_format NULL
#define IS_strict_formats strict_formats
#define IS_claude_formats claude_formats
#define IS_gemini_json_formats gemini_json_formats
#define IS_gemini_formats gemini_formats
#include "client-lib/formats/targets.def"
#undef TARGET
};

const unsigned char target_words[TARGET_COUNT][WORD_COUNT] = {
#define KEYWORD(name, text, value, types, chat, strict, gjson, gopen, claude, claude_strict)       \
    [TARGET_CHAT][WORD_##name] = (chat), [TARGET_STRICT][WORD_##name] = (strict),                  \
    [TARGET_GJSON][WORD_##name] = (gjson), [TARGET_GOPEN][WORD_##name] = (gopen),                  \
    [TARGET_CLAUDE][WORD_##name] = (claude),                                                       \
    [TARGET_CLAUDE_STRICT][WORD_##name] = (claude_strict),
#include "client-lib/formats/keywords.def"
#undef KEYWORD
};

enum target target_of(enum teplo_provider provider, int is_strict)
{
    switch (provider) {
    case TEPLO_OPENAI_CHAT:
    case TEPLO_OPENAI_RESPONSES:
        return is_strict ? TARGET_STRICT : TARGET_CHAT;
    case TEPLO_GEMINI:
        return TARGET_GJSON;
    case TEPLO_GEMINI_OPENAPI:
        return TARGET_GOPEN;
    case TEPLO_ANTHROPIC:
        return is_strict ? TARGET_CLAUDE_STRICT : TARGET_CLAUDE;
    }
    return TARGET_CHAT;
}

bool target_has_strict(enum teplo_provider provider)
{
    return target_of(provider, 0) != target_of(provider, 1);
}

bool target_allows_format(enum target target, struct span format)
{
    const char *const *formats = target_limits[target].formats;

    for (; formats != NULL && *formats != NULL; formats++) {
        if (json_string_is(format, *formats)) {
            return true;
        }
    }
    return target_limits[target].formats == NULL;
}

bool gemini_allows_format(enum schema_type type, struct span format)
{
    switch (type) {
    case TYPE_BIT_STRING:
        return target_allows_format(TARGET_GOPEN, format);
    case TYPE_BIT_INTEGER:
        return json_string_is(format, "int32") || json_string_is(format, "int64");
    case TYPE_BIT_NUMBER:
        return json_string_is(format, "float") || json_string_is(format, "double");
    case TYPE_BIT_BOOLEAN:
    case TYPE_BIT_ARRAY:
    case TYPE_BIT_OBJECT:
    case TYPE_BIT_NULL:
    case TYPE_COUNT:
        break;
    }
    return false;
}

bool gemini_allows_count(enum keyword word, const struct tree_node *value)
{
    int64_t count;

    return schema_words[word].value != VALUE_COUNT || number_is_whole(value, &count);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_key_char(enum key_rule rule, char c, bool first)
{
    bool is_number = c >= '0' && c <= '9';

    if (rule == KEYS_WORD) {
        return is_letter(c) || is_number || c == '.' || c == '-';
    }
    return is_letter(c) || (is_number && !first);
}

bool target_allows_key(enum target target, struct span key)
{
    enum key_rule rule = target_limits[target].keys;

    if (rule == KEYS_ANY) {
        return true;
    }
    for (size_t i = 0; i < key.length; i++) {
        if (!is_key_char(rule, key.at[i], i == 0)) {
            return false;
        }
    }
    return key.length > 0 && key.length <= KEY_MAXIMUM;
}

void target_key(enum target target, struct span key, struct bytes *out, bool *ret_lost)
{
    enum key_rule rule = target_limits[target].keys;
    size_t at = 0;

    *ret_lost = false;
    if (key.length == 0 ||
        (!is_key_char(rule, key.at[0], true) && is_key_char(rule, key.at[0], false))) {
        bytes_append_char(out, '_');
    }
    while (at < key.length && out->length < KEY_MAXIMUM && !out->failed) {
        size_t length = utf8_length(key.at + at, key.at + key.length);

        length = length == 0 ? 1 : length;
        *ret_lost = *ret_lost || (unsigned char)key.at[at] >= 0x80;
        bytes_append(out, is_key_char(rule, key.at[at], false) ? &key.at[at] : "_", 1);
        at += length;
    }
}

static bool has_lookaround_in(struct span pattern)
{
    for (size_t i = 0; i + 2 < pattern.length; i++) {
        const char *after = i + 3 < pattern.length ? &pattern.at[i + 3] : "";

        if (pattern.at[i] == '(' && pattern.at[i + 1] == '?' &&
            (pattern.at[i + 2] == '=' || pattern.at[i + 2] == '!' ||
             (pattern.at[i + 2] == '<' && (*after == '=' || *after == '!')))) {
            return true;
        }
    }
    return false;
}

bool has_lookaround(struct span pattern)
{
    struct bytes text;
    bool has;

    bytes_init(&text, pattern.length);
    /* What cannot be read is not trusted. */
    has = !json_string_decode(pattern, &text) || has_lookaround_in(bytes_span(&text));
    bytes_done(&text);
    return has;
}
