# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is sent to a server that fails verification: what fake boxes receive."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.mailinabox.admin.plugins.module_utils._box.client import Client
from ansible_collections.mailinabox.admin.plugins.module_utils._box.connection import Connection
from ansible_collections.mailinabox.admin.plugins.module_utils._model.plan import (
    Call,
    LogIn,
    LogOut,
    Outage,
    PasswordProof,
    Read,
    ServedCertificate,
)
from ansible_collections.mailinabox.admin.plugins.module_utils._model.reads import DNS_ZONES
from ansible_collections.mailinabox.admin.plugins.module_utils._values.errors import BoxError
from tests.box import Box, crypto
from tests.tasks import CONNECTION, Clock

from .playbooks import connection, play

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc)
PASSWORD = "admin-password-1"
KEY = ec.generate_private_key(ec.SECP256R1())


def identity(*names: str, start: datetime.datetime = NOW - DAY, end: datetime.datetime = NOW + 60 * DAY) -> str:
    """A key, and a certificate for it from an authority that the client trusts, as PEM."""
    return crypto.private_pem(KEY) + crypto.sign(names, KEY.public_key(), start, end)


def self_signed() -> str:
    return crypto.private_pem(crypto.box_key()) + crypto.self_signed("localhost")


@dataclass
class Impostor:
    """A server on the loopback interface.

    :ivar port: where it listens.
    :ivar received: what each connection brought, behind TLS if there is any.
    """

    port: int
    received: list[bytes] = field(default_factory=list)

    @property
    def text(self) -> str:
        return b"\n".join(self.received).decode("latin-1")


def _serve(raw: socket.socket, impostor: Impostor, context: ssl.SSLContext | None, answer: bytes) -> None:
    # A client that rejects the certificate closes the connection during the handshake.
    with contextlib.suppress(OSError), raw:
        raw.settimeout(5)
        connected = context.wrap_socket(raw, server_side=True) if context else raw
        with connected:
            while content := connected.recv(65536):
                impostor.received.append(content)
                connected.sendall(answer)


@contextmanager
def impostor(folder: Path, pem: str | None, answer: bytes = b"") -> Iterator[Impostor]:
    """Run a server with this key and certificate, or without TLS. It gives the same answer to every request."""
    context = None
    if pem is not None:
        (folder / "identity.pem").write_text(pem, encoding="ascii")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "identity.pem")
    server = socket.create_server(("127.0.0.1", 0))
    made = Impostor(server.getsockname()[1])

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _address = server.accept()
                threading.Thread(target=_serve, args=(raw, made, context, answer), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        # Closing the socket does not interrupt a thread that waits in accept().
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.fixture
def authority(tmp_path: Path) -> str:
    (tmp_path / "ca.pem").write_text(crypto.authority().pem, encoding="ascii")
    return str(tmp_path / "ca.pem")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use an empty home folder with a .netrc for another purpose, and no proxy from the environment."""
    (tmp_path / ".netrc").write_text("default login netrc-user password netrc-password\n", encoding="ascii")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "ansible-home"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def client(url: str, ca_path: str | None, **options: Any) -> Client:
    """A client whose waits end immediately."""
    clock = Clock()
    given = {**CONNECTION, "host": url, "password": PASSWORD, "ca_path": ca_path, "timeout": 5, **options}
    return Client(Connection.from_options(given), clock.sleep, clock.now)


WRITE = Call("POST", "/mail/users/add", {"email": "ann@example.org", "password": "ann-password-1"})
IS_BACK = Outage(Read("version", "/system/version", bool), 20, option="reboot_timeout")
# Every kind of request that a client sends.
TALKS: dict[str, Callable[[Client], Any]] = {
    "read": lambda one: one.ask(DNS_ZONES),
    "write": lambda one: one.send(WRITE),
    "log in": lambda one: one.ask(LogIn()),
    "log out": lambda one: one.ask(LogOut()),
    "proof": lambda one: one.ask(PasswordProof("ann@example.org", "ann-password-1")),
    "proof of an administrator": lambda one: one.ask(PasswordProof("bob@example.org", "bob-password-1", admin=True)),
    "poll during a restart": lambda one: one.wait_for_restart(IS_BACK),
}
SERVERS: dict[str, Callable[[], str | None]] = {
    "wrong host name": lambda: identity("other.example.com"),
    "expired": lambda: identity("localhost", start=NOW - 60 * DAY, end=NOW - DAY),
    "not yet valid": lambda: identity("localhost", start=NOW + DAY),
    "self-signed": self_signed,
    "no TLS": lambda: None,
}


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("server", SERVERS)
def test_nothing_is_sent_to_a_server_with_a_certificate_for_another_host(
    server: str, talk: str, tmp_path: Path, authority: str
) -> None:
    # The server answers, because otherwise the client would wait until its timeout.
    with impostor(tmp_path, SERVERS[server](), b"HTTP/1.1 400 No TLS\r\n\r\n") as other:
        one = client(f"https://localhost:{other.port}", authority)
        with one, pytest.raises(BoxError):
            TALKS[talk](one)
    # A server without TLS receives the beginning of a handshake.
    assert SERVERS[server]() is None or other.received == []
    for secret in ("Authorization", "password", "Basic", "POST", "GET"):
        assert secret not in other.text


@pytest.mark.parametrize("talk", TALKS)
def test_nothing_is_sent_to_a_server_with_an_unknown_authority(talk: str, tmp_path: Path) -> None:
    with impostor(tmp_path, identity("localhost")) as other:
        # The CAs that the system trusts.
        one = client(f"https://localhost:{other.port}", None)
        with one, pytest.raises(BoxError):
            TALKS[talk](one)
    assert other.received == []


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("location", ["http://127.0.0.1:%d/admin", "https://localhost:%d/admin"])
@pytest.mark.parametrize("status", [301, 307])
def test_a_redirect_is_not_followed(talk: str, location: str, status: int, tmp_path: Path, authority: str) -> None:
    pem = identity("localhost")
    (tmp_path / "other").mkdir()
    with impostor(tmp_path / "other", pem if location.startswith("https") else None) as other:
        answer = f"HTTP/1.1 {status} Moved\r\nLocation: {location % other.port}\r\nContent-Length: 0\r\n\r\n"
        with impostor(tmp_path, pem, answer.encode()) as box:
            one = client(f"https://localhost:{box.port}", authority)
            with one, pytest.raises(BoxError):
                TALKS[talk](one)
    assert "Authorization" in box.text
    assert other.received == []


def test_looking_at_a_certificate_sends_nothing(tmp_path: Path, authority: str) -> None:
    with impostor(tmp_path, self_signed()) as other, client(f"https://localhost:{other.port}", authority) as one:
        assert one.ask(ServedCertificate("www.example.org"))
    assert other.received == []


REFUSED = b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"


def test_credentials_of_netrc_are_not_used(tmp_path: Path, authority: str) -> None:
    with impostor(tmp_path, identity("localhost"), REFUSED) as box:
        one = client(f"https://localhost:{box.port}", authority)
        with one, pytest.raises(BoxError):
            one.ask(DNS_ZONES)
    # me@box.example.com:…
    assert "Basic bWVAYm94LmV4YW1wbGUuY29tO" in box.text


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_of_the_environment_do_not_beat_ca_path(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: str
) -> None:
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(crypto.self_signed("localhost"), encoding="ascii")
    monkeypatch.setenv(variable, authority)
    with impostor(tmp_path, identity("localhost")) as other:
        one = client(f"https://localhost:{other.port}", str(stranger))
        with one, pytest.raises(BoxError, match="certificate verify failed"):
            one.ask(DNS_ZONES)
    assert other.received == []


TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.mark.parametrize("talk", TALKS)
def test_a_proxy_sees_no_credentials(
    talk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: str
) -> None:
    # The proxy claims to be connected to the box, and reads what the client sends.
    with impostor(tmp_path, None, TUNNEL) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        one = client("https://box.example.com", authority)
        with one, pytest.raises(BoxError):
            TALKS[talk](one)
    assert proxy.text.startswith("CONNECT box.example.com:443 ")
    assert "uthorization" not in proxy.text
    assert "assword" not in proxy.text


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_unencrypted_connections_are_limited_to_loopback(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "proxy").mkdir()
    with impostor(tmp_path / "proxy", None, REFUSED) as proxy, impostor(tmp_path, None, REFUSED) as box:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        one = client(f"http://127.0.0.1:{box.port}", None)
        with one, pytest.raises(BoxError):
            one.ask(DNS_ZONES)
    assert proxy.received == []
    assert "Authorization" in box.text


def test_verification_can_be_turned_off_with_a_warning(newest_box: Box, door: str, tmp_path: Path) -> None:
    defaults = {**connection(newest_box), "validate_certs": False, "ca_path": "/no/such/file"}
    task = {"mailinabox.admin.miab_info": {"gather_subset": "version"}}
    run = play(newest_box, [task], tmp_path, door, defaults)
    assert not run.outcomes[0].failed, run.output
    assert run.outcomes[0].result["warnings"] == [
        "validate_certs is false: the task can't tell whether it talks to the box. Another server could read the"
        " password and change every answer."
    ]
    assert "InsecureRequestWarning" not in run.output
