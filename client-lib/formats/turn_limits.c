/* SPDX-License-Identifier: MIT */
#include "client-lib/formats/turn_limits.h"

#include "proto/base/mem.h"

int turn_check(struct teplo_toolset *toolset, const char *what, struct span json)
{
    struct json_error error;

    if (json.length > TURN_READ_MAXIMUM) {
        format_complain(toolset, "%s is longer than %d bytes", what, TURN_READ_MAXIMUM);
        return TEPLO_E_TOOBIG;
    }
    if (json_check(json, &json_limits_default, &error) < 0) {
        format_complain(toolset, "%s is not JSON that can be read: %s, at byte %zu", what,
                        json_fault_text(error.fault), error.at);
        return TEPLO_E_INVAL;
    }
    return 0;
}

int turn_give(struct bytes *out, char **ret_json, size_t *ret_length)
{
    size_t length;
    char *json = bytes_text(out) == NULL ? NULL : bytes_take(out, &length);

    if (json == NULL) {
        return TEPLO_E_NOMEM;
    }
    *ret_json = json;
    if (ret_length != NULL) {
        *ret_length = length;
    }
    return 0;
}

void teplo_free(void *text)
{
    mem_free(text);
}

size_t turn_cut(struct span text, size_t most)
{
    size_t length = text.length < most ? text.length : most;

    while (length > 0 && length < text.length && ((unsigned char)text.at[length] & 0xc0) == 0x80) {
        length--;
    }
    return length;
}
