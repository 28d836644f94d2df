# SPDX-License-Identifier: MIT
"""
Model servers on loopback that check each request as strictly as the real ones, and answer by a
script.  A request that the real server would refuse with 400 is refused with 400 here.
"""

from .anthropic import AnthropicServer
from .gemini import GeminiServer
from .openai import OpenAIServer
from .turns import Call, Calls, Failure, Finish, HangUp, Held, Say

__all__ = [
    "AnthropicServer", "Call", "Calls", "Failure", "Finish", "GeminiServer", "HangUp", "Held",
    "OpenAIServer", "Say",
]  # fmt: skip
