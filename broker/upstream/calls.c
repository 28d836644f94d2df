/* SPDX-License-Identifier: MIT */
#include "broker/upstream/calls.h"

void calls_init(struct calls *calls)
{
    hashmap_init(&calls->by_id);
    list_init(&calls->lingering);
    calls->last_id = 0;
}

void calls_done(struct calls *calls)
{
    CHECK(calls->by_id.count == 0 && list_is_empty(&calls->lingering));
    hashmap_done(&calls->by_id);
}

bool calls_read_id(struct span token, int64_t *ret_id)
{
    if (span_is_none(token)) {
        return false;
    }
    /* Some servers echo a number as a string of its digits; ids of ours are unique as text too. */
    if (json_kind_of(token) == JSON_STRING && token.length > 2) {
        token = (struct span){token.at + 1, token.length - 2};
    }
    return json_to_int(token, ret_id);
}

struct call *calls_find(const struct calls *calls, struct span token)
{
    int64_t id;

    return calls_read_id(token, &id) ? hashmap_find(&calls->by_id, hashmap_number_key(&id)) : NULL;
}
