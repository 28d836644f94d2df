/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/sha256.h"

#include <string.h>

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t rounds[SHA256_BLOCK] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

static uint32_t read_word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_word(unsigned char *to, uint32_t word)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (unsigned char)(word >> (24 - 8 * i));
    }
}

static void spread(uint32_t words[SHA256_BLOCK], const unsigned char *block)
{
    for (int i = 0; i < 16; i++) {
        words[i] = read_word(block + (ptrdiff_t)4 * i);
    }
    for (int i = 16; i < SHA256_BLOCK; i++) {
        uint32_t a = words[i - 15];
        uint32_t b = words[i - 2];

        words[i] = words[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + words[i - 7] +
                   (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
}

static void mix(uint32_t state[8], const unsigned char *block)
{
    uint32_t words[SHA256_BLOCK];
    uint32_t s[8];

    spread(words, block);
    memcpy(s, state, sizeof(s));
    for (int i = 0; i < SHA256_BLOCK; i++) {
        uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) +
                       ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + words[i];
        uint32_t two = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
                       ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

void sha256_init(struct sha256 *sha256)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    *sha256 = (struct sha256){.length = 0};
    memcpy(sha256->state, start, sizeof(start));
}

void sha256_add(struct sha256 *sha256, struct span data)
{
    while (data.length > 0) {
        size_t filled = (size_t)(sha256->length % SHA256_BLOCK);
        size_t room = SHA256_BLOCK - filled;
        size_t taken = data.length < room ? data.length : room;

        memcpy(sha256->rest + filled, data.at, taken);
        sha256->length += taken;
        data.at += taken;
        data.length -= taken;
        if (taken == room) {
            mix(sha256->state, sha256->rest);
        }
    }
}

void sha256_end(struct sha256 *sha256, unsigned char digest[SHA256_BYTES])
{
    static const char padding[SHA256_BLOCK] = {(char)0x80};
    uint64_t bits = sha256->length * 8;
    size_t filled = (size_t)(sha256->length % SHA256_BLOCK);
    unsigned char length[8];

    write_word(length, (uint32_t)(bits >> 32));
    write_word(length + 4, (uint32_t)bits);
    sha256_add(sha256, (struct span){padding, filled < 56 ? 56 - filled : 120 - filled});
    sha256_add(sha256, (struct span){(const char *)length, sizeof(length)});
    for (int i = 0; i < 8; i++) {
        write_word(digest + (ptrdiff_t)4 * i, sha256->state[i]);
    }
}
