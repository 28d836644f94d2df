# SPDX-License-Identifier: MIT
"""TLS before a test server: certificates made on the spot, and a front that hears everything."""

import asyncio
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from .waiting import PATIENCE

CA_CONFIG = """
[ca]
default_ca = own
[own]
dir = .
new_certs_dir = .
database = index
serial = serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


class Authority:
    """A certificate authority of its own, in a directory of its own; `certificate` is its file."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tp-ca-", dir="/tmp"))
        (self.directory / "config").write_text(CA_CONFIG)
        (self.directory / "index").write_text("")
        (self.directory / "serial").write_text("1000")
        self.certificate = self.directory / "ca.pem"
        self.openssl("req", "-x509", "-subj", "/CN=Test CA", "-days", "2", "-keyout", "ca.key",
                     "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")  # fmt: skip

    def openssl(self, verb, *words):
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        subprocess.run(
            ["openssl", verb] + (new_key if verb == "req" else []) + list(words),
            cwd=self.directory, check=True, capture_output=True, timeout=PATIENCE,
        )  # fmt: skip

    def issue(self, name, san="IP:127.0.0.1", start="20200101000000Z", end="20991231235959Z"):
        """A file with a key and a certificate for SAN."""
        self.openssl("req", "-subj", f"/CN={name}", "-addext", f"subjectAltName={san}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        self.openssl("ca", "-batch", "-config", "config", "-cert", "ca.pem", "-keyfile", "ca.key",
                     "-in", f"{name}.csr", "-out", f"{name}.crt", "-notext",
                     "-startdate", start, "-enddate", end)  # fmt: skip
        both = self.directory / f"{name}.pem"
        both.write_text((self.directory / f"{name}.key").read_text()
                        + (self.directory / f"{name}.crt").read_text())  # fmt: skip
        return both

    def self_sign(self, name, san="IP:127.0.0.1"):
        self.openssl("req", "-x509", "-subj", f"/CN={name}", "-days", "2",
                     "-addext", f"subjectAltName={san}",
                     "-keyout", f"{name}.pem", "-out", f"{name}.crt")  # fmt: skip
        both = self.directory / f"{name}.pem"
        both.write_text(both.read_text() + (self.directory / f"{name}.crt").read_text())
        return both

    def done(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def context_of(pem, **settings):
    """A server's TLS context; SETTINGS are attributes of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


class TlsFront:
    """
    Decrypts for the server on PORT.  The context may be replaced at any time; None: connections
    are reset in the middle of the handshake.  `heard` is all that clients said, decrypted.
    """

    def __init__(self, port, context):
        self.backend = port
        self.context = context
        self.heard = b""
        self.connections = 0
        self.protocols = set()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}/sse"
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.tasks = {self.loop.create_task(self.accept())}
        try:
            self.loop.run_forever()
        finally:
            for task in self.tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
            self.loop.close()

    async def accept(self):
        while True:
            connection, _ = await self.loop.sock_accept(self.listener)
            self.connections += 1
            task = self.loop.create_task(self.serve(connection))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def serve(self, connection):
        if self.context is None:
            await self.loop.sock_recv(connection, 100)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            return
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self.loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self.context
            )
        except OSError:
            return
        self.protocols.add(transport.get_extra_info("ssl_object").selected_alpn_protocol())
        writer = asyncio.StreamWriter(transport, protocol, reader, self.loop)
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.backend)
        try:
            await asyncio.gather(self.pump(reader, ours, True), self.pump(theirs, writer, False))
        finally:
            writer.close()
            ours.close()

    async def pump(self, reader, writer, is_heard):
        try:
            while data := await reader.read(1 << 16):
                self.heard += data if is_heard else b""
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    def done(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.listener.close()
