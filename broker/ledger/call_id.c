/* SPDX-License-Identifier: MIT */
#include "broker/ledger/call_id.h"

#include <errno.h>

enum { TEXT_LENGTH = CALL_ID_TEXT_SIZE - 1 };

static bool is_dash_place(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

/* 0...15, or -1. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int call_id_parse(struct span text, struct call_id *ret_id)
{
    struct call_id id = {{0}};
    size_t digits = 0;

    if (text.length != TEXT_LENGTH) {
        return -EINVAL;
    }
    for (size_t i = 0; i < TEXT_LENGTH; i++) {
        int digit = digit_of(text.at[i]);

        if (is_dash_place(i)) {
            if (text.at[i] != '-') {
                return -EINVAL;
            }
            continue;
        }
        if (digit < 0) {
            return -EINVAL;
        }
        id.at[digits / 2] = (uint8_t)(id.at[digits / 2] << 4 | digit);
        digits++;
    }
    *ret_id = id;
    return 0;
}

void call_id_print(const struct call_id *id, char text[CALL_ID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    size_t digits = 0;

    for (size_t i = 0; i < TEXT_LENGTH; i++) {
        if (is_dash_place(i)) {
            text[i] = '-';
            continue;
        }
        text[i] = hex[id->at[digits / 2] >> (digits % 2 == 0 ? 4 : 0) & 0xf];
        digits++;
    }
    text[TEXT_LENGTH] = '\0';
}

struct call_id call_id_make(int64_t wall_ms, const uint8_t random[CALL_ID_RANDOM_SIZE])
{
    struct call_id id;

    for (size_t i = 0; i < 6; i++) {
        id.at[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
    }
    memcpy(id.at + 6, random, CALL_ID_RANDOM_SIZE);
    id.at[6] = (uint8_t)(0x70 | (id.at[6] & 0x0f));
    id.at[8] = (uint8_t)(0x80 | (id.at[8] & 0x3f));
    return id;
}
