/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the scripted server share: its settings, its counters, the ledger of
 * what it executed, and the face that a transport shows to the MCP part.
 *
 *   scripted_server.c   command line
 *   peer.c              HTTP/1.1 connections, byte for byte
 *   scripted_sse.c      HTTP+SSE: sessions, endpoints, which POST belongs to whom
 *   scripted_control.c  /__ctl and /__stats
 *   scripted_mcp.c      the methods
 *   scripted_call.c     tools/call: reads what is asked for, and does it
 */
#ifndef TEPLO_TESTS_SCRIPTED_H
#define TEPLO_TESTS_SCRIPTED_H

#include <stdint.h>

#include "broker/runtime/loop.h"
#include "proto/base/bytes.h"
#include "proto/base/hashmap.h"
#include "proto/message.h"

enum { SCRIPTED_ANSWER_MAXIMUM = 64 << 20, SCRIPTED_FAULT_MAXIMUM = 64 };

struct scripted_settings {
#define SETTING(name, fallback) int64_t name;
#include "tests/upstream/scripted/settings.def"
#undef SETTING
    char fault[SCRIPTED_FAULT_MAXIMUM]; /* of calls that name none */
};

struct scripted_counters {
#define COUNTER(name) uint64_t name;
#include "tests/upstream/scripted/counters.def"
#undef COUNTER
};

struct scripted {
    struct loop *loop;
    struct scripted_settings settings;
    struct scripted_counters counters;
    struct hashmap sessions; /* by their id; those whose stream is open and not forgotten */
    struct list streams;     /* all sessions whose stream is open */
    int64_t last_session;
    int ledger;           /* descriptor, -1: none */
    struct bytes scratch; /* what is being said */
};

struct session;

/* How a connection ends. */
enum farewell { FAREWELL_FIN, FAREWELL_RESET };

/* One request of a client as its transport sees it, until the return. */
struct posting;

/* What the MCP part asks of a transport. */
struct transport_face {
    /* The reply to the request itself.  EXTRA bytes or fewer, then FIN, where a part is asked. */
    void (*reply)(struct posting *posting, int status);
    void (*reply_part)(struct posting *posting, size_t bytes);
    void (*end_posting)(struct posting *posting, enum farewell how);
    /* The same, once the caller has returned: the connection may be gone by then. */
    void (*reply_later)(struct posting *posting, int64_t delay_ms);
    /* TEXT, one JSON message, as it stands on the wire. */
    void (*frame)(struct span text, struct bytes *out);
    void (*send)(struct session *session, struct span framed);
    void (*send_filler)(struct session *session, size_t bytes);
    void (*end_session)(struct session *session, enum farewell how);
    /* Its requests are unknown from now on; its stream stays. */
    void (*forget)(struct session *session);
};

struct session {
    struct scripted *scripted;
    const struct transport_face *face;
    void *carrier;  /* the transport's own: where answers go */
    int64_t number; /* the id */
    bool is_greeted;
    bool is_known;
    bool is_dripping;  /* a message is half said: others wait in `held` */
    struct bytes held; /* framed */
    struct list jobs;  /* calls that are under way */
    struct list_node in_streams;
};

void session_init(struct session *session, struct scripted *scripted,
                  const struct transport_face *face, void *carrier);
/* Calls under way go on, unheard. */
void session_done(struct session *session);

/* One message, framed and sent. */
void session_say(struct session *session, struct span text);

/* ---- scripted_mcp.c */

/* BODY came for SESSION by POSTING, which is replied to here, now or later. */
void scripted_hear(struct session *session, struct posting *posting, struct span body);

/* ---- scripted_call.c */

void scripted_call(struct session *session, struct posting *posting, const struct message *message);

#endif
