/* SPDX-License-Identifier: MIT */
/*
 * The option table (options.def) at run time: find an option by name, read it into the
 * struct of its scope, print it.  Nothing else knows the options one by one.
 */
#ifndef TEPLO_CONTROL_CONFIG_OPTION_H
#define TEPLO_CONTROL_CONFIG_OPTION_H

#include <stdbool.h>

#include "broker/control/config_place.h"
#include "broker/control/config_value.h"
#include "proto/status_set.h"

/* Its struct: config_server, config, config_redis.  NONE has no options. */
enum option_scope {
    OPTION_SCOPE_SERVER,
    OPTION_SCOPE_BROKER,
    OPTION_SCOPE_REDIS,
    OPTION_SCOPE_NONE,
};

enum option_reload { OPTION_RELOAD_LIVE, OPTION_RELOAD_NEW, OPTION_RELOAD_RESTART };

struct config_option {
    const char *name;
    enum option_scope scope;
    enum option_type type;
    size_t offset;        /* of the field in the scope's struct */
    const char *fallback; /* in the file's notation, without quotes */
    int64_t least;
    int64_t most;
    enum option_reload reload;
    const char *help;
};

/* Walk the options of one scope: first with NULL; NULL at the end. */
const struct config_option *config_option_next(enum option_scope scope,
                                               const struct config_option *after);
/* NULL: no such option. */
const struct config_option *config_option_find(enum option_scope scope, const char *name);

/* TARGET is the struct of SCOPE.  -ENOMEM: config_option_free_all is still due. */
MUST_CHECK int config_option_default_all(enum option_scope scope, void *target);
void config_option_free_all(enum option_scope scope, void *target);

/* The JSON value TOKEN into TARGET, checked.  Returns as config_place.h says. */
MUST_CHECK int config_option_read(const struct config_place *place,
                                  const struct config_option *option, struct span token,
                                  void *target);
/* The same for a number, or a choice, outside of the struct (a tool's own call_timeout). */
MUST_CHECK int config_option_read_number(const struct config_place *place,
                                         const struct config_option *option, struct span token,
                                         int64_t *ret_number);

/* TEXT into TARGET, its length checked, whatever it says. */
MUST_CHECK int config_option_set_text(const struct config_place *place,
                                      const struct config_option *option, struct span text,
                                      void *target);

/* Any type but STATUSES and those that are text; in ms or bytes. */
int64_t config_option_number(const struct config_option *option, const void *target);
/* Such a number in the file's notation, without quotes. */
void config_option_print(const struct config_option *option, int64_t number, struct bytes *out);
/* STATUSES only. */
const struct status_set *config_option_statuses(const struct config_option *option,
                                                const void *target);
/* What is text only (config_value_is_text). */
const char *config_option_text(const struct config_option *option, const void *target);
bool config_option_equal_all(enum option_scope scope, const void *a, const void *b);

#endif
