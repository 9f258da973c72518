# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTPS server with persistent connections for a WSGI application.

werkzeug's own server closes each connection and does the TLS handshake in its accept loop. With a handshake
for each request, tests would spend most of their time on handshakes.
"""

from __future__ import annotations

import contextlib
import http.server
import io
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import unquote

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# Seconds until the listener notices a request to stop.
_POLL_SECONDS = 0.02


class ConnectionDropError(Exception):
    """Raised by the application to close the connection without an answer."""

    def __init__(self, reset: bool) -> None:
        super().__init__("no answer")
        self.reset = reset


class _Handler(http.server.BaseHTTPRequestHandler):
    """A connection. The names of methods and attributes come from the standard library."""

    protocol_version = "HTTP/1.1"
    # Send headers and body together, without delay.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Listener

    def do_GET(self) -> None:
        self._answer()

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _unused, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            # WSGI requires bytes decoded as Latin-1.
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ.setdefault("HTTP_" + name.upper().replace("-", "_"), value)
        return environ

    def _answer(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self.send_error(411)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started.append((status, headers))

        try:
            content = b"".join(self.server.application(self._environ(body), start_response))
        except ConnectionDropError as drop:
            self.close_connection = True
            if drop.reset:
                # Closing with a linger time of zero resets the connection.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.server.after_answer()
            return
        status, headers = started[-1]
        code, _unused, phrase = status.partition(" ")
        self.send_response_only(int(code), phrase)
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        if not self.server.accepting:
            # Clients that reconnect must be refused.
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()
        self.server.after_answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the box has its own log."""


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A port on the loopback interface, with a thread for each connection."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128
    server_address: tuple[str, int]

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        application: Application,
        after_answer: Callable[[], None],
        on_error: Callable[[], None],
    ) -> None:
        self.application = application
        self.after_answer = after_answer
        self._context = context
        self._on_error = on_error
        # The number of connections so far.
        self.accepted = 0
        self._open: set[ssl.SSLSocket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._accepting = True
        super().__init__(("127.0.0.1", port), _Handler)
        threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), name="box", daemon=True).start()

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def accepting(self) -> bool:
        return self._accepting

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Do the handshake in the connection's thread, so that a slow client doesn't block others."""
        raw = cast(socket.socket, request)
        with self._lock:
            self.accepted += 1
        # Ignore clients that disconnect in between.
        with contextlib.suppress(OSError), self._context.wrap_socket(raw, server_side=True) as connection:
            with self._lock:
                if self._stopping:
                    return
                self._open.add(connection)
            try:
                _Handler(connection, client_address, self)
            finally:
                with self._lock:
                    self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self._on_error()

    def refuse(self) -> None:
        """Refuse new connections; open ones get one more answer."""
        if self._accepting:
            self._accepting = False
            self.shutdown()
            # Waiting clients are reset when a port closes, and Python may not close a socket that is reset so early.
            self.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.socket.accept()[0].close()
            self.server_close()

    def stop(self) -> None:
        """Refuse new connections, and close open ones."""
        self.refuse()
        with self._lock:
            self._stopping = True
            for connection in self._open:
                with contextlib.suppress(OSError):
                    # Not SSLSocket.shutdown: it would remove the TLS layer while a thread is reading.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
