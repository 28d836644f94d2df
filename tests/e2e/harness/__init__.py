# SPDX-License-Identifier: MIT
"""What the end-to-end tests are made of: the broker, clients, servers, Redis, and waiting."""

from .broker import Broker, LogLine, make_config, sanitizer_options
from .client import Client, RpcError
from .dynasty import Dynasty, adopting_orphans
from .program import Program
from .redis_server import RedisServer
from .stranger import can_be_others, connect_as
from .upstream import (
    CountingServer,
    DemoServer,
    EverythingServer,
    RawServer,
    Upstream,
    free_port,
    run_script,
)
from .waiting import Deadline, LONG_PATIENCE, Overdue, PATIENCE, wait_until

__all__ = [
    "Broker", "Client", "CountingServer", "Deadline", "DemoServer", "Dynasty", "EverythingServer",
    "LogLine", "LONG_PATIENCE", "Overdue", "PATIENCE", "Program", "RawServer", "RedisServer",
    "RpcError", "Upstream", "adopting_orphans", "can_be_others", "connect_as", "free_port", "make_config", "run_script",
    "sanitizer_options", "wait_until",
]  # fmt: skip
