/* SPDX-License-Identifier: MIT */
/*
 * What a server says unasked, and who hears it: changed lists go to every client of the
 * route (once, however often the server says it); what belongs to nobody in particular
 * (log messages, resource updates) is dropped and counted, since on a shared session it
 * may be about another client's call.
 */
#ifndef TEPLO_ROUTING_NOTICES_H
#define TEPLO_ROUTING_NOTICES_H

#include <stddef.h>

#include "broker/routing/route.h"

/* One kind of change notice, in both eras' words. */
struct notice_list {
    const char *method;     /* the notification */
    const char *filter;     /* its name in subscriptions/listen */
    const char *capability; /* the capability that announces it */
    unsigned kinds;         /* 1 << enum catalog_kind that it makes old */
};
extern const struct notice_list notice_lists[];
extern const size_t notice_list_count;

/* PARTY: the only client that NOTICE is for, or PARTY_NOBODY: the session is shared. */
void notices_on_notice(struct route *route, int64_t party, const struct message *notice);
/* Tell the clients of ROUTE that KINDS changed. */
void notices_tell_changed(struct route *route, unsigned kinds);

#endif
