/* SPDX-License-Identifier: MIT */
/*
 * Every option at its ends and beyond, in every notation; and a file of everything, damaged at
 * random.  Each text is refused with one line that names file and line, or is valid: then no bound
 * is broken.
 */
#include "tests/unit/config_unit.h"

#include <stdlib.h>

#include "broker/control/config_option.h"

enum { TEXT_SIZE = 8192, DAMAGED = 4000, TEXTS_LEAST = 5000 };

static unsigned texts;
static unsigned valid;

static const char *const values[] = {
    "-1",
    "0",
    "1",
    "-0",
    "01",
    "0.5",
    "1e3",
    "1e400",
    "-1e400",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "\"\"",
    "\" \"",
    "\"5s\"",
    "\"5 s\"",
    "\"-5s\"",
    "\"0s\"",
    "\"0.001ms\"",
    "\"99999999999999999999s\"",
    "\"9223372036854775807ms\"",
    "\"1e9h\"",
    "\"5S\"",
    "\"5\"",
    "\"1KiB\"",
    "\"1kb\"",
    "\"17179869184GiB\"",
    "\"-1MiB\"",
    "\"0777\"",
    "\"07777\"",
    "\"888\"",
    "\"5s\r\n\"",
    "\"5s\\r\\n\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"п'ять секунд\"",
    "\"🌞\"",
    "\"\xc0\xaf\"",
    "\"\xff\"",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[[[[]]]]",
    "[1]",
    "[-1]",
    "[400,599]",
    "[99999999999]",
    "[\"400\"]",
    "{\"a\":1}",
    "NaN",
    "Infinity",
    "'5'",
    "5s",
    "",
    "\"call\"",
    "\"session\"",
    "\"info\"",
    "\"on\"",
    "\"probe\"",
    "\"x\r\nInjected: yes\"",
    "\"redis://h\r\nFLUSHALL\"",
    "\"redis://h/99999999999999999999\"",
    "\"${NO_SUCH_VARIABLE}\"",
    "\"${\"",
    "\"${}\"",
    "\"${HOME:-\"",
};

/* ---- what must hold of each text */

static void check_bounds(enum option_scope scope, const void *target, const char *text)
{
    for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
         option = config_option_next(scope, option)) {
        int64_t number;

        if (config_value_is_text(option->type) || option->type == OPTION_TYPE_LEVEL ||
            option->type == OPTION_TYPE_STATUSES) {
            continue;
        }
        number = config_option_number(option, target);
        if (number < option->least || number > option->most) {
            print_error("%s is %lld after\n%s\n", option->name, (long long)number, text);
            fail();
        }
    }
}

/* "t:LINE: what is wrong": one line. */
static bool is_complaint(struct bytes *message)
{
    const char *text = bytes_text(message);
    char *end = NULL;

    if (text == NULL || strncmp(text, "t:", 2) != 0 || strchr(text, '\n') != NULL) {
        return false;
    }
    return strtol(text + 2, &end, 10) > 0 && strncmp(end, ": ", 2) == 0 && strlen(end) > 2;
}

static void try_text(const char *text, size_t length)
{
    struct bytes message;
    struct config *config;

    bytes_init(&message, 4096);
    config = config_parse_text("t", (struct span){text, length}, &message);
    texts++;
    if (config == NULL) {
        if (!is_complaint(&message)) {
            print_error("\"%.*s\" of\n%.*s\n", (int)message.length, message.at, (int)length, text);
            fail();
        }
    } else {
        valid++;
        check_bounds(OPTION_SCOPE_BROKER, config, text);
        check_bounds(OPTION_SCOPE_REDIS, &config->redis, text);
        for (size_t i = 0; i < config->server_count; i++) {
            check_bounds(OPTION_SCOPE_SERVER, &config->servers[i], text);
        }
        config_free(config);
    }
    bytes_done(&message);
}

/* ---- one option */

static void write_file(char *text, enum option_scope scope, const char *entry, const char *end)
{
    static const char *const forms[] = {
        [OPTION_SCOPE_SERVER] =
            "{\"mcpServers\":{\"a\":{\"url\":\"http://h/sse\",%s\"teplo\":{%s%s%s}}}}%s",
        [OPTION_SCOPE_BROKER] =
            "{\"mcpServers\":{\"a\":{\"url\":\"http://h/sse\"}},%s\"teplo\":{%s%s%s}}%s",
        [OPTION_SCOPE_REDIS] = ("{\"mcpServers\":{\"a\":{\"url\":\"http://h/sse\"}},%s\"teplo\":"
                                "{\"redis\":{%s%s%s}}}%s"),
    };

    /* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, TEXT_SIZE, forms[scope], end, end, entry, end, end);
#pragma GCC diagnostic pop
    /* clang-format on */
}

static void try_value(const struct config_option *option, const char *value)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    char entry[512];
    char text[TEXT_SIZE];

    (void)snprintf(entry, sizeof(entry), "\"%s\": %s", option->name, value);
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        write_file(text, option->scope, entry, ends[i]);
        try_text(text, strlen(text));
    }
}

static void try_option(const struct config_option *option)
{
    const int64_t numbers[] = {option->least - 1, option->least,     option->least + 1,
                               option->most - 1,  option->most,      option->most + 1,
                               option->most * 10, option->most * -1, INT64_MIN};
    char value[64];

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        try_value(option, values[i]);
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        static const char *const units[] = {"%lld", "\"%lldms\"", "\"%lldB\"", "\"%lld\""};

        for (size_t unit = 0; unit < COUNT_OF(units); unit++) {
            /* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            (void)snprintf(value, sizeof(value), units[unit], (long long)numbers[i]);
#pragma GCC diagnostic pop
            /* clang-format on */
            try_value(option, value);
        }
    }
}

static void test_c18_every_option_at_its_ends_and_beyond(void **state)
{
    static const enum option_scope scopes[] = {OPTION_SCOPE_SERVER, OPTION_SCOPE_BROKER,
                                               OPTION_SCOPE_REDIS};

    (void)state;
    texts = 0;
    valid = 0;
    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        const struct config_option *option = NULL;

        while ((option = config_option_next(scopes[i], option)) != NULL) {
            try_option(option);
        }
    }
    print_message("%u texts, %u of them valid\n", texts, valid);
    assert_true(texts >= TEXTS_LEAST);
    assert_true(valid > texts / 50 && valid < texts / 2);
}

/* ---- a file of everything, damaged */

static void damage(char *text, size_t *length, uint64_t *chance)
{
    static const char pieces[] = "{}[]\",:\\/*\r\n\t 0-9$\xff";
    size_t at = unit_random(chance) % *length;
    size_t span = 1 + unit_random(chance) % 20;

    switch (unit_random(chance) % 4) {
    case 0:
        text[at] = (char)unit_random(chance);
        break;
    case 1:
        text[at] = pieces[unit_random(chance) % (sizeof(pieces) - 1)];
        break;
    case 2: /* without a piece */
        span = span < *length - at ? span : *length - at - 1;
        memmove(text + at, text + at + span, *length - at - span);
        *length -= span;
        break;
    default: /* a piece twice */
        span = span < *length - at ? span : *length - at;
        memmove(text + at + span, text + at, *length - at);
        *length += span;
        break;
    }
}

static void test_c18_a_file_of_everything_damaged(void **state)
{
    static char text[TEXT_SIZE];
    uint64_t chance = 20261124;

    (void)state;
    (void)setenv("TOKEN", "secret-canary", 1);
    texts = 0;
    for (int i = 0; i < DAMAGED; i++) {
        size_t length = strlen(config_full_text);
        unsigned times = 1 + unit_random(&chance) % 4;

        memcpy(text, config_full_text, length);
        for (unsigned j = 0; j < times && length > 1; j++) {
            damage(text, &length, &chance);
        }
        try_text(text, length);
    }
    assert_true(texts == DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c18_every_option_at_its_ends_and_beyond),
        cmocka_unit_test(test_c18_a_file_of_everything_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
