# SPDX-License-Identifier: MIT
"""A fleet that is real: brokers, the scripted servers behind them, calls, all told to one Redis."""

import pathlib

from stand import Broker, Program, ScriptedServer, places

BENCH = pathlib.Path(places.TEPLOCTL).parents[1] / "bench/teplo-bench"


class RealFleet:
    """BROKERS with a pool for each name of POOLS, whose values are options of that pool."""

    def __init__(self, redis, brokers=3, pools=None):
        self.things = []
        self.servers, self.brokers = {}, []
        try:
            servers = {}
            for name, options in (pools or {"graph": {}, "search": {}}).items():
                self.servers[name] = self.keep(ScriptedServer(), "kill")
                servers[name] = {"url": self.servers[name].url, "teplo": options}
            for _ in range(brokers):
                options = {"redis": {"url": redis.url}}
                self.brokers.append(self.keep(Broker(servers, options=options), "give_up"))
        except BaseException:
            self.done()
            raise

    def keep(self, thing, end):
        self.things.append(getattr(thing, end))
        return thing

    def load(self, broker, pool, *arguments, duration="1h"):
        """Calls through that broker until the end, or until the Program that is returned is killed."""
        command = [BENCH, "--socket", self.brokers[broker].socket_path(), "--pool", pool, "--duration", duration, "--warm-up", "0s"]
        return self.keep(Program([*command, "--patience", "10m", *arguments]), "kill")

    def instance(self, broker, dash):
        """The name of that broker in Redis."""
        pid = self.brokers[broker].pid
        return next((b["inst"] for b in dash.fleet()["brokers"] if b["pid"] == pid), None)

    def done(self):
        for end in reversed(self.things):
            end()
