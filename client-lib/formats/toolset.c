/* SPDX-License-Identifier: MIT */
/* Toolsets: what is added, found and given out. */
#include "client-lib/formats/toolset.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "client-lib/formats/convert_priv.h"
#include "client-lib/formats/toolset_priv.h"
#include "proto/base/mem.h"

/* Deeper and larger than any tools/list that was seen. */
static const struct json_limits listing_limits = {.depth = 512, .tokens = 4000000};

enum { TEXT_MAXIMUM = 256 * 1024 * 1024 };

static int write_texts(const struct teplo_toolset *toolset, struct bytes *tools,
                       struct bytes *diagnostics)
{
    bool is_gemini = toolset->provider == TEPLO_GEMINI || toolset->provider == TEPLO_GEMINI_OPENAPI;

    bytes_init(tools, TEXT_MAXIMUM);
    bytes_init(diagnostics, TEXT_MAXIMUM);
    bytes_append_text(tools,
                      is_gemini && toolset->count > 0 ? "[{\"functionDeclarations\":[" : "[");
    for (size_t i = 0; i < toolset->count; i++) {
        bytes_append_text(tools, i == 0 ? "" : ",");
        bytes_append_span(tools, toolset->entries[i]->declaration);
    }
    bytes_append_text(tools, is_gemini && toolset->count > 0 ? "]}]" : "]");
    diagnostics_write(&toolset->diagnostics, diagnostics);
    if (bytes_text(tools) == NULL || bytes_text(diagnostics) == NULL) {
        bytes_done(tools);
        bytes_done(diagnostics);
        return -ENOMEM;
    }
    return 0;
}

int teplo_toolset_new(enum teplo_provider provider, uint32_t flags,
                      struct teplo_toolset **ret_toolset)
{
    const uint32_t known = TEPLO_T_STRICT | TEPLO_T_PREFIX | TEPLO_T_NO_MEDIA | TEPLO_T_STRUCTURED |
                           TEPLO_T_SEPARATE_MEDIA | TEPLO_T_MODE_ANY;
    struct teplo_toolset *toolset;

    if (ret_toolset == NULL || (int)provider < TEPLO_OPENAI_CHAT ||
        (int)provider > TEPLO_ANTHROPIC || (flags & ~known) != 0) {
        return TEPLO_E_INVAL;
    }
    toolset = MEM_NEW(struct teplo_toolset);
    if (toolset == NULL) {
        return TEPLO_E_NOMEM;
    }
    toolset->provider = provider;
    toolset->flags = flags;
    arena_init(&toolset->arena, 0);
    hashmap_init(&toolset->by_name);
    diagnostics_init(&toolset->diagnostics);
    if (write_texts(toolset, &toolset->tools_text, &toolset->diagnostics_text) < 0) {
        teplo_toolset_free(toolset);
        return TEPLO_E_NOMEM;
    }
    *ret_toolset = toolset;
    return TEPLO_OK;
}

void teplo_toolset_free(struct teplo_toolset *toolset)
{
    if (toolset == NULL) {
        return;
    }
    hashmap_done(&toolset->by_name);
    mem_free(toolset->entries);
    arena_done(&toolset->arena);
    diagnostics_done(&toolset->diagnostics);
    bytes_done(&toolset->tools_text);
    bytes_done(&toolset->diagnostics_text);
    mem_free(toolset);
}

void format_complain(struct teplo_toolset *toolset, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(toolset->error, sizeof(toolset->error), format, arguments);
    va_end(arguments);
}

/* The array of tools in LISTING, or none. */
static struct span find_tools(struct teplo_toolset *toolset, struct span listing)
{
    struct json_error error;
    struct span tools = json_trim(listing);

    if (json_check(listing, &listing_limits, &error) != 0) {
        format_complain(toolset, "the listing is not JSON: %s at byte %zu",
                        json_fault_text(error.fault), error.at);
        return SPAN_NONE;
    }
    if (json_kind_of(tools) == JSON_OBJECT) {
        tools = json_find(tools, "tools");
    }
    if (json_kind_of(tools) != JSON_ARRAY) {
        format_complain(toolset, "the listing is no array of tools and has no \"tools\"");
        return SPAN_NONE;
    }
    return tools;
}

static int take_tools(struct toolset_listing *listing, struct span tools)
{
    struct json_walk walk = json_walk_of(tools);
    struct json_item item;
    int result = 0;

    while (result == 0 && json_walk_next(&walk, &item)) {
        result = listing_take(listing, item.value);
    }
    return result;
}

/* Room for the listing's entries beside those that are there. */
static int make_room(struct teplo_toolset *toolset, size_t count)
{
    struct toolset_entry **entries;

    if (count == 0) {
        return 0;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): they are pointers */
    entries = mem_resize(toolset->entries, (toolset->count + count) * sizeof(*entries));
    if (entries == NULL) {
        return -ENOMEM;
    }
    toolset->entries = entries;
    return 0;
}

/* Takes the last COUNT entries out again. */
static void take_back(struct teplo_toolset *toolset, size_t count)
{
    while (count-- > 0) {
        toolset->count--;
        (void)hashmap_take(&toolset->by_name, toolset->entries[toolset->count]->tool.public_name);
    }
    if (toolset->count > 0) {
        toolset->entries[toolset->count - 1]->tool.next = NULL;
    }
}

static int put_entries(struct teplo_toolset *toolset, struct toolset_listing *listing)
{
    size_t before = toolset->count;
    struct format_tool *tool = listing->first;

    while (tool != NULL) {
        struct format_tool *next = tool->next;
        struct toolset_entry *entry = (struct toolset_entry *)tool; /* it is its first member */

        entry->tool.next = NULL;
        if (hashmap_add(&toolset->by_name, entry->tool.public_name, entry) < 0) {
            take_back(toolset, toolset->count - before);
            return -ENOMEM;
        }
        if (toolset->count > 0) {
            toolset->entries[toolset->count - 1]->tool.next = &entry->tool;
        }
        toolset->entries[toolset->count++] = entry;
        tool = next;
    }
    return 0;
}

/* All of the listing, or nothing. */
static int commit(struct teplo_toolset *toolset, struct toolset_listing *listing)
{
    struct diagnostics before = toolset->diagnostics;
    size_t length = before.items.length;
    struct bytes tools;
    struct bytes diagnostics;

    if (make_room(toolset, listing->count) < 0 ||
        !diagnostics_append(&toolset->diagnostics, &listing->diagnostics)) {
        return -ENOMEM;
    }
    if (put_entries(toolset, listing) < 0) {
        toolset->diagnostics.items.length = length;
        toolset->diagnostics.count = before.count;
        return -ENOMEM;
    }
    if (write_texts(toolset, &tools, &diagnostics) < 0) {
        take_back(toolset, listing->count);
        toolset->diagnostics.items.length = length;
        toolset->diagnostics.count = before.count;
        return -ENOMEM;
    }
    bytes_done(&toolset->tools_text);
    bytes_done(&toolset->diagnostics_text);
    toolset->tools_text = tools;
    toolset->diagnostics_text = diagnostics;
    arena_join(&toolset->arena, &listing->arena);
    return 0;
}

static int add_listing(struct teplo_toolset *toolset, struct span server, struct span tools)
{
    struct toolset_listing listing = {.toolset = toolset};
    int result = -ENOMEM;

    arena_init(&listing.arena, LISTING_ROOM);
    hashmap_init(&listing.names);
    diagnostics_init(&listing.diagnostics);
    listing.end = &listing.first;
    listing.server = arena_copy(&listing.arena, server);
    if (listing.arena.failed == ARENA_FINE) {
        result = take_tools(&listing, tools);
    }
    if (result == 0) {
        result = commit(toolset, &listing);
    }
    hashmap_done(&listing.names);
    arena_done(&listing.arena);
    diagnostics_done(&listing.diagnostics);
    return result;
}

int teplo_toolset_add(struct teplo_toolset *toolset, const char *server, const char *listing,
                      size_t length)
{
    struct span tools;

    if (toolset == NULL) {
        return TEPLO_E_INVAL;
    }
    if (listing == NULL || (server != NULL && server[0] == '\0')) {
        format_complain(toolset, listing == NULL ? "no listing" : "the server's name is empty");
        return TEPLO_E_INVAL;
    }
    tools = find_tools(toolset, (struct span){listing, length});
    if (span_is_none(tools)) {
        return TEPLO_E_INVAL;
    }
    switch (add_listing(toolset, span_of(server), tools)) {
    case 0:
        toolset->error[0] = '\0';
        return TEPLO_OK;
    case -EEXIST:
        return TEPLO_E_INVAL;
    default:
        format_complain(toolset, "out of memory");
        return TEPLO_E_NOMEM;
    }
}

const char *teplo_toolset_error(const struct teplo_toolset *toolset)
{
    return toolset == NULL ? "no toolset" : toolset->error;
}

static const char *give_text(const struct bytes *text, size_t *ret_length)
{
    if (ret_length != NULL) {
        *ret_length = text->length;
    }
    return text->at;
}

const char *teplo_toolset_tools(const struct teplo_toolset *toolset, size_t *ret_length)
{
    return give_text(&toolset->tools_text, ret_length);
}

const char *teplo_toolset_diagnostics(const struct teplo_toolset *toolset, size_t *ret_length)
{
    return give_text(&toolset->diagnostics_text, ret_length);
}

const struct format_tool *format_first(const struct teplo_toolset *toolset)
{
    return toolset->count == 0 ? NULL : &toolset->entries[0]->tool;
}

size_t format_count(const struct teplo_toolset *toolset)
{
    return toolset->count;
}

const struct format_tool *format_find(const struct teplo_toolset *toolset, struct span public_name)
{
    const struct toolset_entry *entry = hashmap_find(&toolset->by_name, public_name);

    return entry == NULL ? NULL : &entry->tool;
}

const struct format_tool *format_at(const struct teplo_toolset *toolset, size_t index)
{
    CHECK(index < toolset->count);
    return &toolset->entries[index]->tool;
}

enum teplo_provider format_provider(const struct teplo_toolset *toolset)
{
    return toolset->provider;
}

uint32_t format_flags(const struct teplo_toolset *toolset)
{
    return toolset->flags;
}

const struct tree_node *format_resolve(const struct format_tool *tool, const struct tree_node *node)
{
    const struct tree_node *found = resolve(tool->schema, node);

    return found != NULL && found->stands_for != NULL ? found->stands_for : found;
}
