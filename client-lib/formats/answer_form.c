/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/answer_form.h"

#include "proto/json_scan.h"

#define IMAGES_OF_ALL (MEDIA_BIT(PNG) | MEDIA_BIT(JPEG) | MEDIA_BIT(WEBP))
#define IMAGES_OF_MOST (IMAGES_OF_ALL | MEDIA_BIT(GIF))

static const struct answer_form chat = {
    .open = "[",
    .close = "",
    .answer = "{\"role\":\"tool\",\"tool_call_id\":",
    .content = ",\"content\":",
    .nothing = "\"(no output)\"",
    .text = "{\"type\":\"text\",\"text\":$t}",
    .media = {[MEDIA_IMAGE] =
                  "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:$m;base64,$d\"}}"},
    .separate_open = ",{\"role\":\"user\",\"content\":[",
    .separate_close = "]}",
    .separate_text = "{\"type\":\"text\",\"text\":$t}",
    .separate = IMAGES_OF_MOST,
    .one_text_is_string = true,
};

static const struct answer_form responses = {
    .open = "[",
    .close = "",
    .answer = "{\"type\":\"function_call_output\",\"call_id\":",
    .content = ",\"output\":",
    .nothing = "\"(no output)\"",
    .text = "{\"type\":\"input_text\",\"text\":$t}",
    .media = {[MEDIA_IMAGE] = "{\"type\":\"input_image\",\"image_url\":\"data:$m;base64,$d\"}",
              [MEDIA_PDF] = "{\"type\":\"input_file\",\"filename\":\"document.pdf\","
                            "\"file_data\":\"data:$m;base64,$d\"}"},
    .within = IMAGES_OF_MOST | MEDIA_BIT(PDF),
    .one_text_is_string = true,
};

static const struct answer_form gemini = {
    .open = "[{\"role\":\"user\",\"parts\":[",
    .close = "]}",
    .answer = "{\"functionResponse\":{\"name\":",
    .content = ",\"response\":",
    .media = {[MEDIA_IMAGE] = "{\"inlineData\":{\"mimeType\":\"$m\",\"data\":\"$d\"}}",
              [MEDIA_AUDIO] = "{\"inlineData\":{\"mimeType\":\"$m\",\"data\":\"$d\"}}",
              [MEDIA_PDF] = "{\"inlineData\":{\"mimeType\":\"$m\",\"data\":\"$d\"}}"},
    .separate_open = ",{\"role\":\"user\",\"parts\":[",
    .separate_close = "]}",
    .separate_text = "{\"text\":$t}",
    .within = IMAGES_OF_ALL | MEDIA_BIT(PDF),
    .separate = MEDIA_BIT(HEIC) | MEDIA_BIT(HEIF) | MEDIA_BIT(WAV) | MEDIA_BIT(WAVE) |
                MEDIA_BIT(MP3) | MEDIA_BIT(MPEG) | MEDIA_BIT(AIFF) | MEDIA_BIT(AAC) |
                MEDIA_BIT(OGG) | MEDIA_BIT(FLAC),
    .is_response = true,
};

static const struct answer_form anthropic = {
    .open = "[{\"role\":\"user\",\"content\":[",
    .close = "]}",
    .answer = "{\"type\":\"tool_result\",\"tool_use_id\":",
    .content = ",\"content\":",
    .error = ",\"is_error\":true",
    .text = "{\"type\":\"text\",\"text\":$t}",
    .document =
        "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
        "\"data\":$t},\"title\":$u}",
    .media = {[MEDIA_IMAGE] = "{\"type\":\"image\",\"source\":{\"type\":\"base64\","
                              "\"media_type\":\"$m\",\"data\":\"$d\"}}",
              [MEDIA_PDF] = "{\"type\":\"document\",\"source\":{\"type\":\"base64\","
                            "\"media_type\":\"$m\",\"data\":\"$d\"}}"},
    .within = IMAGES_OF_MOST | MEDIA_BIT(PDF),
    .errors_are_text = true,
    .blank_is_nothing = true,
};

const struct answer_form *answer_form_of(enum teplo_provider provider)
{
    switch (provider) {
    case TEPLO_OPENAI_CHAT:
        return &chat;
    case TEPLO_OPENAI_RESPONSES:
        return &responses;
    case TEPLO_GEMINI:
    case TEPLO_GEMINI_OPENAPI:
        return &gemini;
    case TEPLO_ANTHROPIC:
        break;
    }
    return &anthropic;
}

static void write_value(struct bytes *out, char letter, const struct answer_values *values)
{
    switch (letter) {
    case 't':
        json_quote(out, values->text);
        break;
    case 'u':
        json_quote(out, values->uri);
        break;
    case 'm':
        bytes_append_text(out, values->media_type);
        break;
    default:
        bytes_append_span(out, values->base64);
        break;
    }
}

void answer_form_write(struct bytes *out, const char *pattern, const struct answer_values *values)
{
    const char *mark;

    while ((mark = strchr(pattern, '$')) != NULL) {
        bytes_append(out, pattern, (size_t)(mark - pattern));
        write_value(out, mark[1], values);
        pattern = mark + 2;
    }
    bytes_append_text(out, pattern);
}
