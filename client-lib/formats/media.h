/* SPDX-License-Identifier: MIT */
/* Images, sound and documents in tools' results: what they are called, and whether they are whole.
 */
#ifndef TEPLO_FORMATS_MEDIA_H
#define TEPLO_FORMATS_MEDIA_H

#include "proto/base/bytes.h"

enum media_kind { MEDIA_IMAGE, MEDIA_AUDIO, MEDIA_PDF, MEDIA_KINDS };

/* The types that some provider takes. */
enum media_type {
#define MEDIA(name, kind, text, other) MEDIA_TYPE_##name,
#include "client-lib/formats/media_types.def"
#undef MEDIA
    MEDIA_TYPES
};

/* A set of types. */
#define MEDIA_BIT(name) (1U << MEDIA_TYPE_##name)

/* MEDIA_TYPES if TEXT is none of them.  Case and parameters behind `;` do not count. */
enum media_type media_find(struct span text);
enum media_kind media_kind_of(enum media_type type);
const char *media_text(enum media_type type);

/* How many bytes BASE64 stands for.  False if it is not base64, padding and all: providers refuse
 * the whole request for one that is not. */
bool media_size(struct span base64, size_t *ret_size);

#endif
