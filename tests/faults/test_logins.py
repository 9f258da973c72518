# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No run gets its address banned, and no run leaves a session open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._engine.module import perform
from tests.box import Box, Fault, Totp, prepare
from tests.integration.playbooks import DOORS, VERSIONS, play
from tests.tasks import Clock, connection, run_task, task, validated

ME = "me@box.example.com"
BOB = "bob@example.org"
SECRET = "JBSWY3DPEHPK3PXP" * 2
WRONG = {"password": "not-the-password"}

# The paths that fail2ban watches, and half of its limit.
SECONDS = 30
LIMIT = 10


def most_at_once(moments: list[float]) -> int:
    """The largest number of events within any 30 seconds."""
    return max((sum(0 <= other - one < SECONDS for other in moments) for one in moments), default=0)


def fill(box: Box, number: int) -> list[str]:
    emails = ["user%03d@example.org" % index for index in range(number)]
    prepare(box.state, {"users": [{"email": email, "password": "old-password"} for email in emails]})
    return emails


# The results differ between versions only in the box's message.
@pytest.mark.parametrize(("version", "number"), [("v75", 500), ("v60", 30), ("v55", 30), ("v0.51", 30)])
def test_users_whose_passwords_all_differ(version: str, number: int) -> None:
    clock = Clock()
    with Box(version) as box:
        emails = fill(box, number)
        box.state.clock = clock.now
        wanted = {"users": [{"email": email, "user_password": "new-password"} for email in emails]}
        predicted = run_task(box, "miab_config", wanted, check_mode=True, sleep=clock.sleep, now=clock.now)
        assert len(predicted["changes"]) == number
        assert len(box.failed_logins) == number
        assert most_at_once(box.failed_logins) == LIMIT
        # The attempts are made as soon as they are allowed.
        assert sum(clock.slept) == pytest.approx(number / LIMIT * SECONDS, abs=2 * SECONDS)


@pytest.mark.parametrize("version", VERSIONS)
def test_500_users_whose_passwords_are_right(version: str) -> None:
    clock = Clock()
    with Box(version) as box:
        emails = fill(box, 500)
        wanted = {"users": [{"email": email, "user_password": "old-password"} for email in emails]}
        result = run_task(box, "miab_config", wanted, sleep=clock.sleep, now=clock.now)
        assert result["changed"] is False
        assert box.failed_logins == []
        assert clock.slept == []


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_fails_every_task_at_its_first_request(door: str, tmp_path: Path) -> None:
    with Box("v75") as box:
        look: dict[str, Any] = {"mailinabox.admin.miab_info": WRONG}
        loop = {**look, "loop": list(range(6)), "name": "loop"}
        tasks = [loop, *({**look, "name": str(number)} for number in range(4))]
        run = play(box, tasks, tmp_path, door)
        assert all(outcome.failed for outcome in run.outcomes)
        items = run.outcomes[0].result["results"] + [outcome.result for outcome in run.outcomes[1:]]
        assert [item["failure"]["code"] for item in items] == ["authentication"] * 10
        # One rejection stops all items of a loop.
        assert [item["requests"]["reads"] for item in items] == [1, *[0] * 5, 1, 1, 0, 0]
        assert len({item["msg"] for item in items[:6]}) == 1
        assert "The task does not try again" in items[-1]["msg"]
        assert len(box.failed_logins) == 3


@pytest.mark.parametrize(
    ("module", "options", "usual", "is_hinted"),
    [
        ("miab_user", {"email": BOB, "password": "for-bob-1234"}, "adminpass123", True),
        ("miab_user", {"email": BOB, "password": "for-bob-1234"}, "", False),
        ("miab_user", {"email": BOB, "password": "for-bob-1234"}, "for-bob-1234", False),
        ("miab_user", {"email": BOB, "password": "wrong-1234", "user_password": "for-bob-1234"}, "adminpass123", False),
        ("miab_info", {"password": "wrong-1234"}, "adminpass123", False),
    ],
)
def test_the_password_option_can_be_meant_for_the_user(
    module: str, options: dict[str, Any], usual: str, is_hinted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIAB_PASSWORD", usual)
    with Box("v75") as box:
        result = perform(task(module), validated(module, {**connection(box), **options}), True, [options["password"]])
        assert result["failure"]["code"] == "authentication"
        name = box.url.removesuffix("/admin")
        assert f"the box {name} rejected the credentials of {ME}" in result["msg"], result["msg"]
        assert ("use user_password" in result["msg"]) == is_hinted
        assert result["msg"] == result["failure"]["message"]


def test_a_wrong_code_is_tried_as_rarely_as_a_wrong_password() -> None:
    clock = Clock()
    with Box("v75") as box:
        box.state.clock = clock.now
        box.state.users[ME].totp.append(Totp(1, SECRET, "phone"))
        for _time in range(20):
            result = run_task(box, "miab_info", {"totp_secret": "A" * 32}, sleep=clock.sleep, now=clock.now)
            assert result["failure"]["code"] == "authentication"
        assert most_at_once(box.failed_logins) <= LIMIT


# The ways in which a run can end.
ENDS: dict[str, Callable[[Box], None]] = {
    "well": lambda box: None,
    "refused": lambda box: box.faults.append(Fault("500", "POST /mail/users/add")),
    "reset": lambda box: box.faults.append(Fault("reset", "POST /mail/users/add", after=True)),
    "unreadable": lambda box: box.faults.append(Fault("html", "GET /mail/users")),
    "lost-goodbye": lambda box: box.faults.append(Fault("reset", "POST /logout")),
    "lost-own-change": lambda box: box.faults.append(Fault("504", "POST /mfa/disable", after=True)),
    "refused-own-change": lambda box: box.faults.append(Fault("reset", "POST /mfa/disable")),
}

# The tasks: the module, its options, and whether it starts its own session.
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "a user": ("miab_user", {"email": "ann@example.org", "user_password": "ann-password-1"}),
    "an administrator's password": ("miab_user", {"email": BOB, "user_password": "bob-password-1"}),
    "a wrong administrator's password": ("miab_user", {"email": BOB, "user_password": "bob-password-2"}),
    "the own password": ("miab_user", {"email": ME, "user_password": "adminpass456", "force": True}),
    "own codes": ("miab_mfa", {"label": "phone", "state": "absent"}),
    "a whole box": (
        "miab_config",
        {"users": [{"email": "ann@example.org", "user_password": "ann-password-1"}], "privacy": True},
    ),
    "a look": ("miab_info", {"gather_subset": ["all"]}),
    "no administrator": ("miab_info", {"username": "eve@example.org", "password": "eve-password-1"}),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", RUNS)
def test_no_session_is_left_open(kind: str, end: str) -> None:
    module, options = RUNS[kind]
    clock = Clock()
    with Box("v75") as box:
        box.state.clock = clock.now
        users = [
            {"email": BOB, "password": "bob-password-1", "privileges": ["admin"]},
            {"email": "eve@example.org", "password": "eve-password-1"},
        ]
        prepare(box.state, {"users": users})
        box.state.users[ME].totp.append(Totp(1, SECRET, "phone"))
        ENDS[end](box)
        for check_mode in (True, False):
            secret = {"totp_secret": SECRET} if box.state.users[ME].totp else {}
            run_task(box, module, {**secret, **options}, check_mode, clock.sleep, clock.now)
            assert len(box.state.sessions) == 0, [entry for entry in box.log if not entry.is_write]


def test_a_session_for_a_play_is_the_only_one(tmp_path: Path) -> None:
    clock = Clock()
    with Box("v75") as box:
        box.state.clock = clock.now
        run = run_task(box, "miab_session", {}, sleep=clock.sleep, now=clock.now)
        assert len(box.state.sessions) == 1
        by_key = {"api_key": run["session"]["api_key"]}
        # With a password, the change needs no session. A session would stay in the list of the box.
        enable = run_task(
            box, "miab_mfa", {**by_key, "label": "phone", "secret": SECRET}, sleep=clock.sleep, now=clock.now
        )
        assert enable["changed"]
        assert len(box.state.sessions) == 0
