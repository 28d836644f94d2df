/* SPDX-License-Identifier: MIT */
#include "broker/routing/operations.h"

#include <string.h>

#include "proto/base/mem.h"

const double operation_bounds_s[OPERATION_BUCKETS - 1] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
                                                          2,    5,    10,   30,  60,  120, 300};

/*
 * Places that are kept back: for tools together when there are too many of them, by kind of error;
 * and for all errors of a method together, beside what went well, with and without a tool.
 */
enum {
    LAST_PLACES = 2 * (MCP_METHOD_COUNT + 1),
    OTHER_PLACES = 32,
    NAMED_PLACES = OPERATIONS_MAXIMUM - OTHER_PLACES - LAST_PLACES,
    KEY_SIZE = 1 + TIMELINE_TOOL_SIZE + OPERATION_ERROR_SIZE
};
_Static_assert(NAMED_PLACES >= OPERATIONS_MAXIMUM / 2, "most are named");

static const char other[] = "_other";

struct series {
    struct operation operation;
    char key[KEY_SIZE];
    size_t key_length;
};

static struct span key_of(const struct series *series)
{
    return (struct span){series->key, series->key_length};
}

void operations_init(struct operations *operations)
{
    hashmap_init(&operations->by_key);
}

void operations_done(struct operations *operations)
{
    hashmap_done(&operations->by_key);
    for (size_t i = 0; i < operations->count; i++) {
        mem_free(operations->all[i]);
    }
}

const struct operation *operations_at(const struct operations *operations, size_t index)
{
    return index < operations->count ? &operations->all[index]->operation : NULL;
}

/* Method, tool, NUL, error: what tells a series from others. */
static struct span write_key(char key[KEY_SIZE], enum mcp_method method, const char *tool,
                             const char *error_type)
{
    size_t tool_length = strnlen(tool, TIMELINE_TOOL_SIZE - 1);
    size_t error_length = strnlen(error_type, OPERATION_ERROR_SIZE - 1);

    key[0] = (char)method;
    memcpy(key + 1, tool, tool_length);
    key[1 + tool_length] = '\0';
    memcpy(key + 2 + tool_length, error_type, error_length);
    return (struct span){key, 2 + tool_length + error_length};
}

static struct series *add(struct operations *operations, struct span key)
{
    struct series *series = MEM_NEW(struct series);
    const char *tool;
    size_t tool_length;

    if (series == NULL) {
        return NULL;
    }
    memcpy(series->key, key.at, key.length);
    series->key_length = key.length;
    tool = series->key + 1;
    tool_length = strlen(tool);
    series->operation.method = (enum mcp_method)(unsigned char)series->key[0];
    memcpy(series->operation.tool, tool, tool_length);
    memcpy(series->operation.error_type, tool + tool_length + 1, key.length - tool_length - 2);
    if (hashmap_add(&operations->by_key, key_of(series), series) < 0) {
        mem_free(series);
        return NULL;
    }
    operations->all[operations->count++] = series;
    return series;
}

/* The one of that name; a new one only while there are fewer than MOST.  NULL: none. */
static struct series *ensure(struct operations *operations, struct span key, size_t most)
{
    struct series *series = operations->latest;

    if (series == NULL || !span_equal(key_of(series), key)) {
        series = hashmap_find(&operations->by_key, key);
    }
    if (series == NULL && operations->count < most) {
        series = add(operations, key);
    }
    return series;
}

static void observe(struct operation_buckets *to, int64_t us)
{
    double seconds = (double)us / 1e6;
    size_t bucket = 0;

    while (bucket < OPERATION_BUCKETS - 1 && seconds > operation_bounds_s[bucket]) {
        bucket++;
    }
    to->count++;
    to->sum_s += seconds;
    to->buckets[bucket]++;
}

static struct series *series_for(struct operations *operations, const struct timeline *timeline,
                                 const char *error_type)
{
    const char *shared = timeline->tool[0] == '\0' ? "" : other;
    char room[KEY_SIZE];
    struct series *series;

    series = ensure(operations, write_key(room, timeline->method, timeline->tool, error_type),
                    NAMED_PLACES);
    if (series == NULL) {
        series = ensure(operations, write_key(room, timeline->method, shared, error_type),
                        NAMED_PLACES + OTHER_PLACES);
    }
    if (series == NULL) {
        series =
            ensure(operations,
                   write_key(room, timeline->method, shared, error_type[0] == '\0' ? "" : other),
                   OPERATIONS_MAXIMUM);
    }
    return series;
}

void operations_note(struct operations *operations, const struct timeline *timeline,
                     const char *error_type)
{
    struct series *series = series_for(operations, timeline, error_type == NULL ? "" : error_type);

    if (series == NULL) {
        return;
    }
    operations->latest = series;
    if (timeline->kind != TIMELINE_LOCAL && timeline->sent_us > 0) {
        observe(&series->operation.client, timeline->done_us - timeline->sent_us);
    }
    if (timeline->kind != TIMELINE_FETCH) {
        observe(&series->operation.server, timeline->done_us - timeline->begun_us);
    }
}
