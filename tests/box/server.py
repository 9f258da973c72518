# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated box as a server."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import sleep
from types import TracebackType
from typing import Any

import flask

from . import crypto
from .answers import Answer, Request, error_page, text
from .control import control_door
from .faults import Fault, take
from .known import new_state
from .listener import ConnectionDropError, Listener
from .routes import is_write, respond
from .state import FIRST_PASSWORD, FIRST_USER, State
from .tls import ServerTls
from .versions import NEWEST

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass
class LogEntry:
    """A received request."""

    method: str
    # Relative to /admin.
    path: str
    query: str
    # The username in the credentials, even if they were wrong.
    caller: str | None
    is_write: bool
    # A digest of the body, which may be secret: equal for equal bodies.
    content: str = ""
    # None until there is an answer, or if there was none.
    status: int | None = None
    # Whether fail2ban counts it as a failed login.
    refused: bool = False


class Box:
    """A box on a port of the loopback interface. It runs from its creation until close().

        with Box("v75") as box:
            requests.get(box.url + "/mail/users", auth=(box.username, box.password), verify=box.cacert)

    state      the box's state; see State. Tests can read and change it at any time.
    log        all requests under /admin, in order of arrival
    read_only  if set, writes are answered with 500, not executed, and added to violations
    faults     faults to inject; see Fault, and finish() and come_back() for delayed effects
    delay      additional seconds for each write
    is_up      an event: set while the box listens; clear from the answer to a restart until it is back
    reboot_seconds  how long a restart takes
    errors     tracebacks of bugs in the simulated box; leaving the `with` block raises them
    """

    def __init__(
        self, version: str = NEWEST, *, port: int = 0, state: State | None = None, control: bool = True
    ) -> None:
        self.username = FIRST_USER
        self.password = FIRST_PASSWORD
        self.reboot_seconds = 0.2
        self.errors: list[str] = []
        self._closing = threading.Event()
        self._back = threading.Event()
        # Whether it listens, and a lock for changing that.
        self.is_up = threading.Event()
        self._turn = threading.Lock()
        state = state or new_state(version)
        self._initial = state.copy()
        self._begin(state)

        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="box-"))
        try:
            (self._folder / "ca.pem").write_text(crypto.authority().pem, encoding="ascii")
            (self._folder / "ca.key").write_text(crypto.authority().key_pem, encoding="ascii")
            self._tls = ServerTls(self._folder, lambda: self.state)
            self._application = self._make_application(control)
            self._listen(port)
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        self.port = self._listener.port
        self.url = f"https://127.0.0.1:{self.port}/admin"

    def _begin(self, state: State) -> None:
        self.state = state
        state.on_reboot = self._plan_restart
        self.log: list[LogEntry] = []
        self.violations: list[LogEntry] = []
        self.faults: list[Fault] = []
        self.read_only = False
        self.delay = 0.0
        self._restart_due = False
        # Requests that no client waits for, with the number of requests after which each is executed.
        self._late: list[tuple[int, Request]] = []
        # Newer boxes have one worker. Rules never run in parallel; only waiting does.
        self._worker = threading.Lock() if state.capabilities.one_worker else contextlib.nullcontext()
        self._rules = threading.Lock()

    def reset(self) -> None:
        """Restore the initial state, and clear the log."""
        self._begin(self._initial.copy())

    @property
    def cacert(self) -> str:
        """The file with the CA certificate that verifies the server."""
        return str(self._folder / "ca.pem")

    @property
    def ca_key(self) -> str:
        """The file with the CA's private key: the box trusts certificates that it signs."""
        return str(self._folder / "ca.key")

    @property
    def failed_logins(self) -> list[float]:
        """The times of failed logins that fail2ban counted."""
        return self.state.failed_logins

    @property
    def connections(self) -> int:
        """The number of connections since it last began to listen. Each one needs a TLS handshake."""
        return self._listener.accepted

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _unused: TracebackType | None
    ) -> None:
        self.close()
        if self.errors and error is None:
            raise AssertionError("The simulated box itself failed:\n" + "\n".join(self.errors))

    def close(self) -> None:
        if not self._closing.is_set():
            self._closing.set()
            self._back.set()
            with self._turn:
                self._listener.stop()
            shutil.rmtree(self._folder)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """A period in which nothing listens on the port."""
        with self._turn:
            self.is_up.clear()
            self._listener.stop()
        try:
            yield
        finally:
            with self._turn:
                if not self._closing.is_set():
                    self._listen(self.port)

    def _listen(self, port: int) -> None:
        self._listener = Listener(
            port, self._tls.context, self._application.wsgi_app, self._restart_if_due, self._note_error
        )
        self.is_up.set()

    def _note_error(self) -> None:
        self.errors.append(traceback.format_exc())
        sys.stderr.write(self.errors[-1])

    def _plan_restart(self) -> None:
        self.is_up.clear()
        self._restart_due = True

    def _restart_if_due(self) -> None:
        """Stop listening for a while, after the answer has been sent."""
        if self._restart_due:
            self._restart_due = False
            threading.Thread(target=self._restart, name="box restart", daemon=True).start()

    def _restart(self) -> None:
        with self.refusing():
            self.state.start_anew()
            self._closing.wait(self.reboot_seconds)

    def _make_application(self, control: bool) -> flask.Flask:
        application = flask.Flask("box", static_folder=None)
        # A bug in the simulation must not look like an answer of the box.
        application.config["PROPAGATE_EXCEPTIONS"] = True
        application.url_map.merge_slashes = False
        application.add_url_rule("/admin/<path:path>", view_func=self._admin_door, methods=_METHODS)
        application.register_error_handler(404, lambda error: _to_flask(error_page(404)))
        if control:
            application.register_blueprint(control_door(self))
        return application

    def _admin_door(self, path: str) -> flask.Response:
        asked = flask.request
        body = asked.get_data(cache=True)
        request = Request(
            method=asked.method,
            path="/" + path,
            query=asked.args.to_dict(),
            form=asked.form.to_dict(),
            body=body,
            headers={name.lower(): value for name, value in asked.headers},
            remote=asked.remote_addr or "",
        )
        authorization = asked.authorization
        entry = LogEntry(
            method=asked.method,
            path=request.path,
            query=asked.query_string.decode("ascii", "replace"),
            caller=authorization.username if authorization else None,
            is_write=is_write(asked.method, request.path),
            content=hashlib.sha256(body).hexdigest()[:16],
        )
        self.log.append(entry)
        answer = self._answer(request, entry)
        entry.status = answer.status
        return _to_flask(answer)

    def _answer(self, request: Request, entry: LogEntry) -> Answer:
        if self.read_only and entry.is_write:
            self.violations.append(entry)
            return text("write refused: the box is read-only", 500)
        fault = take(self.faults, request)
        if fault is None:
            answer = self._respond(request, entry)
            self._let_time_pass()
            return answer
        return self._fail(fault, request, entry)

    def _fail(self, fault: Fault, request: Request, entry: LogEntry) -> Answer:
        with self._rules:
            fault.prepare(self.state, request)
            self.state.publishing_fails = not fault.published
        answer = self._respond(request, entry) if fault.is_done else None
        self.state.publishing_fails = False
        self._let_time_pass()
        if fault.late is not None:
            self._late.append((fault.late, request))
        if fault.takes_the_box_away:
            self._go_away(fault)
        if fault.kind == "hang":
            self._closing.wait(fault.seconds)
        if fault.kind in ("reset", "hang", "restart"):
            raise ConnectionDropError(reset=fault.kind != "hang")
        return fault.disguise(answer)

    def _let_time_pass(self) -> None:
        """Execute all delayed requests."""
        self._late = [(left - 1, request) for left, request in self._late]
        if any(left <= 0 for left, _request in self._late):
            self.finish(0)

    def finish(self, left: float = float("inf")) -> None:
        """Execute delayed requests: all of them, or those that wait for at most this many further requests."""
        due = [request for number, request in self._late if number <= left]
        self._late = [one for one in self._late if one[0] > left]
        for request in due:
            with self._rules:
                respond(self.state, request)
            self._restart_if_due()

    def _go_away(self, fault: Fault) -> None:
        """Stop listening, for some seconds or until come_back()."""
        self.is_up.clear()
        with self._turn:
            self._listener.refuse()
        if fault.kind == "restart" or self._restart_due:
            # Only one absence at a time, whatever the reason.
            self._restart_due = False
            self.state.start_anew()
        self._back.clear()
        threading.Thread(target=self._be_away, args=(fault.seconds,), name="box away", daemon=True).start()

    def _be_away(self, seconds: float) -> None:
        self._back.wait(seconds)
        with self._turn:
            if not self._closing.is_set():
                self._listener.stop()
                self._listen(self.port)

    def come_back(self) -> None:
        """End an absence that a fault has started."""
        self._back.set()
        self.is_up.wait(20)

    def _respond(self, request: Request, entry: LogEntry) -> Answer:
        with self._worker:
            if entry.is_write and self.delay:
                sleep(self.delay)
            with self._rules:
                failures = len(self.state.failed_logins)
                answer = respond(self.state, request)
                entry.refused = len(self.state.failed_logins) > failures
                return answer

    def described(self) -> dict[str, Any]:
        """The state as JSON, for tests in other processes."""
        state = self.state
        return {
            "version": state.version_text,
            "users": {
                user.email: {"password": user.password, "privileges": user.privileges, "quota": user.quota}
                for user in state.users.values()
            },
            "aliases": {alias.address: asdict(alias) for alias in state.aliases.values()},
            "automatic_aliases": state.automatic_aliases,
            "dns_records": [record._asdict() for record in state.dns_records],
            "secondary_nameservers": state.secondary_nameservers,
            "certificates": state.certificates,
            "mfa": {user.email: [scheme.label for scheme in user.totp] for user in state.users.values()},
            "backup": asdict(state.backup),
            "privacy": state.privacy,
            "updates": state.updates,
            "reboot_required": state.reboot_required,
            "sessions": len(state.sessions),
        }


def _to_flask(answer: Answer) -> flask.Response:
    return flask.Response(answer.body, answer.status, dict(answer.headers), content_type=answer.content_type)
