# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to servers whose answers are too slow or too large."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box import transport
from ansible_collections.mailinabox.admin.plugins.module_utils._box.client import Client
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import Call, ServedCertificate
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import DNS_ZONES
from ansible_collections.mailinabox.admin.plugins.module_utils._values import errors

WRITE = Call("POST", "/mail/users/add", {"email": "ann@example.org"})
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
# Longer than the pauses between the bytes, and short enough for a failing test.
SLOW_SECONDS = 3.0
PAUSE_SECONDS = 0.02


class Server:
    """A server on this machine that says the same to everybody: bytes, one at a time or as fast as they are taken.

    :param slowly: what is sent in the end with a pause after each byte.
    :param listens: whether it waits for a request first.
    """

    def __init__(self, at_once: bytes = b"", slowly: bytes = b"", listens: bool = True) -> None:
        self.requests: list[bytes] = []
        self._at_once = at_once
        self._slowly = slowly
        self._listens = listens
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._end.is_set():
            with suppress(OSError):  # Nobody came, or who came is gone.
                connection, _address = self._listener.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(SLOW_SECONDS)
        self.requests.append(_request(connection) if self._listens else b"")
        connection.sendall(self._at_once)
        end = time.monotonic() + SLOW_SECONDS
        for byte in self._slowly:
            if self._end.wait(PAUSE_SECONDS) or time.monotonic() > end:
                return
            connection.sendall(bytes([byte]))


def _request(connection: socket.socket) -> bytes:
    """Read the whole request. Closing the connection earlier would reset it, and the client would lose the answer."""
    with connection.makefile("rb") as received:
        lines = list(iter(received.readline, b"\r\n"))
        sizes = [int(line.split()[1]) for line in lines if line.lower().startswith(b"content-length:")]
        return b"".join(lines) + received.read(sum(sizes))


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(*arguments: bytes, **options: bool) -> Server:
        servers.append(Server(*arguments, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def client_of(server: Server, timeout: float = 0.3, scheme: str = "http") -> Client:
    url = "%s://127.0.0.1:%d/admin" % (scheme, server.port)
    connection = Connection(url, "me@box.example.com", "adminpass123", verify=False, timeout=timeout)
    return Client(connection, sleep=lambda _seconds: None)


SLOW = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 1000),
    "another answer to come": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "body": (JSON + b"Content-Length: 1000\r\n\r\n", b"[" * 1000),
    "chunks": (JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n" * 1000),
    "the size of a chunk": (JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 1000),
    "until the end": (JSON + b"\r\n", b"[" * 1000),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_a_read_ends_in_time(serve: Serve, answer: tuple[bytes, bytes]) -> None:
    server = serve(*answer)
    start = time.monotonic()
    with client_of(server) as client, pytest.raises(errors.ConnectionFailed, match=r"longer than timeout.*0\.3 s"):
        client.ask(DNS_ZONES)
    assert time.monotonic() - start < SLOW_SECONDS / 2
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_a_write_ends_in_time_and_in_doubt(serve: Serve, answer: tuple[bytes, bytes]) -> None:
    server = serve(*answer)
    start = time.monotonic()
    with client_of(server) as client, pytest.raises(errors.OutcomeUnknown, match=r"within 0\.3 s"):
        client.send(WRITE)
    assert time.monotonic() - start < SLOW_SECONDS / 2
    assert len(server.requests) == 1


@pytest.mark.parametrize("question", [DNS_ZONES, ServedCertificate("example.org")], ids=["request", "certificate"])
def test_a_handshake_ends_in_time(serve: Serve, question: object) -> None:
    server = serve(b"\x16\x03\x03\x40\x00", b"\x02" * 1000, listens=False)
    start = time.monotonic()
    with (
        client_of(server, scheme="https") as client,
        pytest.raises(errors.ConnectionFailed, match="longer than timeout"),
    ):
        client.ask(question)  # type: ignore[arg-type]
    assert time.monotonic() - start < SLOW_SECONDS / 2
    assert client.reads == 1


LARGE = {
    "body": JSON + b"\r\n" + b"[" * 2_000_000,
    "chunks": JSON + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n%s\r\n" % (b"[" * 0x1000) * 500,
    "answers to come": b"HTTP/1.1 100 Continue\r\n\r\n" * 80_000,
}


@pytest.mark.parametrize("answer", LARGE.values(), ids=LARGE)
def test_a_large_answer_is_not_read_to_its_end(serve: Serve, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_LARGEST_ANSWER_MB", 1)
    server = serve(answer)
    with client_of(server, timeout=20) as client:
        with pytest.raises(errors.UnexpectedAnswer, match=r"larger than 1 MB\. Check that host is a Mail-in-a-Box\."):
            client.ask(DNS_ZONES)
        with pytest.raises(errors.OutcomeUnknown, match="larger than 1 MB"):
            client.send(WRITE)
    assert len(server.requests) == 2


def test_an_answer_is_not_unpacked(serve: Serve) -> None:
    packed = gzip.compress(b"[" + b" " * 1_000_000 + b"]")
    server = serve(JSON + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    with client_of(server, timeout=20) as client:
        with pytest.raises(errors.UnexpectedAnswer, match=r"compressed \(gzip\)"):
            client.ask(DNS_ZONES)
        with pytest.raises(errors.OutcomeUnknown, match="compressed"):
            client.send(WRITE)
    assert all(b"\r\nAccept-Encoding: identity\r\n" in request for request in server.requests)
    assert len(server.requests) == 2


def test_an_unresponsive_address_leaves_time_for_the_next(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(JSON + b'Content-Length: 15\r\n\r\n["example.org"]')
    # A listener with a full queue accepts no more connections.
    with (
        socket.create_server(("127.0.0.2", 0), backlog=0) as silent,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(silent.getsockname())
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
            for address in (silent.getsockname(), ("127.0.0.1", server.port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments: addresses)
        with client_of(server, timeout=1) as client:
            assert client.ask(DNS_ZONES) == ("example.org",)


def test_a_port_where_nothing_listens(serve: Serve) -> None:
    server = serve()
    client = client_of(server)
    server.close()
    with client, pytest.raises(errors.ConnectionFailed, match="refused"):
        client.ask(DNS_ZONES)


def test_a_name_without_an_address(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments: [])
    with client_of(server) as client, pytest.raises(errors.ConnectionFailed, match="the name has no address"):
        client.ask(DNS_ZONES)
    assert not server.requests


def test_a_proxy_gets_no_more_time_than_the_box(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    box, proxy = serve(), serve(*SLOW["headers"])
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("no_proxy", "")
    start = time.monotonic()
    with client_of(box, scheme="https") as client, pytest.raises(errors.ConnectionFailed, match="longer than timeout"):
        client.ask(DNS_ZONES)
    assert time.monotonic() - start < SLOW_SECONDS / 2
    assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:%d " % box.port)
    assert not box.requests


def test_an_unverified_connection_causes_a_warning(serve: Serve) -> None:
    with client_of(serve(), scheme="https") as client:
        assert [warning.partition(":")[0] for warning in client.warnings] == ["validate_certs is false"]
