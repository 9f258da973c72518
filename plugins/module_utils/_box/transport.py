# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP transport: it limits the total time of each request and the size of each answer.

The timeouts of ``requests`` and ``urllib3`` apply to single reads of the socket. A server that sends a byte now and then
never reaches them. Here, each use of the socket gets only the remaining time of the whole request.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

# mypy can't check classes whose base class may be missing or is chosen at run time, so some lines below ignore it.
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
# For a socket, a timeout of 0 means nonblocking.
_SHORTEST_WAIT = 0.001


class UnfitAnswer(_Error):  # type: ignore[misc]
    """The answer is too large or compressed, so it can't be from a box. It was not read completely."""


class _TooLargeError(Exception):
    """The answer is larger than the limit."""


class Deadline:
    """The time by which a request has to be complete.

    :param seconds: how many seconds from now.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._end - _SHORTEST_WAIT

    def left(self) -> float:
        """The number of seconds that are left, greater than 0.

        :raises TimeoutError: if the time is over.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            # Sockets raise this, which is not a TimeoutError before Python 3.10.
            raise socket.timeout("timed out")
        return max(left, _SHORTEST_WAIT)


def connected(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first reachable address of a host. The timeout of DNS is that of the resolver.

    :raises OSError: if no address can be reached.
    """
    addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    for number, (family, kind, protocol, _name, address) in enumerate(addresses, 1):
        raw = socket.socket(family, kind, protocol)
        try:
            # An unreachable address must not use up the time of the next ones.
            raw.settimeout(deadline.left() / (len(addresses) - number + 1))
            raw.connect(address)
            # A request is sent in pieces. Don't delay a piece until the previous one is acknowledged.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.settimeout(deadline.left())
            return raw
        except BaseException as error:
            raw.close()
            if not isinstance(error, OSError) or number == len(addresses):
                raise
    raise OSError("the name has no address")


class Transport(_Adapter):  # type: ignore[misc]
    """An adapter for ``requests`` whose timeout limits the whole request: connecting, sending and receiving."""

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
        # A small compressed answer could fill the memory when it is decompressed.
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
            # requests reports a timeout only while it reads headers.
            if deadline.is_over and not isinstance(error, requests.Timeout):
                raise requests.ReadTimeout(error, request=request) from error
            raise
        return answer


class _Timeout(_Timeouts):  # type: ignore[misc]
    """The timeouts of a request for urllib3. Each of them is the remaining time of the request."""

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
    """Make a pool manager of urllib3 create connections with deadlines."""
    manager.pool_classes_by_scheme = {
        scheme: type("Pool", (pool,), {"ConnectionCls": type("Connection", (_Connection, pool.ConnectionCls), {})})
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


class _Connection:
    """The differences to a connection of urllib3. Setting the timeout starts a deadline."""

    sock: Any
    _deadline: Any = None

    @property
    def timeout(self) -> Any:
        return self._deadline.left() if isinstance(self._deadline, Deadline) else self._deadline

    @timeout.setter
    def timeout(self, seconds: Any) -> None:
        # A pool is created without a timeout, or with urllib3's marker for the default.
        self._deadline = Deadline(seconds) if isinstance(seconds, (int, float)) else seconds

    def _new_conn(self) -> socket.socket:
        if hasattr(self, "_socks_options"):
            # For a SOCKS proxy, the base class makes the connection.
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
            # A reused socket still has the timeout of the previous request.
            self.sock.settimeout(self.timeout)
        super().send(data)  # type: ignore[misc]

    def response_class(self, sock: socket.socket, *arguments: Any, **options: Any) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, *arguments, **options)
        received = _Received(response.fp.detach(), sock, self._deadline)
        response.fp = io.BufferedReader(received, _PIECE)
        return response


class _Received(io.RawIOBase):
    """The bytes of one answer, with its headers, limited in time and size."""

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
