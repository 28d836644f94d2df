/* SPDX-License-Identifier: MIT */
/*
 * Arguments that a schema allows, written as a provider's model would write them, come back from
 * teplo_toolset_calls as they were: for schemas without end.  TEPLO_ROUND_TRIPS says how many.
 */
#include "toolset_unit.h"

#include "client-lib/formats/toolset.h"
#include "schema_maker.h"

enum { SCHEMAS = 1200, TRIPS_OF_SCHEMA = 3, ROOM = 8 * 1024 * 1024, DIGITS_OF_DOUBLES = 15 };

static const struct tree_limits limits = {.bytes = ROOM, .depth = 200, .nodes = 1000000};

struct trip {
    const char *name;
    enum teplo_provider provider;
    uint32_t flags;
    size_t made;
};

/* How the model of a provider writes. */
struct writing {
    const struct format_tool *tool;
    bool has_doubles; /* every number is one */
    bool is_impossible;
    struct bytes out;
};

static void write_value(struct writing *writing, const struct tree_node *value,
                        const struct tree_node *schema);

/* The branch of a choice that is for values of this kind: the maker's choices have one. */
static const struct tree_node *branch_for(const struct tree_node *list,
                                          const struct tree_node *value)
{
    const char *type = value->kind == JSON_OBJECT  ? "object"
                       : value->kind == JSON_ARRAY ? "array"
                                                   : "string";

    for (const struct tree_node *branch = list->first; branch != NULL; branch = branch->next) {
        if (tree_is(tree_find(branch, "type"), type)) {
            return branch;
        }
    }
    return NULL;
}

/* SCHEMA without references and choices. */
static const struct tree_node *settle(const struct writing *writing, const struct tree_node *schema,
                                      const struct tree_node *value)
{
    for (int i = 0; schema != NULL && i < 10; i++) {
        const struct tree_node *list;

        schema = format_resolve(writing->tool, schema);
        list = tree_find(schema, "anyOf");
        list = list == NULL ? tree_find(schema, "oneOf") : list;
        if (list == NULL) {
            break;
        }
        schema = branch_for(list, value);
    }
    return schema;
}

static void write_number(struct writing *writing, struct span token)
{
    bytes_append_span(&writing->out, token);
    if (writing->has_doubles && json_is_integer(token) && token.length <= DIGITS_OF_DOUBLES) {
        bytes_append_text(&writing->out, ".0");
    }
}

/* JSON text in a string.  A string is itself, and nothing else may be read from it. */
static void write_text(struct writing *writing, const struct tree_node *value)
{
    struct json_error error;
    struct bytes text;

    bytes_init(&text, ROOM);
    if (value->kind == JSON_STRING) {
        tree_text(value, &text);
        writing->is_impossible = writing->is_impossible ||
                                 json_check(bytes_span(&text), &json_limits_default, &error) == 0;
    } else {
        tree_write(value, &text);
    }
    json_quote(&writing->out, bytes_span(&text));
    assert_false(text.failed);
    bytes_done(&text);
}

static void write_array(struct writing *writing, const struct tree_node *array,
                        const struct tree_node *schema)
{
    const struct tree_node *prefix = tree_find(schema, "prefixItems");
    const struct tree_node *item = prefix == NULL ? tree_find(schema, "items") : prefix->first;
    const char *before = "[";

    for (const struct tree_node *element = array->first; element != NULL; element = element->next) {
        bytes_append_text(&writing->out, before);
        write_value(writing, element, item);
        item = prefix == NULL || item == NULL ? item : item->next;
        before = ",";
    }
    bytes_append_text(&writing->out, *before == '[' ? "[]" : "]");
}

/* In strict mode null stands for every property that is not there. */
static void write_absent(struct writing *writing, const struct tree_node *object,
                         const struct tree_node *properties, const char *before)
{
    for (const struct tree_node *property = properties == NULL ? NULL : properties->first;
         property != NULL && writing->tool->is_strict != 0; property = property->next) {
        if (tree_find_key(object, property->key) == NULL &&
            (property->marks & MARK_NULL_ADDED) != 0) {
            bytes_append_text(&writing->out, before);
            bytes_append_span(&writing->out,
                              span_is_none(property->alias) ? property->key : property->alias);
            bytes_append_text(&writing->out, ":null");
            before = ",";
        }
    }
    bytes_append_text(&writing->out, *before == '{' ? "{}" : "}");
}

static void write_object(struct writing *writing, const struct tree_node *object,
                         const struct tree_node *schema)
{
    const struct tree_node *properties = tree_find(schema, "properties");
    const struct tree_node *additional = tree_find(schema, "additionalProperties");
    const char *before = "{";

    for (const struct tree_node *member = object->first; member != NULL; member = member->next) {
        const struct tree_node *property = tree_find_key(properties, member->key);
        bool is_renamed = property != NULL && !span_is_none(property->alias);

        bytes_append_text(&writing->out, before);
        bytes_append_span(&writing->out, is_renamed ? property->alias : member->key);
        bytes_append_char(&writing->out, ':');
        write_value(writing, member, property == NULL ? additional : property);
        before = ",";
    }
    write_absent(writing, object, properties, before);
}

static void write_value(struct writing *writing, const struct tree_node *value,
                        const struct tree_node *schema)
{
    const struct tree_node *settled = settle(writing, schema, value);

    if ((schema != NULL && (schema->marks & MARK_JSON_TEXT) != 0) ||
        (settled != NULL && (settled->marks & MARK_JSON_TEXT) != 0)) {
        write_text(writing, value);
    } else if (value->kind == JSON_OBJECT) {
        write_object(writing, value, settled);
    } else if (value->kind == JSON_ARRAY) {
        write_array(writing, value, settled);
    } else if (value->kind == JSON_NUMBER) {
        write_number(writing, value->token);
    } else {
        bytes_append_span(&writing->out, value->token);
    }
}

/* `3.0` is 3. */
static struct span without_zero(struct span token)
{
    bool has_zero = token.length > 2 && memcmp(token.at + token.length - 2, ".0", 2) == 0;

    return (struct span){token.at, has_zero ? token.length - 2 : token.length};
}

/* The same value, with numbers compared as such. */
static bool is_equal(const struct tree_node *a, const struct tree_node *b)
{
    const struct tree_node *element;

    if (a == NULL || b == NULL || a->kind != b->kind || a->count != b->count) {
        return false;
    }
    if (a->kind == JSON_NUMBER) {
        return span_equal(without_zero(a->token), without_zero(b->token));
    }
    if (a->kind == JSON_STRING) {
        return json_string_equal(a->token, b->token);
    }
    element = b->first;
    for (const struct tree_node *item = a->first; item != NULL; item = item->next) {
        if (!is_equal(item, a->kind == JSON_OBJECT ? tree_find_key(b, item->key) : element)) {
            return false;
        }
        element = element->next;
    }
    return true;
}

static struct tree_node *parse(struct arena *arena, struct span text)
{
    struct tree_parsed parsed;

    assert_int_equal(tree_parse(arena, text, &limits, &parsed), 0);
    return parsed.root;
}

/* The arguments of the one call in TURN are VALUE. */
static void assert_came_back(struct arena *arena, const struct trip *trip, struct span turn,
                             const struct tree_node *value, const struct writing *writing)
{
    struct span call = element_of(json_find(turn, "calls"), 0);
    struct span arguments = json_find(call, "arguments");

    if (span_is_none(arguments) || !is_equal(value, parse(arena, arguments))) {
        struct bytes text;

        bytes_init(&text, ROOM);
        tree_write(writing->tool->schema, &text);
        print_error("%s\nschema  %.*s\nwritten %.*s\n", trip->name, (int)text.length, text.at,
                    (int)writing->out.length, writing->out.at);
        bytes_clear(&text);
        tree_write(value, &text);
        print_error("value   %.*s\ncall    %.*s\n", (int)text.length, text.at, (int)call.length,
                    call.at);
        fail();
    }
}

static void make_trip(struct trip *trip, struct teplo_toolset *toolset, struct span arguments)
{
    struct writing writing = {.tool = format_first(toolset),
                              .has_doubles = trip->provider == TEPLO_GEMINI ||
                                             trip->provider == TEPLO_GEMINI_OPENAPI};
    struct arena arena;
    struct bytes response;
    struct tree_node *value;

    arena_init(&arena, (size_t)16 * ROOM);
    bytes_init(&writing.out, ROOM);
    bytes_init(&response, ROOM);
    value = parse(&arena, arguments);
    write_value(&writing, value, writing.tool->schema);
    if (!writing.is_impossible) {
        struct span turn;

        assert_true(response_wrap(trip->provider, bytes_span(&writing.out), &response));
        turn = toolset_turn(toolset, teplo_toolset_calls, bytes_span(&response));
        assert_came_back(&arena, trip, turn, value, &writing);
        toolset_turn_done(turn);
        trip->made++;
    }
    bytes_done(&writing.out);
    bytes_done(&response);
    arena_done(&arena);
}

static void make_trips(struct trip *trip, struct schema_maker *maker, struct span schema,
                       const struct tree_node *tree)
{
    struct teplo_toolset *toolset;
    struct bytes text;

    bytes_init(&text, ROOM);
    bytes_append_text(&text, "[{\"name\":\"tool\",\"inputSchema\":");
    bytes_append_span(&text, schema);
    bytes_append_text(&text, "}]");
    toolset = toolset_open(trip->provider, trip->flags, NULL, bytes_span(&text));
    for (int i = 0; i < TRIPS_OF_SCHEMA && format_first(toolset) != NULL; i++) {
        bytes_clear(&text);
        schema_maker_arguments(maker, tree, &text);
        make_trip(trip, toolset, bytes_span(&text));
    }
    teplo_toolset_free(toolset);
    bytes_done(&text);
}

static void test_round_trips(void **state)
{
    struct trip trips[] = {
        {"openai", TEPLO_OPENAI_CHAT, 0, 0},
        {"openai, strict", TEPLO_OPENAI_CHAT, TEPLO_T_STRICT, 0},
        {"openai-responses, strict", TEPLO_OPENAI_RESPONSES, TEPLO_T_STRICT, 0},
        {"gemini", TEPLO_GEMINI, 0, 0},
        {"gemini-openapi", TEPLO_GEMINI_OPENAPI, 0, 0},
        {"anthropic", TEPLO_ANTHROPIC, 0, 0},
        {"anthropic, strict", TEPLO_ANTHROPIC, TEPLO_T_STRICT, 0},
    };
    const char *wanted = getenv("TEPLO_ROUND_TRIPS");
    unsigned long count = wanted == NULL ? SCHEMAS : strtoul(wanted, NULL, 10);

    (void)state;
    for (unsigned long seed = 0; seed < count; seed++) {
        struct schema_maker maker = schema_maker_of(seed);
        struct arena arena;
        struct bytes schema;
        const struct tree_node *tree;

        arena_init(&arena, ROOM);
        bytes_init(&schema, ROOM);
        schema_maker_schema(&maker, &schema);
        tree = parse(&arena, bytes_span(&schema));
        for (size_t i = 0; i < COUNT_OF(trips); i++) {
            make_trips(&trips[i], &maker, bytes_span(&schema), tree);
        }
        bytes_done(&schema);
        arena_done(&arena);
    }
    for (size_t i = 0; i < COUNT_OF(trips); i++) {
        print_message("%s: %zu came back\n", trips[i].name, trips[i].made);
        assert_true(trips[i].made > count * TRIPS_OF_SCHEMA / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trips)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
