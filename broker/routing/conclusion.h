/* SPDX-License-Identifier: MIT */
/*
 * What is measured of a request at its end, exactly once: totals, meters, journal.  Called by
 * request.c for every request of a client, however it ends, by the route for what the catalog
 * fetches, and by refusal.c for what the access rules turn away.
 *
 *   calls            all of it
 *   lists, greetings answered by us: an operation of the downstream side; in the journal only if
 *   and denials      they failed
 *   pages fetched    all but the downstream side
 *   open listens     nothing: their length says nothing
 *
 * Pings, and what is refused before it is a request of a route, are not measured.
 */
#ifndef TEPLO_ROUTING_CONCLUSION_H
#define TEPLO_ROUTING_CONCLUSION_H

#include "broker/routing/request.h"
#include "broker/routing/route.h"

/* REQUEST has been answered, or nobody waits for it any more. */
void conclusion_of_request(const struct request *request);
/* MESSAGE asked ROUTE for what its rules deny. */
void conclusion_of_denied(const struct requester *requester, const struct message *message,
                          struct route *route);
/* TIMELINE is complete. */
void conclusion_note(struct route *route, const struct timeline *timeline);

#endif
