/* SPDX-License-Identifier: MIT */
#include "broker/health/process_figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/runtime/clock.h"

enum {
    HOST_IN_ID = 20,
    /* Two questions soon after each other get the same answer: a percentage of nothing is noise. */
    CPU_SAMPLE_US = 200000,
    /* Counting thousands of descriptors one by one takes milliseconds. */
    COUNT_INTERVAL_US = 10000000,
};

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void sample_cpu(struct process_figures *figures)
{
    int64_t now_us = clock_now_us();
    int64_t past_us = now_us - figures->sampled_us;
    struct rusage usage;
    int64_t cpu_us;

    if (past_us < CPU_SAMPLE_US || getrusage(RUSAGE_SELF, &usage) < 0) {
        return;
    }
    cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    if (figures->sampled_us != 0) {
        double pct = 100 * (double)(cpu_us - figures->cpu_us) / (double)past_us;

        figures->cpu_pct = pct > 100 ? 100 : pct; /* the resolver's threads count too */
    }
    figures->sampled_us = now_us;
    figures->cpu_us = cpu_us;
}

static void sample_rss(struct process_figures *figures)
{
    char text[128];
    char *end;
    ssize_t length;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    length = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (length <= 0) {
        return;
    }
    text[length] = '\0';
    (void)strtoull(text, &end, 10); /* the first number is the size, the second is resident */
    figures->rss_bytes = strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void count_descriptors(struct process_figures *figures)
{
    int64_t now_us = clock_now_us();
    uint64_t count = 0;
    DIR *dir;

    if (figures->fds_counted_us != 0 && now_us - figures->fds_counted_us < COUNT_INTERVAL_US) {
        return;
    }
    dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return;
    }
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    figures->fds = count > 3 ? count - 3 : 0; /* ".", ".." and the one of DIR */
    figures->fds_counted_us = now_us;
}

static void sample_descriptors(struct process_figures *figures)
{
    struct stat status;

    /* Since Linux 6.2 the size is the count. */
    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0) {
        figures->fds = (uint64_t)status.st_size;
        return;
    }
    count_descriptors(figures);
}

void process_figures_fill(struct process_figures *figures, struct instance_row *row)
{
    struct rlimit limit;

    sample_cpu(figures);
    sample_rss(figures);
    sample_descriptors(figures);
    row->pid = (uint64_t)getpid();
    row->cpu_pct = figures->cpu_pct;
    row->rss_bytes = figures->rss_bytes;
    row->fds = figures->fds;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        row->fds_max = limit.rlim_cur;
    }
    if (gethostname(row->host, sizeof(row->host)) < 0) {
        row->host[0] = '\0';
    }
    row->host[sizeof(row->host) - 1] = '\0';
}

static char letter_for_id(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

void health_instance_id(char ret_id[40])
{
    char host[256] = "";
    uint32_t random = 0;

    if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0') {
        (void)snprintf(host, sizeof(host), "host");
    }
    host[HOST_IN_ID] = '\0';
    for (char *p = host; *p != '\0'; p++) {
        *p = letter_for_id(*p);
    }
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
        random = (uint32_t)clock_now_us() ^ ((uint32_t)getpid() << 16);
    }
    (void)snprintf(ret_id, 40, "i-%.*s-%08x", HOST_IN_ID, host, random);
}
