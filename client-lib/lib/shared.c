/* SPDX-License-Identifier: MIT */
/*
 * Idle clients in slots that are taken and filled by one atomic exchange each: there is no lock
 * that a fork could leave locked, and what a child finds in them it closes.
 */
#include <stdatomic.h>

#include "client-lib/lib/client.h"
#include "proto/base/mem.h"

struct teplo_shared {
    struct teplo_options options;
    size_t count;
    _Atomic(struct teplo_client *) slots[];
};

int teplo_shared_new(const struct teplo_options *options, struct teplo_shared **ret_shared)
{
    struct teplo_options copy;
    struct teplo_shared *shared;

    if (ret_shared == NULL) {
        return TEPLO_E_INVAL;
    }
    if (options_copy(&copy, options) < 0) {
        return TEPLO_E_NOMEM;
    }
    shared = (struct teplo_shared *)mem_new(sizeof(*shared) +
                                            (size_t)copy.max_idle * sizeof(shared->slots[0]));
    if (shared == NULL) {
        options_done(&copy);
        return TEPLO_E_NOMEM;
    }
    shared->options = copy;
    shared->count = (size_t)copy.max_idle;
    *ret_shared = shared;
    return TEPLO_OK;
}

void teplo_shared_free(struct teplo_shared *shared)
{
    if (shared == NULL) {
        return;
    }
    for (size_t i = 0; i < shared->count; i++) {
        teplo_close(atomic_load(&shared->slots[i]));
    }
    options_done(&shared->options);
    mem_free(shared);
}

static int take(struct teplo_shared *shared, struct teplo_client **ret_client)
{
    for (size_t i = 0; i < shared->count; i++) {
        /* A look first: most slots are empty, and looking does not take the line from others. */
        struct teplo_client *client = atomic_load(&shared->slots[i]) == NULL
                                          ? NULL
                                          : atomic_exchange(&shared->slots[i], NULL);

        if (client == NULL) {
            continue;
        }
        if (client_check(client) == TEPLO_OK) {
            *ret_client = client;
            return TEPLO_OK;
        }
        teplo_close(client);
    }
    return teplo_open(&shared->options, ret_client);
}

static void put_back(struct teplo_shared *shared, struct teplo_client *client)
{
    for (size_t i = 0; i < shared->count; i++) {
        struct teplo_client *none = NULL;

        if (atomic_load(&shared->slots[i]) == NULL &&
            atomic_compare_exchange_strong(&shared->slots[i], &none, client)) {
            return;
        }
    }
    teplo_close(client);
}

/* Nothing was started. */
static int refuse(struct teplo_result **ret_result)
{
    if (ret_result != NULL) {
        *ret_result = NULL;
    }
    return TEPLO_E_INVAL;
}

int teplo_shared_call_tool(struct teplo_shared *shared, const char *tool, const char *arguments,
                           size_t length, const struct teplo_callopts *callopts,
                           struct teplo_result **ret_result)
{
    struct teplo_client *client;
    int r = refuse(ret_result);

    if (shared != NULL) {
        r = take(shared, &client);
    }
    if (r == TEPLO_OK) {
        r = teplo_call_tool(client, tool, arguments, length, callopts, ret_result);
        put_back(shared, client);
    }
    return r;
}

int teplo_shared_list_tools(struct teplo_shared *shared, const struct teplo_callopts *callopts,
                            struct teplo_result **ret_result)
{
    struct teplo_client *client;
    int r = refuse(ret_result);

    if (shared != NULL) {
        r = take(shared, &client);
    }
    if (r == TEPLO_OK) {
        r = teplo_list_tools(client, callopts, ret_result);
        put_back(shared, client);
    }
    return r;
}

int teplo_shared_request(struct teplo_shared *shared, const char *method, const char *params,
                         size_t length, const struct teplo_callopts *callopts,
                         struct teplo_result **ret_result)
{
    struct teplo_client *client;
    int r = refuse(ret_result);

    if (shared != NULL) {
        r = take(shared, &client);
    }
    if (r == TEPLO_OK) {
        r = teplo_request(client, method, params, length, callopts, ret_result);
        put_back(shared, client);
    }
    return r;
}
