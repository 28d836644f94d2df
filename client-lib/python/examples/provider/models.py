# SPDX-License-Identifier: MIT
"""
HTTP to the model servers.  The calls are blocking ones in an executor of their own: one for both
loops of this program, with a size that is chosen, so that nothing else queues behind them.  A call
that nobody awaits any more ends with its answer or its time limit.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from settings import Settings

TRIED_AGAIN = (429, 500, 502, 503, 504)
TRIES = 3
LONGEST_PAUSE = 30.0

Json = dict[str, Any]


class ModelError(Exception):
    """The model server refused, or failed again and again.  str() has its own words."""

    def __init__(self, status: int | None, message: str) -> None:
        super().__init__(f"the model server answered {status}: {message}" if status else message)
        self.status = status


class Models:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.executor = ThreadPoolExecutor(settings.model_calls, thread_name_prefix="model")
        self.own = threading.local()  # requests.Session is for one thread

    async def gemini(self, model: str, body: Json) -> Json:
        name = model.removeprefix("models/")
        url = f"{self.settings.gemini_url}/v1beta/models/{name}:generateContent"
        return await self.ask(url, {"x-goog-api-key": self.settings.gemini_key}, body)

    async def openai(self, path: str, body: Json) -> Json:
        url = f"{self.settings.openai_url}/{path}"
        return await self.ask(url, {"Authorization": f"Bearer {self.settings.openai_key}"}, body)

    async def ask(self, url: str, headers: dict[str, str], body: Json) -> Json:
        """What may succeed later is tried again; the pauses are taken in the loop, not in a thread."""
        loop = asyncio.get_running_loop()
        for attempt in range(1, TRIES + 1):
            reply = await loop.run_in_executor(self.executor, self.post, url, headers, body)
            if reply.status_code == 200:
                return dict(reply.json())
            if reply.status_code not in TRIED_AGAIN or attempt == TRIES:
                break
            await asyncio.sleep(pause_before(attempt, reply.headers.get("retry-after")))
        raise ModelError(reply.status_code, words_of(reply))

    def post(self, url: str, headers: dict[str, str], body: Json) -> requests.Response:
        session = getattr(self.own, "session", None)
        if session is None:
            session = self.own.session = requests.Session()
        try:
            return session.post(
                url, headers=headers, json=body, timeout=self.settings.model_timeout
            )
        except requests.RequestException as error:
            raise ModelError(None, f"the model server could not be asked: {error}") from error


def pause_before(attempt: int, retry_after: str | None) -> float:
    try:
        asked = float(retry_after) if retry_after is not None else 0.25 * 2**attempt
    except ValueError:  # a date
        asked = LONGEST_PAUSE
    return min(asked, LONGEST_PAUSE)


def words_of(reply: requests.Response) -> str:
    try:
        return str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return reply.text[:500]
