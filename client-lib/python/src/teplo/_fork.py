# SPDX-License-Identifier: MIT
"""
A child process of fork() must not speak on its parent's connections: it forgets every handle (and
closes its copies of their descriptors), and whatever was made before a fork notices it here.
"""

import os
from typing import Protocol


class Forgettable(Protocol):
    def forget(self) -> None: ...


class Epoch:
    """Of a process: whoever keeps another one than the current was made before a fork."""


epoch = Epoch()
_handles: dict[int, Forgettable] = {}


def is_current(other: Epoch) -> bool:
    return other is epoch


def register(number: int, handle: Forgettable) -> None:
    _handles[number] = handle


def unregister(number: int) -> None:
    _handles.pop(number, None)


def _after_in_child() -> None:
    global epoch
    epoch = Epoch()
    handles = list(_handles.values())
    _handles.clear()
    for handle in handles:
        handle.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
