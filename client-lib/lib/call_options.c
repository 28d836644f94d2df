/* SPDX-License-Identifier: MIT */
#include "client-lib/lib/call_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "client-lib/lib/options.h"
#include "client-lib/lib/uuid.h"

enum { SIZE_MAXIMUM = 4096 };

#define END_OF(field)                                                                              \
    (offsetof(struct teplo_callopts, field) + sizeof(((struct teplo_callopts *)0)->field))

static const uint32_t known_flags = TEPLO_F_PROGRESS | TEPLO_F_NO_RETRY;

/* A caller knows whole fields, the first two at least. */
static bool is_size(uint32_t size)
{
    static const size_t ends[] = {END_OF(flags), END_OF(timeout_ms),  END_OF(pool),  END_OF(call),
                                  END_OF(meta),  END_OF(meta_length), END_OF(cancel)};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (size == ends[i]) {
            return true;
        }
    }
    return size >= sizeof(struct teplo_callopts) && size <= SIZE_MAXIMUM;
}

/* As the kernel's copy_struct_from_user: what we do not know must not say anything. */
static bool has_unknown_fields(const struct teplo_callopts *given)
{
    const char *at = (const char *)given;

    for (size_t i = sizeof(*given); i < given->size; i++) {
        if (at[i] != 0) {
            return true;
        }
    }
    return false;
}

static const char *fault_of(const struct teplo_callopts *options)
{
    if ((options->flags & ~known_flags) != 0) {
        return "callopts.flags has a flag that this version of the library does not know";
    }
    if (options->timeout_ms != TEPLO_NO_DEADLINE &&
        (options->timeout_ms < 0 || options->timeout_ms > OPTIONS_TIMEOUT_MAXIMUM_MS)) {
        return "callopts.timeout_ms must be 0 to 604800000, or TEPLO_NO_DEADLINE";
    }
    if (options->call != NULL && !uuid_is(options->call)) {
        return "callopts.call is not a UUID";
    }
    if (options->meta == NULL && options->meta_length != 0) {
        return "callopts.meta is NULL, and callopts.meta_length is not 0";
    }
    return NULL;
}

int call_options_read(const struct teplo_callopts *given, int64_t fallback_ms,
                      struct teplo_callopts *ret_options, const char **ret_why)
{
    struct teplo_callopts options = TEPLO_CALLOPTS_INIT;

    if (given != NULL) {
        if (!is_size(given->size)) {
            *ret_why = "callopts.size is wrong: begin with TEPLO_CALLOPTS_INIT";
            return TEPLO_E_INVAL;
        }
        if (has_unknown_fields(given)) {
            *ret_why = "callopts says something that this version of the library does not know";
            return TEPLO_E_INVAL;
        }
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
        options.size = sizeof(options);
    }
    *ret_why = fault_of(&options);
    if (*ret_why != NULL) {
        return TEPLO_E_INVAL;
    }
    if (options.timeout_ms == 0) {
        options.timeout_ms = fallback_ms;
    }
    *ret_options = options;
    return TEPLO_OK;
}
