/* SPDX-License-Identifier: MIT */
/* tools/list, page by page.  Called by `tools`, and by `call` for the types of arguments. */
#ifndef TEPLO_CLI_TOOL_LIST_H
#define TEPLO_CLI_TOOL_LIST_H

#include "client-lib/cli/broker_link.h"

/* RESULT is one page, raw and checked, valid during the call.  False: no more pages. */
typedef bool (*tool_list_page_fn)(struct span result, void *context);

/* END_MS and PREFACE as in struct question. */
enum exit_status tool_list_fetch(struct broker_link *link, int64_t end_ms, const char *preface,
                                 tool_list_page_fn on_page, void *context);

/* The tool called NAME in a page's result, or none. */
struct span tool_list_find(struct span result, const char *name);

#endif
