/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_access.h"

#include <errno.h>
#include <string.h>

#include "proto/base/mem.h"

static void wipe(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
    }
    mem_free(text);
}

static void credentials_done(struct redis_credentials *credentials)
{
    mem_free(credentials->user);
    wipe(credentials->password);
}

void redis_access_done(struct redis_access *access)
{
    redis_url_done(&access->url);
    credentials_done(&access->credentials);
    credentials_done(&access->sentinel);
    mem_free(access->tls.ca);
    mem_free(access->tls.cert);
    mem_free(access->tls.key);
    mem_free(access->tls.server_name);
    *access = (struct redis_access){0};
}

static int copy(const char *text, char **ret_copy)
{
    if (text == NULL || *text == '\0') {
        return 0;
    }
    wipe(*ret_copy);
    *ret_copy = mem_copy_text(text, strlen(text));
    return *ret_copy == NULL ? -ENOMEM : 0;
}

static int copy_all(struct redis_access *access, const struct redis_access_texts *texts)
{
    const struct {
        const char *text;
        char **copy;
    } rows[] = {
        {texts->username, &access->credentials.user},
        {texts->password, &access->credentials.password},
        {texts->sentinel_username, &access->sentinel.user},
        {texts->sentinel_password, &access->sentinel.password},
        {texts->tls_ca, &access->tls.ca},
        {texts->tls_cert, &access->tls.cert},
        {texts->tls_key, &access->tls.key},
        {texts->tls_server_name, &access->tls.server_name},
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
        r = copy(rows[i].text, rows[i].copy);
    }
    return r;
}

int redis_access_init(struct redis_access *access, const struct redis_access_texts *texts)
{
    struct redis_access made = {0};
    int r = redis_url_init(&made.url, texts->url);

    if (r < 0) {
        return r;
    }
    made.credentials = (struct redis_credentials){made.url.user, made.url.password};
    made.url.user = made.url.password = NULL;
    r = copy_all(&made, texts);
    if (r < 0) {
        redis_access_done(&made);
        return r;
    }
    *access = made;
    return 0;
}
