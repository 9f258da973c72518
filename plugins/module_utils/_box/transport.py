# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How requests travel: each has to be done in time, and no answer may be larger than one of a box.

The timeouts of ``requests`` and ``urllib3`` are for a single read of the socket. A server that sends a byte now and then
never reaches them. Here, every use of the socket gets only the time that the whole request has left.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

# mypy can't follow classes whose base may be missing, or is chosen while the program runs. That is why some lines below
# switch it off.
try:
    import requests
    import urllib3
except ImportError:
    # The doors say so in Ansible's own way, before a client is made.
    _Adapter: Any = object
    _Timeouts: Any = object
    _Error: Any = Exception
else:
    _Adapter = requests.adapters.HTTPAdapter
    _Timeouts = urllib3.Timeout
    _Error = requests.RequestException

# Boxes send a few megabytes at most.
_LARGEST_ANSWER_MB = 64
_PIECE = 65536
# A socket takes a timeout of 0 for "never wait".
_SHORTEST_WAIT = 0.001


class UnfitAnswer(_Error):  # type: ignore[misc]
    """The answer can't be a box's; it was not read to its end."""


class _TooLargeError(Exception):
    """More was sent than an answer may have."""


class Deadline:
    """When a request has to be done.

    :param seconds: that it may take from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._end - _SHORTEST_WAIT

    def left(self) -> float:
        """How many seconds are left, more than 0.

        :raises TimeoutError: if there are none.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            # Until Python 3.9 this is no TimeoutError, but what sockets raise.
            raise socket.timeout("timed out")
        return max(left, _SHORTEST_WAIT)


def connected(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connection to the first address of a host that takes one. How long DNS may take is up to the resolver.

    :raises OSError: if there is none.
    """
    addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    for number, (family, kind, protocol, _name, address) in enumerate(addresses, 1):
        raw = socket.socket(family, kind, protocol)
        try:
            # An address where nobody answers must not use up the time of those after it.
            raw.settimeout(deadline.left() / (len(addresses) - number + 1))
            raw.connect(address)
            # A request is sent in pieces. None of them has to wait for the receipt of the one before.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.settimeout(deadline.left())
            return raw
        except BaseException as error:
            raw.close()
            if not isinstance(error, OSError) or number == len(addresses):
                raise
    raise OSError("the name has no address")


class Transport(_Adapter):  # type: ignore[misc]
    """What ``requests`` sends by. The timeout of a request is for the whole of it: to connect, to send, and to receive."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _keep_deadlines(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if not known:
            _keep_deadlines(manager)
        return manager

    def add_headers(self, request: Any, **_options: Any) -> None:
        # A small answer could be unpacked to one that fills the memory.
        request.headers["Accept-Encoding"] = "identity"

    def send(self, request: Any, stream: bool = False, timeout: Any = None, *arguments: Any, **options: Any) -> Any:
        """The whole answer to a request.

        :raises UnfitAnswer: if it is too large, or compressed.
        """
        deadline = Deadline(timeout)
        try:
            answer = super().send(request, True, _Timeout(deadline), *arguments, **options)
            try:
                encoding = answer.headers.get("Content-Encoding", "identity")
                if encoding.lower() != "identity":
                    raise UnfitAnswer("the answer is compressed (%s), which was not requested" % encoding[:20])
                answer._content = b"".join(answer.iter_content(_PIECE))
            finally:
                answer.close()
        except _TooLargeError as error:
            raise UnfitAnswer("the answer is larger than %d MB" % _LARGEST_ANSWER_MB, request=request) from error
        except requests.ConnectionError as error:
            # To requests, nothing but headers can be late.
            if deadline.is_over and not isinstance(error, requests.Timeout):
                raise requests.ReadTimeout(error, request=request) from error
            raise
        return answer


class _Timeout(_Timeouts):  # type: ignore[misc]
    """The timeouts of a request as urllib3 takes them. Whenever it asks for one, it gets the time that is left."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def clone(self) -> _Timeout:
        return self

    def start_connect(self) -> float:
        return time.monotonic()

    @property
    def connect_timeout(self) -> float:
        return self._deadline.left()

    @property
    def read_timeout(self) -> float:
        return self._deadline.left()


def _keep_deadlines(manager: Any) -> None:
    """Have a pool manager of urllib3 make connections that keep deadlines."""
    manager.pool_classes_by_scheme = {
        scheme: type("Pool", (pool,), {"ConnectionCls": type("Connection", (_Connection, pool.ConnectionCls), {})})
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


class _Connection:
    """What a connection of urllib3 does otherwise here. To set its timeout starts a deadline."""

    sock: Any
    _deadline: Any = None

    @property
    def timeout(self) -> Any:
        return self._deadline.left() if isinstance(self._deadline, Deadline) else self._deadline

    @timeout.setter
    def timeout(self, seconds: Any) -> None:
        # A pool is made with no timeout, or with urllib3's sign for the default.
        self._deadline = Deadline(seconds) if isinstance(seconds, (int, float)) else seconds

    def _new_conn(self) -> socket.socket:
        if hasattr(self, "_socks_options"):
            # A SOCKS proxy makes the connection, in a way of its own.
            connection: socket.socket = super()._new_conn()  # type: ignore[misc]
            return connection
        try:
            return connected(self._dns_host, self.port, self._deadline)  # type: ignore[attr-defined]
        except socket.timeout as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error  # type: ignore[arg-type]

    def send(self, data: Any) -> None:
        if self.sock is not None:
            # The socket may have been used before, and has what was left then.
            self.sock.settimeout(self.timeout)
        super().send(data)  # type: ignore[misc]

    def response_class(self, sock: socket.socket, *arguments: Any, **options: Any) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, *arguments, **options)
        received = _Received(response.fp.detach(), sock, self._deadline)
        response.fp = io.BufferedReader(received, _PIECE)
        return response


class _Received(io.RawIOBase):
    """What a socket receives for one answer, headers and all, as long as it comes in time and is not too much."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._raw = raw
        self._socket = sock
        self._deadline = deadline
        self._capacity = _LARGEST_ANSWER_MB * 1024 * 1024

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(self._deadline.left())
        count = self._raw.readinto(buffer) or 0
        self._capacity -= count
        if self._capacity < 0:
            raise _TooLargeError
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
