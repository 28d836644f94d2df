/* SPDX-License-Identifier: MIT */
/* Called by requester.c; knows names, URLs of servers and who may use what, but no session. */
#include "broker/routing/pool_choice.h"

#include <stdio.h>

#include "broker/routing/refusal.h"
#include "broker/upstream/url.h"
#include "proto/mcp.h"

enum { NAMES_MAXIMUM = 1024, TEXT_SIZE = NAMES_MAXIMUM + 256 };

/* The message says which wish cannot be granted; PROBLEM is a sentence about it. */
static void refuse(struct requester *requester, const struct message *message, const char *problem)
{
    char text[TEXT_SIZE];
    struct bytes names;
    struct bytes data;
    const char *known;

    bytes_init(&names, NAMES_MAXIMUM);
    bytes_init(&data, (size_t)2 * NAMES_MAXIMUM);
    router_names(requester->router, &requester->peer, &names);
    known = bytes_text(&names);
    bytes_append_text(&data, "{\"teplo\":{" REPLY_REFUSAL_FACTS("no_pool"));
    if (known != NULL) {
        bytes_append_text(&data, ",\"pools\":[");
        bytes_append_text(&data, known);
        bytes_append_char(&data, ']');
    }
    bytes_append_text(&data, "}}");
    (void)snprintf(text, sizeof(text), "%s; the pools: %s", problem,
                   known == NULL ? "too many to name" : known);
    refusal_error(requester, message->id, RPC_INVALID_PARAMS, text,
                  data.failed ? SPAN_NONE : bytes_span(&data));
    bytes_done(&names);
    bytes_done(&data);
}

/* There is none that may be meant: for this user, or at all. */
static void refuse_missing(struct requester *requester, const struct message *message,
                           const char *name)
{
    char problem[128];
    struct bytes names;
    bool may_none;

    bytes_init(&names, NAMES_MAXIMUM);
    router_names(requester->router, &requester->peer, &names);
    may_none = names.length == 0 && !names.failed && router_count(requester->router) > 0;
    bytes_done(&names);
    if (may_none) {
        refusal_denied(requester, message, NULL, refusal_not_allowed);
        return;
    }
    if (name[0] == '\0') {
        (void)snprintf(problem, sizeof(problem), "%s",
                       "name the pool in _meta[\"dev.teplo/pool\"], or use its own socket");
    } else {
        (void)snprintf(problem, sizeof(problem), "there is no pool \"%s\"", name);
    }
    refuse(requester, message, problem);
}

static bool is_url(struct span wish)
{
    return json_string_starts(wish, "http://") || json_string_starts(wish, "https://");
}

/* The one pool of a server at the URL that WISH is; NULL: answered. */
static struct route *find_by_url(struct requester *requester, const struct message *message,
                                 struct span wish)
{
    char text[URL_MAXIMUM + 1];
    struct route *route = NULL;
    struct url url;
    size_t count;

    if (!json_string_copy(wish, text, sizeof(text)) || url_init(&url, text) < 0) {
        refuse(requester, message, "the URL in _meta[\"dev.teplo/pool\"] is none");
        return NULL;
    }
    count = router_find_url(requester->router, &requester->peer, &url, &route);
    url_done(&url);
    if (count != 1) {
        refuse(requester, message,
               count == 0 ? "no pool has a server at the URL in _meta[\"dev.teplo/pool\"]"
                          : "several pools have a server at the URL in _meta[\"dev.teplo/pool\"]: "
                            "name one");
        return NULL;
    }
    return route;
}

static struct route *find_by_name(struct requester *requester, const struct message *message,
                                  const char *name)
{
    struct route *route = name[0] == '\0' ? router_only(requester->router, &requester->peer)
                                          : router_find(requester->router, span_of(name));

    if (route == NULL) {
        refuse_missing(requester, message, name);
    }
    return route;
}

/* What WISH, a member of the message or none, asks for; NULL: answered. */
static struct route *find_wish(struct requester *requester, const struct message *message,
                               struct span wish)
{
    char name[ROUTE_NAME_SIZE];

    if (span_is_none(wish)) {
        return find_by_name(requester, message, requester->route_name);
    }
    if (is_url(wish)) {
        return find_by_url(requester, message, wish);
    }
    if (!json_string_copy(wish, name, sizeof(name))) {
        refuse(requester, message, "_meta[\"dev.teplo/pool\"] is not the name of a pool");
        return NULL;
    }
    if (requester->bound_by_socket && strcmp(name, requester->route_name) != 0) {
        refuse(requester, message,
               "this socket is bound to another pool than _meta[\"dev.teplo/pool\"]");
        return NULL;
    }
    return find_by_name(requester, message, name);
}

struct route *pool_choice_of(struct requester *requester, const struct message *message)
{
    struct route *route = find_wish(requester, message, mcp_own_meta(message, "pool"));

    if (route == NULL) {
        return NULL;
    }
    if (requester->bound_by_socket && strcmp(route_name(route), requester->route_name) != 0) {
        refuse(requester, message,
               "this socket is bound to another pool than the URL in _meta[\"dev.teplo/pool\"]");
        return NULL;
    }
    if (!access_may_use(route_access(route), &requester->peer)) {
        refusal_denied(requester, message, route, refusal_not_allowed);
        return NULL;
    }
    return route;
}
