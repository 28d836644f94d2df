/* SPDX-License-Identifier: MIT */
#include "broker/routing/notices.h"

#include "broker/routing/listen.h"
#include "broker/routing/requester.h"

const struct notice_list notice_lists[] = {
    {"notifications/tools/list_changed", "toolsListChanged", "tools", 1U << CATALOG_TOOLS},
    {"notifications/prompts/list_changed", "promptsListChanged", "prompts", 1U << CATALOG_PROMPTS},
    {"notifications/resources/list_changed", "resourcesListChanged", "resources",
     1U << CATALOG_RESOURCES | 1U << CATALOG_TEMPLATES},
};
const size_t notice_list_count = sizeof(notice_lists) / sizeof(notice_lists[0]);

static void tell_listens(struct requester *requester, struct route *route, unsigned kinds);

/* Of the lists that NOTICE says have changed; 0: it says something else. */
static unsigned kinds_of(const struct message *notice)
{
    for (size_t i = 0; i < notice_list_count; i++) {
        if (json_string_is(notice->method, notice_lists[i].method)) {
            return notice_lists[i].kinds;
        }
    }
    return 0;
}

/* Everything that a client's own session says is the client's. */
static void tell_one(struct requester *requester, struct route *route, unsigned kinds,
                     const struct message *notice)
{
    if (requester->era == REQUESTER_LEGACY) {
        struct bytes *out = router_scratch(requester->router);
        struct splice splice;

        splice_init(&splice, notice->text);
        splice_write(&splice, out);
        if (!out->failed) {
            requester_send(requester, out);
        }
    } else {
        tell_listens(requester, route, kinds);
    }
}

void notices_on_notice(struct route *route, int64_t party, const struct message *notice)
{
    struct requester *requester = NULL;

    if (party != PARTY_NOBODY) {
        requester = router_find_party(route_router(route), party);
        if (requester != NULL) {
            tell_one(requester, route, kinds_of(notice), notice);
        }
        return;
    }
    if (kinds_of(notice) != 0) {
        route_note_changed(route, kinds_of(notice));
        return;
    }
    route_totals(route)->notices_dropped_total++;
}

static void tell_legacy(struct requester *requester, struct route *route, unsigned kinds)
{
    for (size_t i = 0; i < notice_list_count; i++) {
        struct bytes *out;

        /* Only what the capabilities that this client was given announce. */
        if ((kinds & notice_lists[i].kinds) == 0 ||
            !route_tells_changes(route, notice_lists[i].capability)) {
            continue;
        }
        out = router_scratch(requester->router);
        bytes_printf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", notice_lists[i].method);
        requester_send(requester, out);
    }
}

static void tell_listens(struct requester *requester, struct route *route, unsigned kinds)
{
    if (requester->listens == 0) {
        return;
    }
    HASHMAP_FOREACH (slot, &requester->requests) {
        struct request *request = slot->value;

        if (request->kind == REQUEST_LISTEN && request->route == route) {
            listen_tell(request, kinds);
        }
    }
}

void notices_tell_changed(struct route *route, unsigned kinds)
{
    LIST_FOREACH_SAFE (node, router_requesters(route_router(route))) {
        struct requester *requester = LIST_ITEM(node, struct requester, in_router);

        if (!access_may_use(route_access(route), &requester->peer)) {
            continue;
        }
        if (requester->era == REQUESTER_LEGACY && requester->version != NULL &&
            span_is(span_of(requester->route_name), route_name(route))) {
            tell_legacy(requester, route, kinds);
        } else {
            tell_listens(requester, route, kinds);
        }
    }
}
