# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exact number of requests for each kind of task, counted by the box, over one connection."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ansible_collections.mailinabox.admin.plugins.module_utils._box.https import IdleConnections
from ansible_collections.mailinabox.admin.plugins.module_utils._engine import freshness
from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import perform as run_as_doors_do
from tests.box import Box
from tests.box.prepare import prepare
from tests.tasks import connection, task, validated

from .playbooks import ROOT, run_on_hosts
from .test_ssl import issued

ME = "me@box.example.com"
STATE = {
    "users": [
        {"email": "ann@example.org", "password": "ann-password-1"},
        {"email": "bob@example.org", "password": "bob-password-1"},
        {"email": "kim@example.org", "password": "kim-password-1", "privileges": ["admin"]},
    ],
    "aliases": [
        {"address": "sales@example.org", "forwards_to": ["ann@example.org"]},
        {"address": "help@example.org", "forwards_to": ["ann@example.org"]},
    ],
    "dns_records": [
        {"qname": "www.example.org", "rtype": "A", "value": "192.0.2.1"},
        {"qname": "many.example.org", "rtype": "TXT", "value": "one"},
        {"qname": "many.example.org", "rtype": "TXT", "value": "two"},
        {"qname": "many.example.org", "rtype": "TXT", "value": "three"},
    ],
}
ANN = {"email": "ann@example.org", "user_password": "ann-password-1"}
KIM = {"email": "kim@example.org", "user_password": "kim-password-1"}
SALES = {"address": "sales@example.org", "forwards_to": ["ann@example.org"]}
HELP = {"address": "help@example.org", "forwards_to": ["ann@example.org"]}
WWW = {"name": "www.example.org", "type": "A", "value": "192.0.2.1"}


MANY = {"name": "many.example.org", "type": "TXT"}
WHOLE = {
    "users": [{"email": "ann@example.org"}, {"email": "bob@example.org"}, {"email": "kim@example.org"}],
    "aliases": [SALES, HELP],
    "dns_records": [WWW, {**MANY, "values": ["one", "two", "three"]}],
}
SETTINGS = {"secondary_nameservers": [], "backup": {"target": "local"}, "privacy": True}
SECRET = "JBSWY3DPEHPK3PXP" * 2


class Work(NamedTuple):
    """A task, and the requests that it sends to a box with STATE.

    :ivar reads: how many requests it takes to find out what is to be done; all of them if that is nothing.
    :ivar writes: how many to do it.
    :ivar reads_back: how many more to see that it was done.
    :ivar again: how many reads the next run takes, which finds it done; None if it isn't told by reading.
    """

    module: str
    options: dict[str, Any]
    reads: int = 1
    writes: int = 0
    reads_back: int = 0
    again: int | None = 1
    versions: tuple[str, ...] = ("v0.51", "v75")


WORK = [
    Work("user", {"email": "ann@example.org"}),
    # The list of users, and one request to check the password.
    Work("user", ANN, reads=2, again=2),
    # An administrator may have MFA, so a login checks the password, and a logout follows. Older boxes need no login for that.
    Work("user", KIM, reads=3, again=3),
    # The aliases, because an alias with this address would take the mail.
    Work("user", {"email": "new@example.org", "user_password": "new-password-1"}, 2, 1, 2, 2),
    Work("user", {**ANN, "user_password": "ann-password-2"}, 2, 1, 2, 2),
    Work("user", {"email": "ann@example.org", "privileges": ["admin"], "quota": "2G"}, 1, 2, 1, versions=("v75",)),
    # The aliases, because the task warns about those that still name the user.
    Work("user", {"email": "ann@example.org", "state": "absent"}, 2, 1, 1),
    Work("alias", SALES),
    # The users, because only users can be permitted senders.
    Work("alias", {**SALES, "permitted_senders": ["bob@example.org"]}, 2, 1, 1),
    Work("alias", {**SALES, "address": "new@example.org"}, 2, 1, 1),
    Work("alias", {**SALES, "state": "absent"}, 1, 1, 1),
    Work("dns_record", WWW),
    Work("dns_record", {**WWW, "value": "192.0.2.2"}, 2, 1, 1),
    Work("dns_record", {**WWW, "value": "192.0.2.2", "exclusive": True}, 2, 1, 1),
    Work("dns_record", {"name": "x.example.org", "type": "TXT", "values": ["a", "b", "c"]}, 2, 3, 1),
    # For a new CNAME, the task also reads users, aliases and the published records, to find conflicts.
    Work("dns_record", {"name": "x.example.org", "type": "CNAME", "value": "www.example.org"}, 5, 1, 1),
    Work("dns_record", {**MANY, "value": "two", "state": "absent"}, 2, 1, 1),
    # One write replaces all values with one, and another write removes that one.
    Work("dns_record", {**MANY, "state": "absent"}, 2, 2, 1),
    Work("secondary_nameserver", {"hostnames": []}),
    Work("secondary_nameserver", {"hostnames": ["ns2.example.net"]}, 1, 1, 1),
    Work("ssl_csr", {"domain": "example.org", "country_code": "DE"}),
    Work("ssl", {"domain": "example.org", "state": "provisioned"}, 1, 1, 1),
    Work("backup_config", {"target": "local"}),
    Work("backup_config", {"target": "off"}, 1, 1, 1),
    Work("mfa", {"label": "phone", "state": "absent"}),
    # The change ends the session, so the task signs in with a code, reads, and signs out.
    Work("mfa", {"label": "phone", "secret": SECRET}, 1, 1, 3, None),
    Work("system", {"privacy": True}),
    Work("system", {"privacy": False}, 1, 1, 1),
    # After the upgrade, the task reads once more whether a restart is required.
    Work("system", {"packages": "latest", "reboot": "if_required"}, 2, 1, 1, 2),
    Work("dns_update", {}, 1, 1, 0, None),
    Work("web_update", {}, 1, 1, 0, None),
    Work("session", {}, 1, versions=("v75",)),
    # Boxes without the login request return the key in another way.
    Work("session", {}, 2, again=2, versions=("v0.51",)),
    Work("info", {}, 10, again=10),
    Work("info", {"gather_subset": ["config"]}, 6, again=6),
    Work("config", WHOLE, 3, again=3),
    Work("config", {**WHOLE, **SETTINGS}, 6, again=6),
    # A purge also needs the zones, to know which records can be removed.
    Work("config", {**WHOLE, "purge": ["users", "aliases", "dns_records"]}, 4, again=4),
    Work("config", {"users": [ANN, KIM]}, 5, again=5),
    Work("config", {**WHOLE, "aliases": [SALES, {**HELP, "forwards_to": ["bob@example.org"]}]}, 3, 1, 3, 3),
    Work("config", {**WHOLE, "dns_records": [{**WWW, "value": "192.0.2.2"}]}, 4, 1, 3, 3),
    Work("config", {"privacy": False}, 1, 1, 1),
    Work(
        "config",
        {
            "users": [{"email": "ann@example.org"}, {"email": "kim@example.org"}],
            "aliases": [SALES],
            "dns_records": [WWW],
            "purge": ["users", "aliases", "dns_records"],
        },
        reads=4,
        # Two writes for the three values of a record, one for an alias, one for a user.
        writes=4,
        reads_back=4,
        again=4,
    ),
]


@pytest.fixture(autouse=True)
def every_answer_is_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, an answer may be a second old before the first write. It would be read again."""
    monkeypatch.setattr(freshness, "RECENT_SECONDS", float("inf"))


class Sent(NamedTuple):
    """The requests of one run of a task."""

    reads: int
    writes: int
    connections: int


def perform(
    box: Box, module: str, options: dict[str, Any], check_mode: bool, idle: IdleConnections | None = None
) -> Sent:
    """Run a task, and count the requests in the log of the box."""
    name = "miab_" + module
    given = validated(name, {**connection(box), **options})
    box.log.clear()
    before = box.connections
    result = run_as_doors_do(task(name), given, check_mode, (), idle=idle)
    assert not result.get("failed"), result["msg"]
    expected = result["requests"]
    return Sent(expected["reads"], expected["writes"], box.connections - before)


def counted(box: Box) -> tuple[int, int]:
    """The reads and the writes in the box's log."""
    writes = sum(entry.is_write for entry in box.log)
    return len(box.log) - writes, writes


CASES = [
    pytest.param(work, version, id="%s-%d-%s" % (work.module, number, version))
    for number, work in enumerate(WORK)
    for version in work.versions
]


@pytest.mark.parametrize(("work", "version"), CASES)
def test_each_module_sends_only_the_expected_requests(work: Work, version: str) -> None:
    with Box(version) as box:
        prepare(box.state, STATE)
        runs = [(True, work.reads, 0), (False, work.reads + work.reads_back, work.writes)]
        if work.again is not None:
            runs += [(False, work.again, 0)]
        for check_mode, reads, writes in runs:
            sent = perform(box, work.module, work.options, check_mode)
            assert counted(box) == (reads, writes), [entry.path for entry in box.log]
            assert sent == (reads, writes, 1 if reads or writes else 0)


@pytest.mark.parametrize("version", ["v0.51", "v75"])
def test_a_certificate(version: str) -> None:
    """The served certificate is read in a separate handshake, which is not in the log of the box."""
    options = {"domain": "example.org", "certificate": issued("example.org")}
    with Box(version) as box:
        prepare(box.state, STATE)
        for check_mode, expected, in_log in (
            (True, Sent(3, 0, 2), (2, 0)),
            (False, Sent(4, 1, 3), (2, 1)),
            (False, Sent(1, 0, 1), (0, 0)),
        ):
            assert perform(box, "ssl", options, check_mode) == expected
            assert counted(box) == in_log


def test_every_module_is_counted() -> None:
    modules = {path.stem.partition("_")[2] for path in (ROOT / "plugins/modules").glob("miab_*.py")}
    assert {work.module for work in WORK} == modules


def test_each_password_is_verified_once_and_all_sessions_end() -> None:
    users = [{"email": "u%03d@example.org" % number, "password": "password-%03d" % number} for number in range(500)]
    declared = [{"email": user["email"], "user_password": user["password"]} for user in users]
    with Box("v75") as box:
        prepare(box.state, {"users": users})
        assert perform(box, "config", {"users": declared}, check_mode=False) == (502, 0, 1)
        assert Counter(entry.caller for entry in box.log) == {box.username: 2, **{user["email"]: 1 for user in users}}
        assert not box.state.sessions


def test_a_hundred_changes_among_a_thousand_are_a_hundred_writes() -> None:
    users = [{"email": "u%03d@example.org" % number, "password": "some-password"} for number in range(600)]
    aliases = [{"address": "a%03d@example.org" % number, "forwards_to": [ME]} for number in range(400)]
    with Box("v75") as box:
        prepare(box.state, {"users": users, "aliases": aliases})
        declared = {
            "users": [
                {"email": user["email"], "quota": "1G" if number < 60 else "0"} for number, user in enumerate(users)
            ],
            "aliases": [
                {**alias, "forwards_to": ["u000@example.org"] if number < 40 else [ME]}
                for number, alias in enumerate(aliases)
            ],
        }
        assert perform(box, "config", declared, check_mode=False) == (4, 100, 1)
        assert counted(box) == (4, 100)
        assert perform(box, "config", declared, check_mode=False) == (2, 0, 1)


@pytest.fixture
def idle() -> Iterator[IdleConnections]:
    kept: IdleConnections = {}
    yield kept
    for session in kept.values():
        session.close()


def test_tasks_of_one_process_share_a_connection(idle: IdleConnections) -> None:
    with Box("v75") as box:
        assert perform(box, "user", {"email": box.username}, False, idle) == (1, 0, 1)
        assert perform(box, "alias", {**SALES, "forwards_to": [ME]}, False, idle) == (4, 1, 0)
        assert list(idle) == [(box.url, box.cacert)]


def test_credentials_are_not_shared_over_a_reused_connection(idle: IdleConnections) -> None:
    kim = {"username": "kim@example.org", "password": "kim-password-1"}
    with Box("v75") as box:
        prepare(box.state, STATE)
        wish = {"email": box.username}
        assert perform(box, "user", wish, False, idle) == (1, 0, 1)
        # The task starts its own session and ends it.
        assert perform(box, "user", {**wish, **kim, "totp_secret": SECRET}, False, idle) == (3, 0, 0)
        assert {entry.caller for entry in box.log if entry.path != "/logout"} == {"kim@example.org"}
        assert not box.state.sessions
        assert perform(box, "user", wish, False, idle) == (1, 0, 0)
        assert {entry.caller for entry in box.log} == {box.username}


def test_a_connection_that_the_box_has_closed_is_reopened(idle: IdleConnections) -> None:
    with Box("v75") as box:
        assert perform(box, "user", {"email": box.username}, False, idle) == (1, 0, 1)
        with box.refusing():
            pass
        assert perform(box, "alias", {**SALES, "forwards_to": [ME]}, False, idle) == (4, 1, 1)


def test_tasks_with_other_authorities_use_separate_connections(idle: IdleConnections, tmp_path: Path) -> None:
    with Box("v75") as box:
        other = {"email": box.username, "ca_path": shutil.copy(box.cacert, tmp_path)}
        assert perform(box, "user", other, False, idle) == (1, 0, 1)
        assert perform(box, "user", {"email": box.username}, False, idle) == (1, 0, 1)
        assert perform(box, "user", other, False, idle) == (1, 0, 0)


@pytest.mark.parametrize(("where", "connections"), [("local", 1), ("elsewhere", 3)])
def test_a_loop_in_process_uses_one_tls_handshake(where: str, connections: int, tmp_path: Path) -> None:
    with Box("v75") as box:
        options = {**connection(box), "email": "{{ item }}", "state": "absent"}
        looped = {"mailinabox.admin.miab_user": options, "loop": ["a@example.org", "b@example.org", "c@example.org"]}
        playbook = tmp_path / "playbook.yml"
        playbook.write_text(
            yaml.safe_dump([{"hosts": "box", "gather_facts": False, "tasks": [looped]}]), encoding="utf-8"
        )
        run = run_on_hosts({"box": {"ansible_connection": where}}, playbook, tmp_path)
        assert run.status == 0, run.output
        assert counted(box) == (3, 0)
        assert box.connections == connections
