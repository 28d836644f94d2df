/* SPDX-License-Identifier: MIT */
/*
 * The client side of TLS: the server's certificate and the name in it are always checked.
 * Called by redis_dial; connects nothing itself.
 */
#ifndef TEPLO_HEALTH_REDIS_TLS_H
#define TEPLO_HEALTH_REDIS_TLS_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "broker/health/redis_access.h"

enum { REDIS_TLS_WHY = 256, REDIS_TLS_FILES = 4 };

/* A file as it was: another one in its place has another stamp. */
struct redis_tls_stamp {
    uint64_t inode;
    int64_t size_bytes;
    int64_t changed_s;
    int64_t changed_ns;
};

/*
 * What was read from the files.  All the certificates that a system trusts take 30 ms, so they
 * are read again only when they have changed.  All zero is nothing read.
 */
struct redis_tls_store {
    SSL_CTX *shared; /* ours; NULL: nothing */
    struct redis_tls_stamp stamps[REDIS_TLS_FILES];
};
void redis_tls_store_done(struct redis_tls_store *store);

/*
 * For one connection to a server called NAME (a host, or an address).  STORE is always given the
 * same TLS.  Files that have changed are read now; they must be regular ones, so that nothing
 * waits.  NULL: WHY says what is wrong with them and what to do.  To be freed with SSL_free.
 */
SSL *redis_tls_new(struct redis_tls_store *store, const struct redis_tls *tls, const char *name,
                   char why[REDIS_TLS_WHY]);

/* Why the handshake of SSL with NAME failed, and what to do.  ERROR: of OpenSSL, 0 for none. */
void redis_tls_explain(const SSL *ssl, unsigned long error, const char *name,
                       char why[REDIS_TLS_WHY]);

#endif
