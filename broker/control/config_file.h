/* SPDX-License-Identifier: MIT */
/*
 * The configuration file as bytes: comments, JSON, the two top keys.  Called by config_load;
 * what stands inside the two is read in config_server.c and config_broker.c.
 */
#ifndef TEPLO_CONTROL_CONFIG_FILE_H
#define TEPLO_CONTROL_CONFIG_FILE_H

#include "broker/control/config_build.h"

enum { CONFIG_FILE_MAXIMUM = 1 << 20 };

/* Whether a file without servers is at fault: not if the command line names some. */
enum config_need { CONFIG_NEEDS_SERVER, CONFIG_MAY_LACK_SERVER };

/* Into CONFIG, which is half-built after a failure.  Returns as config_place.h says. */
MUST_CHECK int config_file_read(struct config *config, const char *path, enum config_need need,
                                struct bytes *message);
/* The same from memory; NAME stands for the file in messages.  TEXT's comments are blanked out. */
MUST_CHECK int config_file_parse(struct config *config, const char *name, struct bytes *text,
                                 enum config_need need, struct bytes *message);

/* A whole configuration from TEXT, as config_load makes one: for tests. */
MUST_CHECK struct config *config_parse_text(const char *name, struct span text,
                                            struct bytes *message);

#endif
