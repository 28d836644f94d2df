/* SPDX-License-Identifier: MIT */
#include "broker/control/config_file.h"

#include <errno.h>

#include "broker/control/config_object.h"

static void blank_comments(struct bytes *text, const char **ret_open);
static int check_json(const struct config_place *place);
static int check_root(const struct config_place *place, struct config *config,
                      enum config_need need);

static const struct config_shape root_shape = {
    .noun = "the file",
    .members = (const struct config_member[]){{"mcpServers", config_read_servers},
                                              {"teplo", config_read_broker},
                                              {NULL, NULL}},
    .scope = OPTION_SCOPE_NONE,
    .remedy = "teplo reads \"mcpServers\" and \"teplo\" alone: give it a copy without the rest",
};

/* Faults of JSON in a file that a person writes: json_fault_text speaks to programs. */
static const char *const json_refusals[] = {
    [JSON_FAULT_NONE] = "",
    [JSON_FAULT_EMPTY] = "the file is empty; write {\"mcpServers\": {...}}",
    [JSON_FAULT_TRUNCATED] = "the file ends too early; close what is open: a brace, a bracket or a "
                             "quote",
    [JSON_FAULT_UNEXPECTED] = "this is not JSON here; look for a comma, a colon, a quote or a "
                              "bracket missing or too many",
    [JSON_FAULT_TRAILING] = "something stands behind the last brace; remove it",
    [JSON_FAULT_CONTROL] = "a text with a raw control byte, such as a line break; close its quote, "
                           "or write \\n for a line break",
    [JSON_FAULT_ESCAPE] = "an escape that JSON does not know; write \\\\ for a backslash",
    [JSON_FAULT_SURROGATE] = "half a surrogate pair; correct the \\u escapes",
    [JSON_FAULT_UTF8] = "bytes that are not UTF-8; save the file as UTF-8",
    [JSON_FAULT_NUMBER] = "a malformed number; write it as 8, and what has a unit in quotes",
    [JSON_FAULT_LITERAL] = "a word without quotes; put it in quotes, or write true, false or null",
    [JSON_FAULT_BOM] = "the file begins with a byte order mark; save it as UTF-8 without",
    [JSON_FAULT_DEPTH] = "objects nested too deeply; remove some",
    [JSON_FAULT_TOKENS] = "too many values; remove some",
};
_Static_assert(sizeof(json_refusals) / sizeof(json_refusals[0]) == JSON_FAULT_COUNT,
               "a JSON fault lacks its refusal");

int config_file_read(struct config *config, const char *path, enum config_need need,
                     struct bytes *message)
{
    struct config_place place = {path, SPAN_NONE, NULL, message};
    struct bytes text;
    int r = config_text_read_file(path, CONFIG_FILE_MAXIMUM, &text);

    if (r == 0) {
        r = config_file_parse(config, path, &text, need, message);
    } else if (r == -EFBIG) {
        r = config_refuse(&place, "the file is larger than 1 MiB; give a smaller one");
    } else if (r != -ENOMEM) {
        r = config_refuse(&place,
                          "the file cannot be read (%s); check the path and its permissions",
                          strerror(-r));
    }
    bytes_done(&text);
    return r;
}

int config_file_parse(struct config *config, const char *name, struct bytes *text,
                      enum config_need need, struct bytes *message)
{
    struct config_place place = {name, bytes_span(text), text->at, message};
    const char *open = NULL;
    int r;

    blank_comments(text, &open);
    if (open != NULL) {
        place.at = open;
        return config_refuse(&place, "a comment that does not end; close it with */");
    }
    r = check_json(&place);
    return r < 0 ? r : check_root(&place, config, need);
}

/* AT is on a quote; the place behind the string, or behind its line if it does not end there. */
static char *skip_string(char *at, const char *end)
{
    for (at++; at < end && *at != '\n'; at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\' && at + 1 < end) {
            at++;
        }
    }
    return at;
}

static char *blank(char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != '\n') {
            *at = ' ';
        }
    }
    return at;
}

/* The end of the comment that begins at AT.  NULL: it has none. */
static const char *end_of_comment(const char *at, const char *end)
{
    const char *stop;

    if (at[1] == '/') {
        stop = memchr(at, '\n', (size_t)(end - at));
        return stop == NULL ? end : stop;
    }
    stop = memmem(at + 2, (size_t)(end - at) - 2, "*/", 2);
    return stop == NULL ? NULL : stop + 2;
}

/* Comments become spaces, so that all offsets stay.  *RET_OPEN is one without an end. */
static void blank_comments(struct bytes *text, const char **ret_open)
{
    char *at = text->at;
    const char *end = text->length == 0 ? at : at + text->length;

    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
        } else if (*at == '/' && at + 1 < end && (at[1] == '/' || at[1] == '*')) {
            const char *stop = end_of_comment(at, end);

            if (stop == NULL) {
                *ret_open = at;
                return;
            }
            at = blank(at, stop);
        } else {
            at++;
        }
    }
}

/* The last byte before AT that is no white space, or NULL. */
static const char *before_space(struct span text, const char *at)
{
    while (at > text.at && strchr(" \t\r\n", at[-1]) != NULL && at[-1] != '\0') {
        at--;
    }
    return at > text.at ? at - 1 : NULL;
}

static int check_json(const struct config_place *place)
{
    struct json_error error;
    struct config_place here = *place;
    const char *last;

    if (json_check(place->text, &json_limits_default, &error) == 0) {
        return 0;
    }
    if (error.fault == JSON_FAULT_EMPTY) {
        return config_refuse(place, "%s", json_refusals[error.fault]);
    }
    here.at = place->text.at + error.at;
    last = before_space(place->text, here.at);
    if (error.fault == JSON_FAULT_UNEXPECTED && last != NULL && *last == ',' &&
        error.at < place->text.length && (*here.at == '}' || *here.at == ']')) {
        here.at = last;
        return config_refuse(&here, "a comma behind the last entry, which JSON does not allow; "
                                    "remove the comma");
    }
    if (error.fault == JSON_FAULT_TRUNCATED && last != NULL) {
        here.at = last; /* rather than an empty line behind it */
    }
    return config_refuse(&here, "%s", json_refusals[error.fault]);
}

static int check_root(const struct config_place *place, struct config *config,
                      enum config_need need)
{
    struct span root = json_trim(place->text);
    struct config_place here = config_place_at(place, root.at);
    int r = config_object_read(&here, root, &root_shape, config);

    if (r == 0 && need == CONFIG_NEEDS_SERVER && config->server_count == 0) {
        struct span servers = json_find(root, "mcpServers");

        here.at = span_is_none(servers) ? root.at : servers.at;
        r = config_refuse(&here, "no server; add one: \"mcpServers\": {\"name\": {\"url\": "
                                 "\"http://host:8000/sse\"}}");
    }
    return r;
}
