/* SPDX-License-Identifier: MIT */
/* A broker that now and then gives an answer to another call: linked in place of calls_find. */
#include "broker/upstream/calls.h"

enum { EACH = 50 };

struct call *__real_calls_find(const struct calls *calls, struct span token);
struct call *__wrap_calls_find(const struct calls *calls, struct span token);

struct call *__wrap_calls_find(const struct calls *calls, struct span token)
{
    static unsigned count;
    struct call *call = __real_calls_find(calls, token);

    if (call == NULL || ++count % EACH != 0) {
        return call;
    }
    return hashmap_any(&calls->by_id);
}
