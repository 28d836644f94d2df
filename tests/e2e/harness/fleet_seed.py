# SPDX-License-Identifier: MIT
"""A fleet as brokers and their reporter write it into Redis, by the tables of proto/redis.

    seed = FleetSeed(redis)              # three brokers, four pools, of which some are ill
    seed.rows["jira"]["i-web1-00000001"]["waiting"] = 7
    seed.write()                         # as of now, on the clock of that Redis

What is not given is made up, always alike; each row has every field of its table.
"""

import pathlib
import re
import socket

from .redis_server import decode, encode
from .waiting import PATIENCE

TABLES = pathlib.Path(__file__).resolve().parents[3] / "proto/redis"
LINE = re.compile(r"^(\w+)\(([^)]*)\)", re.MULTILINE)
EVENT_FIELDS = ["type", "sev", "inst", "pool", "sess", "code", "n", "msg"]
CODES = {"healthy": 0, "degraded": 1, "unhealthy": 2, "circuit_open": 3, "draining": 4, "unknown": 5}


def table(name):
    """The lines of a .def file: [(macro, [arguments])]."""
    text = re.sub(r"/\*.*?\*/", "", (TABLES / f"{name}.def").read_text(), flags=re.DOTALL)
    return [(macro, [word.strip().strip('"') for word in words.split(",")]) for macro, words in LINE.findall(text)]


def fields(name):
    """{field: kind}: kind is text, count, decimal or moment."""
    return {words[0]: macro.rsplit("_", 1)[1].lower() for macro, words in table(name)}


def columns(subject):
    """{column: text or number} of tbl:SUBJECT."""
    return {words[1]: words[2].lower() for _, words in table("table_columns") if words[0] == subject}


POOL_FIELDS, INSTANCE_FIELDS, FLEET_FIELDS = fields("pool_fields"), fields("instance_fields"), fields("fleet_fields")
FOLDS = {words[0]: words[-1] for _, words in table("pool_fields")}
SAMPLE_FIELDS = [words[0] for _, words in table("sample_fields")]
TTLS = {words[0]: int(words[3]) for _, words in table("keys")}


class FleetSeed:
    BROKERS = ("i-web1-00000001", "i-web2-00000002", "i-web3-00000003")
    POOLS = {"github": "healthy", "jira": "degraded", "search": "circuit_open", "wiki": "healthy"}

    def __init__(self, redis, namespace="main", brokers=BROKERS, pools=None, tick_ms=1000, dead_ms=2500):
        self.redis, self.namespace = redis, namespace
        self.tick_ms, self.dead_ms = tick_ms, dead_ms
        self.brokers = list(brokers)
        self.pools = dict(pools or self.POOLS)
        self.silent_ms = {}  # broker: how long ago it was heard of
        self.reporter = True  # writes f:, fleet, the tables and the samples
        self.events = []
        self.now_ms = self.clock()
        self.instances = {inst: self.instance(number, inst) for number, inst in enumerate(self.brokers)}
        self.rows = {
            pool: {inst: self.row(pool, number) for number, inst in enumerate(self.brokers)} for pool in self.pools
        }
        self.sessions = {inst: self.sessions_of(inst) for inst in self.brokers}
        self.event("start", "info", inst=self.brokers[0] if self.brokers else "-", msg="the broker serves")

    def clock(self):
        seconds, micros = self.redis("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def key(self, name):
        return f"teplo:{{{self.namespace}}}:v1:{name}"

    # ---- rows, always alike

    def instance(self, number, inst):
        row = blank(INSTANCE_FIELDS)
        row |= {"host": inst.split("-")[1], "pid": 1000 + number, "version": "0.1.0", "state": "serving"}
        row |= {"sock": "/run/teplo/teplo.sock", "seq": 4242, "uptime_s": "86400.5", "started_at_ms": -86400500}
        row |= {"providers": 12 + number, "pools": len(self.pools), "cpu_pct": "3.5", "rss_bytes": 12345678}
        row |= {"fds": 64, "fds_max": 1024, "lag_p99_ms": "0.4", "lag_max_ms": "2.125", "redis_state": "up"}
        row |= {"redis_rtt_ms": "0.412", "cfg_hash": "c0ffee01", "calls_total": 90000 + number, "err_total": 40 + number}
        worst = max(self.pools.values(), key=lambda health: CODES[health], default="healthy")
        return row | {"health": worst, "health_code": CODES[worst]}

    def row(self, pool, number):
        health = self.pools[pool]
        ill = health not in ("healthy", "draining")
        row = blank(POOL_FIELDS)
        row |= {"upstream": f"http://{pool}.example:8080/mcp", "transport": "streamable_http", "era": "legacy"}
        row |= {"proto": "2025-06-18", "seq": 4242, "cap": 10, "min_warm": 1}
        row |= {"s_idle": 3, "s_active": 2 + number, "s_connecting": 0, "s_broken": 2 if ill else 0}
        row |= {"s_total": 5 + number + (2 if ill else 0), "waiting": 7 if ill else 0}
        row |= {"maxwait_ms": "1234.5" if ill else "0", "inflight": 2 + number, "streams_open": 5}
        row |= {"calls_total": 10000 * (number + 1), "ok_total": 9700 * (number + 1), "tool_err_total": 200 * (number + 1)}
        row |= {"rpc_err_total": 90 * (number + 1), "not_executed_total": 8 * (number + 1), "unknown_total": 2 * (number + 1)}
        row |= {"e_timeout_total": 6 * (number + 1), "e_connect_total": 4 * (number + 1), "cache_hit_total": 310}
        row |= {"cache_miss_total": 690, "sess_opened_total": 40, "sess_lost_total": 12 if ill else 0, "wait_n": 20}
        row |= {"lat_p50_ms": "38", "lat_p95_ms": "210.25", "lat_p99_ms": "880", "lat_max_ms": "1900", "rps": "40.1"}
        row |= {"wait_p95_ms": "12", "err_pct": "6.1" if ill else "0.1", "tool_err_pct": "3.1", "util_pct": "42"}
        is_open = health == "circuit_open"
        row |= {"breaker": "open" if is_open else "closed", "breaker_code": int(is_open), "health": health}
        row |= {"health_code": CODES[health], "health_since_at_ms": -161000, "last_ok_at_ms": -500}
        if ill:
            row |= {"health_reason": "err_pct,broken", "last_err_class": "timeout", "last_err_at_ms": -1500}
        return row

    def sessions_of(self, inst):
        names = columns("sess")
        sessions = []
        for pool in self.pools:
            for number in range(2):
                session = {name: "-" if kind == "text" else 0 for name, kind in names.items()}
                session |= {"pool": pool, "sess": f"{pool}/{number + 1}", "state": "idle", "proto": "2025-06-18"}
                sessions.append(session | {"age_ms": 60000, "idle_ms": 1500, "calls_total": 17 + number})
        return sessions

    def event(self, kind, sev="info", **more):
        self.events.append(dict.fromkeys(EVENT_FIELDS, "-") | {"type": kind, "sev": sev, "n": 1} | more)

    # ---- what the reporter adds up

    def live(self):
        return [inst for inst in self.brokers if self.silent_ms.get(inst, 0) <= self.dead_ms]

    def folded(self, pool):
        rows = [self.rows[pool][inst] for inst in self.live() if inst in self.rows[pool]]
        if not rows:
            return None
        worst = max(rows, key=lambda row: (row["health_code"] not in (4, 5), row["health_code"]))
        folded = dict(worst)
        for name, fold in FOLDS.items():
            numbers = [float(row[name]) for row in rows] if POOL_FIELDS[name] in ("count", "decimal") else []
            if fold in ("SUM", "TOTAL"):
                folded[name] = plain(sum(numbers))
            elif fold == "MAX" and numbers:
                folded[name] = plain(max(numbers))
        return folded

    def overview(self):
        pools = [row for row in map(self.folded, self.pools) if row]
        row = blank(FLEET_FIELDS)
        for name in FLEET_FIELDS:
            source = {"s_cap": "cap"}.get(name, name)
            if source in POOL_FIELDS and FOLDS[source] in ("SUM", "TOTAL"):
                row[name] = plain(sum(float(pool[source]) for pool in pools))
        row |= {"inst_live": len(self.live()), "inst_dead": len(self.brokers) - len(self.live()), "pools": len(pools)}
        row |= {"pools_bad": sum(pool["health_code"] in (1, 2, 3) for pool in pools)}
        row |= {"breakers_open": sum(pool["breaker_code"] > 0 for pool in pools), "maxwait_ms": "1234.5"}
        row |= {"err_pct": "3.1", "tool_err_pct": "3.1", "lat_p50_ms": "38", "lat_p95_ms": "210.25", "lat_p99_ms": "880"}
        row |= {"cache_hit_pct": "31", "providers": 39, "err_total": 120, "reporter": (self.live() or ["-"])[0]}
        worst = max(pools, key=lambda pool: pool["health_code"], default=None)
        if worst:
            row |= {name: worst[name] for name in ("health", "health_code", "health_since_at_ms", "health_reason")}
        return row

    # ---- into Redis

    def write(self):
        """Everything, as of now."""
        self.now_ms = self.clock()
        commands = [hset(self.key("meta"), {"schema": 1, "minor": 1, "tick_ms": self.tick_ms, "dead_ms": self.dead_ms})]
        for inst in self.brokers:
            commands += self.commands_of(inst)
        for pool in self.pools:
            commands.append(["ZADD", self.key("pools"), self.now_ms, pool])
            commands.append(hset(self.key(f"cfg:{pool}"), {"upstream": f"http://{pool}.example:8080/mcp", "cap": 10}))
        if self.reporter:
            commands += self.reports()
        for event in self.events:
            commands.append(["XADD", self.key("ev"), "*"] + flat(event))
        self.events = []
        self.pipeline(commands)

    def commands_of(self, inst):
        at_ms = self.now_ms - self.silent_ms.get(inst, 0)
        commands = [["ZADD", self.key("inst"), at_ms, inst]]
        row = self.instances[inst] | {"hb_at_ms": at_ms}
        if self.silent_ms.get(inst, 0) <= 1000 * TTLS["INSTANCE"]:
            commands.append(hset(self.key(f"i:{inst}"), self.dated(row, INSTANCE_FIELDS)))
        for pool, rows in self.rows.items():
            if inst in rows:
                commands.append(hset(self.key(f"p:{pool}:{inst}"), self.dated(rows[inst] | {"updated_at_ms": at_ms}, POOL_FIELDS)))
        key = self.key(f"tbl:sess:{inst}")
        return commands + [["DEL", key]] + [["XADD", key, "*"] + flat(session) for session in self.sessions[inst]]

    def reports(self):
        commands = [hset(self.key("fleet"), self.dated(self.overview() | {"updated_at_ms": self.now_ms}, FLEET_FIELDS))]
        for pool in self.pools:
            row = self.folded(pool)
            if row:
                commands.append(hset(self.key(f"f:{pool}"), self.dated(row | {"updated_at_ms": self.now_ms}, POOL_FIELDS)))
        return commands

    def write_samples(self, pool="_fleet", count=60, step_ms=10000):
        """COUNT samples up to now; the numbers go up and down."""
        name = "ts10s" if step_ms == 10000 else "ts1m"
        last = self.clock() // step_ms * step_ms
        commands = []
        for number in range(count):
            sample = {field: (number * 7 + place) % 50 for place, field in enumerate(SAMPLE_FIELDS)}
            sample |= {"breaker": 0, "health": 0}
            at_ms = last - (count - 1 - number) * step_ms
            commands.append(["XADD", self.key(f"{name}:{pool}"), f"{at_ms}-0"] + flat(sample))
        self.pipeline(commands)

    def dated(self, row, kinds):
        """Moments of the row that are not positive are counted from now."""
        return {
            name: self.now_ms + value if kinds[name] == "moment" and isinstance(value, int) and value < 0 else value
            for name, value in row.items()
        }

    def pipeline(self, commands):
        with socket.create_connection(("127.0.0.1", self.redis.port), PATIENCE) as connection:
            connection.sendall(b"".join(map(encode, commands)))
            with connection.makefile("rb") as stream:
                return [decode(stream) for _ in commands]


def blank(kinds):
    return {name: "-" if kind == "text" else 0 for name, kind in kinds.items()}


def plain(number):
    return int(number) if number == int(number) else round(number, 3)


def flat(row):
    return [word for pair in row.items() for word in pair]


def hset(key, row):
    return ["HSET", key] + flat(row)
