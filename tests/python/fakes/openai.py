# SPDX-License-Identifier: MIT
"""OpenAI's two APIs on one server: Chat Completions and Responses."""

import itertools
import time

from .model_server import ModelServer
from .openai_chat import ChatRules
from .openai_responses import ResponsesRules
from .rules import Refused

PATHS = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}
TYPES = {401: "invalid_request_error", 404: "invalid_request_error", 429: "requests"}


class OpenAIServer(ModelServer):
    def __init__(self):
        super().__init__()
        self.numbers = itertools.count(1)
        self.rules = {"chat": ChatRules(), "responses": ResponsesRules()}

    @property
    def base_url(self):
        """As the SDK wants it."""
        return f"{self.url}/v1"

    def check(self, path, headers, body):
        if path not in PATHS:
            raise Refused(None, f"Invalid URL (POST {path})", 404)
        if headers.get("authorization", "")[:7] != "Bearer ":
            raise Refused(None, "You didn't provide an API key.", 401)
        return self.rules[PATHS[path]].check(body)

    def first_text(self, body):
        rules = self.rules["chat" if "messages" in body else "responses"]
        return rules.first_text(body)

    def reply(self, turn, recorded):
        rules = self.rules[PATHS[recorded.path]]
        return rules.reply(turn, recorded.body, next(self.numbers), int(time.time()))

    def refusal(self, refused):
        status = refused.code if isinstance(refused.code, int) else 400
        body = self.failure(status, refused.message)
        code = "unknown_parameter" if refused.unknown else refused.code
        body["error"]["param"] = refused.field
        body["error"]["code"] = code if isinstance(code, str) else None
        return status, body

    def failure(self, status, message):
        kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}
