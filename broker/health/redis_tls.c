/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- files */

/* What OpenSSL says about the last thing it did, without "error:0A000086:..." in front. */
static const char *last_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return reason == NULL ? "no reason given" : reason;
}

/* A pipe, or a device, would stop the broker for ever. */
static bool is_readable(const char *option, const char *path, char why[REDIS_TLS_WHY])
{
    struct stat status;
    int error = stat(path, &status) < 0 ? errno : 0;

    if (error == 0 && S_ISREG(status.st_mode)) {
        return true;
    }
    (void)snprintf(why, REDIS_TLS_WHY, "the file of %s cannot be read (%s); check the path", option,
                   error == 0 ? "not a regular file" : strerror(error));
    return false;
}

static bool refuse(const char *option, char why[REDIS_TLS_WHY])
{
    (void)snprintf(why, REDIS_TLS_WHY, "the file of %s cannot be used (%s); check what is in it",
                   option, last_reason());
    return false;
}

static bool take_trusted(SSL_CTX *shared, const char *ca, char why[REDIS_TLS_WHY])
{
    if (ca == NULL) {
        return SSL_CTX_set_default_verify_paths(shared) == 1 ||
               refuse("the system's certificates", why);
    }
    if (!is_readable("redis.tls_ca", ca, why)) {
        return false;
    }
    return SSL_CTX_load_verify_file(shared, ca) == 1 || refuse("redis.tls_ca", why);
}

static bool take_own(SSL_CTX *shared, const struct redis_tls *tls, char why[REDIS_TLS_WHY])
{
    if (tls->cert == NULL || tls->key == NULL) {
        return true;
    }
    if (!is_readable("redis.tls_cert", tls->cert, why) ||
        !is_readable("redis.tls_key", tls->key, why)) {
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(shared, tls->cert) != 1) {
        return refuse("redis.tls_cert", why);
    }
    return SSL_CTX_use_PrivateKey_file(shared, tls->key, SSL_FILETYPE_PEM) == 1 ||
           refuse("redis.tls_key", why);
}

/* ---- what all connections share */

/* Nobody is here to be asked for a passphrase: an empty one, which does not fit. */
static int passphrase_cb(char *buffer, int size, int is_write, void *arg)
{
    (void)buffer;
    (void)size;
    (void)is_write;
    (void)arg;
    return 0;
}

static SSL_CTX *make_shared(const struct redis_tls *tls, char why[REDIS_TLS_WHY])
{
    SSL_CTX *shared = SSL_CTX_new(TLS_client_method());

    if (shared == NULL) {
        (void)snprintf(why, REDIS_TLS_WHY, "%s", last_reason());
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(shared, passphrase_cb);
    (void)SSL_CTX_set_min_proto_version(shared, TLS1_2_VERSION);
    /* Redis may close without a word, and then that is the end. */
    (void)SSL_CTX_set_options(shared, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION |
                                          SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(shared, SSL_VERIFY_PEER, NULL);
    if (!take_trusted(shared, tls->ca, why) || !take_own(shared, tls, why)) {
        SSL_CTX_free(shared);
        return NULL;
    }
    return shared;
}

/* ---- the store */

void redis_tls_store_done(struct redis_tls_store *store)
{
    SSL_CTX_free(store->shared);
    store->shared = NULL;
}

static const char *or_default(const char *variable, const char *path)
{
    const char *value = getenv(variable);

    return value == NULL ? path : value;
}

static struct redis_tls_stamp stamp_of(const char *path)
{
    struct stat status;

    if (path == NULL || stat(path, &status) < 0) {
        return (struct redis_tls_stamp){0};
    }
    return (struct redis_tls_stamp){status.st_ino, status.st_size, status.st_mtim.tv_sec,
                                    status.st_mtim.tv_nsec};
}

/* Without a CA of its own, it is a file and a directory that OpenSSL knows. */
static void take_stamps(const struct redis_tls *tls, struct redis_tls_stamp *ret_stamps)
{
    bool is_system = tls->ca == NULL;
    const char *file = or_default(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const char *directory =
        or_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());

    ret_stamps[0] = stamp_of(is_system ? file : tls->ca);
    ret_stamps[1] = stamp_of(is_system ? directory : NULL);
    ret_stamps[2] = stamp_of(tls->cert);
    ret_stamps[3] = stamp_of(tls->key);
}

static bool is_same(const struct redis_tls_stamp *a, const struct redis_tls_stamp *b)
{
    return a->inode == b->inode && a->size_bytes == b->size_bytes && a->changed_s == b->changed_s &&
           a->changed_ns == b->changed_ns;
}

static bool refresh(struct redis_tls_store *store, const struct redis_tls *tls,
                    char why[REDIS_TLS_WHY])
{
    struct redis_tls_stamp stamps[REDIS_TLS_FILES];
    bool is_fresh = store->shared != NULL;

    take_stamps(tls, stamps);
    for (size_t i = 0; i < REDIS_TLS_FILES; i++) {
        is_fresh = is_fresh && is_same(&stamps[i], &store->stamps[i]);
    }
    if (is_fresh) {
        return true;
    }
    redis_tls_store_done(store);
    store->shared = make_shared(tls, why);
    memcpy(store->stamps, stamps, sizeof(stamps));
    return store->shared != NULL;
}

/* ---- one connection */

/* The certificate must be NAME's; and the server is told which name we want. */
static bool expect_name(SSL *ssl, const char *name)
{
    struct in6_addr address;
    char copy[256]; /* OpenSSL's macro wants one that is not const, and takes a copy itself */
    bool is_address =
        inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;

    if (is_address) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    }
    (void)snprintf(copy, sizeof(copy), "%s", name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, copy) == 1;
}

SSL *redis_tls_new(struct redis_tls_store *store, const struct redis_tls *tls, const char *name,
                   char why[REDIS_TLS_WHY])
{
    SSL *ssl = NULL;

    ERR_clear_error();
    if (refresh(store, tls, why)) {
        ssl = SSL_new(store->shared); /* which it holds on its own from now on */
        if (ssl == NULL || !expect_name(ssl, name)) {
            (void)snprintf(why, REDIS_TLS_WHY, "%s", last_reason());
            SSL_free(ssl);
            ssl = NULL;
        }
    }
    ERR_clear_error();
    return ssl;
}

/* ---- what went wrong */

/* What to do about a certificate that was not accepted. */
static const char *remedy_of(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "; renew it";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "; is the clock right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return "; redis.tls_ca names the file with the CA that signed it";
    default:
        return "";
    }
}

static void explain_certificate(long result, const char *name, char why[REDIS_TLS_WHY])
{
    if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        (void)snprintf(why, REDIS_TLS_WHY,
                       "the certificate is not for %s; dial a name that is in it, or put one into "
                       "redis.tls_server_name",
                       name);
    } else {
        (void)snprintf(why, REDIS_TLS_WHY, "the certificate of %s is not accepted (%s)%s", name,
                       X509_verify_cert_error_string(result), remedy_of(result));
    }
}

/* An alert is what the server said to us: its number is the reason, from 1000 on. */
static bool is_alert(int reason)
{
    return reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;
}

void redis_tls_explain(const SSL *ssl, unsigned long error, const char *name,
                       char why[REDIS_TLS_WHY])
{
    long result = SSL_get_verify_result(ssl);
    int reason = ERR_GET_REASON(error);
    const char *text = ERR_reason_error_string(error);

    if (result != X509_V_OK) {
        explain_certificate(result, name, why);
    } else if (error == 0 || ERR_SYSTEM_ERROR(error)) {
        (void)snprintf(why, REDIS_TLS_WHY, "%s in the handshake; is that a TLS port?",
                       error == 0 ? "closed by the other end" : strerror(reason));
    } else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST) {
        (void)snprintf(why, REDIS_TLS_WHY,
                       "the answer is not TLS; give the TLS port, or write redis:// for this one");
    } else {
        (void)snprintf(why, REDIS_TLS_WHY, "%s%s%s", text == NULL ? "the handshake failed" : text,
                       is_alert(reason) ? " (said the server)" : "",
                       is_alert(reason) ? "; does it want redis.tls_cert?" : "");
    }
}
