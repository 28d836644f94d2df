/* SPDX-License-Identifier: MIT */
#include "broker/upstream/listen_watch.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/mem.h"

/* A reply has one message for each listener on the port: many, if they share it. */
enum { REPLY_SIZE = 32768, READS_MAXIMUM = 64 };

struct listen_watch {
    int fd; /* -1: not opened yet */
    bool has_failed;
    uint32_t sequence; /* of the last question: late replies are told apart by it */
};

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
};

enum part { PART_GOES_ON, PART_END, PART_FAILED };

struct listen_watch *listen_watch_new(void)
{
    struct listen_watch *watch = MEM_NEW(struct listen_watch);

    if (watch != NULL) {
        watch->fd = -1;
    }
    return watch;
}

static void hang_up(struct listen_watch *watch)
{
    if (watch->fd >= 0) {
        (void)close(watch->fd);
        watch->fd = -1;
    }
}

void listen_watch_free(struct listen_watch *watch)
{
    if (watch != NULL) {
        hang_up(watch);
        mem_free(watch);
    }
}

static bool ask(struct listen_watch *watch, int family, unsigned port)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct question question = {
        .header = {.nlmsg_len = sizeof(question),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                   .nlmsg_seq = ++watch->sequence},
        .request = {.sdiag_family = (uint8_t)family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = UINT32_C(1) << TCP_LISTEN,
                    .id = {.idiag_sport = htons((uint16_t)port)}},
    };

    return sendto(watch->fd, &question, sizeof(question), MSG_DONTWAIT,
                  (const struct sockaddr *)&kernel, sizeof(kernel)) == (ssize_t)sizeof(question);
}

/* A connection to 127.0.0.1, ::1 or "localhost" comes to a listener on this address. */
static bool is_reached(const struct inet_diag_msg *listener)
{
    struct in6_addr address;

    memcpy(&address, listener->id.idiag_src, sizeof(address));
    if (listener->idiag_family == AF_INET) {
        uint32_t word = ntohl(listener->id.idiag_src[0]);

        return word == INADDR_ANY || word >> 24 == IN_LOOPBACKNET;
    }
    return IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_LOOPBACK(&address) ||
           (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == IN_LOOPBACKNET);
}

static enum part read_message(const struct listen_watch *watch, struct nlmsghdr *header,
                              unsigned port, enum listening *said)
{
    const struct inet_diag_msg *listener = NLMSG_DATA(header);

    if (header->nlmsg_seq != watch->sequence) {
        return PART_GOES_ON;
    }
    if (header->nlmsg_type == NLMSG_DONE) {
        return PART_END;
    }
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        header->nlmsg_len < NLMSG_LENGTH(sizeof(*listener))) {
        return PART_FAILED;
    }
    if (ntohs(listener->id.idiag_sport) == port && is_reached(listener)) {
        *said = LISTENING_YES;
    }
    return PART_GOES_ON;
}

/* One read of the reply; what it says of a listener goes to SAID. */
static enum part read_part(struct listen_watch *watch, unsigned port, enum listening *said)
{
    _Alignas(struct nlmsghdr) char reply[REPLY_SIZE];
    struct sockaddr_nl from = {0};
    socklen_t from_length = sizeof(from);
    ssize_t length = recvfrom(watch->fd, reply, sizeof(reply), MSG_DONTWAIT | MSG_TRUNC,
                              (struct sockaddr *)&from, &from_length);
    enum part part = PART_GOES_ON;
    unsigned left = (unsigned)length;

    /* The kernel replies before sendto returns, and is port 0. */
    if (length <= 0 || length > (ssize_t)sizeof(reply) || from.nl_pid != 0) {
        return PART_FAILED;
    }
    for (struct nlmsghdr *header = (struct nlmsghdr *)(void *)reply; NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
        part = read_message(watch, header, port, said);
        if (part != PART_GOES_ON) {
            break;
        }
    }
    return part;
}

/* The whole reply is read, also when its first part says it all. */
static enum listening hear(struct listen_watch *watch, unsigned port)
{
    enum listening said = LISTENING_NO;
    enum part part = PART_GOES_ON;

    for (int i = 0; i < READS_MAXIMUM && part == PART_GOES_ON; i++) {
        part = read_part(watch, port, &said);
    }
    return part == PART_END ? said : LISTENING_UNKNOWN;
}

static enum listening look(struct listen_watch *watch, unsigned port)
{
    static const int families[] = {AF_INET, AF_INET6};

    if (watch->fd < 0) {
        watch->fd =
            socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    }
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        enum listening said =
            watch->fd < 0 || !ask(watch, families[i], port) ? LISTENING_UNKNOWN : hear(watch, port);

        if (said != LISTENING_NO) {
            return said;
        }
    }
    return LISTENING_NO;
}

enum listening listen_watch_is_listening(struct listen_watch *watch, unsigned port)
{
    enum listening said;

    if (watch->has_failed || port == 0 || port > UINT16_MAX) {
        return LISTENING_UNKNOWN;
    }
    said = look(watch, port);
    if (said == LISTENING_UNKNOWN) {
        watch->has_failed = true;
        hang_up(watch);
    }
    return said;
}
