# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""miab_mfa and miab_session as playbooks use them: four versions, both doors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.box import Box, Totp
from tests.box.faults import Fault
from tests.box.prepare import prepare
from tests.tasks import connection

from .expected import Expected, check_tasks
from .playbooks import Run, play

ME = "me@box.example.com"
BOB = "bob@example.org"
SECRET = "JBSWY3DPEHPK3PXP" * 2


def codes(**options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_mfa": options}


def session(**options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_session": options}


def predicted(task: dict[str, Any]) -> dict[str, Any]:
    return {**task, "check_mode": True}


def has_sessions(box: Box) -> bool:
    return box.state.capabilities.sessions


def as_bob(box: Box) -> dict[str, Any]:
    prepare(box.state, {"users": [{"email": BOB, "password": "bob-password-1", "privileges": ["admin"]}]})
    return {**connection(box), "username": BOB, "password": "bob-password-1"}


def play_later(box: Box, tasks: Sequence[dict[str, Any]], folder: Path, door: str, **more: Any) -> Run:
    """Run tasks as if half a minute had passed, so that the next code is valid."""
    for scheme in box.state.users[ME].totp:
        scheme.last_code = ""
    return play(box, tasks, folder, door, **more)


def test_own_codes(box: Box, door: str, tmp_path: Path) -> None:
    enable, disable = codes(label="phone", secret=SECRET), codes(label="phone", state="absent")
    check, real = play(box, [predicted(enable), enable], tmp_path, door).outcomes
    assert check.result["changed"]
    assert real.result["changed"]
    assert check.result["diff"] == real.result["diff"]
    assert check.result["calls"] == real.result["calls"]
    assert real.result["calls"][0]["form"] == {"secret": "********", "label": "phone"}
    assert real.result["mfa"] == {"user": ME, "label": "phone", "state": "present"}
    assert real.state["mfa"][ME] == ["phone"]
    assert real.state["sessions"] == 0
    assert box.state.users[ME].totp[0].secret == SECRET

    # Sign in with one code and use the key. A change of our own codes ends the session, so the task needs the password.
    without_password = {key: value for key, value in connection(box).items() if key != "password"}
    defaults = {"group/mailinabox.admin.box": {**without_password, "api_key": "{{ login.session.api_key }}"}}
    removal = codes(label="phone", state="absent", password=box.password)
    inside = [
        enable,
        predicted(enable),
        codes(label="tablet", state="absent"),
        disable,
        predicted(removal),
        removal,
    ]
    tasks = [
        {**session(totp_secret=SECRET), "register": "login"},
        {"module_defaults": defaults, "block": inside},
        disable,
    ]
    run = play_later(box, tasks, tmp_path, door)
    login, again, still, other, stuck, check, real, gone = run.outcomes
    assert not login.failed, login.result
    for outcome in (again, still, other):
        assert outcome.result["changed"] is outcome.failed is False, outcome.result
    assert stuck.result["failure"]["details"]["option"] == "password"
    assert stuck.state["mfa"][ME] == ["phone"]
    assert check.result["diff"] == real.result["diff"]
    assert check.result["calls"] == real.result["calls"]
    assert real.result["changed"]
    assert real.state["mfa"][ME] == []
    assert gone.result["changed"] is gone.failed is False, gone.result
    assert box.failed_logins == []


def test_the_secret_may_be_given_from_the_start(box: Box, door: str, tmp_path: Path) -> None:
    defaults = {**connection(box), "totp_secret": SECRET}
    before = {"mailinabox.admin.miab_user": {"email": "ann@example.org", "user_password": "ann-password-1"}}
    enable = codes(label="automation", secret=SECRET)
    outcomes = play(box, [before, enable], tmp_path, door, defaults).outcomes
    outcomes += play_later(box, [enable], tmp_path, door, defaults=defaults).outcomes
    assert [outcome.result["changed"] for outcome in outcomes] == [True, True, False]
    assert box.failed_logins == []


def test_a_secret_of_the_box(box: Box, door: str, tmp_path: Path) -> None:
    enable = codes(label="phone")
    check, real = play(box, [predicted(enable), enable], tmp_path, door).outcomes
    secret = real.result["mfa"]["secret"]
    assert secret == box.state.users[ME].totp[0].secret
    assert secret not in str(real.result["diff"]) + str(real.result["calls"])
    assert "secret" not in check.result["mfa"]
    assert check.result["diff"] == real.result["diff"]
    assert check.result["calls"] == real.result["calls"]
    assert real.state["sessions"] == 0

    # The returned secret works for the next run.
    again = play_later(box, [codes(label="phone", totp_secret=secret)], tmp_path, door).outcomes[0]
    assert again.result["mfa"] == {"user": ME, "label": "phone", "state": "present"}
    assert not again.result["changed"]
    assert again.state["sessions"] == 0


def test_a_secret_of_the_box_survives_a_lost_answer(box: Box, door: str, tmp_path: Path) -> None:
    box.faults.append(Fault("504", "POST /mfa/totp/enable", after=True))
    outcome = play(box, [codes(label="phone")], tmp_path, door).outcomes[0]
    assert outcome.result["changed"]
    assert outcome.result["mfa"]["secret"] == box.state.users[ME].totp[0].secret
    assert outcome.state["sessions"] == 0


def test_a_secret_of_the_box_survives_a_failure(box: Box, door: str, tmp_path: Path) -> None:
    box.faults.append(
        Fault("500", lambda request: request.path == "/mfa/status" and bool(box.state.users[ME].totp), times=9)
    )
    outcome = play(box, [codes(label="phone")], tmp_path, door).outcomes[0]
    assert outcome.failed
    assert outcome.result["changed"]
    assert outcome.result["mfa"] == {"secret": box.state.users[ME].totp[0].secret}
    assert outcome.state["sessions"] == 0


REMOVAL_TASKS = """
- name: Remove the codes of a lost phone
  mailinabox.admin.miab_mfa:
    user: bob@example.org
    label: phone
    state: absent

- name: Remove a label that does not exist
  mailinabox.admin.miab_mfa:
    user: bob@example.org
    label: watch
    state: absent

- name: Remove all codes of Bob
  mailinabox.admin.miab_mfa:
    user: Bob@Example.org
    state: absent

- name: Remove the codes of a user who does not exist
  mailinabox.admin.miab_mfa:
    user: nobody@example.org
    label: phone
    state: absent
"""


def test_codes_of_others(box: Box, door: str, tmp_path: Path) -> None:
    as_bob(box)
    box.state.users[BOB].totp = [Totp(7, SECRET, "phone"), Totp(8, SECRET, "tablet"), Totp(9, SECRET, None)]

    def left(*labels: str | None) -> Any:
        return lambda state: state["mfa"][BOB] == list(labels)

    expected = {
        "Remove the codes of a lost phone": Expected(left("tablet", None), calls=1),
        "Remove a label that does not exist": Expected(left("tablet", None), changed=False),
        "Remove all codes of Bob": Expected(left(), calls=1),
        "Remove the codes of a user who does not exist": Expected(left(), changed=False),
    }
    check_tasks(box, REMOVAL_TASKS, expected, tmp_path, door)


def test_refused_codes(box: Box, door: str, tmp_path: Path) -> None:
    as_bob(box)
    tasks = [codes(label="x", user=BOB), codes(label="x", secret="short"), codes(label=""), codes(state="present")]
    other, short, nameless, without = play(box, tasks, tmp_path, door).outcomes
    assert other.result["failure"]["details"] == {"option": "user", "value": BOB}
    assert short.result["failure"]["details"]["option"] == "secret"
    assert nameless.result["failure"]["details"]["option"] == "label"
    assert "label" in without.result["msg"]
    # The clocks differ: the box rejects the code, and the sessions continue.
    box.state.clock = lambda: 1_000_000.0
    wrong = play(box, [codes(label="phone", secret=SECRET)], tmp_path, door).outcomes[0]
    assert wrong.result["failure"]["code"] == "refused"
    assert "Invalid token." in wrong.result["msg"]
    assert not wrong.result["changed"]
    assert SECRET not in str(wrong.result)


def test_one_log_in_for_a_play(box: Box, door: str, tmp_path: Path) -> None:
    box.state.users[ME].totp = [Totp(1, SECRET, "automation")]
    with_key = {**connection(box), "api_key": "{{ login.session.api_key }}"}
    del with_key["password"]
    block = {
        "module_defaults": {"group/mailinabox.admin.box": with_key},
        "block": [
            {"mailinabox.admin.miab_alias": {"address": "sales@example.org", "forwards_to": [ME]}},
            {"mailinabox.admin.miab_alias": {"address": "all@example.org", "forwards_to": ["nobody"]}},
            {"mailinabox.admin.miab_alias": {"address": "help@example.org", "forwards_to": [ME]}},
        ],
        "always": [session(state="absent"), session(state="absent")],
    }
    tasks = [{**session(totp_secret=SECRET), "register": "login"}, block]
    for arguments, added in (["--check"], False), ([], True):
        run = play_later(box, tasks, tmp_path, door, arguments=arguments)
        login, sales, wrong, helpers, out, again = run.outcomes
        assert not login.result["changed"]
        assert login.result["session"]["state"] == "present"
        assert login.result["diff"]["before"] == login.result["diff"]["after"] == {"state": "present"}
        assert len(login.result["session"]["api_key"]) == 64
        assert wrong.failed
        assert sales.result["changed"]
        assert helpers.result["changed"]
        assert out.failed is again.failed is out.result["changed"] is False
        assert out.result["session"] == {"state": "absent"}
        assert (login.state["sessions"], out.state["sessions"]) == (int(has_sessions(box)), 0)
        assert ("help@example.org" in out.state["aliases"]) == added
    asked = [entry.path for entry in box.log if entry.path in ("/login", "/me")]
    assert asked == (["/login"] if has_sessions(box) else ["/login", "/me"]) * 2
    assert box.failed_logins == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"password": "wrong-password"}, "authentication", "Check "),
        ({}, "authentication", "set totp_secret"),
        ({"api_key": "some-key"}, "invalid_option", "leave it out"),
        ({"state": "absent"}, "invalid_option", "api_key: "),
    ],
)
def test_no_session(options: dict[str, Any], code: str, words: str, box: Box, door: str, tmp_path: Path) -> None:
    box.state.users[ME].totp = [Totp(1, SECRET, "automation")]
    outcome = play(box, [session(**options)], tmp_path, door).outcomes[0]
    assert outcome.result["failure"]["code"] == code
    assert words in outcome.result["msg"]
    assert outcome.state["sessions"] == 0
    assert len(box.failed_logins) == ("password" in options)


def test_no_session_for_a_user_who_is_not_an_administrator(box: Box, door: str, tmp_path: Path) -> None:
    defaults = as_bob(box)
    box.state.users[BOB].privileges = []
    outcome = play(box, [session()], tmp_path, door, defaults).outcomes[0]
    assert outcome.result["failure"]["code"] == "authentication"
    assert "Only an administrator" in outcome.result["msg"]
    assert outcome.state["sessions"] == 0
