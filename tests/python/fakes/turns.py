# SPDX-License-Identifier: MIT
"""What a scripted model does in its turn, said once for all providers."""

import threading
from dataclasses import dataclass, field


@dataclass
class Say:
    """The model says TEXT, and its turn is over."""

    text: str


@dataclass
class Call:
    """
    One call.  TEXT is sent as the arguments instead of ARGUMENTS where they are text (OpenAI), to
    be malformed.
    """

    name: str
    arguments: dict = field(default_factory=dict)
    text: str = None


class Calls:
    """Several calls at once, with SAY in front of them."""

    def __init__(self, *calls, say=""):
        self.calls = list(calls)
        self.say = say


@dataclass
class Finish:
    """The model ends without anything of use, for REASON (Gemini: MALFORMED_FUNCTION_CALL)."""

    reason: str


@dataclass
class Failure:
    """An HTTP error, such as 429 with RETRY_AFTER seconds, or 500."""

    status: int
    message: str = "The model is overloaded."
    retry_after: int = None


class HangUp:
    """The connection closes without an answer."""


class Held:
    """TURN, once release() was called: a model that thinks for long.  `arrived` is set meanwhile."""

    def __init__(self, turn):
        self.turn = turn
        self.arrived = threading.Event()
        self.released = threading.Event()

    def release(self):
        self.released.set()


@dataclass
class Answered:
    """What came back for a call of the model's last turn: given to turns that are functions."""

    id: str
    name: str
    text: str
    is_error: bool = False
    raw: dict = None


def calls_of(turn):
    """The calls of TURN, and what is said before them."""
    if isinstance(turn, Call):
        return [turn], ""
    if isinstance(turn, Calls):
        return turn.calls, turn.say
    return [], turn.text
