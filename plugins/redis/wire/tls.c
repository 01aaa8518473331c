/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tls: see tls.h.
 */
#include "wire/tls.h"

#ifdef HANGAR_REDIS_TLS
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct rd_tls {
    SSL_CTX *context;
    BIO_METHOD *method;
    SSL *ssl;
    int fd;
    char problem[256];
};

/* The socket BIO of OpenSSL uses write(), which raises SIGPIPE.  A plugin must not change the
 * handling of that signal, so this BIO uses send() with MSG_NOSIGNAL. */
static int tls_bio_write(BIO *bio, const char *data, int size)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = send(*(int *)BIO_get_data(bio), data, (size_t)size, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
    }
    return (int)n;
}

static int tls_bio_read(BIO *bio, char *data, int size)
{
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(*(int *)BIO_get_data(bio), data, (size_t)size, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
    }
    return (int)n;
}

static long tls_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

bool rd_tls_available(void)
{
    return true;
}

/* Writes the text of the first error that OpenSSL queued, and clears the queue. */
static const char *openssl_problem(char *out, size_t size)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    snprintf(out, size, "%s", reason ? reason : "unknown TLS error");
    ERR_clear_error();
    return out;
}

static enum hangar_rc load_tls_files(struct redis *redis, SSL_CTX *context)
{
    const struct hangar_host *host = redis->host;
    char why[128];
    if (redis->tls_ca_file && SSL_CTX_load_verify_file(context, redis->tls_ca_file) != 1) {
        return host->fail(redis->ctx, HANGAR_CONFIG, 0, "cannot read tls_ca_file %s: %s",
                          redis->tls_ca_file, openssl_problem(why, sizeof(why)));
    }
    if (!redis->tls_ca_file && SSL_CTX_set_default_verify_paths(context) != 1) {
        return host->fail(redis->ctx, HANGAR_CONFIG, 0, "cannot read the system's CA certificates");
    }
    if (redis->tls_cert && SSL_CTX_use_certificate_chain_file(context, redis->tls_cert) != 1) {
        return host->fail(redis->ctx, HANGAR_CONFIG, 0, "cannot read tls_cert %s: %s",
                          redis->tls_cert, openssl_problem(why, sizeof(why)));
    }
    if (redis->tls_key &&
        SSL_CTX_use_PrivateKey_file(context, redis->tls_key, SSL_FILETYPE_PEM) != 1) {
        return host->fail(redis->ctx, HANGAR_CONFIG, 0, "cannot read tls_key %s: %s",
                          redis->tls_key, openssl_problem(why, sizeof(why)));
    }
    return HANGAR_OK;
}

/* Sets the host name or address that the certificate must carry. */
static bool expect_tls_name(struct redis *redis, SSL *ssl)
{
    const char *name = redis->tls_server_name ? redis->tls_server_name : redis->server;
    unsigned char address[16];
    bool is_address =
        inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    if (!is_address && SSL_set_tlsext_host_name(ssl, name) != 1) {
        return false;
    }
    if (!redis->tls_verify) {
        return true;
    }
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    return is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1
                      : X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

static bool set_up_tls_session(struct redis *redis, struct rd_tls *tls)
{
    SSL_CTX_set_verify(tls->context, redis->tls_verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(tls->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    tls->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hangar socket");
    if (!tls->method) {
        return false;
    }
    BIO_meth_set_write(tls->method, tls_bio_write);
    BIO_meth_set_read(tls->method, tls_bio_read);
    BIO_meth_set_ctrl(tls->method, tls_bio_ctrl);
    BIO *bio = BIO_new(tls->method);
    if (!bio) {
        return false;
    }
    BIO_set_data(bio, &tls->fd);
    BIO_set_init(bio, 1);
    tls->ssl = SSL_new(tls->context);
    if (!tls->ssl) {
        BIO_free(bio);
        return false;
    }
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_connect_state(tls->ssl);
    return expect_tls_name(redis, tls->ssl);
}

enum hangar_rc rd_tls_open(struct redis *redis, int fd, struct rd_tls **out)
{
    const struct hangar_host *host = redis->host;
    struct rd_tls *tls = calloc(1, sizeof(*tls));
    if (!tls) {
        return rd_no_memory(redis, "set up TLS");
    }
    tls->fd = fd;
    tls->context = SSL_CTX_new(TLS_client_method());
    enum hangar_rc rc = HANGAR_OK;
    if (!tls->context || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1) {
        rc = host->fail(redis->ctx, HANGAR_NO_MEMORY, 0, "cannot set up TLS");
    }
    if (rc == HANGAR_OK) {
        rc = load_tls_files(redis, tls->context);
    }
    if (rc == HANGAR_OK && !set_up_tls_session(redis, tls)) {
        rc = host->fail(redis->ctx, HANGAR_CONFIG, 0, "cannot set up TLS: %s",
                        openssl_problem(tls->problem, sizeof(tls->problem)));
    }
    if (rc != HANGAR_OK) {
        rd_tls_close(tls);
        return rc;
    }
    *out = tls;
    return HANGAR_OK;
}

void rd_tls_close(struct rd_tls *tls)
{
    if (!tls) {
        return;
    }
    SSL_free(tls->ssl);
    BIO_meth_free(tls->method);
    SSL_CTX_free(tls->context);
    free(tls);
}

static enum rd_tls_result tls_result(struct rd_tls *tls, int result)
{
    int saved_errno = errno;
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return RD_TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return RD_TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return RD_TLS_CLOSED;
    default:
        break;
    }
    long verified = SSL_get_verify_result(tls->ssl);
    if (verified != X509_V_OK) {
        snprintf(tls->problem, sizeof(tls->problem),
                 "the certificate of the server is not accepted: %s",
                 X509_verify_cert_error_string(verified));
        ERR_clear_error();
    } else if (ERR_peek_error() == 0) {
        snprintf(tls->problem, sizeof(tls->problem), "%s",
                 saved_errno ? strerrordesc_np(saved_errno) : "the connection ended");
    } else {
        openssl_problem(tls->problem, sizeof(tls->problem));
    }
    return RD_TLS_FAILED;
}

enum rd_tls_result rd_tls_handshake(struct rd_tls *tls)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(tls->ssl);
    return result == 1 ? RD_TLS_DONE : tls_result(tls, result);
}

enum rd_tls_result rd_tls_read(struct rd_tls *tls, void *buffer, size_t size, size_t *done)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(tls->ssl, buffer, size, done);
    return result == 1 ? RD_TLS_DONE : tls_result(tls, result);
}

enum rd_tls_result rd_tls_write(struct rd_tls *tls, const void *data, size_t size, size_t *done)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(tls->ssl, data, size, done);
    return result == 1 ? RD_TLS_DONE : tls_result(tls, result);
}

const char *rd_tls_problem(struct rd_tls *tls)
{
    return tls->problem;
}

#else

bool rd_tls_available(void)
{
    return false;
}

enum hangar_rc rd_tls_open(struct redis *redis, int fd, struct rd_tls **out)
{
    (void)fd;
    (void)out;
    return redis->host->fail(redis->ctx, HANGAR_UNSUPPORTED, 0,
                             "cannot use TLS: this plugin was built without TLS");
}

void rd_tls_close(struct rd_tls *tls)
{
    (void)tls;
}

enum rd_tls_result rd_tls_handshake(struct rd_tls *tls)
{
    (void)tls;
    return RD_TLS_FAILED;
}

enum rd_tls_result rd_tls_read(struct rd_tls *tls, void *buffer, size_t size, size_t *done)
{
    (void)tls, (void)buffer, (void)size, (void)done;
    return RD_TLS_FAILED;
}

enum rd_tls_result rd_tls_write(struct rd_tls *tls, const void *data, size_t size, size_t *done)
{
    (void)tls, (void)data, (void)size, (void)done;
    return RD_TLS_FAILED;
}

const char *rd_tls_problem(struct rd_tls *tls)
{
    (void)tls;
    return "built without TLS";
}
#endif
