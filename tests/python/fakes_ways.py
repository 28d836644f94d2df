# SPDX-License-Identifier: MIT
"""Requests for the tests of the fake servers: one that is right, and ways to spoil it."""

import copy
import json
import urllib.error
import urllib.request

GRAPH = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "graphs": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["query"],
}
GRAPH_OPENAPI = {
    "type": "OBJECT",
    "properties": {
        "query": {"type": "STRING"},
        "graphs": {"type": "ARRAY", "items": {"type": "STRING"}},
    },
    "required": ["query"],
}
STRICT = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
    },
    "required": ["query", "limit"],
    "additionalProperties": False,
}
PNG = "iVBORw0KGgo="
HEADERS = {
    "authorization": "Bearer x",
    "x-goog-api-key": "x",
    "x-api-key": "x",
    "anthropic-version": "2023-06-01",
}


def post(url, body, headers=HEADERS):
    """(status, headers, reply); BODY may be bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, raw, {"content-type": "application/json", **headers})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, response.headers, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.loads(error.read())


class Put:
    """Sets what is at a path ("tools.0.function.name"); a list's end is "+"."""

    def __init__(self, path, value):
        self.path = path
        self.value = value

    def __call__(self, body):
        *steps, last = self.path.split(".")
        place = body
        for step in steps:
            place = place[int(step) if isinstance(place, list) else step]
        if isinstance(place, list) and last == "+":
            place.append(self.value)
        elif isinstance(place, list):
            place[int(last)] = self.value
        else:
            place[last] = self.value


class Drop:
    def __init__(self, path):
        self.path = path

    def __call__(self, body):
        *steps, last = self.path.split(".")
        place = body
        for step in steps:
            place = place[int(step) if isinstance(place, list) else step]
        del place[int(last) if isinstance(place, list) else last]


def changed(body, *ways):
    body = copy.deepcopy(body)
    for way in ways:
        way(body)
    return body
