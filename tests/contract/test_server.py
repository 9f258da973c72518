# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The features of the simulated server that other tests rely on."""

from __future__ import annotations

import concurrent.futures
import datetime
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import urllib3.util.connection
from cryptography import x509

from tests.box import VERSIONS, Box, Fault, Totp, answer, crypto, new_state
from tests.box.auth import totp_code

ROOT = pathlib.Path(__file__).resolve().parents[2]
NEW_USER = {"email": "ann@example.org", "password": "some-password-1", "privileges": ""}


class Client:
    """A client with a connection to a box."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.session = requests.Session()
        self.auth = (box.username, box.password)

    def ask(
        self,
        method: str,
        path: str,
        form: dict[str, str] | None = None,
        door: str = "/admin",
        content: object = None,
        timeout: float = 30,
    ) -> requests.Response:
        url = self.box.url.removesuffix("/admin") + door + path
        # Passed with each request: an environment variable would override the session's setting.
        return self.session.request(
            method, url, data=form, json=content, auth=self.auth, verify=self.box.cacert, timeout=timeout
        )


@pytest.fixture
def box() -> Iterator[Box]:
    with Box() as one:
        yield one


@pytest.fixture
def client(box: Box) -> Iterator[Client]:
    one = Client(box)
    with one.session:
        yield one


def shown_certificate(box: Box, name: str | None) -> x509.Certificate:
    """The certificate that a client gets for a domain, after strict verification."""
    context = ssl.create_default_context(cafile=box.cacert)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.check_hostname = name is not None
    address = ("127.0.0.1", box.port)
    with socket.create_connection(address) as raw, context.wrap_socket(raw, server_hostname=name) as secured:
        der = secured.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def test_connections_stay_open(monkeypatch: pytest.MonkeyPatch, box: Box, client: Client) -> None:
    opened = []
    connect = urllib3.util.connection.create_connection

    def counted(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        opened.append(address)
        return connect(address, *arguments, **options)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", counted)
    for method, path in (("GET", "/mail/users"), ("POST", "/web/update"), ("GET", "/no/such/thing"), ("HEAD", "/me")):
        client.ask(method, path)
    assert len(opened) == 1


def test_the_log_contains_every_request(box: Box, client: Client) -> None:
    client.ask("GET", "/mail/users?format=json")
    client.auth = (box.username, "wrong")
    client.ask("GET", "/mail/users")
    client.auth = ("", "")
    client.ask("POST", "/mail/users/add", NEW_USER)
    seen = [
        (entry.method, entry.path, entry.query, entry.caller, entry.status, entry.refused, entry.is_write)
        for entry in box.log
    ]
    assert seen == [
        ("GET", "/mail/users", "format=json", box.username, 200, False, False),
        ("GET", "/mail/users", "", box.username, 401, True, False),
        ("POST", "/mail/users/add", "", "", 401, True, True),
    ]
    assert len(box.failed_logins) == 2


def test_read_only_refuses_and_notes_writes(box: Box, client: Client) -> None:
    box.read_only = True
    for method, path in (("GET", "/mail/users"), ("POST", "/mfa/status"), ("POST", "/login")):
        assert client.ask(method, path).status_code == 200
    assert box.violations == []
    response = client.ask("POST", "/mail/users/add", NEW_USER)
    assert (response.status_code, response.text) == (500, "write refused: the box is read-only")
    assert [entry.path for entry in box.violations] == ["/mail/users/add"]
    assert "ann@example.org" not in box.state.users
    box.read_only = False
    assert client.ask("POST", "/mail/users/add", NEW_USER).status_code == 200


@pytest.mark.parametrize("kind", ["500", "502", "503", "504"])
@pytest.mark.parametrize("after", [False, True])
def test_error_before_or_after_the_change(box: Box, client: Client, kind: str, after: bool) -> None:
    box.faults.append(Fault(kind, "POST /mail/users/add", after=after))
    assert client.ask("GET", "/mail/users").status_code == 200
    response = client.ask("POST", "/mail/users/add", NEW_USER)
    assert response.status_code == int(kind)
    assert response.headers["Content-Type"].startswith("text/html")
    assert ("ann@example.org" in box.state.users) == after
    assert box.faults[0].times == 0
    assert client.ask("POST", "/mail/users/add", NEW_USER).status_code == (400 if after else 200)


@pytest.mark.parametrize("after", [False, True])
def test_reset_before_or_after_the_change(box: Box, client: Client, after: bool) -> None:
    box.faults.append(Fault("reset", lambda request: request.form.get("email") == "ann@example.org", after=after))
    with pytest.raises(requests.ConnectionError):
        client.ask("POST", "/mail/users/add", NEW_USER)
    assert ("ann@example.org" in box.state.users) == after
    assert box.log[-1].status is None
    assert client.ask("GET", "/mail/users").status_code == 200


def test_no_answer(box: Box, client: Client) -> None:
    box.faults.append(Fault("hang"))
    with pytest.raises(requests.ReadTimeout):
        client.ask("GET", "/mail/users", timeout=0.05)
    box.faults.append(Fault("hang", seconds=0.01))
    with pytest.raises(requests.ConnectionError):
        client.ask("GET", "/mail/users")


def test_pages_and_truncated_answers(box: Box, client: Client) -> None:
    box.faults += [Fault("html", times=2), Fault("cut")]
    for _unused in range(2):
        response = client.ask("GET", "/mail/users?format=json")
        assert (response.status_code, response.text[:15]) == (200, "<!doctype html>")
    response = client.ask("GET", "/mail/users?format=json")
    assert response.headers["Content-Type"] == "application/json"
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_a_change_that_is_stored_and_not_published(box: Box, client: Client) -> None:
    box.faults.append(Fault("500", "POST /mail/users/add", after=True, published=False))
    assert client.ask("POST", "/mail/users/add", NEW_USER).status_code == 500
    assert "ann@example.org" in box.state.users
    assert "example.org" not in box.state.zone_names
    assert client.ask("POST", "/dns/update").text.startswith("updated DNS:")
    assert "example.org" in box.state.zone_names


@pytest.mark.parametrize("kind", ["reset", "504"])
def test_a_change_that_takes_effect_later(box: Box, client: Client, kind: str) -> None:
    box.faults.append(Fault(kind, "POST /mail/users/add", late=2))
    if kind == "reset":
        with pytest.raises(requests.ConnectionError):
            client.ask("POST", "/mail/users/add", NEW_USER)
    else:
        assert client.ask("POST", "/mail/users/add", NEW_USER).status_code == 504
    reply = [client.ask("GET", "/mail/users").text for _unused in range(3)]
    assert ["ann@example.org" in text for text in reply] == [False, False, True]


def test_a_delayed_change_that_is_finished_on_request(box: Box, client: Client) -> None:
    box.faults.append(Fault("504", "POST /mail/users/add", late=99))
    client.ask("POST", "/mail/users/add", NEW_USER)
    assert "ann@example.org" not in box.state.users
    client.ask("POST", "/finish", door="/test")
    assert "ann@example.org" in box.state.users


def test_a_box_that_stops_between_two_requests(box: Box, client: Client) -> None:
    box.faults.append(Fault("refuse", "GET /mail/users"))
    assert client.ask("GET", "/mail/users").status_code == 200
    for _unused in range(2):
        with pytest.raises(requests.ConnectionError, match="refused"):
            client.ask("GET", "/mail/users")
    box.come_back()
    assert client.ask("GET", "/mail/users").status_code == 200
    box.faults.append(Fault("refuse", seconds=0.01))
    assert client.ask("GET", "/mail/users").status_code == 200
    assert box.is_up.wait(20)
    assert client.ask("GET", "/mail/users").status_code == 200


@pytest.mark.parametrize("after", [False, True])
def test_a_restart_in_the_middle(box: Box, client: Client, after: bool) -> None:
    key = client.ask("POST", "/login").json()["api_key"]
    box.faults.append(Fault("restart", "POST /mail/users/add", after=after))
    with pytest.raises(requests.ConnectionError):
        client.ask("POST", "/mail/users/add", NEW_USER)
    with pytest.raises(requests.ConnectionError, match="refused"):
        client.ask("GET", "/mail/users")
    box.come_back()
    assert client.ask("GET", "/mail/users").status_code == 200
    assert ("ann@example.org" in box.state.users) == after
    client.auth = (box.username, key)
    assert client.ask("GET", "/mail/users").status_code == 401


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_that_end(version: str) -> None:
    with Box(version) as box, Client(box).session as session:
        client = Client(box)
        client.session = session
        login = ("POST", "/login") if box.state.capabilities.sessions else ("GET", "/me")
        client.auth = (box.username, client.ask(*login).json()["api_key"])
        box.faults.append(Fault("session", "POST /mail/users/add"))
        assert client.ask("GET", "/mail/users").status_code == 200
        assert client.ask("POST", "/mail/users/add", NEW_USER).status_code == 401
        assert "ann@example.org" not in box.state.users


def test_a_code_that_was_used(box: Box, client: Client) -> None:
    secret = "JBSWY3DPEHPK3PXP" * 2
    box.state.users[box.username].totp.append(Totp(1, secret, "phone"))
    box.faults.append(Fault("code", "POST /login"))
    client.session.headers["x-auth-token"] = totp_code(secret, box.state.clock())
    assert client.ask("POST", "/login").json()["reason"] == "invalid-totp-token"


def test_another_administrator_is_quicker(box: Box, client: Client) -> None:
    other = {"method": "POST", "path": "/mail/users/add", "form": NEW_USER}
    faults = [{"kind": "meanwhile", "match": "POST /mail/users/add", "requests": [other]}]
    assert client.ask("POST", "/faults", door="/test", content=faults).status_code == 200
    assert client.ask("POST", "/mail/users/add", NEW_USER).text == "User already exists."


def test_the_log_distinguishes_contents(box: Box, client: Client) -> None:
    for email in ("ann@example.org", "ann@example.org", "bob@example.org"):
        client.ask("POST", "/mail/users/add", {**NEW_USER, "email": email})
    first, second, third = (entry.content for entry in box.log)
    assert first == second != third


def test_unknown_fault_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="explode"):
        Fault("explode")


def test_refused_connections(box: Box, client: Client) -> None:
    assert client.ask("GET", "/mail/users").status_code == 200
    with box.refusing(), pytest.raises(requests.ConnectionError, match="refused"):
        Client(box).ask("GET", "/mail/users")
    assert client.ask("GET", "/mail/users").status_code == 200


def test_restart_ends_sessions_and_connections(box: Box, client: Client) -> None:
    box.reboot_seconds = 0.01
    box.state.reboot_required = True
    key = client.ask("POST", "/login").json()["api_key"]
    assert client.ask("POST", "/system/reboot").text == ""
    assert box.is_up.wait(20)
    assert client.ask("GET", "/system/reboot").json() is False
    client.auth = (box.username, key)
    assert client.ask("GET", "/mail/users").status_code == 401


def test_installed_certificates_are_shown_by_name(box: Box, client: Client) -> None:
    client.ask("POST", "/mail/users/add", NEW_USER)
    own = shown_certificate(box, "box.example.com")
    assert shown_certificate(box, None) == shown_certificate(box, "localhost") == own

    start = datetime.datetime.now(datetime.timezone.utc)
    pem = crypto.sign(["example.org"], crypto.box_key().public_key(), start, start + datetime.timedelta(days=30))
    form = {"domain": "example.org", "cert": pem, "chain": ""}
    assert client.ask("POST", "/ssl/install", form).text == "web updated\n"
    assert shown_certificate(box, "example.org") == x509.load_pem_x509_certificate(pem.encode())

    for _unused in range(2):
        client.ask("POST", "/ssl/provision")
    provisioned = shown_certificate(box, "box.example.com")
    assert provisioned != own
    assert provisioned.public_key() == crypto.box_key().public_key()
    assert shown_certificate(box, None) == own


def test_a_missing_handshake_does_not_block_other_clients(box: Box, client: Client) -> None:
    with socket.create_connection(("127.0.0.1", box.port)):
        assert client.ask("GET", "/mail/users", timeout=10).status_code == 200


def test_closing_is_prompt_and_leaves_nothing() -> None:
    box = Box()
    folder = pathlib.Path(box.cacert).parent
    with Client(box).session as session, socket.create_connection(("127.0.0.1", box.port)):
        session.get(box.url + "/mail/users", auth=(box.username, box.password), verify=box.cacert, timeout=10)
        start = time.monotonic()
        box.close()
        assert time.monotonic() - start < 0.2
    assert not folder.exists()
    box.close()


@pytest.mark.parametrize(
    ("version", "patience", "meet"), [("v0.51", 20, True), ("v55", 20, True), ("v60", 0.1, False), ("v75", 0.1, False)]
)
def test_newer_boxes_have_one_worker(
    monkeypatch: pytest.MonkeyPatch, version: str, patience: float, meet: bool
) -> None:
    """Start two writes that take some time, in parallel."""
    barrier = threading.Barrier(2, timeout=patience)
    met = []

    def wait(_unused: float) -> None:
        try:
            barrier.wait()
        except threading.BrokenBarrierError:
            met.append(False)
        else:
            met.append(True)

    monkeypatch.setattr("tests.box.server.sleep", wait)
    with Box(version) as box, concurrent.futures.ThreadPoolExecutor(2) as pool:
        box.delay = 1
        clients = [Client(box), Client(box)]
        assert [one.status_code for one in pool.map(lambda client: client.ask("POST", "/web/update"), clients)] == [
            200,
            200,
        ]
        for client in clients:
            client.session.close()
    assert met == [meet, meet]


def test_reset_restores_the_initial_state() -> None:
    state = new_state("v60")
    answer(state, "POST", "/mail/users/add", form=NEW_USER)
    with Box(state=state) as box:
        client = Client(box)
        with client.session:
            client.ask("POST", "/mail/users/remove", {"email": "ann@example.org"})
            box.read_only = True
            box.reset()
            assert set(box.state.users) == {"me@box.example.com", "ann@example.org"}
            assert (box.log, box.violations, box.faults, box.read_only) == ([], [], [], False)
            assert client.ask("GET", "/system/version").text == "v60"


def test_the_control_api(box: Box, client: Client) -> None:
    wanted = {
        "users": [{"email": "ann@example.org", "password": "some-password-1"}],
        "dns_records": [{"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"}],
    }
    assert client.ask("POST", "/prepare", door="/test", content=wanted).status_code == 200
    assert client.ask("POST", "/prepare", door="/test", content=wanted).status_code == 400
    reply = client.ask("GET", "/state", door="/test").json()
    assert set(reply["users"]) == {"me@box.example.com", "ann@example.org"}
    assert reply["aliases"]["administrator@box.example.com"]["forwards_to"] == ["me@box.example.com"]
    assert reply["dns_records"] == [{"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"}]

    assert client.ask("POST", "/read-only", door="/test", content={"on": True}).json() == {"on": True}
    client.ask("POST", "/dns/update")
    reply = client.ask("GET", "/log", door="/test").json()
    assert [entry["path"] for entry in reply["log"]] == ["/dns/update"]
    assert [entry["path"] for entry in reply["violations"]] == ["/dns/update"]

    assert client.ask("POST", "/reset", door="/test").status_code == 200
    assert client.ask("POST", "/faults", door="/test", content=[{"kind": "503"}]).status_code == 200
    assert client.ask("POST", "/dns/update").status_code == 503
    assert set(box.state.users) == {"me@box.example.com"}


def test_the_control_api_is_optional() -> None:
    with Box(control=False) as box:
        one = Client(box)
        with one.session:
            assert one.ask("GET", "/state", door="/test").status_code == 404


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, None])
def test_command_line(tmp_path: pathlib.Path, signal_number: int | None) -> None:
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"users": [{"email": "ann@example.org", "password": "some-password-1"}]}))
    command = [sys.executable, "-m", "tests.box", "--version", "v55", "--state", str(file), "--until-stdin-closes"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        reply = json.loads(process.stdout.readline())
        # The same for a shell.
        assert [process.stdout.readline() for _name in reply] == [
            f"export MIAB_HOST={reply['url']}\n",
            f"export MIAB_USERNAME={reply['username']}\n",
            f"export MIAB_PASSWORD={reply['password']}\n",
            f"export MIAB_CA_PATH={reply['cacert']}\n",
        ]
        auth = (reply["username"], reply["password"])
        with requests.get(reply["url"] + "/mail/users", auth=auth, verify=reply["cacert"], timeout=30) as response:
            assert response.text == "me@box.example.com\nann@example.org\n"
        if signal_number is not None:
            process.send_signal(signal_number)
            process.wait(30)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")
    assert not pathlib.Path(reply["cacert"]).exists()


def test_command_line_says_why_it_can_not_start(box: Box) -> None:
    command = [sys.executable, "-m", "tests.box", "--port", str(box.port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The box can't start: ")
    assert "Traceback" not in done.stderr
