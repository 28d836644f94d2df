# SPDX-License-Identifier: MIT
"""Where Redis can be: behind TLS with a CA of our own, behind sentinels, in a cluster."""

import pathlib
import shutil
import subprocess
import tempfile

from harness import LONG_PATIENCE, RedisServer, free_port, wait_until
from harness.redis_server import RedisError

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """A CA in a directory of its own."""

    def __init__(self, name="teplo-test-ca"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tc-", dir="/tmp"))
        self.count = 0
        self.ca = self.directory / "ca.pem"
        self.key = self.directory / "ca.key"
        openssl("req", "-x509", *CURVE, "-keyout", self.key, "-out", self.ca, "-subj", f"/CN={name}", "-days", 30)

    def issue(self, names="DNS:localhost,IP:127.0.0.1", days=30):
        """Files of a certificate for NAMES and of its key."""
        self.count += 1
        cert, key, request = (self.directory / f"{self.count}.{end}" for end in ("pem", "key", "csr"))
        wanted = ("-subj", f"/CN=leaf{self.count}", "-addext", f"subjectAltName={names}")
        openssl("req", "-new", *CURVE, "-keyout", key, "-out", request, *wanted)
        signed = ("-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-copy_extensions", "copy")
        openssl("x509", "-req", "-in", request, *signed, "-days", days, "-out", cert)
        return cert, key

    def done(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class TlsRedis(RedisServer):
    """Also reached in the open, at .port, by the test itself."""

    def __init__(self, authority, certificate=None, clients="no", *arguments):
        cert, key = certificate or authority.issue()
        self.tls_port = free_port()
        super().__init__(
            "--tls-port", self.tls_port, "--tls-cert-file", cert, "--tls-key-file", key,
            "--tls-ca-cert-file", authority.ca, "--tls-auth-clients", clients, *arguments,
        )  # fmt: skip

    def tls_url(self, host="localhost"):
        return f"rediss://{host}:{self.tls_port}/0"


class Sentinel(RedisServer):
    """Watches MASTER under the name `m`, alone."""

    def __init__(self, master, *lines, port=None):
        self.first_port = port or master.port
        self.lines = lines
        super().__init__()

    def start(self):
        self.file = self.directory / "sentinel.conf"
        if not self.file.exists():
            self.file.write_text(
                f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\n"
                f"sentinel monitor m 127.0.0.1 {self.first_port} 1\n"
                "sentinel down-after-milliseconds m 500\nsentinel failover-timeout m 4000\n"
                + "".join(line + "\n" for line in self.lines)
            )
        self.run("redis-server", self.file, "--sentinel")

    def knows_replica(self):
        replicas = self("SENTINEL", "replicas", "m")
        return any("slave" == dict(zip(x[::2], x[1::2])).get("flags") for x in replicas)

    def master_port(self):
        return int(self("SENTINEL", "get-master-addr-by-name", "m")[1])


class Node(RedisServer):
    """Of a cluster."""

    def __init__(self, *arguments):
        self.bus_port = free_port()
        super().__init__(
            "--cluster-enabled", "yes", "--cluster-port", self.bus_port, "--cluster-node-timeout", 1000,
            "--cluster-require-full-coverage", "no", *arguments,
        )  # fmt: skip

    @property
    def id(self):
        return self("CLUSTER", "MYID")


class Cluster:
    """Three masters that share the slots, and replicas of the one that has KEY."""

    def __init__(self, key, replicas=0):
        self.nodes = [Node() for _ in range(3)]
        bounds = [0, 5461, 10923, 16384]
        for node, first, end in zip(self.nodes, bounds, bounds[1:]):
            node("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        self.slot = self.nodes[0]("CLUSTER", "KEYSLOT", key)
        self.owner = next(node for node, end in zip(self.nodes, bounds[1:]) if self.slot < end)
        self.others = [node for node in self.nodes if node is not self.owner]
        for node in self.nodes[1:]:
            self.meet(node)
        self.replicas = [self.add_replica() for _ in range(replicas)]
        wait_until(lambda: all(self.is_whole(node) for node in self.nodes), "the cluster", LONG_PATIENCE)

    def meet(self, node):
        node("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self.nodes[0].bus_port)

    def is_whole(self, node):
        facts = dict(line.split(":") for line in node("CLUSTER", "INFO").split("\r\n") if ":" in line)
        count = len(self.nodes) + len(self.replicas)
        return facts["cluster_state"] == "ok" and facts["cluster_slots_ok"] == "16384" and (
            int(facts["cluster_known_nodes"]) == count
        )

    def add_replica(self):
        node = Node()
        self.meet(node)
        self.nodes[0]("PING")
        wait_until(lambda: replicate(node, self.owner.id), "the replica knows its master", LONG_PATIENCE)
        return node

    def done(self):
        for node in self.nodes + self.replicas:
            node.done()


def replicate(node, master_id):
    try:
        return node("CLUSTER", "REPLICATE", master_id) == "OK"
    except RedisError:
        return False  # gossip has not told it of that node yet


def is_synced(replica):
    return "master_link_status:up" in replica("INFO", "replication")


__all__ = ["Authority", "Cluster", "Node", "Sentinel", "TlsRedis", "is_synced"]
