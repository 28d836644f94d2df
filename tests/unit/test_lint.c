/* SPDX-License-Identifier: MIT */
/* Declarations that no converter makes: each is refused for its reason, at its place. */
#include "unit.h"

#include "client-lib/formats/lint.h"

enum { ROOM = 64 * 1024 * 1024 };

static const struct tree_limits wide = {.bytes = ROOM, .depth = 1000, .nodes = 1000000};

/* Around a schema, by provider; strict where there is such a mode. */
static const struct {
    const char *before;
    const char *behind;
} frames[] = {
    [TEPLO_OPENAI_CHAT] = {"{\"type\":\"function\",\"function\":{\"name\":\"t\",\"parameters\":",
                           "}}"},
    [TEPLO_OPENAI_RESPONSES] = {"{\"type\":\"function\",\"name\":\"t\",\"parameters\":",
                                ",\"strict\":true}"},
    [TEPLO_GEMINI] = {"{\"name\":\"t\",\"description\":\"\",\"parametersJsonSchema\":", "}"},
    [TEPLO_GEMINI_OPENAPI] = {"{\"name\":\"t\",\"description\":\"\",\"parameters\":", "}"},
    [TEPLO_ANTHROPIC] = {"{\"name\":\"t\",\"input_schema\":", ",\"strict\":true}"},
};

static void expect(enum teplo_provider provider, const char *schema, const char *reason,
                   const char *place)
{
    struct tree_parsed parsed = {.root = NULL};
    struct arena arena;
    struct lint lint = {.provider = provider, .arena = &arena};
    struct bytes text;
    struct bytes at;

    arena_init(&arena, ROOM);
    bytes_init(&text, ROOM);
    bytes_init(&at, ROOM);
    bytes_append_text(&text, frames[provider].before);
    bytes_append_text(&text, schema);
    bytes_append_text(&text, frames[provider].behind);
    assert_int_equal(tree_parse(&arena, bytes_span(&text), &wide, &parsed), 0);
    assert_int_equal(lint_declaration(&lint, parsed.root), reason[0] == '\0');
    assert_string_equal(lint.reason, reason);
    lint_place(&lint, &at);
    assert_string_equal(bytes_text(&at), place);
    bytes_done(&at);
    bytes_done(&text);
    arena_done(&arena);
}

#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
#define CLOSED(properties, required)                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" properties              \
    "},\"required\":[" required "]}"
#define UPPER(properties) "{\"type\":\"OBJECT\",\"properties\":{" properties "}}"

static void names_are_required_once(void **state)
{
    static const char far[] = OBJECT("\"o\":{\"type\":\"object\",\"additionalProperties\":true,"
                                     "\"required\":[\"a\",\"b\",\"a\"]}");
    static const char needs[] =
        OBJECT("\"o\":{\"dependentRequired\":{\"a\":[\"c\",\"b\"],\"b\":[\"c\",\"\\u0063\"]}}");

    (void)state;
    expect(TEPLO_OPENAI_CHAT, far, "a name is required twice", "/properties/o");
    expect(TEPLO_GEMINI, far, "a name is required twice", "/properties/o");
    expect(TEPLO_OPENAI_CHAT, needs, "a name is required twice", "/properties/o");
    expect(TEPLO_OPENAI_CHAT, OBJECT("\"o\":{\"dependentRequired\":{\"a\":[\"b\"],\"b\":[\"b\"]}}"),
           "", "");
}

static void enums_are_neat(void **state)
{
    static const char twice[] = "a value that stands twice in an enum";
    static const char foreign[] = "a value that is of none of the types";
    static const struct {
        enum teplo_provider provider;
        const char *schema;
        const char *reason;
        const char *place;
    } rows[] = {
        {TEPLO_OPENAI_RESPONSES,
         CLOSED("\"a\":{\"type\":\"string\",\"enum\":[\"x\",\"y\",\"\\u0078\"]}", "\"a\""), twice,
         "/properties/a"},
        {TEPLO_OPENAI_RESPONSES,
         CLOSED("\"a\":{\"type\":[\"string\",\"null\"],\"enum\":[\"x\",null,null]}", "\"a\""),
         twice, "/properties/a"},
        {TEPLO_OPENAI_RESPONSES,
         CLOSED("\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"1\",2]}}",
                "\"a\""),
         foreign, "/properties/a/items"},
        {TEPLO_OPENAI_RESPONSES, CLOSED("\"a\":{\"type\":\"integer\",\"enum\":[1.50]}", "\"a\""),
         foreign, "/properties/a"},
        {TEPLO_OPENAI_RESPONSES,
         CLOSED("\"a\":{\"type\":\"integer\",\"enum\":[1.00,2,2e3]}", "\"a\""), "", ""},
        {TEPLO_OPENAI_RESPONSES,
         CLOSED("\"a\":{\"type\":[\"number\",\"null\"],\"enum\":[1,1.5,null]}", "\"a\""), "", ""},
        {TEPLO_GEMINI, OBJECT("\"a\":{\"anyOf\":[{},{\"enum\":[1,2,1]}]}"), twice,
         "/properties/a/anyOf/1"},
        {TEPLO_GEMINI_OPENAPI,
         UPPER("\"a\":{\"anyOf\":[{\"type\":\"STRING\"},{\"type\":\"ARRAY\",\"items\":{\"type\":"
               "\"STRING\",\"enum\":[\"a\",\"a\"]}}]}"),
         twice, "/properties/a/anyOf/1/items"},
        {TEPLO_ANTHROPIC, CLOSED("\"p/q~\":{\"enum\":[1,1]}", ""),
         "a key that arguments may not have", ""},
        {TEPLO_ANTHROPIC, CLOSED("\"a\":{\"type\":\"string\",\"enum\":[[],{},[]]}", ""), twice,
         "/properties/a"},
        {TEPLO_OPENAI_CHAT, OBJECT("\"a\":{\"type\":\"string\",\"enum\":[1,1]}"), "", ""},
        {TEPLO_OPENAI_RESPONSES,
         CLOSED("\"p/q~\":{\"type\":\"integer\",\"enum\":[1,1]}", "\"p/q~\""), twice,
         "/properties/p~1q~0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(rows[i].provider, rows[i].schema, rows[i].reason, rows[i].place);
    }
}

static void values_are_the_providers(void **state)
{
    (void)state;
    expect(TEPLO_GEMINI_OPENAPI,
           UPPER("\"a\":{\"type\":\"STRING\",\"maxLength\":9223372036854775808}"),
           "a value that the field may not have", "/properties/a");
    expect(TEPLO_GEMINI_OPENAPI,
           UPPER("\"a\":{\"type\":\"STRING\",\"maxLength\":9223372036854775807}"), "", "");
    expect(TEPLO_OPENAI_RESPONSES,
           CLOSED("\"a\":{\"type\":\"string\",\"pattern\":\"\\u0028?=x)\"}", "\"a\""),
           "lookaround in a pattern", "/properties/a");
    expect(TEPLO_OPENAI_RESPONSES,
           CLOSED("\"a\":{\"type\":\"string\",\"pattern\":\"(x)\"}", "\"a\""), "", "");
    expect(TEPLO_GEMINI, OBJECT("\"a\":{\"type\":\"integer\",\"format\":\"date-time\"}"),
           "a format of what is no text", "/properties/a");
    expect(TEPLO_ANTHROPIC, CLOSED("\"a\":{\"$ref\":\"#/$defs/A\"}", ""),
           "a reference, and they are not taken", "/properties/a");
    expect(TEPLO_ANTHROPIC,
           "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false,\"$defs\":{}}",
           "a reference, and they are not taken", "/$defs");
}

/* COUNT values of LENGTH characters, each of two bytes, in each of ENUMS enums. */
static void write_enums(struct bytes *out, int enums, int count, int length)
{
    bytes_clear(out);
    bytes_append_text(out, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (int i = 0; i < enums; i++) {
        bytes_printf(out, "%s\"%c\":{\"type\":\"string\",\"enum\":[", i == 0 ? "" : ",", 'a' + i);
        for (int j = 0; j < count; j++) {
            bytes_printf(out, "%s\"%05d", j == 0 ? "" : ",", j);
            for (int k = 5; k < length; k++) {
                bytes_append_text(out, "\xd0\xb4");
            }
            bytes_append_char(out, '"');
        }
        bytes_append_text(out, "]}");
    }
    bytes_append_text(out, "},\"required\":[");
    for (int i = 0; i < enums; i++) {
        bytes_printf(out, "%s\"%c\"", i == 0 ? "" : ",", 'a' + i);
    }
    bytes_append_text(out, "]}");
}

static void characters_are_counted(void **state)
{
    struct bytes schema;

    (void)state;
    bytes_init(&schema, ROOM);
    write_enums(&schema, 1, 250, 100);
    expect(TEPLO_OPENAI_RESPONSES, bytes_text(&schema), "", "");
    write_enums(&schema, 1, 300, 50);
    expect(TEPLO_OPENAI_RESPONSES, bytes_text(&schema), "", "");
    write_enums(&schema, 1, 300, 51);
    expect(TEPLO_OPENAI_RESPONSES, bytes_text(&schema), "an enum of too many characters",
           "/properties/a");
    /* The names are one character each. */
    write_enums(&schema, 4, 100, 299);
    expect(TEPLO_OPENAI_RESPONSES, bytes_text(&schema), "", "");
    write_enums(&schema, 4, 100, 300);
    expect(TEPLO_OPENAI_RESPONSES, bytes_text(&schema), "too many characters in names and values",
           "");
    bytes_done(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_required_once),
        cmocka_unit_test(enums_are_neat),
        cmocka_unit_test(values_are_the_providers),
        cmocka_unit_test(characters_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
