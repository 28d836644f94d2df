# SPDX-License-Identifier: MIT
"""
A broker for tests of your program: no teplod, no MCP server, no network.

    from teplo.testing import Fail, FakeBroker

    def add(a: int, b: int) -> int:
        "Adds two numbers."
        return a + b

    with FakeBroker(tools=[add], environ=True) as broker:
        broker.plan("add", Fail("unknown"))        # the next call only
        run_the_program()
        assert broker.calls[0].arguments == {"a": 1, "b": 2}

It is pure Python on the standard library: no libteplo, no pytest.
"""

from .broker import FakeBroker, teplo_broker
from .schema import Progress
from .steps import Answer, Delay, Drop, Fail, Hold, RpcFail, Step
from .tools import Call

__all__ = [
    "Answer", "Call", "Delay", "Drop", "Fail", "FakeBroker", "Hold", "Progress", "RpcFail", "Step",
    "teplo_broker",
]  # fmt: skip
