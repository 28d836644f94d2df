/* SPDX-License-Identifier: MIT */
#include "broker/routing/listen.h"

#include "broker/routing/notices.h"

#define SUBSCRIPTION_ID "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":"

/* A kind is honoured only if the server tells of it: the acknowledgement is a promise. */
static unsigned honoured_kinds(const struct request *request)
{
    struct span wanted = message_param(&request->message, "notifications");
    unsigned kinds = 0;

    for (size_t i = 0; i < notice_list_count; i++) {
        const struct notice_list *list = &notice_lists[i];

        if (json_kind_of(json_find(wanted, list->filter)) == JSON_TRUE &&
            route_tells_changes(request->route, list->capability)) {
            kinds |= list->kinds;
        }
    }
    return kinds;
}

void listen_acknowledge(struct request *request)
{
    struct bytes *out = router_scratch(request->requester->router);
    const char *comma = "";

    request->kind = REQUEST_LISTEN;
    request->requester->listens++;
    request->listen_kinds = honoured_kinds(request);
    bytes_append_text(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/"
                           "acknowledged\",\"params\":{\"notifications\":{");
    for (size_t i = 0; i < notice_list_count; i++) {
        if ((request->listen_kinds & notice_lists[i].kinds) != 0) {
            bytes_printf(out, "%s\"%s\":true", comma, notice_lists[i].filter);
            comma = ",";
        }
    }
    bytes_append_text(out, "}," SUBSCRIPTION_ID);
    bytes_append_span(out, request->message.id);
    bytes_append_text(out, "}}}");
    requester_send(request->requester, out);
    request->requester->events->on_fewer(request->requester->owner);
}

void listen_start(struct request *request)
{
    if (span_is_none(pool_identity(route_pool(request->route)))) {
        request_greet(request);
    } else {
        listen_acknowledge(request);
    }
}

void listen_tell(struct request *request, unsigned kinds)
{
    for (size_t i = 0; i < notice_list_count; i++) {
        struct bytes *out;

        if ((request->listen_kinds & kinds & notice_lists[i].kinds) == 0) {
            continue;
        }
        out = router_scratch(request->requester->router);
        bytes_printf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{" SUBSCRIPTION_ID,
                     notice_lists[i].method);
        bytes_append_span(out, request->message.id);
        bytes_append_text(out, "}}}");
        requester_send(request->requester, out);
    }
}
