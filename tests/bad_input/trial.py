# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try an input on a box: it must be rejected before any write, or stored exactly as given."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import urllib3
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.mailinabox.admin.plugins.module_utils._box.client import Client
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._box.transport import Transport
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import argument_rules
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.task import run
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import ServedCertificate
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import BoxError
from ansible_collections.mailinabox.admin.plugins.plugin_utils import _arguments
from tests.box.answers import Request
from tests.box.certificates import Installed
from tests.box.routes import ROUTES, is_write, respond
from tests.box.state import FIRST_PASSWORD, FIRST_USER, State
from tests.tasks import Clock, task

MODULES = sorted(path.stem for path in (Path(__file__).parents[2] / "plugins" / "modules").glob("miab_*.py"))
HOST = "box.example.com"
CONNECTION = {"host": HOST, "username": FIRST_USER, "password": FIRST_PASSWORD}

REFUSED = "refused before a write"
STORED = "stored exactly"
BY_THE_BOX = "refused by the box itself, nothing stored"


class Wire:
    """Answers prepared ``requests`` with the box's rules in this process, without a network.

    The URL is the one that ``requests`` has built, and the form is parsed from the body, as over HTTPS.

    :ivar log: method and route of each request.
    """

    def __init__(self, state: State, read_only: bool) -> None:
        self.state = state
        self.log: list[str] = []
        self.writes = 0
        self._read_only = read_only
        self._adapter = requests.adapters.HTTPAdapter()

    def send(self, request: requests.PreparedRequest, *, timeout: float, **_options: Any) -> requests.Response:
        with socket.socket() as plug:
            # Raises if a number of seconds is too large for a socket.
            plug.settimeout(timeout)
        parts = urlsplit(request.url or "")
        assert (parts.scheme, parts.hostname, parts.fragment) == ("https", HOST, ""), request.url
        prefix, path = parts.path[:6], parts.path[6:]
        assert prefix == "/admin", request.url
        # The box's proxy resolves dot segments, so none may be sent.
        assert not {".", "..", ""} & set(unquote(path).split("/")[1:]), request.url
        body = request.body or b""
        raw = body.encode("ascii") if isinstance(body, str) else bytes(body)
        headers = {name.lower(): _ascii(value) for name, value in request.headers.items()}
        # The limit of the box's web server.
        assert all(len(value) < 8192 for value in headers.values()), "a header that is too long"
        is_form = headers.get("content-type") == "application/x-www-form-urlencoded"
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw)) if is_form else []
        assert len(dict(pairs)) == len(pairs), raw
        method = str(request.method)
        path = unquote(path, errors="strict")
        self.log.append(_route(method, path))
        if is_write(method, path):
            self.writes += 1
            assert not self._read_only, f"a write in check mode: {method} {path}"
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        reported = respond(self.state, Request(method, path, query, dict(pairs), raw, headers))
        return self._adapter.build_response(
            request,
            urllib3.HTTPResponse(
                io.BytesIO(reported.body.encode()),
                {"Content-Type": reported.content_type, **reported.headers},
                reported.status,
                preload_content=False,
            ),
        )


def _ascii(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _route(method: str, path: str) -> str:
    """The route of a request, with placeholders for its variable parts."""
    for route in ROUTES:
        if route.method == method and route.match(path.split("/")) is not None:
            return f"{method} {route.path}"
    raise AssertionError(f"no route of a box: {method} {path}")


class WiredClient(Client):
    """A client that reads certificates without a network."""

    state: State

    def ask(self, question: Any) -> Any:
        if isinstance(question, ServedCertificate):
            pem = Installed(self.state).used(question.domain) or self.state.primary_certificate
            return ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 25])
        return super().ask(question)


@contextlib.contextmanager
def wired(state: State, read_only: bool) -> Iterator[Wire]:
    """Within this context, all requests go to this box."""
    wire = Wire(state, read_only)

    def send(_adapter: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        return wire.send(request, **options)

    with mock.patch.object(Transport, "send", send):
        yield wire


@dataclass
class Called:
    """The result of a task.

    :ivar options: as validated by Ansible; None if validation failed.
    """

    result: dict[str, Any]
    wire: Wire
    options: dict[str, Any] | None = None


def call(module: str, arguments: Mapping[str, Any], check_mode: bool, state: State) -> Called:
    """Run a task in the same way as in Ansible's worker process."""
    definition = task(module)
    rules = argument_rules(definition)
    wire = Wire(state, check_mode)
    try:
        _arguments.check(rules["argument_spec"], arguments)
    except BoxError as error:
        return Called({"failed": True, "msg": error.message}, wire)
    validated = ArgumentSpecValidator(**rules).validate(arguments)
    if validated.error_messages:
        return Called({"failed": True, "msg": validated.errors.msg}, wire)
    clock = Clock(state.clock())

    def connect(connection: Connection) -> Client:
        client = WiredClient(connection, sleep=clock.sleep, now=clock.now)
        client.state = state
        return client

    state.clock = clock.now
    # Without a home folder, runs don't share the count of rejected logins.
    homeless = mock.patch.dict(os.environ, {"ANSIBLE_HOME": os.devnull})
    with homeless, wired(state, check_mode) as wire:
        result = run(definition, validated.validated_parameters, check_mode, connect)
    # The result must be serializable: Ansible gets it as JSON, terminals as UTF-8.
    json.dumps(result, ensure_ascii=False, allow_nan=False).encode("utf-8")
    return Called(result, wire, validated.validated_parameters)


def held(state: State) -> dict[str, Any]:
    """The content of a box by section, without derived data."""
    users = {
        user.email: (user.password, sorted(user.privileges), user.quota, [(one.secret, one.label) for one in user.totp])
        for user in state.users.values()
    }
    return {
        "users": users,
        "aliases": {
            alias.address: (sorted(alias.forwards_to), sorted(alias.permitted_senders or []))
            for alias in state.aliases.values()
        },
        "dns_records": sorted(map(tuple, state.dns_records)),
        "secondary_nameservers": sorted(state.secondary_nameservers),
        "backup": vars(state.backup).copy(),
        "privacy": state.privacy,
        "certificates": sorted(state.certificates),
        "updates": sorted(state.updates),
    }
