/* SPDX-License-Identifier: MIT */
/* FIPS 180-4, section 6.1. */
#include "broker/health/sha1.h"

#include <stdio.h>

enum { BLOCK = 64, ROUNDS = 80, WORDS = 5 };

static uint32_t rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999;
    }
    if (round < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1;
    }
    if (round < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    }
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void add_block(uint32_t hash[WORDS], const unsigned char block[BLOCK])
{
    uint32_t w[ROUNDS];
    uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];

    for (size_t i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (size_t i = 16; i < ROUNDS; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t next = rotate(a, 5) + mix(i, b, c, d) + e + w[i];

        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
}

/* What is left, the one bit, zeros, and the length in bits: one block or two. */
static void add_end(uint32_t hash[WORDS], struct span rest, size_t length)
{
    unsigned char blocks[2 * BLOCK] = {0};
    size_t used = rest.length + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
    uint64_t bits = (uint64_t)length * 8;

    if (rest.length > 0) {
        memcpy(blocks, rest.at, rest.length);
    }
    blocks[rest.length] = 0x80;
    for (size_t i = 0; i < 8; i++) {
        blocks[used - 1 - i] = (unsigned char)(bits >> (8 * i));
    }
    add_block(hash, blocks);
    if (used > BLOCK) {
        add_block(hash, blocks + BLOCK);
    }
}

void sha1_text(struct span text, char out[SHA1_TEXT_SIZE])
{
    uint32_t hash[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    size_t done = 0;

    for (; text.length - done >= BLOCK; done += BLOCK) {
        add_block(hash, (const unsigned char *)text.at + done);
    }
    add_end(hash, (struct span){text.at + done, text.length - done}, text.length);
    for (size_t i = 0; i < WORDS; i++) {
        (void)snprintf(out + 8 * i, 9, "%08x", hash[i]);
    }
}
