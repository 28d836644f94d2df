/* SPDX-License-Identifier: MIT */
/*
 * What a session needs of a transport, whatever carries its messages.  A transport
 * knows no JSON-RPC: texts go out as parcels, texts come in by on_text.
 */
#ifndef TEPLO_UPSTREAM_TRANSPORT_H
#define TEPLO_UPSTREAM_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/upstream/delivery.h"
#include "proto/base/bytes.h"

struct server;
struct transport;
struct carrier;

/* Why a transport, and with it the session, is over. */
struct transport_end {
    enum failure failure; /* for calls that wait for it to open */
    const char
        *error_class; /* "dns", "connect", "tls", "timeout", "reset", "http4xx", "auth", ... */
    bool is_settled;  /* trying again soon cannot help: somebody must change something */
    char detail[256]; /* what happened and the remedy, for people */
};

/* All mandatory.  None is called after transport_close, nor before transport_open returned. */
struct transport_events {
    void (*on_open)(void *owner);                   /* texts may be sent */
    void (*on_text)(void *owner, struct span text); /* one text from the server */
    /* A text longer than the maximum was dropped: HEAD is how it began, TAIL how it ended. */
    void (*on_oversize)(void *owner, struct span head, struct span tail);
    void (*on_closed)(void *owner, const struct transport_end *end); /* the last event */
};

/* One message on its way out; embedded by who sends it. */
struct parcel {
    struct carrier *carrier; /* the transport's, while under way */
    void (*on_delivered)(struct parcel *parcel, const struct delivery *delivery);
};

struct transport_ops {
    const char *name; /* as in status output: "sse" */
    void (*open)(struct transport *transport);
    /*
     * Carry TEXT, which is copied.  on_delivered runs once, later; at the latest after
     * TIMEOUT_MS.  -ENOMEM: nothing was sent and nothing will be told.
     */
    int (*send)(struct transport *transport, struct parcel *parcel, struct span text,
                int64_t timeout_ms);
    void (*close)(struct transport *transport);
    uint64_t (*bytes_received)(const struct transport *transport);
};

struct transport {
    const struct transport_ops *ops;
    const struct transport_events *events;
    void *owner;
    int64_t heard_us; /* when the first byte of the text was read that on_text tells */
};

/* Silence for PARCEL.  Idempotent, also after its end. */
void parcel_cancel(struct parcel *parcel);
/* Bytes of its text that left our hands so far, while it is under way; 0 otherwise. */
size_t parcel_handed_over(const struct parcel *parcel);
/* Its moments so far, while it is under way; none otherwise. */
struct delivery_moments parcel_moments(const struct parcel *parcel);

static inline void transport_open(struct transport *transport)
{
    transport->ops->open(transport);
}

MUST_CHECK static inline int transport_send(struct transport *transport, struct parcel *parcel,
                                            struct span text, int64_t timeout_ms)
{
    return transport->ops->send(transport, parcel, text, timeout_ms);
}

/* Every parcel must have ended or been cancelled.  Freed at the end of the turn. */
static inline void transport_close(struct transport *transport)
{
    transport->ops->close(transport);
}

#endif
