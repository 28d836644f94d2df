/* SPDX-License-Identifier: MIT */
/*
 * TLS for one connection that blocks in poll alone: its descriptor does not.  The server's
 * certificate and the name in it are always checked.  Called by fleet_link.
 *
 * Files, all of PEM: $TEPLO_REDIS_CA, what must have signed the server's certificate, else what
 * the system trusts ($SSL_CERT_FILE); $TEPLO_REDIS_CERT and $TEPLO_REDIS_KEY, for a server that
 * wants to see one.
 */
#ifndef TEPLO_FLEET_FLEET_TLS_H
#define TEPLO_FLEET_FLEET_TLS_H

#include <sys/types.h>

#include "proto/base/bytes.h"

enum { FLEET_TLS_WHY_SIZE = 768 };

struct fleet_tls;

/* FD stays the caller's.  NULL: WHY says what is wrong with the files, or with OpenSSL. */
struct fleet_tls *fleet_tls_new(int fd, const char *host, char why[FLEET_TLS_WHY_SIZE]);
/* Takes NULL.  Says no goodbye. */
void fleet_tls_free(struct fleet_tls *tls);

/*
 * -EAGAIN: the events of fleet_tls_events are to be waited for.  -EPROTO, and WHY.  Then nothing
 * more is to be done with TLS.
 */
MUST_CHECK int fleet_tls_greet(struct fleet_tls *tls, char why[FLEET_TLS_WHY_SIZE]);
/* As send and recv, but -errno; -EAGAIN as above; 0 of fleet_tls_read: the end. */
MUST_CHECK ssize_t fleet_tls_write(struct fleet_tls *tls, struct span bytes);
MUST_CHECK ssize_t fleet_tls_read(struct fleet_tls *tls, char *room, size_t size);
/* After -ECONNRESET: what the server said about us, or NULL; good until the next call. */
const char *fleet_tls_alert(const struct fleet_tls *tls);
/* POLLIN or POLLOUT, whichever the last call needs; TLS may have to read in order to write. */
short fleet_tls_events(const struct fleet_tls *tls);

#endif
