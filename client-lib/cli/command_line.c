/* SPDX-License-Identifier: MIT */
#include "client-lib/cli/command_line.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/cli/complaint.h"
#include "client-lib/cli/duration.h"
#include "client-lib/cli/manual.h"
#include "client-lib/cli/tool_format.h"
#include "client-lib/fleet/fleet_view.h"

enum {
    FORMAT_WORDS_MAXIMUM = 1024,
    INTERVAL_DEFAULT_MS = 1000,
    INTERVAL_LEAST_MS = 100,
    INTERVAL_MOST_MS = 3600000,
    COUNT_MOST = 1000000,
};

struct switch_row {
    const char *word;
    char letter;
    const char *argument;
};

static const struct switch_row switches[] = {
#define SWITCH(name, word, letter, argument, help) {word, letter, argument},
#include "client-lib/cli/switches.def"
#undef SWITCH
};

/* What was read so far. */
struct parse {
    int argc;
    char **argv;
    int next; /* the next word of argv */
    const char *values[SWITCH_COUNT];
    int given; /* enum switch_bit, ored */
    struct invocation *invocation;
};

static int find_switch_word(const char *word, size_t length)
{
    for (int i = 0; i < SWITCH_COUNT; i++) {
        if (strlen(switches[i].word) == length && memcmp(switches[i].word, word, length) == 0) {
            return i;
        }
    }
    return -1;
}

static int find_switch_letter(char letter)
{
    for (int i = 0; i < SWITCH_COUNT; i++) {
        if (switches[i].letter != '\0' && switches[i].letter == letter) {
            return i;
        }
    }
    return -1;
}

/* VALUE: what was joined to the switch (`--word=VALUE`, `-sVALUE`), or NULL. */
static bool take_switch(struct parse *parse, int index, const char *value)
{
    const struct switch_row *row = &switches[index];

    if (row->argument == NULL && value != NULL) {
        (void)complaint_usage(NULL, "--%s takes no value", row->word);
        return false;
    }
    if (row->argument != NULL && value == NULL) {
        if (parse->next >= parse->argc) {
            (void)complaint_usage(NULL, "--%s needs a value: --%s %s", row->word, row->word,
                                  row->argument);
            return false;
        }
        value = parse->argv[parse->next++];
    }
    parse->given |= 1 << index;
    parse->values[index] = value;
    return true;
}

static bool take_word(struct parse *parse, const char *word)
{
    struct invocation *invocation = parse->invocation;

    if (invocation->command == NULL) {
        invocation->command = command_find(word);
        if (invocation->command == NULL) {
            (void)complaint_usage(NULL, "there is no command '%s'", word);
            return false;
        }
        return true;
    }
    if (invocation->operand_count == OPERANDS_MAXIMUM) {
        (void)complaint_usage(invocation->command, "more than %d arguments", OPERANDS_MAXIMUM);
        return false;
    }
    invocation->operands[invocation->operand_count++] = word;
    return true;
}

static bool take_long(struct parse *parse, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);
    int index = find_switch_word(word, length);

    if (index < 0) {
        (void)complaint_usage(parse->invocation->command, "there is no switch '--%s'", word);
        return false;
    }
    return take_switch(parse, index, equals == NULL ? NULL : equals + 1);
}

static bool take_short(struct parse *parse, const char *letters)
{
    int index = find_switch_letter(letters[0]);

    if (index < 0) {
        (void)complaint_usage(parse->invocation->command,
                              "there is no switch '-%s' (a word that begins with '-' goes "
                              "behind '--')",
                              letters);
        return false;
    }
    return take_switch(parse, index, letters[1] == '\0' ? NULL : letters + 1);
}

static bool take_all(struct parse *parse)
{
    bool may_be_switch = true;

    while (parse->next < parse->argc) {
        const char *word = parse->argv[parse->next++];
        bool taken;

        if (may_be_switch && strcmp(word, "--") == 0) {
            may_be_switch = false;
            continue;
        }
        if (may_be_switch && word[0] == '-' && word[1] == '-') {
            taken = take_long(parse, word + 2);
        } else if (may_be_switch && word[0] == '-' && word[1] != '\0') {
            taken = take_short(parse, word + 1);
        } else {
            taken = take_word(parse, word);
        }
        if (!taken) {
            return false;
        }
    }
    return true;
}

static bool has_right_switches(const struct parse *parse)
{
    const struct command *command = parse->invocation->command;

    for (int i = 0; i < SWITCH_COUNT; i++) {
        if ((parse->given & ~command->switches & 1 << i) != 0) {
            (void)complaint_usage(command, "%s takes no --%s", command->name, switches[i].word);
            return false;
        }
    }
    return true;
}

static bool has_right_operands(const struct invocation *invocation)
{
    const struct command *command = invocation->command;

    if (invocation->operand_count < command->least) {
        (void)complaint_usage(command, "%s needs more: %s %s", command->name, command->name,
                              command->arguments);
        return false;
    }
    if (invocation->operand_count > command->most) {
        (void)complaint_usage(command, "%s does not take '%s'", command->name,
                              invocation->operands[command->most]);
        return false;
    }
    return true;
}

static bool is_pool_name(const char *name)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = strlen(name);

    return name[0] >= 'a' && name[0] <= 'z' && length <= POOL_NAME_MAXIMUM &&
           strspn(name, rest) == length && strcmp(name, "admin") != 0;
}

static bool refuse_format(const struct parse *parse, const char *format)
{
    struct bytes words;
    const char *text;

    bytes_init(&words, FORMAT_WORDS_MAXIMUM);
    tool_format_append_words(&words);
    text = bytes_text(&words);
    (void)complaint_usage(parse->invocation->command, "--format %s: there is %s", format,
                          text == NULL ? "no such format" : text);
    bytes_done(&words);
    return false;
}

static bool read_format(const struct parse *parse)
{
    const char *format = parse->values[SWITCH_INDEX_FORMAT];
    bool is_mcp = format == NULL || strcmp(format, "mcp") == 0;

    parse->invocation->provider = is_mcp ? 0 : tool_format_find(format);
    parse->invocation->strict = (parse->given & SWITCH_STRICT) != 0;
    if (!is_mcp && parse->invocation->provider == 0) {
        return refuse_format(parse, format);
    }
    if (is_mcp && parse->invocation->strict) {
        (void)complaint_usage(parse->invocation->command,
                              "--strict is for a provider's format: --format openai");
        return false;
    }
    return true;
}

static bool read_interval(struct parse *parse)
{
    const char *interval = parse->values[SWITCH_INDEX_INTERVAL];
    int64_t length_ms = INTERVAL_DEFAULT_MS;

    if (interval != NULL && (!duration_parse(interval, &length_ms) ||
                             length_ms < INTERVAL_LEAST_MS || length_ms > INTERVAL_MOST_MS)) {
        (void)complaint_usage(parse->invocation->command,
                              "--interval %s: a whole number with its unit is needed, from 100ms "
                              "to 1h: 500ms, 1s, 5m",
                              interval);
        return false;
    }
    parse->invocation->interval_ms = length_ms;
    return true;
}

static bool read_count(struct parse *parse)
{
    const char *text = parse->values[SWITCH_INDEX_FRAMES];
    size_t length = text == NULL ? 0 : strlen(text);
    unsigned count = 0;

    for (size_t i = 0; i < length && count <= COUNT_MOST; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';

        count = is_digit ? count * 10 + (unsigned)(text[i] - '0') : COUNT_MOST + 1;
    }
    if (text != NULL && (count < 1 || count > COUNT_MOST)) {
        (void)complaint_usage(parse->invocation->command,
                              "--count %s: a number from 1 to %d is needed", text, COUNT_MOST);
        return false;
    }
    parse->invocation->count = count;
    return true;
}

/* Of commands that look at a fleet. */
static bool read_watching(struct parse *parse)
{
    struct invocation *invocation = parse->invocation;
    const char *ns = parse->values[SWITCH_INDEX_NS];

    invocation->given = parse->given;
    invocation->redis_url = parse->values[SWITCH_INDEX_REDIS];
    invocation->namespace = ns == NULL ? parse->values[SWITCH_INDEX_NAMESPACE] : ns;
    if (invocation->namespace != NULL && !fleet_is_pool_name(span_of(invocation->namespace))) {
        (void)complaint_usage(invocation->command, "'%s' cannot be a fleet's name",
                              invocation->namespace);
        return false;
    }
    return read_interval(parse) && read_count(parse);
}

static bool read_values(struct parse *parse)
{
    struct invocation *invocation = parse->invocation;
    const char *timeout = parse->values[SWITCH_INDEX_TIMEOUT];

    invocation->failed = (parse->given & SWITCH_FAILED) != 0;
    invocation->pool = parse->values[SWITCH_INDEX_POOL];
    invocation->runtime_dir = parse->values[SWITCH_INDEX_RUNTIME_DIR];
    if (invocation->pool != NULL && !is_pool_name(invocation->pool)) {
        (void)complaint_usage(NULL, "'%s' cannot be a pool's name", invocation->pool);
        return false;
    }
    if (timeout != NULL && !duration_parse(timeout, &invocation->timeout_ms)) {
        (void)complaint_usage(invocation->command,
                              "--timeout %s: a whole number with its unit is needed, from 1ms "
                              "to 24h: 500ms, 30s, 5m, 1h",
                              timeout);
        return false;
    }
    return read_watching(parse) && read_format(parse);
}

static enum form choose_form(const struct parse *parse)
{
    if ((parse->given & SWITCH_JSON) != 0) {
        return FORM_JSON;
    }
    return isatty(STDOUT_FILENO) == 1 ? FORM_SCREEN : FORM_LINES;
}

bool command_line_parse(int argc, char **argv, struct invocation *ret_invocation,
                        enum exit_status *ret_status)
{
    struct parse parse = {.argc = argc, .argv = argv, .next = 1, .invocation = ret_invocation};

    *ret_invocation = (struct invocation){.timeout_ms = -1};
    *ret_status = STATUS_USAGE;
    if (!take_all(&parse)) {
        return false;
    }
    if ((parse.given & (SWITCH_HELP | SWITCH_VERSION)) != 0) {
        *ret_status = (parse.given & SWITCH_HELP) != 0 ? manual_print(ret_invocation->command)
                                                       : manual_print_version();
        return false;
    }
    if (ret_invocation->command == NULL) {
        (void)complaint_usage(NULL, "a command is needed: tools, call, connect, status, show ...");
        return false;
    }
    if (!has_right_switches(&parse) || !has_right_operands(ret_invocation) ||
        !read_values(&parse)) {
        return false;
    }
    ret_invocation->form = choose_form(&parse);
    return true;
}
