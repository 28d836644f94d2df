/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), for the tags of names: nothing secret goes through it. */
#ifndef TEPLO_FORMATS_SHA256_H
#define TEPLO_FORMATS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/bytes.h"

enum { SHA256_BYTES = 32, SHA256_BLOCK = 64 };

struct sha256 {
    uint32_t state[8];
    uint64_t length;                  /* bytes added so far */
    unsigned char rest[SHA256_BLOCK]; /* the length % 64 that fill no block yet */
};

void sha256_init(struct sha256 *sha256);
void sha256_add(struct sha256 *sha256, struct span data);
/* SHA256 is used up. */
void sha256_end(struct sha256 *sha256, unsigned char digest[SHA256_BYTES]);

#endif
