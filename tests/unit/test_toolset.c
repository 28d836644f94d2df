/* SPDX-License-Identifier: MIT */
/* Toolsets as the public header promises them. */
#include "unit.h"

#include <time.h>

#include "client-lib/formats/toolset.h"

enum { ROOM = 64 * 1024 * 1024 };

#define OBJECT "{\"type\":\"object\",\"properties\":{}}"

static struct teplo_toolset *new_toolset(enum teplo_provider provider, uint32_t flags)
{
    struct teplo_toolset *toolset = NULL;

    assert_int_equal(teplo_toolset_new(provider, flags, &toolset), TEPLO_OK);
    return toolset;
}

static int add(struct teplo_toolset *toolset, const char *server, const char *listing)
{
    return teplo_toolset_add(toolset, server, listing, strlen(listing));
}

static void assert_tools(const struct teplo_toolset *toolset, const char *text)
{
    size_t length;
    const char *tools = teplo_toolset_tools(toolset, &length);

    assert_string_equal(tools, text);
    assert_int_equal(length, strlen(text));
}

static bool has_diagnostic(const struct teplo_toolset *toolset, const char *part)
{
    return strstr(teplo_toolset_diagnostics(toolset, NULL), part) != NULL;
}

static void each_provider_has_its_shape(void **state)
{
    static const struct {
        enum teplo_provider provider;
        uint32_t flags;
        const char *empty;
        const char *tools;
    } rows[] = {
        {TEPLO_OPENAI_CHAT, 0, "[]",
         "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"description\":\"d\","
         "\"parameters\":" OBJECT "}},{\"type\":\"function\",\"function\":{\"name\":\"b\","
         "\"parameters\":" OBJECT "}}]"},
        {TEPLO_OPENAI_CHAT, TEPLO_T_STRICT, "[]",
         "[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"description\":\"d\","
         "\"parameters\":{\"type\":\"object\",\"properties\":{},\"required\":[],"
         "\"additionalProperties\":false},\"strict\":true}},{\"type\":\"function\",\"function\":{"
         "\"name\":\"b\",\"parameters\":{\"type\":\"object\",\"properties\":{},\"required\":[],"
         "\"additionalProperties\":false},\"strict\":true}}]"},
        {TEPLO_OPENAI_RESPONSES, 0, "[]",
         "[{\"type\":\"function\",\"name\":\"a\",\"description\":\"d\",\"parameters\":" OBJECT
         ",\"strict\":false},{\"type\":\"function\",\"name\":\"b\",\"parameters\":" OBJECT
         ",\"strict\":false}]"},
        {TEPLO_GEMINI, 0, "[]",
         "[{\"functionDeclarations\":[{\"name\":\"a\",\"description\":\"d\","
         "\"parametersJsonSchema\":" OBJECT "},{\"name\":\"b\",\"description\":\"\","
         "\"parametersJsonSchema\":" OBJECT "}]}]"},
        {TEPLO_GEMINI_OPENAPI, 0, "[]",
         "[{\"functionDeclarations\":[{\"name\":\"a\",\"description\":\"d\"},{\"name\":\"b\","
         "\"description\":\"\"}]}]"},
        {TEPLO_GEMINI_OPENAPI, TEPLO_T_MODE_ANY, "[]",
         "[{\"functionDeclarations\":[{\"name\":\"a\",\"description\":\"d\",\"parameters\":{"
         "\"type\":\"OBJECT\"}},{\"name\":\"b\",\"description\":\"\",\"parameters\":{\"type\":"
         "\"OBJECT\"}}]}]"},
        {TEPLO_ANTHROPIC, 0, "[]",
         "[{\"name\":\"a\",\"description\":\"d\",\"input_schema\":" OBJECT "},{\"name\":\"b\","
         "\"input_schema\":" OBJECT "}]"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct teplo_toolset *toolset = new_toolset(rows[i].provider, rows[i].flags);

        assert_tools(toolset, rows[i].empty);
        assert_int_equal(add(toolset, NULL, " {\"tools\":[]} "), TEPLO_OK);
        assert_tools(toolset, rows[i].empty);
        assert_int_equal(
            add(toolset, "s",
                "[{\"name\":\"a\",\"title\":\"T\",\"description\":\"d\",\"annotations\":{},"
                "\"outputSchema\":{},\"_meta\":{},\"inputSchema\":{\"type\":\"object\"}},"
                "{\"inputSchema\":{\"title\":\"x\"},\"name\":\"b\",\"icons\":[]}]"),
            TEPLO_OK);
        assert_tools(toolset, rows[i].tools);
        assert_string_equal(teplo_toolset_diagnostics(toolset, NULL), "[]");
        teplo_toolset_free(toolset);
    }
}

static void arguments_are_checked(void **state)
{
    struct teplo_toolset *toolset = NULL;

    (void)state;
    assert_int_equal(teplo_toolset_new((enum teplo_provider)0, 0, &toolset), TEPLO_E_INVAL);
    assert_int_equal(teplo_toolset_new((enum teplo_provider)6, 0, &toolset), TEPLO_E_INVAL);
    assert_int_equal(teplo_toolset_new(TEPLO_GEMINI, 64, &toolset), TEPLO_E_INVAL);
    assert_int_equal(teplo_toolset_new(TEPLO_GEMINI, 0, NULL), TEPLO_E_INVAL);
    assert_null(toolset);
    toolset = new_toolset(TEPLO_GEMINI, 0);
    assert_string_equal(teplo_toolset_error(toolset), "");
    assert_int_equal(teplo_toolset_add(toolset, NULL, NULL, 0), TEPLO_E_INVAL);
    assert_int_equal(add(toolset, "", "[]"), TEPLO_E_INVAL);
    assert_int_equal(add(toolset, NULL, "{\"tools\":{}}"), TEPLO_E_INVAL);
    assert_string_equal(teplo_toolset_error(toolset),
                        "the listing is no array of tools and has no \"tools\"");
    assert_int_equal(add(toolset, NULL, "[{]"), TEPLO_E_INVAL);
    assert_string_equal(teplo_toolset_error(toolset),
                        "the listing is not JSON: a byte that cannot stand here at byte 2");
    assert_int_equal(add(toolset, NULL, "[]"), TEPLO_OK);
    assert_string_equal(teplo_toolset_error(toolset), "");
    teplo_toolset_free(toolset);
    teplo_toolset_free(NULL);
}

static void a_bad_tool_does_not_spoil_the_list(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_OPENAI_CHAT, 0);

    (void)state;
    assert_int_equal(add(toolset, "s",
                         "[1,{},{\"name\":\"\"},{\"name\":7},{\"name\":\"string\",\"inputSchema\":"
                         "{\"type\":\"string\"}},{\"name\":\"text\",\"inputSchema\":\"x\"},"
                         "{\"name\":\"fine\"},{\"name\":\"enum\",\"inputSchema\":{\"properties\":"
                         "{\"a\":{\"enum\":[\"\\ud800\"]}}}}]"),
                     TEPLO_OK);
    assert_tools(toolset,
                 "[{\"type\":\"function\",\"function\":{\"name\":\"fine\",\"parameters\":" OBJECT
                 "}}]");
    assert_true(has_diagnostic(toolset,
                               "{\"server\":\"s\",\"tool\":null,\"name\":null,\"provider\":"
                               "\"openai\",\"kind\":\"dropped\",\"at\":\"\",\"reason\":"
                               "\"not an object\"}"));
    assert_true(has_diagnostic(toolset, "\"reason\":\"no name\""));
    assert_true(has_diagnostic(toolset, "\"reason\":\"the name is empty\""));
    assert_true(has_diagnostic(toolset, "\"tool\":\"string\",\"name\":\"string\",\"provider\":"
                                        "\"openai\",\"kind\":\"dropped\",\"at\":\"\",\"reason\":"
                                        "\"root type is string\""));
    assert_true(has_diagnostic(toolset, "\"reason\":\"the input schema is no object\""));
    assert_true(has_diagnostic(toolset, "\"reason\":\"half a surrogate pair in a text\""));
    teplo_toolset_free(toolset);
}

static void names_are_the_providers(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_GEMINI, 0);
    const struct format_tool *tool;

    (void)state;
    assert_int_equal(add(toolset, "srv", "[{\"name\":\"a.b/c\"},{\"name\":\"plain\"}]"), TEPLO_OK);
    assert_int_equal(add(toolset, "two", "{\"tools\":[{\"name\":\"other\"}]}"), TEPLO_OK);
    assert_int_equal(format_count(toolset), 3);
    tool = format_first(toolset);
    assert_span(tool->name, "a.b/c");
    assert_true(span_starts_with(tool->public_name, SPAN("srv__a_b_c_")));
    assert_true(has_diagnostic(toolset, "\"kind\":\"renamed\""));
    assert_span(tool->next->public_name, "plain");
    assert_span(tool->next->server, "srv");
    assert_span(tool->next->next->server, "two");
    assert_null(tool->next->next->next);
    assert_ptr_equal(format_find(toolset, SPAN("other")), format_at(toolset, 2));
    assert_null(format_find(toolset, SPAN("a.b/c")));
    teplo_toolset_free(toolset);
}

static void a_clash_adds_nothing(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_ANTHROPIC, 0);

    (void)state;
    assert_int_equal(add(toolset, "one", "[{\"name\":\"x\"}]"), TEPLO_OK);
    assert_int_equal(add(toolset, "two", "[{\"name\":\"new\"},{\"name\":\"x\"}]"), TEPLO_E_INVAL);
    assert_string_equal(teplo_toolset_error(toolset), "two tools would be called x");
    assert_int_equal(add(toolset, "two", "[{\"name\":\"y\"},{\"name\":\"y\"}]"), TEPLO_E_INVAL);
    assert_int_equal(format_count(toolset), 1);
    assert_tools(toolset, "[{\"name\":\"x\",\"input_schema\":" OBJECT "}]");
    assert_string_equal(teplo_toolset_diagnostics(toolset, NULL), "[]");
    assert_int_equal(add(toolset, "two", "[{\"name\":\"new\"}]"), TEPLO_OK);
    assert_int_equal(format_count(toolset), 2);
    teplo_toolset_free(toolset);
}

static void the_surplus_is_reported(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_OPENAI_RESPONSES, 0);
    struct bytes listing;

    (void)state;
    bytes_init(&listing, ROOM);
    for (int i = 0; i < 130; i++) {
        bytes_printf(&listing, "%s{\"name\":\"t%d\"}", i == 0 ? "[" : ",", i);
    }
    bytes_append_char(&listing, ']');
    assert_int_equal(teplo_toolset_add(toolset, NULL, listing.at, listing.length), TEPLO_OK);
    assert_int_equal(format_count(toolset), 128);
    assert_true(has_diagnostic(toolset, "\"tool\":\"t128\""));
    assert_true(has_diagnostic(toolset, "\"tool\":\"t129\""));
    assert_false(has_diagnostic(toolset, "\"tool\":\"t127\""));
    bytes_done(&listing);
    teplo_toolset_free(toolset);
}

static void long_descriptions_are_cut_between_characters(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_OPENAI_CHAT, 0);
    struct bytes listing;
    size_t length;
    const char *tools;
    size_t count = 0;

    (void)state;
    bytes_init(&listing, ROOM);
    bytes_append_text(&listing, "[{\"name\":\"t\",\"description\":\"");
    for (int i = 0; i < 2000; i++) {
        bytes_append_text(&listing, "\xd0\x96");
    }
    bytes_append_text(&listing, "\"}]");
    assert_int_equal(teplo_toolset_add(toolset, NULL, listing.at, listing.length), TEPLO_OK);
    tools = teplo_toolset_tools(toolset, &length);
    for (const char *at = tools; (at = strstr(at, "\xd0\x96")) != NULL; at += 2) {
        count++;
    }
    assert_int_equal(count, 1023);
    assert_non_null(strstr(tools, "\xd0\x96\xe2\x80\xa6\""));
    assert_true(has_diagnostic(toolset, "\"kind\":\"truncated\""));
    bytes_done(&listing);
    teplo_toolset_free(toolset);
}

static void strict_falls_back_tool_by_tool(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_OPENAI_RESPONSES, TEPLO_T_STRICT);

    (void)state;
    assert_int_equal(add(toolset, NULL,
                         "[{\"name\":\"open\",\"inputSchema\":{\"properties\":{\"d\":{\"type\":"
                         "\"object\"}}}},{\"name\":\"closed\",\"inputSchema\":{\"properties\":{"
                         "\"n\":{\"type\":\"integer\"}}}}]"),
                     TEPLO_OK);
    assert_false(format_at(toolset, 0)->is_strict);
    assert_true(format_at(toolset, 1)->is_strict);
    assert_null(format_at(toolset, 0)->places);
    assert_int_equal(format_at(toolset, 1)->places->change, CHANGE_NULL);
    assert_span(format_at(toolset, 1)->places->at, "/n");
    assert_int_equal(tree_find(tree_find(format_at(toolset, 1)->schema, "properties"), "n")->marks,
                     MARK_NULL_ADDED);
    assert_true(has_diagnostic(toolset, "\"reason\":\"open object at /d\""));
    teplo_toolset_free(toolset);
}

static void schemas_are_kept_for_decoding(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_GEMINI_OPENAPI, 0);
    const struct format_tool *tool;
    const struct tree_node *properties;
    const struct format_place *place;

    (void)state;
    assert_int_equal(add(toolset, NULL,
                         "[{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"a.b\":{\"$ref\":"
                         "\"#/definitions/L\"}},\"definitions\":{\"L\":{\"type\":\"array\"}}}}]"),
                     TEPLO_OK);
    tool = format_first(toolset);
    properties = tree_find(tool->schema, "properties");
    assert_span(properties->first->key, "\"a.b\"");
    assert_span(properties->first->alias, "\"a_b\"");
    assert_true(tree_is(tree_find(properties->first, "type"), "array"));
    place = tool->places;
    assert_int_equal(place->change, CHANGE_RENAMED);
    assert_span(place->at, "/a_b");
    assert_span(place->key, "\"a.b\"");
    place = place->next;
    assert_int_equal(place->change, CHANGE_JSON_TEXT);
    assert_span(place->at, "/a_b/*");
    assert_null(place->next);
    assert_non_null(tree_find(tool->original, "definitions"));
    teplo_toolset_free(toolset);
    toolset = new_toolset(TEPLO_ANTHROPIC, 0);
    assert_int_equal(add(toolset, NULL,
                         "[{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"n\":{\"$ref\":"
                         "\"#/$defs/N\"}},\"$defs\":{\"N\":{\"properties\":{\"k.\":{},\"@k\":{"
                         "\"$ref\":\"#/$defs/N\"}}}}}}]"),
                     TEPLO_OK);
    tool = format_first(toolset);
    properties = tree_find(
        format_resolve(tool, tree_find(tree_find(tool->schema, "properties"), "n")), "properties");
    assert_span(tree_find(properties, "@k")->alias, "\"_k\"");
    assert_ptr_equal(format_resolve(tool, tree_find(properties, "@k")), properties->parent);
    teplo_toolset_free(toolset);
}

static void a_hundred_thousand_diagnostics_are_counted(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_OPENAI_CHAT, 0);
    struct bytes listing;

    (void)state;
    bytes_init(&listing, ROOM);
    bytes_append_text(&listing, "[1");
    for (int i = 1; i < 100000; i++) {
        bytes_append_text(&listing, ",1");
    }
    bytes_append_char(&listing, ']');
    assert_int_equal(teplo_toolset_add(toolset, NULL, listing.at, listing.length), TEPLO_OK);
    assert_true(has_diagnostic(toolset, ",{\"kind\":\"noted\",\"reason\":\"99000 more\"}]"));
    bytes_done(&listing);
    teplo_toolset_free(toolset);
}

static void write_wide_listing(struct bytes *listing, int count)
{
    bytes_clear(listing);
    bytes_append_text(listing, "[{\"name\":\"t\",\"inputSchema\":{\"required\":[");
    for (int i = 0; i < count; i++) {
        bytes_printf(listing, "%s\"k%d\"", i == 0 ? "" : ",", i);
    }
    bytes_append_text(listing, "],\"properties\":{");
    for (int i = 0; i < count; i++) {
        bytes_printf(listing, "%s\"k%d\":{}", i == 0 ? "" : ",", i);
    }
    bytes_append_text(listing, "}}}]");
}

/* The processor's time for a schema of COUNT parts, at its best of three. */
static clock_t time_of(enum teplo_provider provider, void (*write)(struct bytes *, int), int count)
{
    struct bytes listing;
    clock_t best = 0;

    bytes_init(&listing, ROOM);
    write(&listing, count);
    for (int i = 0; i < 3; i++) {
        struct teplo_toolset *toolset = new_toolset(provider, 0);
        clock_t start = clock();
        clock_t took;

        assert_int_equal(teplo_toolset_add(toolset, NULL, listing.at, listing.length), TEPLO_OK);
        took = clock() - start;
        assert_int_equal(format_count(toolset), 1);
        teplo_toolset_free(toolset);
        best = i == 0 || took < best ? took : best;
    }
    bytes_done(&listing);
    return best;
}

/* A schema of many parts does not take the square of their number, nor does looking for keys. */
static void wide_schemas_take_little_time(void **state)
{
    (void)state;
    for (int provider = TEPLO_OPENAI_CHAT; provider <= TEPLO_ANTHROPIC; provider++) {
        clock_t some = time_of((enum teplo_provider)provider, write_wide_listing, 1500);
        clock_t many = time_of((enum teplo_provider)provider, write_wide_listing, 9000);

        /* Six times as many: 36 times as long with a square, and some six without. */
        assert_true(many < some * 18);
    }
}

/* COUNT definitions, each found by its anchor, each with references to those behind it. */
static void write_anchors(struct bytes *listing, int count)
{
    bytes_clear(listing);
    bytes_append_text(listing, "[{\"name\":\"t\",\"inputSchema\":{\"$defs\":{");
    for (int i = 0; i < count; i++) {
        bytes_printf(listing, "%s\"D%d\":{\"$anchor\":\"d%d\",\"properties\":{", i == 0 ? "" : ",",
                     i, i);
        for (int j = 0; j < 8; j++) {
            bytes_printf(listing, "%s\"p%d\":{\"$ref\":\"#d%d\"}", j == 0 ? "" : ",", j,
                         (i + j) % count);
        }
        bytes_append_text(listing, "}}");
    }
    bytes_append_text(listing, "},\"properties\":{\"a\":{\"$ref\":\"#d0\"}}}}]");
}

/* References that lead nowhere, each to the same place. */
static void write_dangling(struct bytes *listing, int count)
{
    bytes_clear(listing);
    bytes_append_text(listing, "[{\"name\":\"t\",\"inputSchema\":{\"properties\":{");
    for (int i = 0; i < count * 20; i++) {
        bytes_printf(listing, "%s\"p%d\":{\"$ref\":\"#q\"}", i == 0 ? "" : ",", i);
    }
    bytes_append_text(listing, "}}}]");
}

/* Where references lead is looked for once, and not by going through the schema each time. */
static void references_take_little_time(void **state)
{
    void (*const writers[])(struct bytes *, int) = {write_anchors, write_dangling};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(writers); i++) {
        clock_t some = time_of(TEPLO_OPENAI_CHAT, writers[i], 60);
        clock_t many = time_of(TEPLO_OPENAI_CHAT, writers[i], 360);

        /* Six times as many: 36 times as long with a square, 216 with a cube. */
        assert_true(many < some * 20);
    }
}

/* Many keys that a provider refuses cost the tool, not the time. */
static void many_bad_keys_drop_the_tool(void **state)
{
    struct teplo_toolset *toolset = new_toolset(TEPLO_GEMINI, 0);
    struct bytes listing;

    (void)state;
    bytes_init(&listing, ROOM);
    bytes_append_text(&listing, "[{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"a\":{}");
    for (int i = 0; i < 15000; i++) {
        bytes_printf(&listing, ",\"k.%d\":{}", i);
    }
    bytes_append_text(&listing, "}}},{\"name\":\"fine\"}]");
    assert_int_equal(teplo_toolset_add(toolset, NULL, listing.at, listing.length), TEPLO_OK);
    assert_int_equal(format_count(toolset), 1);
    assert_true(has_diagnostic(toolset, "too many keys that the provider does not take at /"));
    bytes_done(&listing);
    teplo_toolset_free(toolset);
}

/* What uses most of the code; strict fails for the second tool only. */
static const char everything[] =
    "{\"tools\":[{\"name\":\"a.b\",\"description\":\"x\",\"inputSchema\":{\"$defs\":{\"N\":{"
    "\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#/$defs/N\"},\"k.\":{\"const\":1}}}},"
    "\"properties\":{\"r\":{\"$ref\":\"#/$defs/N\"},\"\\u0430\":{\"anyOf\":[{\"type\":\"string\"},"
    "{\"type\":\"null\"}],\"default\":\"q\"},\"t\":{\"type\":[\"string\",\"integer\"],"
    "\"minimum\":1}},\"allOf\":[{\"required\":[\"t\"]}]}},{\"name\":\"c\",\"inputSchema\":{"
    "\"oneOf\":[{\"properties\":{\"l\":{\"type\":\"array\"}}},{\"properties\":{\"l\":{\"enum\":[1,"
    "\"a\",null]}},\"required\":[\"l\"]}],\"properties\":{\"p\":{\"$ref\":\"#/nowhere\"}}}}]}";

static enum teplo_provider tried;

static bool make_and_add(void)
{
    struct teplo_toolset *toolset = NULL;
    bool fine = false;

    if (teplo_toolset_new(tried, TEPLO_T_STRICT, &toolset) == TEPLO_OK) {
        int result = add(toolset, "s", everything);

        fine = result == TEPLO_OK;
        if (!fine) {
            assert_int_equal(result, TEPLO_E_NOMEM);
            assert_int_equal(format_count(toolset), 0);
            assert_string_equal(teplo_toolset_tools(toolset, NULL), "[]");
            assert_string_equal(teplo_toolset_diagnostics(toolset, NULL), "[]");
            mem_set_hook(NULL);
            /* It is as it was: the next try succeeds. */
            assert_int_equal(add(toolset, "s", everything), TEPLO_OK);
            assert_int_equal(format_count(toolset), 2);
        }
    }
    teplo_toolset_free(toolset);
    return fine;
}

static void memory_out_adds_nothing(void **state)
{
    (void)state;
    for (int provider = TEPLO_OPENAI_CHAT; provider <= TEPLO_ANTHROPIC; provider++) {
        tried = (enum teplo_provider)provider;
        each_allocation_fails(make_and_add);
    }
    assert_int_equal(mem_in_use(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_provider_has_its_shape),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(a_bad_tool_does_not_spoil_the_list),
        cmocka_unit_test(names_are_the_providers),
        cmocka_unit_test(a_clash_adds_nothing),
        cmocka_unit_test(the_surplus_is_reported),
        cmocka_unit_test(long_descriptions_are_cut_between_characters),
        cmocka_unit_test(strict_falls_back_tool_by_tool),
        cmocka_unit_test(schemas_are_kept_for_decoding),
        cmocka_unit_test(a_hundred_thousand_diagnostics_are_counted),
        cmocka_unit_test(wide_schemas_take_little_time),
        cmocka_unit_test(references_take_little_time),
        cmocka_unit_test(many_bad_keys_drop_the_tool),
        cmocka_unit_test(memory_out_adds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
