/* SPDX-License-Identifier: MIT */
/* How each provider wants the results of its model's calls: data, and the templates it is in. */
#ifndef TEPLO_FORMATS_ANSWER_FORM_H
#define TEPLO_FORMATS_ANSWER_FORM_H

#include <stdint.h>

#include "client-lib/formats/media.h"
#include "client-lib/include/teplo.h"

/*
 * In a template `$t` stands for the text, as a JSON string, `$u` for the resource's URI, `$m` for
 * the media type and `$d` for its base64.  NULL: the provider has no such thing.
 */
struct answer_form {
    const char *open;   /* the array, and what stands around all answers in it */
    const char *close;  /* of the latter */
    const char *answer; /* before the call's id */
    const char *content;
    const char *error;   /* behind the content of an error; NULL: ERROR_PREFIX before its text */
    const char *nothing; /* the content where there is none; NULL: none */
    const char *text;
    const char *document; /* a resource's text; NULL: text, with the URI above it */
    const char *media[MEDIA_KINDS];
    const char *separate_open; /* around what cannot be in an answer, behind all answers */
    const char *separate_close;
    const char *separate_text;
    uint32_t within;         /* media types that an answer may hold: MEDIA_BIT, ored */
    uint32_t separate;       /* those that may stand behind the answers */
    bool is_response;        /* the content is Gemini's object, not a list of blocks */
    bool one_text_is_string; /* a single text stands without a list around it */
    bool errors_are_text;    /* an error may hold nothing else */
    bool blank_is_nothing;   /* text of white space alone is refused */
};

#define ERROR_PREFIX "Error: "

const struct answer_form *answer_form_of(enum teplo_provider provider);

struct answer_values {
    struct span text;
    struct span uri;
    const char *media_type;
    struct span base64;
};

void answer_form_write(struct bytes *out, const char *pattern, const struct answer_values *values);

#endif
