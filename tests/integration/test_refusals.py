# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures, and the messages that users see."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box
from tests.box.faults import Fault
from tests.box.prepare import prepare
from tests.tasks import connection

from .playbooks import play

ME = "me@box.example.com"
STATE = {
    "users": [
        {"email": "ann@example.org", "password": "ann-password-1"},
        {"email": "bob@example.org", "password": "bob-password-1", "privileges": ["admin"]},
    ],
    "aliases": [{"address": "sales@example.org", "forwards_to": ["ann@example.org"]}],
    "dns_records": [{"qname": "blog.example.org", "rtype": "CNAME", "value": "host.example.net"}],
}


def user(email: str, **options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_user": {"email": email, **options}}


def alias(address: str, *forwards_to: str, **options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_alias": {"address": address, "forwards_to": list(forwards_to), **options}}


def record(name: str, rtype: str, value: str, **options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_dns_record": {"name": name, "type": rtype, "value": value, **options}}


NEW = {"user_password": "some-password-1"}

# Every error 400 from the recordings that a task can cause, and other values that would damage the box: the task, the
# code of the failure, and a part of its message. The collection finds each of them before it sends a write.
MISTAKES = [
    (user("", **NEW), "invalid_option", "email"),
    (user("not-an-address", **NEW), "invalid_option", "one @"),
    (user("fay+tag@example.org", **NEW), "invalid_option", "letters a-z"),
    (user("postmaster@example.org", **NEW), "invalid_option", "create an alias that forwards to an administrator"),
    (user("gus@example.org", user_password="short"), "invalid_option", "at least eight characters"),
    (user("gus@example.org", user_password=""), "invalid_option", "at least eight characters"),
    (user("gus@example.org"), "invalid_option", "is not a user yet"),
    (user("gus@example.org", privileges=["superuser"], **NEW), "invalid_option", "'superuser'"),
    (user("gus@example.org", quota="1.5G", **NEW), "invalid_option", "quota"),
    (user("gus@example.org", quota="lots", **NEW), "invalid_option", "quota"),
    (user(ME, state="absent"), "guarded", "force: true"),
    (user(ME, privileges=[]), "guarded", "force: true"),
    (alias("", "ann@example.org"), "invalid_option", "address"),
    (alias("bad address", "ann@example.org"), "invalid_option", "bad address"),
    (alias("x@example.org", "ann@example.org", "nope"), "invalid_option", "nope"),
    (alias("x@example.org", "ann@example.org", permitted_senders=["nobody@example.org"]), "invalid_option", "nobody@"),
    (alias("x@example.org"), "invalid_option", "have no receiver"),
    (alias("webmaster@example.org", "ann@example.org"), "invalid_option", "administrators of the box"),
    (alias("ann@example.org", "bob@example.org"), "guarded", "force: true"),
    (alias("administrator@box.example.com", state="absent"), "guarded", "force: true"),
    (record("www.example.org", "A", "2001:db8::1"), "invalid_option", "IPv4"),
    (record("www.example.org", "A", "not-an-ip"), "invalid_option", "not-an-ip"),
    (record("www.example.org", "A", ""), "invalid_option", "empty"),
    (record("blog2.example.org", "CNAME", "not a name"), "invalid_option", "not a name"),
    (record("example.org", "NS", "ns.example.net"), "invalid_option", "be set only for subdomains"),
    (
        record("_443._tcp.example.org", "TLSA", "3 1 1 00"),
        "invalid_option",
        "must be one of the types of custom records: A",
    ),
    (record("www.example.net", "A", "192.0.2.1"), "invalid_option", "example.org); to create a zone,"),
    (record("_e.example.org", "TXT", ""), "invalid_option", "empty"),
    (record("_u.example.org", "TXT", "naïve café"), "invalid_option", "ASCII"),
    (record("x.example.org", "MX", "not an mx"), "invalid_option", "10 mail.example.net."),
    (record("x.example.org", "MX", "10 mail"), "invalid_option", "final dot"),
    (record("example.org", "CNAME", "host.example.net"), "invalid_option", "name of a zone"),
    (record("blog.example.org", "A", "192.0.2.1"), "invalid_option", "because of the CNAME at blog.example.org"),
    (record("_dmarc.example.org", "CNAME", "host.example.net"), "invalid_option", "publishes TXT"),
    (record("ns1.box.example.com", "CNAME", "host.example.net"), "invalid_option", "publishes"),
]


def test_mistakes(box: Box, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    box.read_only = True
    run = play(box, [task for task, _code, _words in MISTAKES], tmp_path)
    assert len(run.outcomes) == len(MISTAKES), run.output
    for (task, code, words), outcome in zip(MISTAKES, run.outcomes, strict=True):
        assert outcome.failed, (task, outcome.result)
        assert outcome.result["failure"]["code"] == code, outcome.result["msg"]
        assert words in outcome.result["msg"]
        assert outcome.result["calls"] == []
    assert not [entry for entry in box.log if entry.is_write]


@pytest.mark.parametrize("version", ["v0.51", "v60"])
def test_a_quota_on_a_box_without_quotas(version: str, tmp_path: Path, door: str) -> None:
    with Box(version) as box:
        outcome = play(box, [user("gus@example.org", quota="1G", **NEW)], tmp_path, door).outcomes[0]
    assert outcome.result["failure"]["code"] == "unsupported"
    assert "this box does not support quotas" in outcome.result["msg"]


def test_errors_that_only_the_box_can_detect_quote_its_message(newest_box: Box, tmp_path: Path, door: str) -> None:
    task = {"mailinabox.admin.miab_secondary_nameserver": {"hostnames": ["ns9.example.net"]}}
    outcome = play(newest_box, [task], tmp_path, door).outcomes[0]
    assert outcome.result["failure"]["code"] == "refused"
    assert outcome.result["msg"] == (
        "POST /dns/secondary-nameserver: the box refused the request: Could not resolve the IP address of ns9.example.net."
        " Nothing was changed."
    )


def test_a_locked_out_run_says_so(newest_box: Box, tmp_path: Path, door: str) -> None:
    prepare(newest_box.state, STATE)
    task = user(ME, state="absent", force=True)
    first, second = play(newest_box, [task, task], tmp_path, door).outcomes
    assert first.result["changed"]
    assert "could not be read back" in first.result["warnings"][-1]
    assert second.result["failure"]["code"] == "authentication"


ZONES = record("www.example.org", "A", "192.0.2.1", state="absent")


def test_a_wrong_password_is_tried_once(box: Box, tmp_path: Path, door: str) -> None:
    defaults = {**connection(box), "password": "wrong-password"}
    outcome = play(box, [ZONES], tmp_path, door, defaults).outcomes[0]
    assert outcome.result["failure"]["code"] == "authentication"
    assert "rejected the credentials of me@box.example.com: In" in outcome.result["msg"]
    assert "wrong-password" not in str(outcome.result)
    assert len(box.failed_logins) == len(box.log) == 1


def test_a_user_who_is_not_an_administrator(box: Box, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    defaults = {**connection(box), "username": "ann@example.org", "password": "ann-password-1"}
    outcome = play(box, [ZONES], tmp_path, defaults=defaults).outcomes[0]
    assert "Only an administrator of the box can use its API." in outcome.result["msg"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"host": "no-such-host.invalid"}, "connection", "The name can't be resolved; check host."),
        ({"ca_path": None}, "connection", "If the certificate is issued by a private CA, set ca_path."),
        ({"ca_path": "/no/such/file"}, "invalid_option", "no such file or folder"),
        ({"host": "http://box.example.com"}, "invalid_option", "the password would be sent unencrypted"),
        ({"host": "box.example.com/mail"}, "invalid_option", "host: 'box.example.com/mail'"),
        ({"timeout": 0}, "invalid_option", "timeout: 0"),
    ],
)
def test_a_connection_that_cannot_be(
    newest_box: Box, tmp_path: Path, door: str, options: dict[str, Any], code: str, words: str
) -> None:
    defaults = {key: value for key, value in {**connection(newest_box), **options}.items() if value is not None}
    environment = {"REQUESTS_CA_BUNDLE": ""}
    outcome = play(newest_box, [ZONES], tmp_path, door, defaults, environment=environment).outcomes[0]
    assert outcome.result["failure"]["code"] == code, outcome.result
    assert words in outcome.result["msg"]
    assert newest_box.log == []


def test_a_port_where_nothing_listens(newest_box: Box, tmp_path: Path) -> None:
    defaults = {**connection(newest_box), "host": "https://127.0.0.1:1"}
    outcome = play(newest_box, [ZONES], tmp_path, defaults=defaults).outcomes[0]
    assert outcome.result["msg"] == "https://127.0.0.1:1/admin: Connection refused. Check host, and that the box is up."


def test_certificates_of_the_environment_do_not_beat_the_given_one(newest_box: Box, tmp_path: Path, door: str) -> None:
    other = tmp_path / "other.pem"
    with Box("v75"):
        other.write_text("", encoding="ascii")
    outcome = play(newest_box, [ZONES], tmp_path, door, environment={"REQUESTS_CA_BUNDLE": str(other)}).outcomes[0]
    assert not outcome.failed


FAULTS = [
    (Fault("html"), "Check that host is a Mail-in-a-Box that serves its admin API at /admin."),
    (Fault("cut"), "not valid JSON"),
    (Fault("500"), "the box answered 500"),
    (Fault("hang"), "longer than timeout, which is 1 s"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=lambda value: getattr(value, "kind", ""))
def test_answers_that_no_box_gives(newest_box: Box, tmp_path: Path, door: str, fault: Fault, words: str) -> None:
    newest_box.faults.append(replace(fault))
    outcome = play(newest_box, [ZONES], tmp_path, door, {**connection(newest_box), "timeout": 1}).outcomes[0]
    assert words in outcome.result["msg"]
    assert len(newest_box.log) == 1


def test_a_read_is_repeated_after_a_temporary_failure(newest_box: Box, tmp_path: Path) -> None:
    newest_box.faults += [Fault("502"), Fault("reset")]
    outcome = play(newest_box, [ZONES], tmp_path).outcomes[0]
    assert not outcome.failed
    assert outcome.result["requests"] == {"reads": 3, "writes": 0}


@contextmanager
def redirecting_server() -> Iterator[str]:
    """Run a server that answers everything with a redirect, and return its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connected, _address = server.accept()
            with connected:
                connected.recv(65536)
                connected.sendall(
                    b"HTTP/1.1 301 Moved\r\nLocation: https://other.example/admin\r\nContent-Length: 0\r\n\r\n"
                )

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield "http://127.0.0.1:%d" % server.getsockname()[1]
        thread.join()


def test_a_redirect_is_reported_and_not_followed(newest_box: Box, tmp_path: Path) -> None:
    with redirecting_server() as url:
        outcome = play(newest_box, [ZONES], tmp_path, defaults={**connection(newest_box), "host": url}).outcomes[0]
    assert "redirects to https://other.example/admin. Nothing was sent there" in outcome.result["msg"]
