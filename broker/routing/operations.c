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
    NAMED_PLACES = OPERATIONS_MAXIMUM - OTHER_PLACES - LAST_PLACES
};
_Static_assert(NAMED_PLACES >= OPERATIONS_MAXIMUM / 2, "most are named");

static const char other[] = "_other";

void operations_init(struct operations *operations)
{
    hashmap_init(&operations->by_name);
}

void operations_done(struct operations *operations)
{
    hashmap_done(&operations->by_name);
    for (size_t i = 0; i < operations->count; i++) {
        mem_free(operations->all[i]);
    }
}

const struct operation *operations_at(const struct operations *operations, size_t index)
{
    return index < operations->count ? operations->all[index] : NULL;
}

/* What tells it from others: all before the figures, with zeroes behind the texts. */
static struct span name_of(const struct operation *operation)
{
    return (struct span){(const char *)operation, offsetof(struct operation, client)};
}

static void copy(char *to, size_t size, const char *from)
{
    memcpy(to, from, strnlen(from, size - 1));
}

static struct operation *add(struct operations *operations, struct span name)
{
    struct operation *operation = MEM_NEW(struct operation);

    if (operation == NULL) {
        return NULL;
    }
    memcpy(operation, name.at, name.length);
    if (hashmap_add(&operations->by_name, name_of(operation), operation) < 0) {
        mem_free(operation);
        return NULL;
    }
    operations->all[operations->count++] = operation;
    return operation;
}

/* The one of that name; a new one only while there are fewer than MOST.  NULL: none. */
static struct operation *ensure(struct operations *operations, enum mcp_method method,
                                const char *tool, const char *error_type, size_t most)
{
    struct operation *operation = operations->latest;
    struct operation wanted;
    struct span name;

    memset(&wanted, 0, sizeof(wanted)); /* what lies between members, too */
    name = name_of(&wanted);
    wanted.method = method;
    copy(wanted.tool, sizeof(wanted.tool), tool);
    copy(wanted.error_type, sizeof(wanted.error_type), error_type);
    if (operation == NULL || !span_equal(name_of(operation), name)) {
        operation = hashmap_find(&operations->by_name, name);
    }
    if (operation == NULL && operations->count < most) {
        operation = add(operations, name);
    }
    return operation;
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

static struct operation *operation_of(struct operations *operations,
                                      const struct timeline *timeline, const char *error_type)
{
    const char *tool = timeline->tool[0] == '\0' ? "" : other;
    const char *error = error_type[0] == '\0' ? "" : other;
    struct operation *operation = NULL;

    /* Who may not call may invent names; the places are for tools that there are. */
    if (timeline->failure != FAILURE_DENIED) {
        operation = ensure(operations, timeline->method, timeline->tool, error_type, NAMED_PLACES);
    }
    if (operation == NULL) {
        operation =
            ensure(operations, timeline->method, tool, error_type, NAMED_PLACES + OTHER_PLACES);
    }
    if (operation == NULL) {
        operation = ensure(operations, timeline->method, tool, error, OPERATIONS_MAXIMUM);
    }
    return operation;
}

void operations_note(struct operations *operations, const struct timeline *timeline,
                     const char *error_type)
{
    struct operation *operation =
        operation_of(operations, timeline, error_type == NULL ? "" : error_type);

    if (operation == NULL) {
        return;
    }
    operations->latest = operation;
    if (timeline->kind != TIMELINE_LOCAL && timeline->sent_us > 0) {
        observe(&operation->client, timeline->done_us - timeline->sent_us);
    }
    if (timeline->kind != TIMELINE_FETCH) {
        observe(&operation->server, timeline->done_us - timeline->begun_us);
    }
}
