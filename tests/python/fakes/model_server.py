# SPDX-License-Identifier: MIT
"""HTTP on loopback, scripts by conversation, and a record of all requests.

A conversation is known by the text of its first user message.  `converse(words, turn, ...)` gives
the turns for the conversation whose first message contains WORDS; each request that passes the
checks takes the next one.  A turn may be a function: it gets the answers to the calls of the turn
before, and returns the turn.
"""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .rules import Refused
from .turns import Failure, HangUp, Held


@dataclass
class Recorded:
    """One request, and what it was told."""

    path: str
    headers: dict
    raw: bytes
    body: object = None
    status: int = None
    reply: object = None


class Script:
    def __init__(self, words, turns):
        self.words = words
        self.turns = list(turns)
        self.taken = 0


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


class ModelServer:
    """SUBCLASSES: check(path, headers, body) -> (first user text, answers), and what to reply."""

    def __init__(self):
        self.requests = []
        self.scripts = []
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.ending = threading.Event()
        self.http = Server(("127.0.0.1", 0), handler_of(self))
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.done()

    def done(self):
        self.ending.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    # For the test.

    def converse(self, words, *turns):
        script = Script(words, turns)
        with self.lock:
            self.scripts.append(script)
        return script

    def refusals(self):
        """Every request that was told 400 for what it is, not because a script says so."""
        return [one for one in self.requests if one.status == 400 and one.reply is not None]

    def of(self, words):
        """The requests of the conversations whose first message contains WORDS."""
        with self.lock:
            requests = list(self.requests)
        return [one for one in requests if one.status and words in self.first_text(one.body)]

    def wait_requests(self, count, seconds):
        """Until so many requests have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, seconds)

    # One request.

    def serve(self, path, headers, raw):
        """(status, extra headers, reply), or None to hang up."""
        recorded = Recorded(path, headers, raw)
        with self.changed:
            self.requests.append(recorded)
            self.changed.notify_all()
        try:
            recorded.body = parse(raw)
            key, answers = self.check(path, headers, recorded.body)
        except Refused as refused:
            recorded.status, recorded.reply = self.refusal(refused)
            return recorded.status, {}, recorded.reply
        turn = self.next_turn(key, answers)
        if isinstance(turn, HangUp):
            return None
        if isinstance(turn, Failure):
            recorded.status = turn.status
            return turn.status, retry_header(turn), self.failure(turn.status, turn.message)
        recorded.reply = self.reply(turn, recorded)
        recorded.status = 200
        return 200, {}, recorded.reply

    def next_turn(self, key, answers):
        turn = self.take_turn(key)
        if callable(turn):
            turn = turn(answers)
        while isinstance(turn, Held):
            turn.arrived.set()
            while not turn.released.wait(0.02):
                if self.ending.is_set():
                    return HangUp()
            turn = turn.turn
        return turn

    def take_turn(self, key):
        with self.lock:
            for script in self.scripts:
                if script.words in key and script.taken < len(script.turns):
                    script.taken += 1
                    return script.turns[script.taken - 1]
        return Failure(500, f"the test has no turn for {key[:200]!r}")


def handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            raw = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = server.serve(self.path, headers, raw)
            if told is None:
                self.close_connection = True
                return
            status, extra, reply = told
            body = json.dumps(reply, ensure_ascii=False).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **extra}.items():
                self.send_header(name, str(value))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """The record is the log."""

    return Handler


def parse(raw):
    def refuse(word):
        raise Refused("", f"We could not parse the JSON body of your request: {word}.")

    try:
        return json.loads(raw.decode("utf-8"), parse_constant=refuse)
    except ValueError as error:
        return refuse(str(error))


def retry_header(failure):
    return {} if failure.retry_after is None else {"retry-after": failure.retry_after}
