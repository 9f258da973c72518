# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks that would lock somebody out are refused before anything is written, with and without check mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.box import Box
from tests.box.prepare import prepare

from .playbooks import play

ME = "me@box.example.com"
BOB = "bob@example.org"
STATE = {"users": [{"email": BOB, "password": "bob-password-1", "privileges": ["admin"]}]}


def config(**options: Any) -> dict[str, Any]:
    return {"mailinabox.admin.miab_config": options}


# Tasks, each with the code of the failure and a part of its message.
REFUSED = [
    (config(users=[{"email": ME, "state": "absent"}]), "invalid_declaration", "would lock this task out"),
    (
        config(users=[{"email": ME, "state": "absent", "force": True}, {"email": BOB, "privileges": []}]),
        "invalid_declaration",
        "no administrator would be left",
    ),
    (
        config(users=[{"email": BOB, "privileges": []}, {"email": ME, "state": "absent", "force": True}]),
        "invalid_declaration",
        "no administrator would be left",
    ),
    (
        config(users=[{"email": ME, "state": "absent", "force": True}], purge=["users"]),
        "invalid_declaration",
        "removing bob@example.org would leave the box without an administrator",
    ),
    (config(aliases=[{"address": ME, "forwards_to": [BOB]}]), "invalid_declaration", "no longer receive mail"),
    (
        {"mailinabox.admin.miab_alias": {"address": ME, "forwards_to": [BOB]}},
        "guarded",
        "no longer receive mail",
    ),
    (config(users=[], purge=["users"], keep=["bob@example.org me@box.example.com"]), "invalid_declaration", "keep: "),
    # Values that Ansible would convert to a password, or for which its own validation fails.
    (
        {"mailinabox.admin.miab_user": {"email": BOB, "user_password": ["a-secret-in-a-list"]}},
        "invalid_option",
        "user_password: '(list)': must be a string",
    ),
    (config(users=[None]), "invalid_declaration", "users[0]: must be a dictionary"),
    ({"mailinabox.admin.miab_system": {"privacy": True, "reboot_timeout": True}}, "invalid_option", "a whole number"),
]


def test_what_is_refused(newest_box: Box, door: str, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    before = newest_box.described()
    tasks = [{**task, "check_mode": check_mode} for task, _code, _words in REFUSED for check_mode in (True, False)]
    run = play(newest_box, tasks, tmp_path, door)
    assert len(run.outcomes) == len(tasks), run.output
    for number, outcome in enumerate(run.outcomes):
        _task, code, words = REFUSED[number // 2]
        assert outcome.failed, outcome.result
        assert outcome.result["failure"]["code"] == code, outcome.result["msg"]
        assert words in outcome.result["msg"]
    assert not [entry for entry in newest_box.log if entry.is_write]
    assert newest_box.described() == before
    assert "Traceback" not in run.output
    assert "a-secret-in-a-list" not in str([outcome.result for outcome in run.outcomes])


def test_a_handover(box: Box, door: str, tmp_path: Path) -> None:
    """Replace all administrators: add the new one, remove the old one, and remove the account that runs the playbook last."""
    prepare(box.state, STATE)
    task = config(
        users=[
            {"email": ME, "state": "absent", "force": True},
            {"email": BOB, "state": "absent"},
            {"email": "eve@example.org", "user_password": "eve-password-1", "privileges": ["admin"]},
        ]
    )
    predicted, real = play(box, [{**task, "check_mode": True}, task], tmp_path, door).outcomes
    assert not real.failed, real.result["msg"]
    assert predicted.result["calls"] == real.result["calls"]
    assert [call["form"]["email"] for call in real.result["calls"]] == ["eve@example.org", BOB, ME]
    assert sorted(box.state.users) == ["eve@example.org"]


def test_purge_of_all_users_except_the_account_of_the_run(newest_box: Box, door: str, tmp_path: Path) -> None:
    prepare(newest_box.state, STATE)
    outcome = play(newest_box, [config(users=[], purge=["users"])], tmp_path, door).outcomes[0]
    assert not outcome.failed, outcome.result["msg"]
    assert sorted(outcome.state["users"]) == [ME]
