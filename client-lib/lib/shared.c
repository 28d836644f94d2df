/* SPDX-License-Identifier: MIT */
/*
 * Idle clients in slots that are taken and filled by one atomic exchange each: there is no lock
 * that a fork could leave locked, and what a child finds in them it closes.
 */
#include <stdatomic.h>

#include "client-lib/lib/client.h"
#include "client-lib/lib/result.h"
#include "proto/base/mem.h"

struct teplo_shared {
    struct teplo_options options;
    size_t count;
    _Atomic(struct teplo_client *) slots[];
};

/* What a call of one of the three below says. */
struct shared_wish {
    const char *name; /* of the tool, or the method */
    struct span body;
    const struct teplo_callopts *callopts;
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

/* One of the three, on CLIENT. */
typedef int (*ask_fn)(struct teplo_client *client, const struct shared_wish *wish,
                      struct teplo_result **ret_result);

/* Nothing was started: there is no handle to ask why, so that a result says it. */
static void tell_why(struct teplo_client *client, int status, struct teplo_result **ret_result)
{
    const struct result_end end = {status, TEPLO_NOT_EXECUTED, "not_started"};
    struct teplo_result *result = result_new(0, TEPLO_K_ANSWER);

    if (result != NULL) {
        result_fail(result, &end, "%s", teplo_errmsg(client));
        *ret_result = result;
    }
}

static int ask(struct teplo_shared *shared, ask_fn ask_client, const struct shared_wish *wish,
               struct teplo_result **ret_result)
{
    struct teplo_client *client;
    int r;

    if (ret_result == NULL) {
        return TEPLO_E_INVAL;
    }
    *ret_result = NULL;
    r = shared == NULL ? TEPLO_E_INVAL : take(shared, &client);
    if (r < 0) {
        return r;
    }
    r = ask_client(client, wish, ret_result);
    if (*ret_result == NULL) {
        tell_why(client, r, ret_result);
    }
    put_back(shared, client);
    return r;
}

static int ask_tool(struct teplo_client *client, const struct shared_wish *wish,
                    struct teplo_result **ret_result)
{
    return teplo_call_tool(client, wish->name, wish->body.at, wish->body.length, wish->callopts,
                           ret_result);
}

static int ask_list(struct teplo_client *client, const struct shared_wish *wish,
                    struct teplo_result **ret_result)
{
    return teplo_list_tools(client, wish->callopts, ret_result);
}

static int ask_method(struct teplo_client *client, const struct shared_wish *wish,
                      struct teplo_result **ret_result)
{
    return teplo_request(client, wish->name, wish->body.at, wish->body.length, wish->callopts,
                         ret_result);
}

int teplo_shared_call_tool(struct teplo_shared *shared, const char *tool, const char *arguments,
                           size_t length, const struct teplo_callopts *callopts,
                           struct teplo_result **ret_result)
{
    const struct shared_wish wish = {tool, {arguments, length}, callopts};

    return ask(shared, ask_tool, &wish, ret_result);
}

int teplo_shared_list_tools(struct teplo_shared *shared, const struct teplo_callopts *callopts,
                            struct teplo_result **ret_result)
{
    const struct shared_wish wish = {NULL, SPAN_NONE, callopts};

    return ask(shared, ask_list, &wish, ret_result);
}

int teplo_shared_request(struct teplo_shared *shared, const char *method, const char *params,
                         size_t length, const struct teplo_callopts *callopts,
                         struct teplo_result **ret_result)
{
    const struct shared_wish wish = {method, {params, length}, callopts};

    return ask(shared, ask_method, &wish, ret_result);
}
