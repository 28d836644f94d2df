/* SPDX-License-Identifier: MIT */
/* One tool after the other: normalised, converted, linted, and put into the listing. */
#include <errno.h>

#include "client-lib/formats/convert.h"
#include "client-lib/formats/declaration.h"
#include "client-lib/formats/lint.h"
#include "client-lib/formats/names.h"
#include "client-lib/formats/toolset_priv.h"

/* A tool on its way. */
struct taking {
    struct toolset_listing *listing;
    struct arena arena; /* given back when the tool is done */
    struct diagnosed tool;
    struct span description; /* none: there is none */
    struct tree_node *original;
    struct normalised normal;
    struct converted made;
    int is_strict;
    int is_cut;
    struct span text; /* the declaration */
};

enum taken {
    TAKEN,
    DROPPED, /* and reported */
    FAILED,  /* memory */
    CLASHES, /* with a tool of the same public name */
};

static void report(struct taking *taking, enum diagnostic_kind kind, struct span at,
                   struct span reason)
{
    diagnostics_add(&taking->listing->diagnostics, &taking->tool, kind, at, reason);
}

static enum taken drop(struct taking *taking, struct span reason)
{
    report(taking, DIAGNOSTIC_DROPPED, SPAN_NONE, reason);
    return DROPPED;
}

/* The arena has failed: for want of memory, or since the tool is too much for it. */
static enum taken give_up(struct taking *taking)
{
    if (taking->arena.failed == ARENA_FULL) {
        return drop(taking, SPAN("too large"));
    }
    return FAILED;
}

/* The text of a member, of the taking's arena; none if it is no string. */
static struct span text_of(struct taking *taking, struct span tool, const char *key)
{
    struct span token = json_find(tool, key);
    struct span copy;
    struct bytes text;

    if (json_kind_of(token) != JSON_STRING) {
        return SPAN_NONE;
    }
    bytes_init(&text, token.length * 3);
    tree_token_text(token, &text);
    copy = arena_take(&taking->arena, &text);
    bytes_done(&text);
    return copy;
}

static enum taken find_name(struct taking *taking, struct span tool)
{
    struct toolset_listing *listing = taking->listing;
    struct bytes name;

    if (json_kind_of(tool) != JSON_OBJECT) {
        return drop(taking, SPAN("not an object"));
    }
    taking->tool.tool = text_of(taking, tool, "name");
    if (span_is_none(taking->tool.tool)) {
        return taking->arena.failed != ARENA_FINE ? give_up(taking) : drop(taking, SPAN("no name"));
    }
    bytes_init(&name, 4096);
    if (public_name(listing->server, taking->tool.tool, listing->toolset->flags, &name) ==
            NAME_IMPOSSIBLE &&
        !name.failed) {
        bytes_done(&name);
        return drop(taking, SPAN("the name is empty"));
    }
    taking->tool.name = arena_take(&taking->arena, &name);
    bytes_done(&name);
    return taking->arena.failed != ARENA_FINE ? give_up(taking) : TAKEN;
}

static enum taken parse_schema(struct taking *taking, struct span tool)
{
    struct span schema = json_find(tool, "inputSchema");
    struct tree_parsed parsed = {.root = NULL};

    if (span_is_none(schema) || json_kind_of(schema) == JSON_NULL) {
        return TAKEN;
    }
    switch (tree_parse(&taking->arena, schema, &tree_limits_schema, &parsed)) {
    case 0:
        break;
    case -E2BIG:
        return drop(taking, SPAN("the schema is longer than 256 KiB"));
    case -EBADMSG:
        return drop(taking, span_of(json_fault_text(parsed.error.fault)));
    default:
        return give_up(taking);
    }
    if (parsed.duplicates) {
        report(taking, DIAGNOSTIC_NOTED, SPAN_NONE,
               SPAN("a key stands twice in the schema: the last one counts"));
    }
    if (parsed.root->kind != JSON_OBJECT && parsed.root->kind != JSON_TRUE) {
        return drop(taking, SPAN("the input schema is no object"));
    }
    taking->original = parsed.root;
    return TAKEN;
}

static enum taken normalise_schema(struct taking *taking)
{
    enum recursion recursion =
        taking->tool.provider == TEPLO_GEMINI_OPENAPI ? RECURSION_CUT : RECURSION_KEPT;
    int result = normalise(&taking->arena, taking->original, recursion, &taking->normal);

    if (result == -EBADMSG) {
        return drop(taking, taking->normal.refused);
    }
    return result < 0 ? give_up(taking) : TAKEN;
}

static void write_declaration(struct taking *taking)
{
    struct toolset_listing *listing = taking->listing;
    enum target target = target_of(taking->tool.provider, taking->is_strict);
    struct declaration declaration = {.provider = taking->tool.provider,
                                      .name = taking->tool.name,
                                      .schema = taking->made.schema,
                                      .is_strict = taking->is_strict};
    struct bytes description;
    struct bytes text;

    bytes_init(&description, taking->arena.maximum);
    bytes_init(&text, taking->arena.maximum);
    declaration_describe(taking->description, taking->made.remark,
                         target_limits[target].description, &description, &taking->is_cut);
    declaration.description = arena_take(&taking->arena, &description);
    declaration.says_strict = taking->tool.provider == TEPLO_OPENAI_RESPONSES ||
                              (target_has_strict(taking->tool.provider) &&
                               (listing->toolset->flags & TEPLO_T_STRICT) != 0);
    declaration_write(&declaration, &text);
    taking->text = arena_take(&taking->arena, &text);
    bytes_done(&description);
    bytes_done(&text);
}

/* The reason, of the arena; none: the provider takes it. */
static struct span lint_text(struct taking *taking)
{
    /* Deeper and more than any declaration that is made. */
    static const struct tree_limits limits = {
        .bytes = SIZE_MAX, .depth = JSON_DEPTH_MAXIMUM, .nodes = 4000000};
    struct lint lint = {.provider = taking->tool.provider};
    struct tree_parsed parsed;

    switch (tree_parse(&taking->arena, taking->text, &limits, &parsed)) {
    case 0:
        break;
    case -ENOMEM:
        return SPAN("");
    default:
        return SPAN("the declaration is no JSON");
    }
    if (lint_declaration(&lint, parsed.root)) {
        return SPAN_NONE;
    }
    return arena_copy(&taking->arena, span_of(lint.reason));
}

/* Marks of an attempt that came to nothing. */
static void clear_marks(struct tree_node *schema)
{
    for (struct tree_node *at = schema; at != NULL; at = tree_next(schema, at)) {
        at->marks &= SCHEMA_CUT;
    }
}

/* The declaration in one mode, or why there is none. */
static struct span attempt(struct taking *taking, int is_strict)
{
    taking->is_strict = is_strict;
    clear_marks(taking->normal.root);
    convert(&taking->arena, target_of(taking->tool.provider, is_strict),
            taking->listing->toolset->flags, taking->normal.root, &taking->made);
    if (!span_is_none(taking->made.refused)) {
        return taking->made.refused;
    }
    write_declaration(taking);
    return taking->arena.failed != ARENA_FINE ? SPAN("") : lint_text(taking);
}

static enum taken declare(struct taking *taking)
{
    struct span reason;
    bool wants_strict = (taking->listing->toolset->flags & TEPLO_T_STRICT) != 0 &&
                        target_has_strict(taking->tool.provider);

    if (wants_strict) {
        reason = attempt(taking, 1);
        if (taking->arena.failed != ARENA_FINE) {
            return give_up(taking);
        }
        if (span_is_none(reason)) {
            return TAKEN;
        }
        report(taking, DIAGNOSTIC_NOT_STRICT, SPAN_NONE, reason);
    }
    reason = attempt(taking, 0);
    if (taking->arena.failed != ARENA_FINE) {
        return give_up(taking);
    }
    return span_is_none(reason) ? TAKEN : drop(taking, reason);
}

static void report_rename(struct taking *taking, const struct format_place *place)
{
    struct bytes text;

    bytes_init(&text, taking->arena.maximum);
    bytes_append_text(&text, "the argument is ");
    tree_token_text(place->key, &text);
    report(taking, DIAGNOSTIC_RENAMED, place->at, bytes_span(&text));
    taking->listing->diagnostics.items.failed |= text.failed;
    bytes_done(&text);
}

static void report_all(struct taking *taking)
{
    if (!span_equal(taking->tool.tool, taking->tool.name)) {
        report(taking, DIAGNOSTIC_RENAMED, SPAN_NONE,
               SPAN("the name is not one that providers take, or has the server's in front"));
    }
    for (const struct schema_note *note = taking->normal.notes; note != NULL; note = note->next) {
        report(taking, DIAGNOSTIC_NOTED, note->at, note->reason);
    }
    for (const struct format_place *place = taking->made.places; place != NULL;
         place = place->next) {
        if (place->change == CHANGE_RENAMED) {
            report_rename(taking, place);
        }
    }
    if (taking->is_cut) {
        report(taking, DIAGNOSTIC_TRUNCATED, SPAN_NONE, SPAN("the description is too long"));
    }
}

static struct format_place *move_places(struct arena *arena, const struct format_place *places)
{
    struct format_place *first = NULL;
    struct format_place **end = &first;

    for (; places != NULL; places = places->next) {
        struct format_place *place = ARENA_NEW(arena, struct format_place);

        if (place == NULL) {
            return NULL;
        }
        place->change = places->change;
        place->at = arena_copy(arena, places->at);
        place->key = arena_copy(arena, places->key);
        *end = place;
        end = &place->next;
    }
    return first;
}

/* Large objects are looked into often. */
static void sort_all(struct arena *arena, struct tree_node *schema)
{
    enum { FEW_MEMBERS = 16 };

    for (struct tree_node *at = schema; at != NULL; at = tree_next(schema, at)) {
        if (at->kind == JSON_OBJECT && at->count > FEW_MEMBERS) {
            tree_sort(arena, at);
        }
    }
}

static enum taken keep(struct taking *taking)
{
    struct toolset_listing *listing = taking->listing;
    struct arena *arena = &listing->arena;
    struct toolset_entry *entry = ARENA_NEW(arena, struct toolset_entry);
    struct tree_node *schema;

    if (entry == NULL) {
        return FAILED;
    }
    schema = tree_move(arena, taking->normal.root);
    sort_all(arena, schema);
    normal_link(schema);
    entry->tool.schema = schema;
    entry->tool.server = listing->server;
    entry->tool.name = arena_copy(arena, taking->tool.tool);
    entry->tool.public_name = arena_copy(arena, taking->tool.name);
    entry->tool.original = taking->original == NULL ? NULL : tree_move(arena, taking->original);
    entry->tool.aliases = tree_move(arena, taking->made.aliases);
    tree_sort(arena, (struct tree_node *)(uintptr_t)entry->tool.aliases);
    entry->tool.places = move_places(arena, taking->made.places);
    entry->tool.is_strict = taking->is_strict;
    entry->declaration = arena_copy(arena, taking->text);
    if (arena->failed != ARENA_FINE) {
        return FAILED;
    }
    if (hashmap_add(&listing->names, entry->tool.public_name, entry) < 0) {
        return FAILED;
    }
    *listing->end = &entry->tool;
    listing->end = &entry->tool.next;
    listing->count++;
    report_all(taking);
    return TAKEN;
}

static enum taken find_room(struct taking *taking)
{
    const struct toolset_listing *listing = taking->listing;
    struct teplo_toolset *toolset = listing->toolset;
    size_t most = target_limits[target_of(taking->tool.provider, 0)].tools;

    if (format_find(toolset, taking->tool.name) != NULL ||
        hashmap_find(&listing->names, taking->tool.name) != NULL) {
        return CLASHES;
    }
    if (most > 0 && toolset->count + listing->count >= most) {
        return drop(taking, SPAN("more tools than the provider takes in a request"));
    }
    return TAKEN;
}

static enum taken take(struct taking *taking, struct span tool)
{
    enum taken taken = find_name(taking, tool);

    if (taken == TAKEN) {
        taken = find_room(taking);
    }
    if (taken == TAKEN) {
        taking->description = text_of(taking, tool, "description");
        taken = taking->arena.failed != ARENA_FINE ? give_up(taking) : parse_schema(taking, tool);
    }
    if (taken == TAKEN) {
        taken = normalise_schema(taking);
    }
    if (taken == TAKEN) {
        taken = declare(taking);
    }
    return taken == TAKEN ? keep(taking) : taken;
}

int listing_take(struct toolset_listing *listing, struct span tool)
{
    struct taking taking = {.listing = listing};
    enum taken taken;

    arena_init(&taking.arena, TOOL_ROOM);
    taking.tool.server = listing->server;
    taking.tool.provider = listing->toolset->provider;
    taken = take(&taking, tool);
    if (taken == CLASHES) {
        format_complain(listing->toolset, "two tools would be called %.*s",
                        (int)taking.tool.name.length, taking.tool.name.at);
    }
    arena_done(&taking.arena);
    switch (taken) {
    case TAKEN:
    case DROPPED:
        return listing->diagnostics.items.failed ? -ENOMEM : 0;
    case FAILED:
        return -ENOMEM;
    case CLASHES:
        return -EEXIST;
    }
    return -ENOMEM;
}
