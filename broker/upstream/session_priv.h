/* SPDX-License-Identifier: MIT */
/* What session.c (its life) and session_calls.c (its traffic) share. */
#ifndef TEPLO_UPSTREAM_SESSION_PRIV_H
#define TEPLO_UPSTREAM_SESSION_PRIV_H

#include "broker/upstream/session.h"

enum { SESSION_FAULTS_MAXIMUM = 3, SESSION_NOTES_MAXIMUM = 64, NOTE_TIMEOUT_MS = 10000 };

/* session.c */
void session_set_state(struct session *session, enum session_state state);
/*
 * A call was added or settled: tell the pool.  A drained session without calls ends, but later in
 * the turn: who has settled the last one may be in the middle of things (errand.c, request.c).
 */
void session_count_changed(struct session *session);
/* An answer to a request of the session's own: initialize or ping.  False: it is a call's. */
bool session_on_own_answer(struct session *session, const struct message *answer);
/* The session is over, for a reason in the server or at home. */
void session_lose(struct session *session, const char *error_class, const char *detail);

/*
 * No new calls, for cause; those out may still end well.  The strings are constants; CAUSE goes on
 * after the server's URL.
 */
void session_distrust(struct session *session, const char *error_class, const char *cause);
/*
 * The judgement on a message of the session's that had ID (0: it was a notification).  When
 * it is `answered`, RET_ANSWER is the answer, as long as DELIVERY lives.
 */
struct delivery_verdict session_judge(const struct session *session,
                                      const struct delivery *delivery, int64_t id,
                                      struct message *ret_answer);

/* session_calls.c */
extern const char session_gone_class[]; /* the error class of a session that is not known */
void session_on_text(struct session *session, struct span text);
/* A text that was too long: HEAD is how it began, TAIL how it ended. */
void session_on_oversize(struct session *session, struct span head, struct span tail);
/*
 * The server says, to one message, that it does not know the session any more: it gets no new
 * calls.  That is no word on those that are out, and they may be other clients': each ends by its
 * own answer, by the reply to its own POST, by its deadline, or with the stream.
 */
void session_forsake(struct session *session);
/* Fail every call, and take back what is under way.  FAILURE is for those that may have run. */
void session_fail_calls(struct session *session, enum failure failure);
/* Send a message nobody waits for.  It may be dropped when too many are under way. */
void session_note(struct session *session, struct span text);
int64_t session_mint_id(struct session *session);

#endif
