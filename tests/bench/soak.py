# SPDX-License-Identifier: MIT
"""A long, even load, with what teplod holds measured every few seconds: memory, descriptors, slots.

    python3 tests/bench/soak.py [SECONDS]

An hour unless told otherwise, at 500 calls a second from 20 clients; one call in fifty is slow, and
now and then a client leaves with calls in flight, the server closes idle connections, the file is
reloaded.  Needs the release build.  Fails if anything grew: by a straight line through the samples
after the first quarter, not by eye.
"""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPO / "build/release"
os.environ.setdefault("TEPLOD", str(BUILD / "broker/teplod"))
os.environ.setdefault("TEPLOCTL", str(BUILD / "client-lib/cli/teploctl"))
sys.path.insert(0, str(REPO / "tests/e2e"))

from harness import Broker  # noqa: E402
from harness.scripted import ScriptedServer  # noqa: E402

RATE, CLIENTS = 500, 20
INTERVAL = 5  # seconds between samples
GROWTH_KIB_AN_HOUR = 1024


def slope_an_hour(samples):
    """Of a straight line through (seconds, value), least squares."""
    middle_t = statistics.fmean(t for t, _ in samples)
    middle_v = statistics.fmean(v for _, v in samples)
    spread = sum((t - middle_t) ** 2 for t, _ in samples)
    return 3600 * sum((t - middle_t) * (v - middle_v) for t, v in samples) / spread if spread else 0.0


def start_load(broker, seconds):
    command = [
        BUILD / "client-lib/bench/teplo-bench", "--socket", broker.socket_path(), "--clients", CLIENTS,
        "--in-flight", 64, "--rate", RATE, "--duration", f"{seconds}s",
        "--mix", "run:49,run:1:700ms", "--arguments", '{"u":%n}', "--verify", "off", "--json",
    ]  # fmt: skip
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def disturb(broker, turn):
    """Something that a long life brings, in turn."""
    if turn % 6 == 3:
        broker.signal(signal.SIGHUP)
    else:
        client = broker.client()
        for n in range(8):
            client.start_call("run", {"u": 2**40 + turn * 8 + n, "ms": 300})
        client.close()
        broker.clients.remove(client)


def sample(broker, began):
    stats = broker.admin("teplo/stats")
    row = broker.pool()
    return {
        "t": time.monotonic() - began,
        "rss_kib": broker.rss_bytes() // 1024,
        "files": broker.open_files(),
        "sessions": row["s_total"],
        "waiting": row["waiting"],
        "ledger_live": stats.get("ledger_live", 0),
        "calls": row["calls_total"],
        "unknown": row["unknown_total"],
        "not_executed": row["not_executed_total"],
    }


def watch(broker, load, seconds):
    began = time.monotonic()
    samples = []
    turn = 0
    while load.poll() is None and time.monotonic() - began < seconds + 60:
        try:
            load.wait(INTERVAL)
        except subprocess.TimeoutExpired:
            pass
        turn += 1
        disturb(broker, turn)
        samples.append(sample(broker, began))
        if turn % 60 == 0:
            print(json.dumps(samples[-1]), flush=True)
    return samples


def judge(samples, report):
    steady = samples[len(samples) // 4 :]
    growth = slope_an_hour([(s["t"], s["rss_kib"]) for s in steady])
    span = steady[-1]["t"] - steady[0]["t"]
    # Over a short run a page or two look like much in an hour.
    allowed = GROWTH_KIB_AN_HOUR * max(1.0, 3600 / max(span, 1) / 4)
    files = {s["files"] for s in steady}
    print(f"samples {len(samples)}, calls {samples[-1]['calls']}")
    print(f"rss {samples[0]['rss_kib']} -> {samples[-1]['rss_kib']} KiB, {growth:+.0f} KiB an hour")
    print(f"descriptors {min(files)} to {max(files)}; sessions {samples[-1]['sessions']}")
    print(f"ledger live at most {max(s['ledger_live'] for s in steady)}")
    print(f"unknown {samples[-1]['unknown']}, not executed {samples[-1]['not_executed']}")
    print(json.dumps(report.get("outcomes", report), indent=None)[:600])
    complaints = []
    if growth > allowed:
        complaints.append(f"memory grows by {growth:.0f} KiB an hour")
    if steady[-1]["files"] > statistics.median(s["files"] for s in steady) + 16:
        complaints.append("descriptors pile up")
    if samples[-1]["unknown"] > 0:
        complaints.append("a call was unknown although nothing was wrong")
    return complaints


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 3600
    server = ScriptedServer()
    try:
        broker = Broker({"soak": server.url}, options={"log_level": "warn"})
        try:
            load = start_load(broker, seconds)
            samples = watch(broker, load, seconds)
            report = json.loads(load.communicate()[0])
            complaints = judge(samples, report)
            if load.returncode != 0:
                complaints.append(f"teplo-bench ended with {load.returncode}")
            broker.stop(60)
        finally:
            broker.done()
    finally:
        server.done()
    for complaint in complaints:
        print(f"soak: {complaint}")
    print("soak: " + ("FAILED" if complaints else "flat"))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
