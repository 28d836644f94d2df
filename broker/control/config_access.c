/* SPDX-License-Identifier: MIT */
/* "allow" and "deny" of a server: read, compared, freed.  Called by config_servers.c. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "broker/control/config_build.h"
#include "broker/control/config_list.h"
#include "broker/control/config_object.h"
#include "proto/base/mem.h"

enum { PATTERN_MAXIMUM = 128, ENTRY_BYTES = 1 << 16 };

/* 0 and the id, -ENOENT for an unknown name, -ENOMEM, or the system's error. */
typedef int (*look_up_fn)(const char *name, char *buffer, size_t size, uint32_t *ret_id);

struct identities {
    const char *noun;   /* "user" */
    const char *remedy; /* for an unknown one */
    look_up_fn look_up;
    struct config_identity **at;
    size_t *count;
};

struct patterns {
    const char *name; /* "allow", "deny" */
    char ***at;
    size_t *count;
};

static int read_users(const struct config_place *place, struct span value, void *target);
static int read_groups(const struct config_place *place, struct span value, void *target);
static int read_allowed_tools(const struct config_place *place, struct span value, void *target);
static int read_denied_tools(const struct config_place *place, struct span value, void *target);
static int read_identity(const struct config_place *place, struct span value, void *target);
static int read_pattern(const struct config_place *place, struct span value, void *target);

static const struct config_shape allow_shape = {
    .noun = "\"allow\"",
    .members = (const struct config_member[]){{"users", read_users},
                                              {"groups", read_groups},
                                              {"tools", read_allowed_tools},
                                              {NULL, NULL}},
    .scope = OPTION_SCOPE_NONE,
    .remedy = "it has \"users\", \"groups\" and \"tools\"",
};

static const struct config_shape deny_shape = {
    .noun = "\"deny\"",
    .members = (const struct config_member[]){{"tools", read_denied_tools}, {NULL, NULL}},
    .scope = OPTION_SCOPE_NONE,
    .remedy = "it has \"tools\" alone: whoever is not among the allowed users is denied",
};

int config_read_allow(const struct config_place *place, struct span value, void *target)
{
    return config_object_read(place, value, &allow_shape, target);
}

int config_read_deny(const struct config_place *place, struct span value, void *target)
{
    return config_object_read(place, value, &deny_shape, target);
}

static bool identities_equal(const struct config_identity *a, size_t a_count,
                             const struct config_identity *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && a_count == b_count; i++) {
        if (strcmp(a[i].name, b[i].name) != 0 || a[i].id != b[i].id) {
            return false;
        }
    }
    return a_count == b_count;
}

static bool patterns_equal(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
    for (size_t i = 0; i < a_count && a_count == b_count; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return false;
        }
    }
    return a_count == b_count;
}

bool config_access_equal(const struct config_access *a, const struct config_access *b)
{
    return identities_equal(a->users, a->user_count, b->users, b->user_count) &&
           identities_equal(a->groups, a->group_count, b->groups, b->group_count) &&
           patterns_equal(a->allowed_tools, a->allowed_tool_count, b->allowed_tools,
                          b->allowed_tool_count) &&
           patterns_equal(a->denied_tools, a->denied_tool_count, b->denied_tools,
                          b->denied_tool_count);
}

static void free_identities(struct config_identity *identities, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(identities[i].name);
    }
    mem_free(identities);
}

static void free_patterns(char **patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(patterns[i]);
    }
    mem_free(patterns);
}

void config_access_done(struct config_access *access)
{
    free_identities(access->users, access->user_count);
    free_identities(access->groups, access->group_count);
    free_patterns(access->allowed_tools, access->allowed_tool_count);
    free_patterns(access->denied_tools, access->denied_tool_count);
    *access = (struct config_access){0};
}

/* ---- users and groups; TARGET of the members is the struct config_server */

static int look_up_user(const char *name, char *buffer, size_t size, uint32_t *ret_id)
{
    struct passwd entry;
    struct passwd *found = NULL;
    int error = getpwnam_r(name, &entry, buffer, size, &found);

    if (found == NULL) {
        return error == ENOMEM ? -ENOMEM : -ENOENT;
    }
    *ret_id = found->pw_uid;
    return 0;
}

static int look_up_group(const char *name, char *buffer, size_t size, uint32_t *ret_id)
{
    struct group entry;
    struct group *found = NULL;
    int error = getgrnam_r(name, &entry, buffer, size, &found);

    if (found == NULL) {
        return error == ENOMEM ? -ENOMEM : -ENOENT;
    }
    *ret_id = found->gr_gid;
    return 0;
}

static int read_users(const struct config_place *place, struct span value, void *target)
{
    struct config_access *access = &((struct config_server *)target)->access;
    struct identities users = {"user", "create it, or write a number as in 1000", look_up_user,
                               &access->users, &access->user_count};

    return config_list_each(
        place, value,
        &(struct config_list){"users", "write a list of names or numbers, as in [\"www-data\"]",
                              read_identity},
        &users);
}

static int read_groups(const struct config_place *place, struct span value, void *target)
{
    struct config_access *access = &((struct config_server *)target)->access;
    struct identities groups = {"group", "create it, or write a number as in 1000", look_up_group,
                                &access->groups, &access->group_count};

    return config_list_each(
        place, value,
        &(struct config_list){"groups", "write a list of names or numbers, as in [\"www-data\"]",
                              read_identity},
        &groups);
}

/* (uint32_t)-1 is nobody's id: system calls take it for "unchanged". */
static int parse_id(const struct config_place *place, const struct identities *identities,
                    struct span digits, uint32_t *ret_id)
{
    char shown[CONFIG_TEXT_SHOWN];
    int64_t number;

    if (!json_to_int(digits, &number) || number < 0 || number >= UINT32_MAX) {
        return config_refuse(place, "%s %s is no id; write a number from 0 to 4294967294",
                             identities->noun, config_text_show(digits, shown));
    }
    *ret_id = (uint32_t)number;
    return 0;
}

static int resolve(const struct config_place *place, const struct identities *identities,
                   struct span name, uint32_t *ret_id)
{
    char shown[CONFIG_TEXT_SHOWN];
    char *text;
    char *buffer;
    int r;

    if (json_is_integer(name)) {
        return parse_id(place, identities, name, ret_id);
    }
    text = mem_copy_text(name.at, name.length);
    buffer = mem_new(ENTRY_BYTES);
    r = text == NULL || buffer == NULL ? -ENOMEM : -ENOENT;
    if (r == -ENOENT && name.length > 0 && strlen(text) == name.length) {
        r = identities->look_up(text, buffer, ENTRY_BYTES, ret_id);
    }
    mem_free(text);
    mem_free(buffer);
    return r == -ENOENT
               ? config_refuse(place, "there is no %s \"%s\" on this system; %s", identities->noun,
                               config_text_show(name, shown), identities->remedy)
               : r;
}

static int add_identity(const struct identities *identities, struct span name, uint32_t id)
{
    struct config_identity *longer =
        mem_resize(*identities->at, (*identities->count + 1) * sizeof(*longer));
    char *copy;

    if (longer == NULL) {
        return -ENOMEM;
    }
    *identities->at = longer;
    copy = mem_copy_text(name.at, name.length);
    if (copy == NULL) {
        return -ENOMEM;
    }
    longer[(*identities->count)++] = (struct config_identity){copy, id};
    return 0;
}

static int read_identity(const struct config_place *place, struct span value, void *target)
{
    const struct identities *identities = target;
    struct bytes name;
    uint32_t id = 0;
    int r;

    if (json_kind_of(value) == JSON_NUMBER) {
        r = parse_id(place, identities, value, &id);
        return r < 0 ? r : add_identity(identities, value, id);
    }
    r = config_value_text(place, identities->noun, value, &name);
    if (r == 0) {
        r = resolve(place, identities, bytes_span(&name), &id);
    }
    if (r == 0) {
        r = add_identity(identities, bytes_span(&name), id);
    }
    bytes_done(&name);
    return r;
}

/* ---- tools */

static int read_allowed_tools(const struct config_place *place, struct span value, void *target)
{
    struct config_access *access = &((struct config_server *)target)->access;
    struct patterns patterns = {"allow", &access->allowed_tools, &access->allowed_tool_count};

    return config_list_each(
        place, value,
        &(struct config_list){"tools", "write a list of names, as in [\"query_*\"]", read_pattern},
        &patterns);
}

static int read_denied_tools(const struct config_place *place, struct span value, void *target)
{
    struct config_access *access = &((struct config_server *)target)->access;
    struct patterns patterns = {"deny", &access->denied_tools, &access->denied_tool_count};

    return config_list_each(
        place, value,
        &(struct config_list){"tools", "write a list of names, as in [\"query_*\"]", read_pattern},
        &patterns);
}

static int add_pattern(const struct patterns *patterns, struct span text)
{
    char **longer = mem_resize(*patterns->at, (*patterns->count + 1) * sizeof(*longer));
    char *copy;

    if (longer == NULL) {
        return -ENOMEM;
    }
    *patterns->at = longer;
    copy = mem_copy_text(text.at, text.length);
    if (copy == NULL) {
        return -ENOMEM;
    }
    longer[(*patterns->count)++] = copy;
    return 0;
}

static int read_pattern(const struct config_place *place, struct span value, void *target)
{
    const struct patterns *patterns = target;
    struct bytes text;
    int r = config_value_text(place, "tools", value, &text);

    if (r == 0 && (text.length == 0 || text.length > PATTERN_MAXIMUM ||
                   memchr(text.at, '\0', text.length) != NULL)) {
        r = config_refuse(place,
                          "a tool of \"%s\" is empty, longer than %d bytes or has a NUL; write its "
                          "name, or a part of it with *",
                          patterns->name, PATTERN_MAXIMUM);
    }
    if (r == 0) {
        r = add_pattern(patterns, bytes_span(&text));
    }
    bytes_done(&text);
    return r;
}
