/* SPDX-License-Identifier: MIT */
/*
 * What the configuration's strings are made of: numbers with units, ${...}, and the
 * nearest word to a misspelt one.  Knows nothing of options, servers or JSON.
 */
#ifndef TEPLO_CONTROL_CONFIG_TEXT_H
#define TEPLO_CONTROL_CONFIG_TEXT_H

#include <stdint.h>

#include "broker/control/config_place.h"

/* ---- a text of the user in a message */

enum { CONFIG_TEXT_SHOWN = 96 };

/* TEXT fit for a line: control bytes as '?', cut with "..." if long.  Returns BUFFER. */
const char *config_text_show(struct span text, char buffer[CONFIG_TEXT_SHOWN]);

/* ---- numbers with units */

struct config_unit {
    const char *name;
    int64_t factor;
};

/* The largest first, ended by a NULL name. */
extern const struct config_unit config_durations[]; /* in ms */
extern const struct config_unit config_sizes[];     /* in bytes */

enum config_number {
    CONFIG_NUMBER_GOOD,
    CONFIG_NUMBER_NO_UNIT,
    CONFIG_NUMBER_BAD_UNIT,
    CONFIG_NUMBER_FRACTION, /* not a whole number of the smallest unit */
    CONFIG_NUMBER_MALFORMED,
};

/* "1.5s".  What is too large for anybody becomes INT64_MAX. */
MUST_CHECK enum config_number config_number_parse(struct span text, const struct config_unit *units,
                                                  int64_t *ret_number);
/* In the largest unit that leaves a whole number. */
void config_number_print(int64_t number, const struct config_unit *units, struct bytes *out);

/* ---- the nearest word */

struct config_nearest {
    struct span word;
    const char *best; /* borrowed; NULL: nothing near */
    size_t distance;
};

struct config_nearest config_nearest_to(struct span word);
/* Case does not count, a letter too many, too few, wrong or swapped does. */
void config_nearest_try(struct config_nearest *nearest, const char *candidate);

/* ---- files and ${...} */

/*
 * All of the file.  OUT is made here, and the caller's to end whatever the result: 0, -EFBIG
 * beyond MAXIMUM bytes, -ENOMEM, or the system's error.
 */
MUST_CHECK int config_text_read_file(const char *path, size_t maximum, struct bytes *out);

enum { CONFIG_TEXT_MAXIMUM = 1 << 16, CONFIG_SECRET_MAXIMUM = 1 << 16 };

/*
 * TEXT with ${VAR} and ${file:/path} replaced, and "$${" as "${".  WHAT is what a remedy says to
 * remove ("the header").  OUT is made here, and the caller's to end whatever the result, which
 * is as config_place.h says.
 */
MUST_CHECK int config_text_expand(const struct config_place *place, struct span text,
                                  const char *what, struct bytes *out);

#endif
