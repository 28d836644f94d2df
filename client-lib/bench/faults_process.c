/* SPDX-License-Identifier: MIT */
#include "client-lib/bench/faults_process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/bytes.h"

enum { KILL_MS = 5000 };

static int say_error(const char *what)
{
    (void)fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
    return -1;
}

static void pause_ms(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&pause, NULL);
}

/* ---- starting */

static void name_notices(const struct faults_place *place, char *path, size_t size)
{
    (void)snprintf(path, size, "%s/notices.sock", place->directory);
}

static void be_child(const char *const *words, const char *notices, int out, int log)
{
    /* The run may be shot itself: nothing of it stays. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setenv("NOTIFY_SOCKET", notices, 1);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);
    (void)execv(words[0], (char *const *)(uintptr_t)words);
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

/* The process's standard error goes to LOG of the place, its output to the descriptor OUT. */
static int start(const struct faults_place *place, const char *log, const char *const *words,
                 int out, pid_t *ret_pid)
{
    char name[PATH_MAX];
    char notices[PATH_MAX];
    int log_fd;
    pid_t pid;

    (void)snprintf(name, sizeof(name), "%s/%s", place->directory, log);
    log_fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) {
        return say_error(name);
    }
    name_notices(place, notices, sizeof(notices));
    pid = fork();
    if (pid == 0) {
        be_child(words, notices, out < 0 ? log_fd : out, log_fd);
    }
    (void)close(log_fd);
    if (pid < 0) {
        return say_error("fork");
    }
    *ret_pid = pid;
    return 0;
}

/* The port in the URL that a server prints when it listens. */
static unsigned read_port(int from)
{
    char line[128];
    size_t length = 0;
    unsigned port = 0;
    ssize_t got;

    while (length < sizeof(line) - 1 &&
           (got = read(from, line + length, sizeof(line) - 1 - length)) > 0) {
        length += (size_t)got;
        if (memchr(line, '\n', length) != NULL) {
            break;
        }
    }
    line[length] = '\0';
    (void)sscanf(line, "http://127.0.0.1:%u/", &port); /* NOLINT(cert-err34-c): 0 says it */
    return port;
}

int faults_start_server(struct faults_place *place, unsigned number)
{
    struct faults_process *server = &place->servers[number];
    char port[16];
    const char *words[] = {
        place->programs->server, "--ledger", server->ledger, "--port", port, NULL};
    int ends[2];
    int status;

    (void)snprintf(port, sizeof(port), "%u", server->port);
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return say_error("pipe");
    }
    status = start(place, "servers.log", words, ends[1], &server->pid);
    (void)close(ends[1]);
    if (status == 0) {
        server->port = read_port(ends[0]);
    }
    (void)close(ends[0]);
    if (status == 0 && server->port == 0) {
        (void)fprintf(stderr, "faults: %s did not start\n", place->programs->server);
        return -1;
    }
    return status;
}

int faults_start_broker(struct faults_place *place)
{
    char runtime[PATH_MAX];
    const char *words[] = {place->programs->broker, "--config", place->config,
                           "--runtime-dir",         runtime,    NULL};

    (void)snprintf(runtime, sizeof(runtime), "%s/run", place->directory);
    /* What the one before has told is not of this one. */
    faults_read_notices(place);
    place->is_ready = false;
    return start(place, "teplod.log", words, -1, &place->broker.pid);
}

int faults_write_config(struct faults_place *place)
{
    const char *pool_options = place->programs->pool_options;
    struct bytes text;
    char partial[PATH_MAX + 8];
    FILE *file;
    bool is_written;

    bytes_init(&text, 1 << 16);
    bytes_append_text(&text, "{\"mcpServers\":{");
    for (unsigned i = 0; i < place->server_count; i++) {
        bytes_printf(
            &text,
            "%s\"s%u\":{\"url\":\"http://127.0.0.1:%u/sse\",\"teplo\":{"
            "\"cancel_grace\":\"300ms\",\"backoff_min\":\"10ms\",\"backoff_max\":\"200ms\","
            "\"pool_size\":%u%s%s}}",
            i == 0 ? "" : ",", i, place->servers[i].port, 8 - place->configs % 2 * 2,
            pool_options[0] == '\0' ? "" : ",", pool_options);
    }
    bytes_printf(&text, "},\"teplo\":{\"log_level\":\"warn\",\"drain_timeout\":\"2s\"%s%s}}\n",
                 place->programs->options[0] == '\0' ? "" : ",", place->programs->options);
    place->configs++;
    (void)snprintf(partial, sizeof(partial), "%s.new", place->config);
    file = fopen(partial, "we");
    is_written = file != NULL && fwrite(text.at, 1, text.length, file) == text.length;
    if (file != NULL && fclose(file) != 0) {
        is_written = false;
    }
    bytes_done(&text);
    return is_written && rename(partial, place->config) == 0 ? 0 : say_error(partial);
}

/* The end of notices.sock that a service manager would hold.  -1: said. */
static int open_notices(const struct faults_place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    name_notices(place, address.sun_path, sizeof(address.sun_path));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return say_error(address.sun_path);
    }
    /* A broker that took over is a child of one that ends. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    return fd;
}

void faults_read_notices(struct faults_place *place)
{
    static const char key[] = "MAINPID=";
    char text[512];
    ssize_t got;

    while ((got = recv(place->notices, text, sizeof(text) - 1, 0)) > 0) {
        const char *at;

        text[got] = '\0';
        at = strstr(text, key);
        if (at != NULL) {
            place->retired = place->broker;
            place->broker.pid = (pid_t)strtol(at + sizeof(key) - 1, NULL, 10);
        }
        place->is_ready |= strstr(text, "READY=1") != NULL;
    }
}

int faults_place_open(struct faults_place *place, const struct faults_programs *programs,
                      unsigned servers)
{
    char runtime[PATH_MAX];

    *place = (struct faults_place){.programs = programs, .server_count = servers, .notices = -1};
    (void)snprintf(place->directory, sizeof(place->directory), "/tmp/teplo-faults-XXXXXX");
    if (mkdtemp(place->directory) == NULL) {
        return say_error(place->directory);
    }
    (void)snprintf(runtime, sizeof(runtime), "%s/run", place->directory);
    (void)snprintf(place->config, sizeof(place->config), "%s/teplo.json", place->directory);
    (void)snprintf(place->socket, sizeof(place->socket), "%s/run/teplo.sock", place->directory);
    if (mkdir(runtime, 0700) < 0) {
        return say_error(runtime);
    }
    place->notices = open_notices(place);
    if (place->notices < 0) {
        return -1;
    }
    for (unsigned i = 0; i < servers; i++) {
        (void)snprintf(place->servers[i].ledger, sizeof(place->servers[i].ledger), "%s/ledger.%u",
                       place->directory, i);
        if (faults_start_server(place, i) < 0) {
            return -1;
        }
    }
    return faults_write_config(place) < 0 ? -1 : faults_start_broker(place);
}

/* ---- ending */

void faults_signal(const struct faults_process *process, int signal)
{
    if (process->pid > 0) {
        (void)kill(process->pid, signal);
    }
}

/* A broker that took over is not our child while the one before it lives: waitpid cannot wait. */
static void await_death(pid_t pid, int descriptor)
{
    struct pollfd death = {.fd = descriptor, .events = POLLIN};

    if (descriptor >= 0) {
        (void)poll(&death, 1, KILL_MS);
        (void)close(descriptor);
    }
    (void)waitpid(pid, NULL, descriptor >= 0 ? WNOHANG : 0);
}

void faults_kill(struct faults_process *process)
{
    if (process->pid > 0) {
        int descriptor = (int)syscall(SYS_pidfd_open, process->pid, 0);

        (void)kill(process->pid, SIGKILL);
        await_death(process->pid, descriptor);
        process->pid = 0;
    }
}

static bool is_known(const struct faults_place *place, pid_t pid)
{
    bool is_known = pid == place->broker.pid || pid == place->retired.pid;

    for (unsigned i = 0; i < place->server_count; i++) {
        is_known |= pid == place->servers[i].pid;
    }
    return is_known;
}

void faults_bury(const struct faults_place *place)
{
    siginfo_t dead = {.si_pid = 0};

    while (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) == 0 && dead.si_pid != 0 &&
           !is_known(place, dead.si_pid)) {
        (void)waitpid(dead.si_pid, NULL, WNOHANG);
        dead.si_pid = 0;
    }
}

int64_t faults_starved_us(const struct faults_process *process)
{
    char name[64];
    char text[128];
    const char *blank;
    ssize_t got;
    int fd;

    (void)snprintf(name, sizeof(name), "/proc/%d/schedstat", (int)process->pid);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    /* Time run, time waited, turns: the times in nanoseconds. */
    got = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[got < 0 ? 0 : got] = '\0';
    blank = strchr(text, ' ');
    return blank == NULL ? 0 : strtoll(blank, NULL, 10) / 1000;
}

bool faults_has_ended(struct faults_process *process, int *ret_status)
{
    int status = 0;

    if (process->pid == 0 || waitpid(process->pid, &status, WNOHANG) != process->pid) {
        return false;
    }
    process->pid = 0;
    *ret_status = status;
    return true;
}

bool faults_await_end(struct faults_process *process, int ms, int *ret_status)
{
    for (int waited = 0; waited < ms; waited += 5) {
        if (faults_has_ended(process, ret_status)) {
            return true;
        }
        pause_ms(5);
    }
    return false;
}

static void remove_files(const struct faults_place *place)
{
    const char *words[] = {"/bin/rm", "-rf", "--", place->directory, NULL};
    pid_t pid = fork();

    if (pid == 0) {
        (void)execv(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
    }
}

void faults_place_close(struct faults_place *place, enum faults_files files)
{
    faults_kill(&place->broker);
    faults_kill(&place->retired);
    if (place->notices >= 0) {
        (void)close(place->notices);
    }
    for (unsigned i = 0; i < place->server_count; i++) {
        faults_kill(&place->servers[i]);
    }
    if (files == FAULTS_FILES_REMOVE && place->directory[0] != '\0') {
        remove_files(place);
    }
}

/* ---- /__ctl */

void faults_control(const struct faults_process *server, const char *json)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)server->port)};
    struct timeval patience = {.tv_usec = 200000};
    char text[512];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int length = snprintf(text, sizeof(text),
                          "POST /__ctl HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s",
                          strlen(json), json);

    if (fd < 0) {
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(fd, text, (size_t)length, MSG_NOSIGNAL) == length) {
        /* Its reply says that the setting holds. */
        (void)!recv(fd, text, sizeof(text), 0);
    }
    (void)close(fd);
}
