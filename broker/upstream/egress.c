/* SPDX-License-Identifier: MIT */
#include "broker/upstream/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "broker/runtime/log.h"

enum { USER_TIMEOUT_MS = 20000 };

bool egress_is_literal(const char *url)
{
    const char *host = strstr(url, "://");
    size_t length;

    if (host == NULL) {
        return false;
    }
    host += 3;
    length = strcspn(host, ":/?#");
    /* Only an address ends in digits alone, or stands in brackets (WHATWG URL, host parsing). */
    return host[0] == '[' || (length > 0 && strspn(host, "0123456789.") >= length);
}

static bool may_reach_v4(uint32_t address)
{
    bool is_any = address >> 24 == 0;
    bool is_link_local = address >> 16 == 0xa9fe;
    bool is_multicast_or_reserved = address >> 28 >= 0xe;

    return !is_any && !is_link_local && !is_multicast_or_reserved;
}

bool egress_may_reach(const struct sockaddr *address)
{
    /* Cloud metadata, as it is reached by IPv6. */
    static const struct in6_addr metadata = {
        .s6_addr = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}};
    struct sockaddr_in6 six;
    struct sockaddr_in four;
    uint32_t mapped;

    if (address->sa_family == AF_INET) {
        memcpy(&four, address, sizeof(four));
        return may_reach_v4(ntohl(four.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6) {
        return false;
    }
    memcpy(&six, address, sizeof(six));
    if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
        memcpy(&mapped, &six.sin6_addr.s6_addr[12], sizeof(mapped));
        return may_reach_v4(ntohl(mapped));
    }
    return !IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr) && !IN6_IS_ADDR_MULTICAST(&six.sin6_addr) &&
           !IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr) &&
           memcmp(&six.sin6_addr, &metadata, sizeof(metadata)) != 0;
}

static curl_socket_t open_socket_cb(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg;
    (void)purpose;
    if (!egress_may_reach(&address->addr)) {
        log_event(LOG_LEVEL_WARN, "address_refused", "why=%s",
                  log_quote("a server's name leads to a link-local, multicast or unspecified "
                            "address; write the address itself into the url if it is meant"));
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int socket_options_cb(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    unsigned timeout_ms = USER_TIMEOUT_MS;

    (void)arg;
    (void)purpose;
    /* A peer that acknowledges nothing for so long is gone, whatever TCP still hopes. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    return CURL_SOCKOPT_OK;
}

int egress_apply(CURL *easy, const char *url, int64_t connect_timeout_ms)
{
    CURLcode code = CURLE_OK;

#define SET(option, value)                                                                         \
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_##option, value) : code
    SET(URL, url);
    SET(PROTOCOLS_STR, "http,https");
    SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(FOLLOWLOCATION, 0L);
    /* Neither the environment's proxies nor ~/.netrc: the configuration says where bytes go. */
    SET(PROXY, "");
    SET(NETRC, (long)CURL_NETRC_IGNORED);
    SET(NOSIGNAL, 1L);
    /* Without it a slow name server freezes the whole loop while libcurl joins its thread. */
    SET(QUICK_EXIT, 1L);
    SET(CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
    SET(TIMEOUT_MS, 0L);
    SET(DNS_CACHE_TIMEOUT, 30L);
    SET(SSL_VERIFYPEER, 1L);
    SET(SSL_VERIFYHOST, 2L);
    SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(TCP_KEEPALIVE, 1L);
    SET(TCP_KEEPIDLE, 30L);
    SET(TCP_KEEPINTVL, 10L);
    SET(SOCKOPTFUNCTION, socket_options_cb);
    if (!egress_is_literal(url)) {
        SET(OPENSOCKETFUNCTION, open_socket_cb);
    }
    SET(FRESH_CONNECT, 1L);
#undef SET
    return code == CURLE_OK ? 0 : -EINVAL;
}
