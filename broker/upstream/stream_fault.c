/* SPDX-License-Identifier: MIT */
#include "broker/upstream/stream_fault.h"

#include <stdarg.h>
#include <stdio.h>

static void PRINTF_LIKE(5, 6) say(struct transport_end *end, enum failure failure,
                                  const char *error_class, bool is_settled, const char *format, ...)
{
    va_list arguments;

    *end = (struct transport_end){
        .failure = failure, .error_class = error_class, .is_settled = is_settled};
    va_start(arguments, format);
    (void)vsnprintf(end->detail, sizeof(end->detail), format, arguments);
    va_end(arguments);
}

void stream_fault_of_code(struct transport_end *end, CURLcode code, const struct server *server)
{
    const char *url = server->url.shown;

    switch ((int)code) {
    case CURLE_OK:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
        say(end, FAILURE_UNAVAILABLE, "reset", false, "%s ended the event stream", url);
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
        say(end, FAILURE_UNAVAILABLE, "dns", false,
            "the host name of %s does not resolve; check the url and the name service", url);
        return;
    case CURLE_COULDNT_CONNECT:
        say(end, FAILURE_UNAVAILABLE, "connect", false,
            "%s refuses connections, or there is no way to it; check that the server runs, and "
            "the url's host and port",
            url);
        return;
    case CURLE_OPERATION_TIMEDOUT:
        say(end, FAILURE_UNAVAILABLE, "timeout", false,
            "no connection to %s within connect_timeout; check host, port and firewall", url);
        return;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        say(end, FAILURE_UNAVAILABLE, "tls", code == CURLE_PEER_FAILED_VERIFICATION,
            "TLS with %s failed (%s); check the certificate and the url's scheme", url,
            curl_easy_strerror(code));
        return;
    case CURLE_WRITE_ERROR:
        stream_fault_oversize(end, server);
        return;
    default:
        say(end, FAILURE_UNAVAILABLE, "proto", false, "the event stream of %s failed: %s", url,
            curl_easy_strerror(code));
        return;
    }
}

void stream_fault_of_status(struct transport_end *end, int status, const char *type,
                            const struct server *server)
{
    const char *url = server->url.shown;

    switch (status) {
    case 200:
        say(end, FAILURE_UNAVAILABLE, "proto", true,
            "%s answers with %.64s instead of an event stream: not an MCP server on HTTP+SSE; "
            "check the url (its path is often /sse)",
            url, type == NULL ? "no content type" : type);
        return;
    case 401:
    case 403:
        say(end, FAILURE_UNAVAILABLE, "auth", true,
            "%s refuses access (HTTP %d); check the server's \"headers\", Authorization above all",
            url, status);
        return;
    case 404:
        say(end, FAILURE_UNAVAILABLE, "http4xx", true,
            "%s does not exist (HTTP 404); check the url's path (often /sse)", url);
        return;
    case 405:
    case 406:
        say(end, FAILURE_UNAVAILABLE, "http4xx", true,
            "%s offers no event stream (HTTP %d): perhaps a Streamable HTTP endpoint, which this "
            "version does not speak; use the server's /sse",
            url, status);
        return;
    case 421:
        say(end, FAILURE_UNAVAILABLE, "http4xx", true,
            "%s refuses the Host header (HTTP 421); set one that it allows, as in "
            "\"headers\": {\"Host\": \"localhost:8000\"}",
            url);
        return;
    default:
        break;
    }
    if (status >= 300 && status < 400) {
        say(end, FAILURE_UNAVAILABLE, "proto", true,
            "%s redirects (HTTP %d), which is not followed; put the final address into url", url,
            status);
    } else if (status == 429 || status >= 500) {
        say(end, FAILURE_UNAVAILABLE, status == 429 ? "ratelimit" : "http5xx", false,
            "%s fails with HTTP %d", url, status);
    } else {
        say(end, FAILURE_UNAVAILABLE, "http4xx", true, "%s answers HTTP %d; check the url", url,
            status);
    }
}

void stream_fault_protocol(struct transport_end *end, const char *what, const struct server *server)
{
    say(end, FAILURE_UNAVAILABLE, "proto", true,
        "%s is not an MCP server on HTTP+SSE: %s; check the url (its path is often /sse)",
        server->url.shown, what);
}

void stream_fault_encoded(struct transport_end *end, const struct server *server)
{
    say(end, FAILURE_UNAVAILABLE, "proto", true,
        "%s compresses the event stream, though nobody asked for it; turn Content-Encoding off for "
        "it, at the server or at the proxy before it",
        server->url.shown);
}

void stream_fault_oversize(struct transport_end *end, const struct server *server)
{
    say(end, FAILURE_TOO_LARGE, "oversize", false,
        "%s sent a message longer than max_response; raise it, or let the tool answer less",
        server->url.shown);
}
