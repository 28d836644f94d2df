/* SPDX-License-Identifier: MIT */
#include "broker/upstream/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "proto/base/mem.h"

struct parts {
    char *scheme;
    char *user;
    char *host;
    char *port;
    char *path;
    char *query;
    char *fragment;
    char *text;
};

static void free_parts(struct parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->user);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->path);
    curl_free(parts->query);
    curl_free(parts->fragment);
    curl_free(parts->text);
}

static char *join(const char *a, const char *b, const char *c, const char *d)
{
    struct bytes out;
    size_t length;

    bytes_init(&out, (size_t)4 * URL_MAXIMUM);
    bytes_append_text(&out, a);
    bytes_append_text(&out, b);
    bytes_append_text(&out, c);
    bytes_append_text(&out, d);
    bytes_append_char(&out, '\0');
    if (out.failed) {
        bytes_done(&out);
        return NULL;
    }
    return bytes_take(&out, &length);
}

static int fill(struct url *url, const struct parts *parts)
{
    bool is_default_port =
        strcmp(parts->port, strcmp(parts->scheme, "https") == 0 ? "443" : "80") == 0;
    const char *colon = is_default_port ? "" : ":";
    const char *port = is_default_port ? "" : parts->port;
    char *scheme_host = join(parts->scheme, "://", parts->host, "");

    if (scheme_host == NULL) {
        return -ENOMEM;
    }
    url->text = join(parts->text, "", "", "");
    url->origin = join(scheme_host, ":", parts->port, "");
    url->host = join(parts->host, colon, port, "");
    url->target = join(parts->path, parts->query == NULL ? "" : "?",
                       parts->query == NULL ? "" : parts->query, "");
    url->shown = join(scheme_host, colon, port, parts->path);
    mem_free(scheme_host);
    if (url->text == NULL || url->origin == NULL || url->host == NULL || url->target == NULL ||
        url->shown == NULL) {
        return -ENOMEM;
    }
    return 0;
}

static int from_handle(struct url *url, CURLU *handle)
{
    struct parts parts = {0};
    int r = -EINVAL;

    *url = (struct url){0};
    if (curl_url_get(handle, CURLUPART_SCHEME, &parts.scheme, 0) == CURLUE_OK &&
        curl_url_get(handle, CURLUPART_HOST, &parts.host, 0) == CURLUE_OK &&
        curl_url_get(handle, CURLUPART_PORT, &parts.port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_get(handle, CURLUPART_PATH, &parts.path, 0) == CURLUE_OK &&
        curl_url_get(handle, CURLUPART_URL, &parts.text, 0) == CURLUE_OK) {
        (void)curl_url_get(handle, CURLUPART_QUERY, &parts.query, 0);
        (void)curl_url_get(handle, CURLUPART_USER, &parts.user, 0);
        (void)curl_url_get(handle, CURLUPART_FRAGMENT, &parts.fragment, 0);
        if ((strcmp(parts.scheme, "http") == 0 || strcmp(parts.scheme, "https") == 0) &&
            parts.user == NULL && parts.fragment == NULL && strlen(parts.text) <= URL_MAXIMUM) {
            r = fill(url, &parts);
        }
    }
    free_parts(&parts);
    if (r < 0) {
        url_done(url);
    }
    return r;
}

int url_init(struct url *url, const char *text)
{
    CURLU *handle = curl_url();
    int r = -EINVAL;

    *url = (struct url){0};
    if (handle == NULL) {
        return -ENOMEM;
    }
    if (curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK) {
        r = from_handle(url, handle);
    }
    curl_url_cleanup(handle);
    return r;
}

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
    }
    return text.length > 0 && text.length <= URL_MAXIMUM;
}

int url_init_relative(struct url *url, const struct url *base, struct span reference)
{
    CURLU *handle;
    char *text;
    int r = -EINVAL;

    *url = (struct url){0};
    if (!is_plain(reference)) {
        return -EINVAL;
    }
    handle = curl_url();
    text = mem_copy_text(reference.at, reference.length);
    if (handle == NULL || text == NULL) {
        r = -ENOMEM;
    } else if (curl_url_set(handle, CURLUPART_URL, base->text, 0) == CURLUE_OK &&
               curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK) {
        r = from_handle(url, handle);
    }
    mem_free(text);
    curl_url_cleanup(handle);
    return r;
}

void url_done(struct url *url)
{
    mem_free(url->text);
    mem_free(url->origin);
    mem_free(url->host);
    mem_free(url->target);
    mem_free(url->shown);
    *url = (struct url){0};
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return strcmp(a->origin, b->origin) == 0;
}
