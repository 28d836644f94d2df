/* SPDX-License-Identifier: MIT */
#include "broker/routing/access.h"

#include <errno.h>

#include "proto/base/mem.h"
#include "proto/json_scan.h"

enum { NAME_MAXIMUM = 1024 };

int access_add_id(struct access_ids *ids, uint32_t id)
{
    uint32_t *longer = mem_resize(ids->at, (ids->count + 1) * sizeof(*longer));

    if (longer == NULL) {
        return -ENOMEM;
    }
    longer[ids->count++] = id;
    ids->at = longer;
    return 0;
}

int access_add_pattern(struct access_patterns *patterns, const char *pattern)
{
    char **longer = mem_resize(patterns->at, (patterns->count + 1) * sizeof(*longer));
    char *copy;

    if (longer == NULL) {
        return -ENOMEM;
    }
    patterns->at = longer;
    copy = mem_copy_text(pattern, strlen(pattern));
    if (copy == NULL) {
        return -ENOMEM;
    }
    longer[patterns->count++] = copy;
    return 0;
}

static void free_patterns(struct access_patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++) {
        mem_free(patterns->at[i]);
    }
    mem_free(patterns->at);
}

void access_rules_done(struct access_rules *rules)
{
    mem_free(rules->users.at);
    mem_free(rules->groups.at);
    free_patterns(&rules->allowed_tools);
    free_patterns(&rules->denied_tools);
    *rules = (struct access_rules){0};
}

static bool ids_equal(const struct access_ids *a, const struct access_ids *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->at, b->at, a->count * sizeof(a->at[0])) == 0);
}

static bool patterns_equal(const struct access_patterns *a, const struct access_patterns *b)
{
    for (size_t i = 0; i < a->count && a->count == b->count; i++) {
        if (strcmp(a->at[i], b->at[i]) != 0) {
            return false;
        }
    }
    return a->count == b->count;
}

bool access_rules_equal(const struct access_rules *a, const struct access_rules *b)
{
    return ids_equal(&a->users, &b->users) && ids_equal(&a->groups, &b->groups) &&
           patterns_equal(&a->allowed_tools, &b->allowed_tools) &&
           patterns_equal(&a->denied_tools, &b->denied_tools);
}

static bool has_id(const struct access_ids *ids, uint32_t id)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->at[i] == id) {
            return true;
        }
    }
    return false;
}

bool access_may_use(const struct access_rules *rules, const struct peer *peer)
{
    if (rules->users.count == 0 && rules->groups.count == 0) {
        return true;
    }
    if (has_id(&rules->users, peer->uid) || has_id(&rules->groups, peer->gid)) {
        return true;
    }
    for (size_t i = 0; i < peer->group_count; i++) {
        if (has_id(&rules->groups, peer->groups[i])) {
            return true;
        }
    }
    return false;
}

/* ---- tools */

bool access_allows_every_tool(const struct access_rules *rules)
{
    return rules->allowed_tools.count == 0 && rules->denied_tools.count == 0;
}

/* Going back to the last '*' alone is enough, and keeps the cost to the product of the lengths. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *again = NULL; /* where the last star's text would end, one byte longer */

    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            again = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static bool matches_any(const struct access_patterns *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (matches(patterns->at[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_plain(const char *name)
{
    for (; *name != '\0'; name++) {
        if ((unsigned char)*name < 0x20 || *name == 0x7f) {
            return false;
        }
    }
    return true;
}

bool access_may_call(const struct access_rules *rules, struct span name)
{
    char text[NAME_MAXIMUM + 1];

    if (access_allows_every_tool(rules)) {
        return true;
    }
    if (json_kind_of(name) != JSON_STRING || !json_string_copy(name, text, sizeof(text)) ||
        !is_plain(text) || matches_any(&rules->denied_tools, text)) {
        return false;
    }
    return rules->allowed_tools.count == 0 || matches_any(&rules->allowed_tools, text);
}

/* Every name that it gives itself: readers differ in which of two counts. */
static bool may_show(const struct access_rules *rules, struct span tool)
{
    struct json_walk walk = json_walk_of(tool);
    struct json_item item;
    bool named = false;

    while (json_walk_next(&walk, &item)) {
        if (!json_string_is(item.key, "name")) {
            continue;
        }
        if (!access_may_call(rules, item.value)) {
            return false;
        }
        named = true;
    }
    return named;
}

void access_filter_tools(const struct access_rules *rules, struct span list, struct bytes *out)
{
    struct span tools = json_find(list, "tools");
    struct json_walk walk = json_walk_of(tools);
    const char *end = list.at + list.length;
    const char *comma = "";
    struct json_item item;

    if (json_kind_of(tools) != JSON_ARRAY) {
        bytes_append_span(out, list);
        return;
    }
    bytes_append(out, list.at, (size_t)(tools.at + 1 - list.at));
    while (json_walk_next(&walk, &item)) {
        if (may_show(rules, item.value)) {
            bytes_append_text(out, comma);
            bytes_append_span(out, item.value);
            comma = ",";
        }
    }
    bytes_append_char(out, ']');
    bytes_append(out, tools.at + tools.length, (size_t)(end - tools.at) - tools.length);
}
