# SPDX-License-Identifier: MIT
"""Rounds of teplo-bench against four ways to one server; prints a Markdown table of medians.

Called by compare.sh, which has built what it needs.
"""

import argparse
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / "build" / "release"
BENCH = BUILD / "client-lib" / "bench" / "teplo-bench"
TEPLOD = BUILD / "broker" / "teplod"
SERVERS = {  # the first that was built; each prints its URL.  And how it is called.
    BUILD / "tests" / "upstream" / "scripted" / "scripted_server": ["-t", "run", "-a", '{"u":%n}'],
    BUILD / "tests" / "support" / "fake_server": ["-t", "echo"],
}
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
PATIENCE = 20
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    option http-keep-alive
    option http-no-delay
    http-reuse always
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen proxy
    bind 127.0.0.1:{port}
    server upstream 127.0.0.1:{upstream}
"""

NGINX = """
worker_processes 1;
daemon off;
error_log {folder}/nginx.err;
pid {folder}/nginx.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    upstream server {{
        server 127.0.0.1:{upstream};
        keepalive 1024;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://server;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


class Process:
    """A child that dies with us."""

    def __init__(self, argv, log, stdout=None):
        self.child = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=stdout or log,
            stderr=log,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
        )

    def pids(self):
        """Its own, and those of its children: nginx has a worker."""
        folder = pathlib.Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children")
        return [self.child.pid] + [int(word) for word in folder.read_text().split()]

    def cpu_ms(self):
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks * TICK_MS

    def memory_mb(self):
        """RSS, PSS and USS of all of it."""
        sums = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
        for pid in self.pids():
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name = line.partition(":")[0]
                if name in sums:
                    sums[name] += int(line.split()[1])
        uss = sums["Private_Clean"] + sums["Private_Dirty"]
        return [kib / 1024 for kib in (sums["Rss"], sums["Pss"], uss)]

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
        try:
            self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Stage:
    """Everything that runs, and its folder."""

    def __init__(self, inflight_per_session):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tc-", dir="/tmp"))
        self.log = open(self.folder / "log", "w")
        self.processes = []
        self.inflight_per_session = inflight_per_session

    def start(self, argv, **keywords):
        process = Process(argv, self.log, **keywords)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_upstream(self):
        program = next(path for path in SERVERS if path.exists())
        process = self.start([program], stdout=subprocess.PIPE)
        self.call = SERVERS[program]
        url = process.child.stdout.readline().decode().split()[-1]
        self.upstream_port = int(url.rpartition(":")[2].partition("/")[0])
        return program.name, url

    def start_proxy(self, name, template, command):
        port = free_port()
        config = self.folder / f"{name}.conf"
        config.write_text(template.format(folder=self.folder, port=port, upstream=self.upstream_port))
        process = self.start([word.format(config=config) for word in command])
        wait_until(lambda: can_connect(("127.0.0.1", port)), f"{name} listens")
        return Target(name, ["--url", f"http://127.0.0.1:{port}/sse"], process)

    def start_teplo(self, url):
        runtime = self.folder / "run"
        runtime.mkdir(mode=0o700)
        limits = {"max_inflight_per_session": self.inflight_per_session}
        config = self.folder / "teplo.json"
        config.write_text(json.dumps({"mcpServers": {"upstream": {"url": url, "teplo": limits}}}))
        process = self.start([TEPLOD, "--config", config, "--runtime-dir", runtime])
        path = runtime / "teplo.sock"
        wait_until(lambda: can_connect(str(path)), "teplod listens")
        return Target("teplo", ["-s", path], process)


class Target:
    def __init__(self, name, words, process=None):
        self.name = name
        self.words = words
        self.process = process
        self.memory = None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def can_connect(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def wait_until(is_so, what):
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            sys.exit(f"compare: gave up waiting until {what}")
        time.sleep(0.02)


def has_stats(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return isinstance(json.load(page), dict)
    except (OSError, ValueError):
        return False


def measure(target, shape, options, stage, stats):
    clients, in_flight = shape
    words = target.words + stage.call + ["-c", clients, "-i", in_flight, "-p", options.payload, "--json"]
    words += ["-d", options.duration, "--warm-up", options.warm_up]
    words += ["--upstream-stats", stats] if stats else []
    before = target.process.cpu_ms() if target.process else 0
    done = subprocess.run([BENCH] + [str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare: {target.name} {shape}: {done.stdout}{done.stderr}")
    told = json.loads(done.stdout)
    calls = told["all_calls"]
    cpu = target.process.cpu_ms() - before if target.process else None
    if target.process:
        target.memory = target.process.memory_mb()
    return {
        "calls_per_s": told["calls_per_s"],
        "p50": told["latency_us"]["p50"],
        "p99": told["latency_us"]["p99"],
        "cpu": cpu and cpu * 1000 / calls,  # ms per 1,000 calls are us per call
        "client_cpu": told["cpu_us_per_call"],
        "posts": told["upstream"]["posts"] / calls if told["upstream"] else None,
    }


def medians(samples):
    return {
        key: statistics.median(sample[key] for sample in samples) if samples[0][key] is not None else None
        for key in samples[0]
    }


def cell(number, form):
    return "-" if number is None else format(number, form)


def print_table(shape, targets, results):
    rows = {target.name: medians(results[target.name, shape]) for target in targets}
    print(f"\n### {shape[0] * shape[1]} in flight ({shape[0]} clients x {shape[1]})\n")
    print(
        "| way | calls/s | of HAProxy | p50 us | p99 us | added p50 us | added p99 us | CPU us/call |"
        " POSTs/call | RSS / PSS / USS MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for target in targets:
        row = rows[target.name]
        added = [row[key] - rows["direct"][key] for key in ("p50", "p99")]
        memory = " / ".join(f"{mb:.1f}" for mb in target.memory) if target.memory else "-"
        print(
            f"| {target.name} | {row['calls_per_s']:,.0f} "
            f"| {row['calls_per_s'] / rows['haproxy']['calls_per_s']:.2f} "
            f"| {row['p50']:,.0f} | {row['p99']:,.0f} | {added[0]:+,.0f} | {added[1]:+,.0f} "
            f"| {cell(row['cpu'], ',.1f')} | {cell(row['posts'], '.3f')} | {memory} |",
            flush=True,
        )


def read_shape(text):
    clients, _, in_flight = text.partition("x")
    return int(clients), int(in_flight or 1)


def read_options():
    parser = argparse.ArgumentParser(prog="tests/bench/compare.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", default="1500ms", help="of one measurement")
    parser.add_argument("--warm-up", default="300ms", help="before it")
    parser.add_argument("--payload", type=int, default=64, help="bytes of each call's argument")
    parser.add_argument("--in-flight-per-session", type=int, default=32, help="teplo's limit")
    parser.add_argument(
        "--shapes", nargs="+", type=read_shape, default=[(1, 1), (8, 4), (32, 8)], help="CLIENTSxIN_FLIGHT"
    )
    return parser.parse_args()


def main():
    options = read_options()
    stage = Stage(options.in_flight_per_session)
    try:
        server, url = stage.start_upstream()
        stats = url.replace("/sse", "/__stats")
        stats = stats if has_stats(stats) else None
        targets = [
            Target("direct", ["--url", url]),
            stage.start_proxy("haproxy", HAPROXY, ["haproxy", "-db", "-f", "{config}"]),
            stage.start_proxy("nginx", NGINX, ["nginx", "-c", "{config}"]),
            stage.start_teplo(url),
        ]
        print(
            f"{os.cpu_count()} cores shared by client, proxy and server ({server}); "
            f"medians of {options.rounds} interleaved rounds of {options.duration}; "
            f"payload {options.payload} bytes.",
            flush=True,
        )
        for shape in options.shapes:
            results = {(target.name, shape): [] for target in targets}
            for _ in range(options.rounds):
                for target in targets:
                    results[target.name, shape].append(measure(target, shape, options, stage, stats))
            print_table(shape, targets, results)
    finally:
        stage.stop()


main()
