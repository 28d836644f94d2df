/* SPDX-License-Identifier: MIT */
#include "client-lib/fleet/fleet_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "proto/base/mem.h"

struct fleet_tls {
    int fd;
    SSL_CTX *context; /* ours */
    SSL *ssl;         /* ours; has the BIO */
    BIO_METHOD *method;
    short events;
    char host[256];
};

/* ---- the socket below: OpenSSL's own way to write would end us by SIGPIPE */

static int below_write(BIO *bio, const char *bytes, int length)
{
    const struct fleet_tls *tls = BIO_get_data(bio);
    ssize_t n = send(tls->fd, bytes, (size_t)length, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
    }
    return (int)n;
}

static int below_read(BIO *bio, char *room, int size)
{
    const struct fleet_tls *tls = BIO_get_data(bio);
    ssize_t n = recv(tls->fd, room, (size_t)size, 0);

    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
    }
    return (int)n;
}

static long below_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *make_below(struct fleet_tls *tls)
{
    BIO *bio;

    tls->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (tls->method == NULL) {
        return NULL;
    }
    (void)BIO_meth_set_write(tls->method, below_write);
    (void)BIO_meth_set_read(tls->method, below_read);
    (void)BIO_meth_set_ctrl(tls->method, below_control);
    bio = BIO_new(tls->method);
    if (bio != NULL) {
        BIO_set_data(bio, tls);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* ---- making one */

static const char *file_in(const char *variable)
{
    const char *path = getenv(variable);

    return path == NULL || path[0] == '\0' ? NULL : path;
}

static const char *last_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason == NULL ? "no reason given" : reason;
}

/* Nobody is here to be asked for a passphrase: an empty one, which does not fit. */
static int passphrase_cb(char *buffer, int size, int is_write, void *arg)
{
    (void)buffer;
    (void)size;
    (void)is_write;
    (void)arg;
    return 0;
}

static bool take_files(SSL_CTX *context, char why[FLEET_TLS_WHY_SIZE])
{
    const char *ca = file_in("TEPLO_REDIS_CA");
    const char *cert = file_in("TEPLO_REDIS_CERT");
    const char *key = file_in("TEPLO_REDIS_KEY");
    const char *what = NULL;

    if (ca == NULL ? SSL_CTX_set_default_verify_paths(context) != 1
                   : SSL_CTX_load_verify_file(context, ca) != 1) {
        what = "TEPLO_REDIS_CA";
    } else if (cert != NULL && SSL_CTX_use_certificate_chain_file(context, cert) != 1) {
        what = "TEPLO_REDIS_CERT";
    } else if (key != NULL && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        what = "TEPLO_REDIS_KEY";
    }
    if (what != NULL) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE, "the file of $%s cannot be used (%s)", what,
                       last_reason());
    }
    return what == NULL;
}

static SSL_CTX *make_context(char why[FLEET_TLS_WHY_SIZE])
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE, "%s", last_reason());
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(context, passphrase_cb);
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Redis may close without a word, and then that is the end. */
    (void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION |
                                           SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context,
                           SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (!take_files(context, why)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

static bool is_address(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* The certificate must be for tls->host. */
static bool expect_host(struct fleet_tls *tls)
{
    if (is_address(tls->host)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), tls->host) == 1;
    }
    return SSL_set1_host(tls->ssl, tls->host) == 1 &&
           SSL_set_tlsext_host_name(tls->ssl, tls->host) == 1;
}

static bool make_ssl(struct fleet_tls *tls)
{
    BIO *below;

    tls->ssl = SSL_new(tls->context);
    if (tls->ssl == NULL || !expect_host(tls)) {
        return false;
    }
    below = make_below(tls);
    if (below == NULL) {
        return false;
    }
    SSL_set_bio(tls->ssl, below, below);
    return true;
}

struct fleet_tls *fleet_tls_new(int fd, const char *host, char why[FLEET_TLS_WHY_SIZE])
{
    struct fleet_tls *tls = MEM_NEW(struct fleet_tls);

    ERR_clear_error();
    if (tls == NULL) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE, "out of memory");
        return NULL;
    }
    tls->fd = fd;
    (void)snprintf(tls->host, sizeof(tls->host), "%s", host);
    tls->context = make_context(why);
    if (tls->context == NULL) {
        fleet_tls_free(tls);
        return NULL;
    }
    if (!make_ssl(tls)) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE, "TLS with %s: %s", tls->host, last_reason());
        fleet_tls_free(tls);
        return NULL;
    }
    return tls;
}

void fleet_tls_free(struct fleet_tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        SSL_CTX_free(tls->context);
        BIO_meth_free(tls->method);
        mem_free(tls);
    }
}

/* ---- using it */

short fleet_tls_events(const struct fleet_tls *tls)
{
    return tls->events;
}

/* What R, of an OpenSSL function, means. */
static int result_of(struct fleet_tls *tls, int r)
{
    switch (SSL_get_error(tls->ssl, r)) {
    case SSL_ERROR_NONE:
        return r;
    case SSL_ERROR_WANT_READ:
        tls->events = POLLIN;
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        tls->events = POLLOUT;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -ECONNRESET;
    }
}

static void explain(const struct fleet_tls *tls, char why[FLEET_TLS_WHY_SIZE])
{
    unsigned long error = ERR_peek_last_error();
    long verified = SSL_get_verify_result(tls->ssl);

    if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE, "TLS: the certificate is not for %s", tls->host);
    } else if (verified != X509_V_OK) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE,
                       "TLS: the certificate of %s is not accepted (%s); if its CA is your own, "
                       "name the CA's file in $TEPLO_REDIS_CA",
                       tls->host, X509_verify_cert_error_string(verified));
    } else if (error == 0) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE,
                       "TLS: closed by the other end in the handshake; is that a TLS port?");
    } else if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER) {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE,
                       "TLS: the answer is not TLS; give the TLS port, or write redis://");
    } else {
        (void)snprintf(why, FLEET_TLS_WHY_SIZE,
                       "TLS: %s; does it want a certificate ($TEPLO_REDIS_CERT)?", last_reason());
    }
}

const char *fleet_tls_alert(const struct fleet_tls *tls)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());
    bool is_alert = reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;

    (void)tls; /* OpenSSL keeps it for the thread */
    return is_alert ? last_reason() : NULL;
}

int fleet_tls_greet(struct fleet_tls *tls, char why[FLEET_TLS_WHY_SIZE])
{
    int r;

    ERR_clear_error();
    r = result_of(tls, SSL_connect(tls->ssl));
    if (r > 0 || r == -EAGAIN) {
        return r > 0 ? 0 : r;
    }
    explain(tls, why);
    return -EPROTO;
}

ssize_t fleet_tls_write(struct fleet_tls *tls, struct span bytes)
{
    int length = bytes.length > INT_MAX ? INT_MAX : (int)bytes.length;

    ERR_clear_error();
    return result_of(tls, SSL_write(tls->ssl, bytes.at, length));
}

ssize_t fleet_tls_read(struct fleet_tls *tls, char *room, size_t size)
{
    ERR_clear_error();
    return result_of(tls, SSL_read(tls->ssl, room, size > INT_MAX ? INT_MAX : (int)size));
}
