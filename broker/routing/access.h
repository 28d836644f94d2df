/* SPDX-License-Identifier: MIT */
/*
 * Who may use a pool, and which of its tools: rules, and the answers to those two questions.
 * Pure.  The same function guards a call and filters the list, so that a tool is listed exactly
 * for whom it can be called.  Called by requester.c, request.c and route.c.
 */
#ifndef TEPLO_ROUTING_ACCESS_H
#define TEPLO_ROUTING_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/base/bytes.h"

/*
 * Whom the kernel saw connecting.  Never its pid: those are used again.  (uid_t)-1 and (gid_t)-1,
 * nobody's ids, when it did not say.
 */
struct peer {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary; borrowed from the channel */
    size_t group_count;
};

struct access_ids {
    uint32_t *at;
    size_t count;
};

struct access_patterns {
    char **at;
    size_t count;
};

/* All zero: everybody may do everything. */
struct access_rules {
    struct access_ids users;
    struct access_ids groups;             /* an entry in either of the two denies everybody else */
    struct access_patterns allowed_tools; /* an entry denies every other tool */
    struct access_patterns denied_tools;  /* stronger than the allowed ones */
};

/* In a pattern '*' stands for any text.  -ENOMEM: access_rules_done is still due. */
MUST_CHECK int access_add_id(struct access_ids *ids, uint32_t id);
MUST_CHECK int access_add_pattern(struct access_patterns *patterns, const char *pattern);
void access_rules_done(struct access_rules *rules);
bool access_rules_equal(const struct access_rules *a, const struct access_rules *b);

bool access_may_use(const struct access_rules *rules, const struct peer *peer);
/*
 * NAME: the tool's, a JSON token, or none.  With a rule for tools, a name that two readers could
 * take for different ones (a NUL or another control byte, half a surrogate pair, over a KiB) may
 * not be called.
 */
bool access_may_call(const struct access_rules *rules, struct span name);

/* Every tool may be called: a list need not be filtered. */
bool access_allows_every_tool(const struct access_rules *rules);
/* LIST, a result of tools/list, without the tools that may not be called. */
void access_filter_tools(const struct access_rules *rules, struct span list, struct bytes *out);

#endif
