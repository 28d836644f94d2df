/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/figures.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/bench/page.h"
#include "client-lib/cli/admin_link.h"
#include "client-lib/cli/complaint.h"
#include "proto/json_scan.h"

enum { PAGE_MAXIMUM = 1 << 20 };

static void read_object(struct span object, const char *prefix, struct figures *figures);

static struct figure *find(struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->count; i++) {
        if (strcmp(figures->all[i].name, name) == 0) {
            return &figures->all[i];
        }
    }
    if (figures->count == FIGURES_MAXIMUM) {
        return NULL;
    }
    figures->all[figures->count] = (struct figure){.number = 0};
    (void)snprintf(figures->all[figures->count].name, sizeof(figures->all[0].name), "%s", name);
    return &figures->all[figures->count++];
}

static void add(struct figures *figures, const char *name, int64_t number)
{
    struct figure *figure = find(figures, name);

    if (figure != NULL) {
        figure->number += number;
    }
}

static void read_value(struct span value, const char *name, struct figures *figures)
{
    struct json_walk walk;
    struct json_item item;
    int64_t number;

    if (json_kind_of(value) == JSON_OBJECT) {
        read_object(value, name, figures);
    } else if (json_kind_of(value) == JSON_ARRAY) {
        walk = json_walk_of(value);
        while (json_walk_next(&walk, &item)) {
            if (json_kind_of(item.value) == JSON_OBJECT) {
                read_object(item.value, name, figures);
            }
        }
    } else if (json_to_int(value, &number)) {
        add(figures, name, number);
    }
}

/* Recursion as deep as the text, which json_check has limited. */
static void read_object(struct span object, const char *prefix, struct figures *figures)
{
    struct json_walk walk = json_walk_of(object);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        char key[FIGURE_NAME_MAXIMUM + 1];
        char name[2 * FIGURE_NAME_MAXIMUM + 2];

        if (json_string_copy(item.key, key, sizeof(key))) {
            (void)snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", key);
            if (strlen(name) <= FIGURE_NAME_MAXIMUM) {
                read_value(item.value, name, figures);
            }
        }
    }
}

void figures_read(struct span text, struct figures *figures)
{
    static const struct json_limits flat = {8, 4096};
    struct json_error error;

    figures->count = 0;
    figures->is_known = json_check(text, &flat, &error) == 0;
    if (figures->is_known) {
        read_object(text, "", figures);
    }
}

static int64_t number_of(const struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->count; i++) {
        if (strcmp(figures->all[i].name, name) == 0) {
            return figures->all[i].number;
        }
    }
    return 0;
}

int64_t figures_growth(const struct figures *before, const struct figures *after, const char *name)
{
    return number_of(after, name) - number_of(before, name);
}

/* The row of the pool's name, or the whole answer. */
static struct span pick_pool(const struct bench_options *options, struct span answer)
{
    struct json_walk walk = json_walk_of(json_find(answer, "pools"));
    struct json_item item;

    while (options->pool != NULL && json_walk_next(&walk, &item)) {
        if (json_string_is(json_find(item.value, "name"), options->pool)) {
            return item.value;
        }
    }
    /* Rows of several pools are added up. */
    return json_find(answer, "pools");
}

void figures_of_broker(const struct bench_options *options, struct figures *figures)
{
    char dir[sizeof(options->socket.sun_path)];
    char path[sizeof(dir) + sizeof("/admin.sock")];
    const struct invocation beside = {.runtime_dir = dir};
    struct broker_link link;
    struct bytes answer;
    char *slash;

    *figures = (struct figures){.is_known = false};
    if (options->target != TARGET_SOCKET) {
        return;
    }
    (void)snprintf(dir, sizeof(dir), "%s", options->socket.sun_path);
    slash = strrchr(dir, '/');
    if (slash == NULL) {
        (void)snprintf(dir, sizeof(dir), ".");
    } else {
        *slash = '\0';
    }
    (void)snprintf(path, sizeof(path), "%s/admin.sock", dir);
    if (access(path, R_OK | W_OK) != 0 || admin_link_open(&link, &beside) != STATUS_OK) {
        return;
    }
    bytes_init(&answer, PAGE_MAXIMUM);
    if (admin_link_ask(&link, "pools", NULL, &answer) == STATUS_OK) {
        figures->is_known = true;
        read_value(pick_pool(options, bytes_span(&answer)), "", figures);
    }
    bytes_done(&answer);
    broker_link_done(&link);
}

bool figures_of_upstream(const struct bench_options *options, struct figures *figures)
{
    struct bytes text;
    const char *fault;

    *figures = (struct figures){.is_known = false};
    if (options->upstream_stats == NULL) {
        return true;
    }
    bytes_init(&text, PAGE_MAXIMUM);
    fault = page_get(options->upstream_stats, &text);
    if (fault == NULL) {
        figures_read(bytes_span(&text), figures);
        fault = figures->is_known ? NULL : "it is no JSON";
    }
    bytes_done(&text);
    if (fault != NULL) {
        complaint("--upstream-stats %s: %s", options->upstream_stats, fault);
    }
    return fault == NULL;
}
