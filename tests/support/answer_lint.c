/* SPDX-License-Identifier: MIT */
#include "answer_lint.h"

#include <ctype.h>

#define REFUSE_IF(condition, complaint)                                                            \
    do {                                                                                           \
        if (condition) {                                                                           \
            return (complaint);                                                                    \
        }                                                                                          \
    } while (0)

/* The first complaint of several. */
#define REFUSE_FOR(call)                                                                           \
    do {                                                                                           \
        const char *refuse_for = (call);                                                           \
        if (refuse_for != NULL) {                                                                  \
            return refuse_for;                                                                     \
        }                                                                                          \
    } while (0)

static bool is_kind(struct span object, const char *member, enum json_kind kind)
{
    return json_kind_of(json_find(object, member)) == kind;
}

static bool is_word(struct span object, const char *member, const char *word)
{
    return json_string_is(json_find(object, member), word);
}

/* OBJECT is one, with no members but those in KEYS, words with blanks around them, and none twice.
 */
static bool has_only(struct span object, const char *keys)
{
    struct json_walk walk = json_walk_of(object);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        char word[64] = " ";
        size_t length = item.key.length - 2;

        if (length > sizeof(word) - 3) {
            return false;
        }
        memcpy(word + 1, item.key.at + 1, length);
        word[length + 1] = ' ';
        if (strstr(keys, word) == NULL) {
            return false;
        }
    }
    return json_kind_of(object) == JSON_OBJECT && !json_has_duplicates(object, 20);
}

static size_t count(struct span array)
{
    struct json_walk walk = json_walk_of(array);
    struct json_item item;
    size_t number = 0;

    while (json_walk_next(&walk, &item)) {
        number++;
    }
    return number;
}

static bool is_blank(struct span string)
{
    for (size_t i = 1; i + 1 < string.length; i++) {
        if (string.at[i] == '\\' && i + 2 < string.length && strchr("nrt", string.at[i + 1])) {
            i++;
        } else if (string.at[i] == '\\' && i + 6 < string.length &&
                   (memcmp(string.at + i, "\\u000b", 6) == 0 ||
                    memcmp(string.at + i, "\\f", 2) == 0)) {
            i += string.at[i + 1] == 'f' ? 1 : 5;
        } else if (string.at[i] != ' ') {
            return false;
        }
    }
    return true;
}

/* A string that a text may be; not "" and, where STRICTLY, not white space alone. */
static const char *lint_text(struct span text, const char *strictly)
{
    REFUSE_IF(json_kind_of(text) != JSON_STRING, "a text that is no string");
    REFUSE_IF(text.length == 2, "an empty text");
    REFUSE_IF(strictly != NULL && is_blank(text), strictly);
    return NULL;
}

static bool is_base64(struct span text)
{
    size_t padding = 0;

    while (padding < 3 && padding < text.length && text.at[text.length - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i + padding < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (!isalnum(c) && c != '+' && c != '/') {
            return false;
        }
    }
    return text.length > 0 && text.length % 4 == 0 && padding <= 2;
}

static struct span inside(struct span string)
{
    return string.length < 2 ? SPAN_NONE : (struct span){string.at + 1, string.length - 2};
}

/* One of TYPES, words with blanks around them. */
static bool is_type(struct span type, const char *types)
{
    char word[64] = " ";
    size_t length = type.length;

    if (length == 0 || length > sizeof(word) - 3) {
        return false;
    }
    memcpy(word + 1, type.at, length);
    word[length + 1] = ' ';
    return strstr(types, word) != NULL;
}

static const char openai_images[] = " image/png image/jpeg image/gif image/webp ";

/* `data:TYPE;base64,DATA` */
static const char *lint_data_uri(struct span string, const char *types)
{
    struct span uri = inside(string);
    const char *semicolon = uri.length == 0 ? NULL : memchr(uri.at, ';', uri.length);
    size_t head = semicolon == NULL ? 0 : (size_t)(semicolon - uri.at);
    struct span rest = {uri.at + head, uri.length - head};

    REFUSE_IF(json_kind_of(string) != JSON_STRING || head < 5 ||
                  !span_starts_with(uri, SPAN("data:")) ||
                  !span_starts_with(rest, SPAN(";base64,")),
              "a URI that is not data:TYPE;base64,DATA");
    REFUSE_IF(!is_type((struct span){uri.at + 5, head - 5}, types), "media of a type not taken");
    REFUSE_IF(!is_base64((struct span){rest.at + 8, rest.length - 8}), "media that is not base64");
    return NULL;
}

static const char *lint_chat_user(struct span message)
{
    struct json_walk walk = json_walk_of(json_find(message, "content"));
    struct json_item item;
    size_t images = 0;

    REFUSE_IF(!has_only(message, " role content ") || !is_word(message, "role", "user"),
              "what is behind the tool messages is no user message");
    while (json_walk_next(&walk, &item)) {
        struct span image = json_find(item.value, "image_url");

        if (is_word(item.value, "type", "text")) {
            REFUSE_IF(!has_only(item.value, " type text "), "a text part with more in it");
            REFUSE_FOR(lint_text(json_find(item.value, "text"), NULL));
            continue;
        }
        REFUSE_IF(!is_word(item.value, "type", "image_url") ||
                      !has_only(item.value, " type image_url ") || !has_only(image, " url "),
                  "a part of a user message that is neither text nor image");
        REFUSE_FOR(lint_data_uri(json_find(image, "url"), openai_images));
        images++;
    }
    REFUSE_IF(images == 0, "a user message for no image");
    return NULL;
}

static const char *lint_chat_content(struct span content)
{
    struct json_walk walk = json_walk_of(content);
    struct json_item item;

    if (json_kind_of(content) == JSON_STRING) {
        return lint_text(content, NULL);
    }
    REFUSE_IF(json_kind_of(content) != JSON_ARRAY || count(content) == 0,
              "content that is neither a string nor a list of parts");
    while (json_walk_next(&walk, &item)) {
        REFUSE_IF(!is_word(item.value, "type", "text") || !has_only(item.value, " type text "),
                  "a tool message with a part that is no text");
        REFUSE_FOR(lint_text(json_find(item.value, "text"), NULL));
    }
    return NULL;
}

/* The id of CALL is echoed, or there is one where the call has none. */
static const char *lint_id(struct span call, struct span id)
{
    struct span given = json_find(call, "id");

    REFUSE_IF(json_kind_of(id) != JSON_STRING, "an answer without an id");
    REFUSE_IF(json_kind_of(given) == JSON_STRING && !span_equal(given, id),
              "an answer with another call's id");
    REFUSE_IF(json_kind_of(given) != JSON_STRING && id.length == 2, "an answer with an empty id");
    return NULL;
}

static const char *lint_chat(struct span calls, struct span answers)
{
    struct json_walk call_walk = json_walk_of(calls);
    struct json_walk walk = json_walk_of(answers);
    struct json_item call;
    struct json_item item;

    while (json_walk_next(&call_walk, &call)) {
        REFUSE_IF(!json_walk_next(&walk, &item), "tool_call_ids did not have response messages");
        REFUSE_IF(!has_only(item.value, " role tool_call_id content ") ||
                      !is_word(item.value, "role", "tool"),
                  "an answer that is no tool message");
        REFUSE_FOR(lint_id(call.value, json_find(item.value, "tool_call_id")));
        REFUSE_FOR(lint_chat_content(json_find(item.value, "content")));
    }
    if (json_walk_next(&walk, &item)) {
        REFUSE_FOR(lint_chat_user(item.value));
        REFUSE_IF(count(calls) == 0, "a user message behind nothing");
    }
    REFUSE_IF(json_walk_next(&walk, &item), "more messages than there should be");
    return NULL;
}

static const char *lint_response_part(struct span part)
{
    if (is_word(part, "type", "input_text")) {
        REFUSE_IF(!has_only(part, " type text "), "an input_text with more in it");
        return lint_text(json_find(part, "text"), NULL);
    }
    if (is_word(part, "type", "input_image")) {
        REFUSE_IF(!has_only(part, " type image_url "), "an input_image with more in it");
        return lint_data_uri(json_find(part, "image_url"), openai_images);
    }
    REFUSE_IF(!is_word(part, "type", "input_file") ||
                  !has_only(part, " type filename file_data ") ||
                  !is_kind(part, "filename", JSON_STRING),
              "an output part of an unknown type");
    return lint_data_uri(json_find(part, "file_data"), " application/pdf ");
}

static const char *lint_responses(struct span calls, struct span answers)
{
    struct json_walk call_walk = json_walk_of(calls);
    struct json_walk walk = json_walk_of(answers);
    struct json_item call;
    struct json_item item;

    REFUSE_IF(count(calls) != count(answers), "No tool output found for function call");
    while (json_walk_next(&call_walk, &call) && json_walk_next(&walk, &item)) {
        struct span output = json_find(item.value, "output");
        struct json_walk parts = json_walk_of(output);
        struct json_item part;

        REFUSE_IF(!has_only(item.value, " type call_id output ") ||
                      !is_word(item.value, "type", "function_call_output"),
                  "an answer that is no function_call_output");
        REFUSE_FOR(lint_id(call.value, json_find(item.value, "call_id")));
        REFUSE_IF(json_kind_of(output) != JSON_STRING &&
                      (json_kind_of(output) != JSON_ARRAY || count(output) == 0),
                  "output that is neither a string nor a list");
        while (json_walk_next(&parts, &part)) {
            REFUSE_FOR(lint_response_part(part.value));
        }
    }
    return NULL;
}

static const char *lint_inline(struct span part, const char *types)
{
    struct span blob = json_find(part, "inlineData");

    REFUSE_IF(!has_only(part, " inlineData ") || !has_only(blob, " mimeType data "),
              "a part that is no inlineData");
    REFUSE_IF(!is_type(inside(json_find(blob, "mimeType")), types), "media of a type not taken");
    REFUSE_IF(!is_base64(inside(json_find(blob, "data"))), "media that is not base64");
    return NULL;
}

/* A name with half a surrogate pair cannot be echoed as it is. */
static bool is_same_name(struct span wanted, struct span name)
{
    struct bytes text;
    bool is_text;

    bytes_init(&text, 4 * wanted.length);
    is_text = json_string_decode(wanted, &text);
    bytes_done(&text);
    return json_string_equal(wanted, name) || (!is_text && json_kind_of(name) == JSON_STRING);
}

static const char *lint_function_response(struct span call, struct span part)
{
    struct span answer = json_find(part, "functionResponse");
    struct span id = json_find(call, "id");
    struct span name = json_find(answer, "name");
    struct span parts = json_find(answer, "parts");
    struct json_walk walk = json_walk_of(parts);
    struct json_item item;

    REFUSE_IF(!has_only(part, " functionResponse ") ||
                  !has_only(answer, " name id response parts "),
              "text or media among the function responses");
    REFUSE_IF(is_kind(call, "name", JSON_STRING) && !is_same_name(json_find(call, "name"), name),
              "a function response with another name");
    REFUSE_IF(json_kind_of(id) == JSON_STRING ? !span_equal(id, json_find(answer, "id"))
                                              : !span_is_none(json_find(answer, "id")),
              "a function response with another id");
    REFUSE_IF(!is_kind(answer, "response", JSON_OBJECT),
              "Proto field is not repeating, cannot start list");
    REFUSE_IF(!span_is_none(parts) && count(parts) == 0, "an empty list of parts");
    while (json_walk_next(&walk, &item)) {
        REFUSE_FOR(lint_inline(item.value, " image/png image/jpeg image/webp application/pdf "));
    }
    return NULL;
}

static const char *lint_gemini_media(struct span content)
{
    struct json_walk walk = json_walk_of(json_find(content, "parts"));
    struct json_item item;
    size_t media = 0;

    REFUSE_IF(!has_only(content, " role parts ") || !is_word(content, "role", "user"),
              "a content that is not the user's");
    while (json_walk_next(&walk, &item)) {
        if (!span_is_none(json_find(item.value, "text"))) {
            REFUSE_IF(!has_only(item.value, " text "), "a text part with more in it");
            REFUSE_FOR(lint_text(json_find(item.value, "text"), NULL));
            continue;
        }
        REFUSE_FOR(lint_inline(item.value,
                               " image/png image/jpeg image/webp image/heic image/heif "
                               "application/pdf audio/wav audio/mp3 audio/mpeg audio/aiff "
                               "audio/aac audio/ogg audio/flac "));
        media++;
    }
    REFUSE_IF(media == 0, "a content for no media");
    return NULL;
}

static const char *lint_gemini(struct span calls, struct span answers)
{
    struct json_walk walk = json_walk_of(answers);
    struct json_walk call_walk = json_walk_of(calls);
    struct json_walk parts;
    struct json_item content;
    struct json_item call;
    struct json_item part;

    if (count(calls) == 0) {
        return count(answers) == 0 ? NULL : "a content without parts";
    }
    REFUSE_IF(!json_walk_next(&walk, &content) || !has_only(content.value, " role parts ") ||
                  !is_word(content.value, "role", "user"),
              "no user content with the function responses");
    REFUSE_IF(count(json_find(content.value, "parts")) != count(calls),
              "the number of function response parts is not equal to the number of function call "
              "parts");
    parts = json_walk_of(json_find(content.value, "parts"));
    while (json_walk_next(&call_walk, &call) && json_walk_next(&parts, &part)) {
        REFUSE_FOR(lint_function_response(call.value, part.value));
    }
    if (json_walk_next(&walk, &content)) {
        REFUSE_FOR(lint_gemini_media(content.value));
    }
    REFUSE_IF(json_walk_next(&walk, &content), "more contents than there should be");
    return NULL;
}

static const char *lint_document(struct span block)
{
    struct span source = json_find(block, "source");

    REFUSE_IF(!has_only(block, " type source title "), "a document with more in it");
    if (is_word(source, "type", "text")) {
        REFUSE_IF(!has_only(source, " type media_type data ") ||
                      !is_word(source, "media_type", "text/plain"),
                  "a text document that is none");
        return lint_text(json_find(source, "data"), "a document of white space");
    }
    REFUSE_IF(!has_only(source, " type media_type data ") || !is_word(source, "type", "base64") ||
                  !is_word(source, "media_type", "application/pdf") ||
                  !is_base64(inside(json_find(source, "data"))),
              "a document that is no PDF in base64");
    return NULL;
}

static const char *lint_block(struct span block, bool is_error)
{
    struct span source = json_find(block, "source");

    if (is_word(block, "type", "text")) {
        REFUSE_IF(!has_only(block, " type text "), "a text block with more in it");
        return lint_text(json_find(block, "text"),
                         "text content blocks must contain non-whitespace text");
    }
    REFUSE_IF(is_error, "all content must be type `text` if `is_error` is true");
    if (is_word(block, "type", "document")) {
        return lint_document(block);
    }
    REFUSE_IF(!is_word(block, "type", "image") || !has_only(block, " type source ") ||
                  !has_only(source, " type media_type data ") || !is_word(source, "type", "base64"),
              "a block of an unknown type");
    REFUSE_IF(!is_type(inside(json_find(source, "media_type")), openai_images) ||
                  !is_base64(inside(json_find(source, "data"))),
              "an image that is none");
    return NULL;
}

static const char *lint_tool_result(struct span call, struct span block)
{
    struct span content = json_find(block, "content");
    bool is_error = is_kind(block, "is_error", JSON_TRUE);
    struct json_walk walk = json_walk_of(content);
    struct json_item item;

    REFUSE_IF(!is_word(block, "type", "tool_result") ||
                  !has_only(block, " type tool_use_id content is_error "),
              "a block that is no tool_result");
    REFUSE_FOR(lint_id(call, json_find(block, "tool_use_id")));
    REFUSE_IF(is_error && span_is_none(content), "content cannot be empty if `is_error` is true");
    REFUSE_IF(!span_is_none(content) &&
                  (json_kind_of(content) != JSON_ARRAY || count(content) == 0),
              "content that is no list, or empty");
    while (json_walk_next(&walk, &item)) {
        REFUSE_FOR(lint_block(item.value, is_error));
    }
    return NULL;
}

static const char *lint_anthropic(struct span calls, struct span answers)
{
    struct json_walk walk = json_walk_of(answers);
    struct json_walk call_walk = json_walk_of(calls);
    struct json_walk blocks;
    struct json_item message;
    struct json_item call;
    struct json_item block;

    if (count(calls) == 0) {
        return count(answers) == 0 ? NULL : "a message without content";
    }
    REFUSE_IF(!json_walk_next(&walk, &message) || !has_only(message.value, " role content ") ||
                  !is_word(message.value, "role", "user") || json_walk_next(&walk, &block),
              "not one user message");
    REFUSE_IF(count(json_find(message.value, "content")) != count(calls),
              "tool_use ids were found without tool_result blocks");
    blocks = json_walk_of(json_find(message.value, "content"));
    while (json_walk_next(&call_walk, &call) && json_walk_next(&blocks, &block)) {
        REFUSE_FOR(lint_tool_result(call.value, block.value));
    }
    return NULL;
}

const char *answer_lint(enum teplo_provider provider, struct span calls, struct span answers)
{
    const struct json_limits limits = {.depth = JSON_DEPTH_MAXIMUM, .tokens = 10000000};
    struct json_error error;

    REFUSE_IF(json_check(answers, &limits, &error) < 0 || json_kind_of(answers) != JSON_ARRAY,
              "not a JSON array");
    switch (provider) {
    case TEPLO_OPENAI_CHAT:
        return lint_chat(calls, answers);
    case TEPLO_OPENAI_RESPONSES:
        return lint_responses(calls, answers);
    case TEPLO_GEMINI:
    case TEPLO_GEMINI_OPENAPI:
        return lint_gemini(calls, answers);
    case TEPLO_ANTHROPIC:
        break;
    }
    return lint_anthropic(calls, answers);
}
