# SPDX-License-Identifier: MIT
"""What the environment says.  The broker's socket is teplo's own business: TEPLO_SOCKET."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    gemini_url: str
    gemini_key: str
    openai_url: str
    openai_key: str
    openai_api: str  # "chat" or "responses"
    redis_url: str | None  # None: nobody listens
    model_calls: int  # at once; one more waits
    model_timeout: float  # seconds for one answer of a model
    tool_timeout: float  # seconds for one call of a tool
    most_steps: int  # of one agent loop
    graph: str

    def without_keys(self) -> str:
        """The warning that no model can be asked, or ""."""
        if self.gemini_key or self.openai_key:
            return ""
        return "neither GEMINI_API_KEY nor OPENAI_API_KEY is set: agents will fail"


def from_environment() -> Settings:
    get = os.environ.get
    return Settings(
        gemini_url=get("GEMINI_BASE_URL", "https://generativelanguage.googleapis.com"),
        gemini_key=get("GEMINI_API_KEY", ""),
        openai_url=get("OPENAI_BASE_URL", "https://api.openai.com/v1"),
        openai_key=get("OPENAI_API_KEY", ""),
        openai_api=get("OPENAI_API", "chat"),
        redis_url=get("REDIS_URL") or None,
        model_calls=int(get("MODEL_CALLS", "16")),
        model_timeout=float(get("MODEL_TIMEOUT", "120")),
        tool_timeout=float(get("TOOL_TIMEOUT", "60")),
        most_steps=int(get("MOST_STEPS", "12")),
        graph=get("MAIN_GRAPH", "Grynya"),
    )
