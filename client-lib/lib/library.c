/* SPDX-License-Identifier: MIT */
/* What can be asked of the library without a handle. */
#include "client-lib/include/teplo.h"

static const struct {
    int error;
    const char *text;
} rows[] = {
#define ERROR(name, text) {TEPLO_##name, text},
#include "client-lib/lib/errors.def"
#undef ERROR
};

const char *teplo_strerror(int err)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].error == err) {
            return rows[i].text;
        }
    }
    return err < 0 ? "an error that this version does not know" : "success";
}

uint32_t teplo_version(void)
{
    return TEPLO_VERSION_NUMBER;
}

uint32_t teplo_abi(void)
{
    return TEPLO_ABI;
}
