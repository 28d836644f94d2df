/* SPDX-License-Identifier: MIT */
/*
 * The client side of TLS: the server's certificate and the name in it are always checked.
 * Called by redis_dial; connects nothing itself.
 */
#ifndef TEPLO_HEALTH_REDIS_TLS_H
#define TEPLO_HEALTH_REDIS_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "broker/health/redis_access.h"

enum { REDIS_TLS_WHY = 256 };

/*
 * For one connection to a server called NAME (a host, or an address).  The files are read now;
 * they are small, and must be regular ones, so that nothing waits.  NULL: WHY says what is wrong
 * with them and what to do.  To be freed with SSL_free.
 */
SSL *redis_tls_new(const struct redis_tls *tls, const char *name, char why[REDIS_TLS_WHY]);

/* Why the handshake of SSL with NAME failed, and what to do.  ERROR: of OpenSSL, 0 for none. */
void redis_tls_explain(const SSL *ssl, unsigned long error, const char *name,
                       char why[REDIS_TLS_WHY]);

#endif
