# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles: box applies a declaration, and health finds problems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box, CustomRecord, Totp
from tests.box.faults import Fault
from tests.box.prepare import prepare
from tests.box.routes import answer
from tests.tasks import connection

from .playbooks import Run, play

VERSIONS_TRIED = ("v0.51", "v75")

ME = "me@box.example.com"
BOB = "bob@example.org"
SECRET = "JBSWY3DPEHPK3PXP" * 2

STATE: dict[str, Any] = {
    "users": [{"email": BOB, "password": "bob-password-1", "privileges": ["admin"]}],
    "aliases": [{"address": name + "@example.org", "forwards_to": [BOB]} for name in ("stale", "kept")],
}
DECLARATION: dict[str, Any] = {
    "miab_users": [
        {"email": "ann@example.org", "user_password": "ann-password-1"},
        {"email": "kim@new.example", "user_password": "kim-password-1"},
        {"email": BOB, "update_password": "on_create", "privileges": ["admin"]},
    ],
    "miab_aliases": [{"address": "sales@example.org", "forwards_to": ["ann@example.org"]}],
    "miab_dns_records": [
        {"name": "www.example.org", "type": "A", "values": ["192.0.2.1", "192.0.2.2"]},
        {"name": "blog.example.org", "type": "CNAME", "value": "www.example.org"},
    ],
    "miab_secondary_nameservers": ["ns2.example.net"],
    "miab_backup": {"target": "local", "min_age_in_days": 5},
    "miab_privacy": False,
    "miab_purge": ["aliases"],
    "miab_keep": ["kept@*"],
    "miab_purge_limit": 1,
    "miab_certificates": [
        {"domain": "new.example", "state": "provisioned"},
        {"domain": "example.org", "state": "provisioned", "wait": 0},
    ],
    "miab_mfa": [{"label": "phone", "user": BOB, "state": "absent"}, {"label": "automation", "secret": SECRET}],
}


def reach(box: Box) -> dict[str, Any]:
    """The variables of the connection to a box."""
    return {"miab_" + option: value for option, value in connection(box).items()}


def run_role(name: str, box: Box, variables: Mapping[str, Any], folder: Path, *arguments: str, **more: Any) -> Run:
    """Run a role as users do, where a failed task ends the play."""
    task = {"ansible.builtin.include_role": {"name": "mailinabox.admin." + name}, "vars": dict(variables)}
    # As if half a minute had passed since the last run, so that the next code is valid.
    for scheme in box.state.users[ME].totp:
        scheme.last_code = ""
    return play(box, [task], folder, more.pop("door", "in-process"), {}, arguments, ignore_errors=False, **more)


def changed(run: Run) -> list[str]:
    return [outcome.name.partition(" : ")[2] for outcome in run.outcomes if outcome.result.get("changed")]


def test_a_box_as_variables_declare_it(box: Box, door: str, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    box.state.users[BOB].totp = [Totp(7, SECRET, "phone")]
    variables = {**reach(box), **DECLARATION}
    parts = ["Users, aliases, DNS and settings", "Certificates", "Second factors"]
    for arguments, expected in (["--check"], parts), ([], parts), (["--check"], []), ([], []):
        run = run_role("box", box, {**variables, "miab_totp_secret": SECRET}, tmp_path, *arguments, "-vvv", door=door)
        assert run.status == 0, run.output
        assert changed(run) == expected
        is_first = expected == parts and "--check" in arguments
        assert ("does not have the domain new.example yet" in run.output) == is_first
        assert run.output.count("[WARNING]") == is_first
        for secret in (SECRET, box.password, "ann-password-1"):
            assert secret not in run.output
            assert secret not in str([outcome.result for outcome in run.outcomes])
        assert run.outcomes[-1].state["sessions"] == 0
    state = run.outcomes[-1].state
    assert set(state["users"]) == {ME, BOB, "ann@example.org", "kim@new.example"}
    assert {"sales@example.org", "kept@example.org", "administrator@box.example.com"} <= set(state["aliases"])
    assert "stale@example.org" not in state["aliases"]
    assert len(state["dns_records"]) == 3
    assert state["secondary_nameservers"] == ["ns2.example.net"]
    assert state["backup"]["min_age_in_days"] == 5
    assert not state["privacy"]
    assert len(state["certificates"]) > 1
    assert state["mfa"] == {ME: ["automation"], BOB: [], "ann@example.org": [], "kim@new.example": []}
    assert box.failed_logins == []


def test_an_undefined_secret_does_not_cause_a_purge(box: Box, tmp_path: Path) -> None:
    prepare(box.state, STATE)
    lost = [{"email": ME, "user_password": "{{ vault_nobody_filled_in }}"}]
    run = run_role("box", box, {**reach(box), "miab_users": lost, "miab_purge": ["users"]}, tmp_path)
    assert run.status == 2
    assert "vault_nobody_filled_in" in run.output
    assert not [entry for entry in box.log if entry.is_write]


def test_one_session_that_ends_whatever_happens(box: Box, tmp_path: Path) -> None:
    box.state.users[ME].totp = [Totp(1, SECRET, "automation")]
    variables = {**reach(box), "miab_totp_secret": SECRET, "miab_mfa": [{"label": "automation", "secret": SECRET}]}
    wrong = [{"address": "sales@example.org", "forwards_to": ["nobody"]}]
    for aliases, status in (None, 0), (wrong, 2):
        box.log.clear()
        run = run_role("box", box, variables | ({"miab_aliases": aliases} if aliases else {}), tmp_path)
        assert run.status == status, run.output
        assert run.outcomes[-1].name.endswith("Log out")
        assert run.outcomes[-1].state["sessions"] == 0
        asked = [entry.path for entry in box.log]
        has_sessions = box.state.capabilities.sessions
        logins = [path for path in asked if path in ("/login", "/me")]
        assert logins == (["/login"] if has_sessions else ["/login", "/me"])
        assert asked[-1] == "/logout"
        assert any(outcome.name.endswith("Second factors") for outcome in run.outcomes) == (status == 0)


def test_a_connection_from_the_environment(box: Box, tmp_path: Path) -> None:
    environment = {"MIAB_" + option.upper(): value for option, value in connection(box).items()}
    run = run_role("box", box, {"miab_privacy": False}, tmp_path, environment=environment)
    assert run.status == 0, run.output
    assert not box.state.privacy


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"miab_mfa": [{"label": "phone"}]}, ["miab_mfa[0]: secret is missing"]),
        (
            {"miab_users": [{"email": "ann@example.org", "user_pasword": "some-password"}], "miab_alias": []},
            [
                "Mistakes in the declaration: 2.",
                "miab_alias: unknown variable; did you mean miab_aliases?",
                "user_pasword: there is no such option; did you mean user_password?",
            ],
        ),
        ({"miab_alias": []}, ["miab_alias: unknown variable; did you mean miab_aliases?"]),
        ({"miab_purge": ["everything"]}, ["everything"]),
    ],
)
def test_mistakes_in_the_variables(variables: dict[str, Any], words: list[str], box: Box, tmp_path: Path) -> None:
    run = run_role("box", box, {**reach(box), **variables}, tmp_path)
    assert run.status == 2
    assert [word for word in words if word not in run.output] == []
    assert "some-password" not in run.output
    assert box.log == []


def make_healthy(box: Box) -> None:
    """Change a box so that no check finds a problem."""
    state = box.state
    state.updates = {}
    # Twice, because a box may skip its own names the first time.
    for _time in range(2):
        assert answer(state, "POST", "/ssl/provision").status == 200
    state.add_backup(0.5)
    state.add_backup(3)
    state.upstream_version = state.version_text


def health(box: Box, folder: Path, door: str = "in-process", **variables: Any) -> tuple[dict[str, Any], Run]:
    """Run the role health. Return its result and the run."""
    run = run_role("health", box, {**reach(box), **variables}, folder, door=door)
    facts = [fact for outcome in run.outcomes if "miab_health" in (fact := outcome.result.get("ansible_facts", {}))]
    assert facts, run.output
    return facts[0]["miab_health"], run


def test_a_healthy_box(box: Box, door: str, tmp_path: Path) -> None:
    make_healthy(box)
    found, run = health(box, tmp_path, door)
    counts = found.pop("status_checks")
    assert found == {"box": "box", "ok": True, "problems": []}
    assert counts.pop("ok") > 1
    assert counts == {"warning": 0, "error": 0, "ignored": 0}
    assert run.status == 0, run.output
    assert "box: healthy, no problems" in run.output
    assert "[WARNING]" not in run.output


def make_unhealthy(box: Box) -> None:
    """Change a healthy box so that every check finds a problem."""
    box.state.certificates = box.state.certificates[:1]
    box.state.primary_certificate = box.state.certificates[0]
    box.state.backups = box.state.backups[1:]
    box.state.reboot_required = True
    box.state.dns_records.append(CustomRecord("x.box.example.com", "MX", "not an mx"))
    box.state.upstream_version = "v123"
    box.state.users[ME].quota = "10M"
    box.state.mailboxes[ME] = 10_000_000


CHECKS = ("certificates", "backup", "mailboxes", "reboot", "status_checks", "dns", "version")


def test_an_unhealthy_box(box: Box, door: str, tmp_path: Path) -> None:
    make_healthy(box)
    make_unhealthy(box)
    found, run = health(box, tmp_path, door)
    assert run.status == 2
    assert found["ok"] is False
    expected = {
        "certificates": "fail",
        "backup": "fail",
        "reboot": "warn",
        "status_checks": "fail",
        "dns": "fail",
        "version": "warn",
    }
    if box.state.capabilities.quotas:
        expected["mailboxes"] = "warn"
    assert {problem["check"]: problem["severity"] for problem in found["problems"]} == expected
    texts = [problem["text"] for problem in found["problems"]]
    for text in (
        "box.example.com: Self-signed. Get a signed certificate to stop warnings.",
        "The last backup is 3.0 days old.",
        "A restart is due.",
        "System: System updates have been installed and a reboot of box.example.com is required.",
        # The rest of the message is from dnspython.
        next(
            text
            for text in texts
            if text.startswith("x.box.example.com MX not an mx takes its zone down: not a valid value")
        ),
        f"The version is {box.state.version_text}, and the newest is v123.",
    ):
        assert text in texts
        assert text in run.output

    found, run = health(box, tmp_path, miab_health_end=False)
    assert run.status == 0
    assert found["ok"] is False
    assert found["problems"] != []


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_may_fail_or_warn_or_be_ignored(check: str, tmp_path: Path) -> None:
    asks = {
        "certificates": "/ssl/status",
        "backup": "/system/backup/status",
        "mailboxes": "/mail/users",
        "reboot": "/system/reboot",
        "status_checks": "/system/status",
        "dns": "/dns/custom",
        "version": "/system/latest-upstream-version",
    }
    with Box("v75") as box:
        make_healthy(box)
        make_unhealthy(box)
        ignored = {"miab_health_" + other: "ignore" for other in CHECKS}
        for severity, is_ok in ("fail", False), ("warn", True), ("ignore", True):
            box.log.clear()
            found, run = health(box, tmp_path, **{**ignored, "miab_health_" + check: severity})
            assert found["ok"] is is_ok
            assert run.status == (0 if is_ok else 2)
            expected = set() if severity == "ignore" else {(check, severity)}
            assert {(problem["check"], problem["severity"]) for problem in found["problems"]} == expected
            asked = {entry.path for entry in box.log}
            # This check also needs the users and aliases.
            also = {asks["mailboxes"]} if check == "dns" else set()
            assert asked & set(asks.values()) == (set() if severity == "ignore" else {asks[check], *also})


def test_a_misspelt_variable_of_health(box: Box, tmp_path: Path) -> None:
    found, run = health(box, tmp_path, miab_health_backups="ignore")
    assert run.status == 2
    expected = "miab_health_backups: unknown variable; did you mean miab_health_backup?"
    assert [problem["text"] for problem in found["problems"]] == [expected]


def test_checks_that_the_box_does_not_support(box: Box, tmp_path: Path) -> None:
    make_healthy(box)
    box.state.upstream_version = ""
    box.faults.append(Fault("500", "GET /ssl/status", times=99))
    found, run = health(box, tmp_path)
    assert run.status == 0, run.output
    assert found["problems"] == [
        {
            "check": "certificates",
            "severity": "warn",
            "about": None,
            "text": "The box could not return the subset certificates.",
        },
        {
            "check": "version",
            "severity": "warn",
            "about": None,
            "text": "The box could not return the subset latest_version.",
        },
    ]
    found, run = health(box, tmp_path, miab_health_unknown="fail")
    assert run.status == 2
    found, run = health(box, tmp_path, miab_health_unknown="ignore")
    assert found["problems"] == []


def test_a_box_that_cannot_be_asked(box: Box, tmp_path: Path) -> None:
    found, run = health(box, tmp_path, miab_password="not-the-password")
    assert run.status == 2
    assert [(problem["check"], problem["severity"]) for problem in found["problems"]] == [("reachable", "fail")]
    assert "not-the-password" not in run.output
