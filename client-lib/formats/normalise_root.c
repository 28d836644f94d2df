/* SPDX-License-Identifier: MIT */
/*
 * The whole of a tool's schema: the schemas that references are kept to, and the root, which has to
 * be an object whose properties are the arguments.
 */
#include <errno.h>

#include "client-lib/formats/normalise_priv.h"

/* Lists of alternatives in alternatives, at the root. */
enum { UNION_DEPTH = 8 };

static bool take_union(struct normal *normal, struct tree_node *root, enum keyword word,
                       unsigned depth);

static void write_to_remark(struct normal *normal, struct tree_node *root, const char *words,
                            const struct tree_node *what)
{
    struct bytes text;

    bytes_init(&text, normal->arena->maximum);
    bytes_append_text(&text, words);
    tree_write(what, &text);
    normal_remark(normal->arena, root, arena_take(normal->arena, &text));
    bytes_done(&text);
}

/* What could not be merged is said, and the root is what could be. */
static void take_all_of(struct normal *normal, struct tree_node **root)
{
    struct tree_node *members = word_find(*root, WORD_ALL_OF);

    if (members == NULL) {
        return;
    }
    tree_remove(members);
    for (struct tree_node *member = members->first; member != NULL; member = member->next) {
        struct tree_node *merged = tree_copy(normal->arena, *root);
        struct tree_node *other = tree_copy(normal->arena, normal_follow(normal, member));

        if (schema_merge(normal->arena, merged, other, MERGE_ALL)) {
            *root = merged;
        } else {
            write_to_remark(normal, *root, "also: ", member);
            normal_note(normal, "a part of allOf that contradicts the others is only described");
        }
    }
}

/* Alternatives of the same property. */
static void add_alternative(struct arena *arena, struct tree_node *properties,
                            struct tree_node *property)
{
    struct tree_node *mine = tree_find_key(properties, property->key);
    struct span key = property->key;
    struct tree_node *list;
    struct tree_node *either;

    tree_remove(property);
    if (mine == NULL) {
        tree_set_key(arena, properties, key, property);
        return;
    }
    list = mine->count == 1 ? word_find(mine, WORD_ANY_OF) : NULL;
    for (const struct tree_node *item = list == NULL ? mine : list->first; item != NULL;
         item = list == NULL ? NULL : item->next) {
        if (tree_equal(item, property)) {
            return;
        }
    }
    if (list == NULL) {
        either = tree_new(arena, JSON_OBJECT);
        list = tree_new(arena, JSON_ARRAY);
        tree_set(arena, either, "anyOf", list);
        tree_replace(arena, mine, either);
        tree_push(arena, list, mine);
    }
    tree_push(arena, list, property);
}

static bool is_named(const struct tree_node *branch, const struct tree_node *name)
{
    const struct tree_node *required = word_find(branch, WORD_REQUIRED);

    for (const struct tree_node *item = required == NULL ? NULL : required->first; item != NULL;
         item = item->next) {
        if (tree_equal(item, name)) {
            return true;
        }
    }
    return false;
}

/* Names that every branch requires are required. */
static void take_common_names(struct normal *normal, struct tree_node *root,
                              const struct tree_node *branches)
{
    struct tree_node *required = word_find(root, WORD_REQUIRED);
    const struct tree_node *first = word_find(branches->first, WORD_REQUIRED);

    for (const struct tree_node *name = first == NULL ? NULL : first->first; name != NULL;
         name = name->next) {
        bool everywhere = !is_named(root, name);

        for (const struct tree_node *branch = branches->first; branch != NULL && everywhere;
             branch = branch->next) {
            everywhere = is_named(branch, name);
        }
        if (!everywhere) {
            continue;
        }
        if (required == NULL) {
            required = tree_new(normal->arena, JSON_ARRAY);
            tree_set(normal->arena, root, "required", required);
        }
        tree_push(normal->arena, required, tree_copy(normal->arena, name));
    }
}

static void append_set(const struct tree_node *branch, struct bytes *out)
{
    const struct tree_node *names = word_find(branch, WORD_REQUIRED);
    const struct tree_node *properties = word_find(branch, WORD_PROPERTIES);
    const struct tree_node *item = names != NULL        ? names->first
                                   : properties != NULL ? properties->first
                                                        : NULL;

    if (item == NULL) {
        bytes_append_text(out, "nothing more");
    }
    for (bool first = true; item != NULL; item = item->next, first = false) {
        bytes_append_text(out, first ? "" : ", ");
        tree_token_text(names != NULL ? item->token : item->key, out);
    }
}

static void remark_sets(struct normal *normal, struct tree_node *root,
                        const struct tree_node *branches)
{
    struct bytes text;

    bytes_init(&text, normal->arena->maximum);
    bytes_append_text(&text, "give one of these sets of arguments: ");
    for (const struct tree_node *branch = branches->first; branch != NULL; branch = branch->next) {
        bytes_append_text(&text, branch->previous == NULL ? "" : " | ");
        append_set(branch, &text);
    }
    normal_remark(normal->arena, root, arena_take(normal->arena, &text));
    bytes_done(&text);
    normal_note(normal, "alternatives at the root became one set of properties");
}

/* A branch as a plain object schema, a copy; NULL if it is none. */
static struct tree_node *plain_branch(struct normal *normal, struct tree_node *member,
                                      unsigned depth)
{
    struct tree_node *branch = tree_copy(normal->arena, normal_follow(normal, member));
    unsigned types;

    take_all_of(normal, &branch);
    if (!take_union(normal, branch, WORD_ANY_OF, depth + 1) ||
        !take_union(normal, branch, WORD_ONE_OF, depth + 1)) {
        return NULL;
    }
    types = types_of(branch);
    if ((types != 0 && (types & TYPE_OBJECT) == 0) || word_find(branch, WORD_ENUM) != NULL ||
        word_find(branch, WORD_CONST) != NULL || word_find(branch, WORD_REF) != NULL) {
        return NULL;
    }
    return branch;
}

static struct tree_node *plain_branches(struct normal *normal, const struct tree_node *members,
                                        unsigned depth)
{
    struct tree_node *branches = tree_new(normal->arena, JSON_ARRAY);

    for (struct tree_node *member = members->first; member != NULL; member = member->next) {
        struct tree_node *branch = plain_branch(normal, member, depth);

        if (branch != NULL) {
            tree_push(normal->arena, branches, branch);
        } else if (types_of(member) != TYPE_NULL) {
            normal_note(normal, "an alternative at the root that is no object is left out");
        }
    }
    return branches;
}

/* The alternatives' properties become the root's; false if none of them is an object. */
static bool take_union(struct normal *normal, struct tree_node *root, enum keyword word,
                       unsigned depth)
{
    struct tree_node *members = word_find(root, word);
    struct tree_node *properties = word_find(root, WORD_PROPERTIES);
    struct tree_node *branches;

    if (members == NULL || depth > UNION_DEPTH) {
        return true;
    }
    tree_remove(members);
    branches = plain_branches(normal, members, depth);
    if (branches->count == 0) {
        return normal->arena->failed != ARENA_FINE;
    }
    take_common_names(normal, root, branches);
    if (branches->count > 1) {
        remark_sets(normal, root, branches);
    }
    if (properties == NULL) {
        properties = tree_new(normal->arena, JSON_OBJECT);
        tree_set(normal->arena, root, "properties", properties);
    }
    for (struct tree_node *branch = branches->first; branch != NULL; branch = branch->next) {
        struct tree_node *others = word_find(branch, WORD_PROPERTIES);
        struct tree_node *property = others == NULL ? NULL : others->first;

        while (property != NULL) {
            struct tree_node *next = property->next;

            add_alternative(normal->arena, properties, property);
            property = next;
        }
    }
    return true;
}

static void append_types(const struct tree_node *schema, struct bytes *out)
{
    unsigned types = types_of(schema);
    bool first = true;

    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        if ((types & 1U << i) != 0) {
            bytes_append_text(out, first ? "" : ", ");
            bytes_append_text(out, type_text((enum schema_type)i));
            first = false;
        }
    }
}

static bool refuse(struct normal *normal, struct normalised *ret, const char *words,
                   const struct tree_node *root)
{
    struct bytes text;

    bytes_init(&text, 256);
    bytes_append_text(&text, words);
    if (root != NULL) {
        append_types(root, &text);
    }
    ret->refused = arena_take(normal->arena, &text);
    bytes_done(&text);
    return false;
}

static void drop_root_words(struct normal *normal, struct tree_node *root)
{
    static const enum keyword words[] = {WORD_NOT,  WORD_IF,   WORD_THEN,
                                         WORD_ELSE, WORD_ENUM, WORD_CONST};
    bool found = false;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct tree_node *value = word_find(root, words[i]);

        found = found || value != NULL;
        tree_remove(value);
    }
    if (found) {
        normal_note(normal, "not, if, then, else, enum and const left out at the root");
    }
}

/* A root that is a reference, or one with something beside it, is what it refers to. */
static struct tree_node *open_root(struct normal *normal, struct tree_node *root)
{
    struct tree_node *list = word_find(root, WORD_ANY_OF);
    struct tree_node *only = tree_kind(list) == JSON_ARRAY && list->count == 1 ? list->first : NULL;
    struct tree_node *opened;

    if (word_find(root, WORD_REF) != NULL) {
        return tree_copy(normal->arena, normal_follow(normal, root));
    }
    if (only == NULL || word_find(only, WORD_REF) == NULL) {
        return root;
    }
    opened = tree_copy(normal->arena, normal_follow(normal, only));
    tree_remove(list);
    (void)schema_merge(normal->arena, opened, root, MERGE_OVER);
    return opened;
}

bool normal_root(struct normal *normal, struct normalised *ret)
{
    struct tree_node *root = open_root(normal, ret->root);
    unsigned types;

    take_all_of(normal, &root);
    if (!take_union(normal, root, WORD_ANY_OF, 0) || !take_union(normal, root, WORD_ONE_OF, 0)) {
        return refuse(normal, ret, "no alternative at the root is an object", NULL);
    }
    drop_root_words(normal, root);
    types = types_of(root);
    if (types != 0 && (types & TYPE_OBJECT) == 0) {
        return refuse(normal, ret, "root type is ", root);
    }
    tree_set(normal->arena, root, "type", tree_word(normal->arena, "object"));
    if (word_find(root, WORD_PROPERTIES) == NULL) {
        if (word_find(root, WORD_REQUIRED) != NULL) {
            write_to_remark(normal, root, "required: ", word_find(root, WORD_REQUIRED));
        }
        tree_set(normal->arena, root, "properties", tree_new(normal->arena, JSON_OBJECT));
    }
    tree_sort(normal->arena, word_find(root, WORD_PROPERTIES));
    normal_required(normal, root);
    root->made_of = root->made_of == NULL ? normal->source : root->made_of;
    ret->root = root;
    return true;
}

static void add_defs(struct normal *normal, struct tree_node *root)
{
    struct tree_node *defs = tree_new(normal->arena, JSON_OBJECT);

    for (const struct schema_def *def = normal->defs; def != NULL; def = def->next) {
        tree_set_key(normal->arena, defs, def->name, tree_copy(normal->arena, def->body));
    }
    if (defs->count > 0) {
        tree_set(normal->arena, root, "$defs", defs);
    }
}

/* A body that is nothing but references that go round. */
static void break_circles(struct normal *normal)
{
    for (struct schema_def *def = normal->defs; def != NULL; def = def->next) {
        if (word_find(normal_follow(normal, def->body), WORD_REF) != NULL) {
            def->body = tree_new(normal->arena, JSON_OBJECT);
            normal_remark(normal->arena, def->body, SPAN("reference to itself"));
        }
    }
}

static void make_all(struct normal *normal, struct normalised *ret)
{
    static const struct tree_node everything = {.kind = JSON_TRUE, .token = SPAN_INIT("true")};

    normal->notes_end = &normal->notes;
    ret->root = normal_schema(normal, normal->source == NULL ? &everything : normal->source);
    for (struct schema_def *def = normal->defs; def != NULL && normal->trouble == NORMAL_FINE;
         def = def->next) {
        normal_push(normal, "$defs", def->name);
        def->body = normal_schema(normal, def->target);
        normal_pop(normal);
    }
}

static const char *trouble_text(enum normal_trouble trouble)
{
    switch (trouble) {
    case NORMAL_FINE:
        break;
    case NORMAL_TOO_MANY:
        return "references expand past 4000 nodes";
    case NORMAL_TOO_DEEP:
        return "nested too deeply";
    case NORMAL_TARGETS:
        return "references lead to more than 512 schemas";
    }
    return "";
}

static int normalise_with(struct arena *arena, const struct normal *first, struct normalised *ret)
{
    struct normal *normal = ARENA_NEW(arena, struct normal);

    if (normal == NULL) {
        return -ENOMEM;
    }
    *normal = *first;
    make_all(normal, ret);
    if (normal->trouble != NORMAL_FINE && normal->recursion == RECURSION_KEPT) {
        *normal = *first;
        normal->keeps_all = true;
        make_all(normal, ret);
    }
    if (arena->failed != ARENA_FINE) {
        return -ENOMEM;
    }
    if (normal->trouble != NORMAL_FINE) {
        (void)refuse(normal, ret, trouble_text(normal->trouble), NULL);
    } else {
        break_circles(normal);
        if (normal_root(normal, ret)) {
            add_defs(normal, ret->root);
            normal_finish(normal, ret->root);
        }
    }
    ret->notes = normal->notes;
    if (arena->failed != ARENA_FINE) {
        return -ENOMEM;
    }
    return span_is_none(ret->refused) ? 0 : -EBADMSG;
}

int normalise(struct arena *arena, const struct tree_node *schema, enum recursion recursion,
              struct normalised *ret)
{
    struct references references = {.has_anchors = false};
    struct normal first = {
        .arena = arena, .source = schema, .references = &references, .recursion = recursion};
    int result;

    *ret = (struct normalised){.refused = SPAN_NONE};
    hashmap_init(&references.known);
    hashmap_init(&references.anchors);
    result = normalise_with(arena, &first, ret);
    hashmap_done(&references.known);
    hashmap_done(&references.anchors);
    return result;
}
