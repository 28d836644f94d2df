# SPDX-License-Identifier: MIT
"""A broker for tests of its clients: a Unix socket that answers as a script says.

A script maps a method to answers, used one after the other; the last one stays.  An answer is
a function (peer, request) that writes to the peer what it likes.  Every line that came in is
kept as bytes in `lines`.
"""
import json
import os
import socket
import threading


class Peer:
    """One accepted connection."""

    def __init__(self, sock):
        self.sock = sock
        self.reader = sock.makefile("rb")

    def send(self, data):
        self.sock.sendall(data)

    def send_json(self, message):
        self.send(json.dumps(message).encode() + b"\n")

    def close(self):
        # shutdown first: makefile() holds the descriptor open.
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.close()
        self.sock.close()


def result(value):
    """VALUE is raw JSON in bytes or str, or an object."""
    if isinstance(value, str):
        value = value.encode()
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()

    def answer(peer, request):
        peer.send(b'{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (request["id"], raw))

    return answer


def text_result(*texts, **members):
    return result({"resultType": "complete", "content": [{"type": "text", "text": t} for t in texts],
                   **members})


def error(code, message, outcome=None, **members):
    def answer(peer, request):
        body = {"code": code, "message": message}
        if outcome is not None:
            body["data"] = {"teplo": {"v": 1, "outcome": outcome, **members}}
        peer.send_json({"jsonrpc": "2.0", "id": request["id"], "error": body})

    return answer


def raw(data):
    return lambda peer, request: peer.send(data)


def hang_up(peer, request):
    peer.close()


def silence(peer, request):
    pass


def all_of(*answers):
    def answer(peer, request):
        for one in answers:
            one(peer, request)

    return answer


def notify(method, **params):
    return lambda peer, request: peer.send_json(
        {"jsonrpc": "2.0", "method": method, "params": params})


class FakeBroker:
    def __init__(self, directory, name="teplo.sock", serve=None):
        """SERVE replaces the script: a function (peer) that has the connection to itself."""
        self.path = os.path.join(str(directory), name)
        self.answers = {}
        self.lines = []
        self.serve = serve or self.serve_script
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.peers = []
        self.threads = []
        self.accepting = threading.Thread(target=self.accept_all, daemon=True)
        self.accepting.start()

    def on(self, method, *answers):
        self.answers[method] = list(answers)
        return self

    @property
    def requests(self):
        return [json.loads(line) for line in self.lines]

    def accept_all(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            peer = Peer(sock)
            self.peers.append(peer)
            thread = threading.Thread(target=self.run, args=(peer,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def run(self, peer):
        try:
            self.serve(peer)
        except (OSError, ValueError):
            pass  # the client has gone, or the script hung up
        peer.close()

    def serve_script(self, peer):
        for line in peer.reader:
            self.lines.append(line)
            request = json.loads(line)
            answers = self.answers[request["method"]]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            answer(peer, request)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.peers:
            peer.close()
        for thread in [self.accepting, *self.threads]:
            thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
