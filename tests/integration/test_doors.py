# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks return the same result in Ansible's worker process and as modules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyotp
import pytest

from tests.box import Box
from tests.box.prepare import prepare
from tests.box.state import Totp
from tests.tasks import connection

from .playbooks import DOORS, Run, play

ANN = "ann@example.org"
MODULE = "mailinabox.admin.miab_user"
# Each secret is unique, so that a search finds it anywhere. The playbook uses variables, because Ansible shows the lines
# of a failed task.
SECRETS = {"password": "adminpass123", "user_password": "distinctive-user-secret"}
SECRET_VARIABLE = "{{ user_secret }}"


def through_both(tasks: list[dict[str, Any]], folder: Path, **options: Any) -> list[Run]:
    runs = []
    for door in DOORS:
        with Box("v75") as box:
            (folder / door).mkdir()
            (folder / "secrets.yml").write_text("user_secret: %s\n" % SECRETS["user_password"], encoding="utf-8")
            arguments = ["-vvv", "--diff", "-e", "@%s" % (folder / "secrets.yml")]
            runs.append(play(box, tasks, folder / door, door, arguments=arguments, **options))
    return runs


def comparable(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without the parts that differ between runs: ports, files, and keys that Ansible adds."""
    ansible_adds = {"ansible_facts", "exception", "_ansible_no_log", "_ansible_parsed", "_ansible_delegated_vars"}
    kept = {key: value for key, value in result.items() if key not in ansible_adds}
    arguments = {**kept["invocation"]["module_args"], "host": "", "ca_path": ""}
    if isinstance(kept.get("diff"), dict):
        kept["diff"] = {key: value for key, value in kept["diff"].items() if not key.endswith("header")}
    return {**kept, "invocation": {"module_args": arguments}}


TASKS: list[dict[str, Any]] = [
    {MODULE: {"email": ANN, "user_password": SECRET_VARIABLE}, "check_mode": True},
    {MODULE: {"email": ANN, "user_password": SECRET_VARIABLE}},
    {MODULE: {"email": ANN, "user_password": SECRET_VARIABLE}},
    {MODULE: {"email": ANN, "privileges": "admin", "quota": 1073741824}},
    # Failures of Ansible's validation, of the check of the options, and of the plan.
    {MODULE: {"email": ANN, "sate": "absent"}},
    {MODULE: {"email": ANN, "state": "gone"}},
    {MODULE: {"user_password": SECRET_VARIABLE}},
    {MODULE: {"email": SECRET_VARIABLE, "user_password": SECRET_VARIABLE}},
    {MODULE: {"email": "bob@example.org"}},
    {MODULE: {"email": "me@box.example.com", "state": "absent"}},
    {"mailinabox.admin.miab_dns_record": {"name": "a.example.org", "type": "A", "value": "x", "values": ["y"]}},
]


def test_results_are_alike(tmp_path: Path) -> None:
    # Newer releases of Ansible leave out the invocation by default.
    in_process, module = through_both(TASKS, tmp_path, environment={"ANSIBLE_INJECT_INVOCATION": "true"})
    assert len(in_process.outcomes) == len(module.outcomes) == len(TASKS)
    for one, other in zip(in_process.outcomes, module.outcomes, strict=True):
        assert one.failed == other.failed
        if not other.result.get("invocation"):
            # A module with invalid options returns only the error.
            assert one.result["msg"] == other.result["msg"]
        else:
            assert comparable(one.result) == comparable(other.result)
    assert [outcome.failed for outcome in in_process.outcomes] == [False] * 4 + [True] * 7


def test_the_invocation_is_shown_by_both_or_by_neither(tmp_path: Path) -> None:
    in_process, module = (run.outcomes[0].result for run in through_both(TASKS[:1], tmp_path))
    assert ("invocation" in in_process) == ("invocation" in module)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    for run in through_both(TASKS, tmp_path):
        for name, secret in SECRETS.items():
            assert secret not in run.output, name
            assert all(secret not in str(outcome.result) for outcome in run.outcomes), name


def test_options_from_the_environment(newest_box: Box, door: str, tmp_path: Path) -> None:
    environment = {"MIAB_" + option.upper(): value for option, value in connection(newest_box).items()}
    task = {MODULE: {"email": ANN, "state": "absent"}}
    outcome = play(newest_box, [task], tmp_path, door, defaults={}, environment=environment).outcomes[0]
    assert not outcome.failed, outcome.result
    assert "adminpass123" not in str(outcome.result)


def test_options_from_the_environment_of_a_play(newest_box: Box, door: str, tmp_path: Path) -> None:
    environment = {"MIAB_" + option.upper(): value for option, value in connection(newest_box).items()}
    task = {MODULE: {"email": ANN, "state": "absent"}}
    outcome = play(newest_box, [task], tmp_path, door, defaults={}).outcomes[0]
    assert "missing required arguments: host, username. Set them as" in outcome.result["msg"]
    assert "MIAB_HOST and MIAB_USERNAME in the environment" in outcome.result["msg"]
    outcome = play(newest_box, [{**task, "environment": environment}], tmp_path, door, defaults={}).outcomes[0]
    assert not outcome.failed, outcome.result


def test_a_short_secret_leaves_messages_readable(newest_box: Box, door: str, tmp_path: Path) -> None:
    run = play(newest_box, [{MODULE: {"email": ANN, "user_password": "pass"}}], tmp_path, door, arguments=["-vvv"])
    result = run.outcomes[0].result
    message = "user_password: '********': must have at least eight characters"
    # Since 2.22, Ansible masks secrets again, also inside words.
    assert result["msg"] in (message, message.replace("pass", "$REDACTED$"))
    assert '"pass"' not in json.dumps(result)


def test_neither_password_nor_key(newest_box: Box, door: str, tmp_path: Path) -> None:
    defaults = {key: value for key, value in connection(newest_box).items() if key != "password"}
    outcome = play(newest_box, [{MODULE: {"email": ANN}}], tmp_path, door, defaults).outcomes[0]
    assert outcome.result["msg"] == (
        "one of the following is required: password, api_key. Set them as options of the task, in module_defaults, or as"
        " MIAB_PASSWORD or MIAB_API_KEY in the environment."
    )


def test_async_takes_the_module_door(newest_box: Box, tmp_path: Path) -> None:
    task = {MODULE: {"email": ANN, "user_password": "ann-password-1"}, "async": 30, "poll": 1}
    outcome = play(newest_box, [task], tmp_path).outcomes[-1]
    assert outcome.result["changed"]
    assert outcome.result["ansible_job_id"]


SECRET = "JBSWY3DPEHPK3PXP" * 2


@pytest.mark.parametrize("version", ["v0.51", "v75"])
def test_a_run_with_a_one_time_code(version: str, door: str, tmp_path: Path) -> None:
    with Box(version) as box:
        box.state.users[box.username].totp.append(Totp(1, SECRET, "phone"))
        task = {MODULE: {"email": ANN, "user_password": "ann-password-1"}}
        outcome = play(box, [task], tmp_path, door, {**connection(box), "totp_secret": SECRET}).outcomes[0]
        assert outcome.result["changed"], outcome.result
        assert outcome.result["requests"]["writes"] == 1
        assert not box.state.sessions
        assert not box.failed_logins
        # The same after an error.
        box.state.users[box.username].totp[0].last_code = ""
        task = {MODULE: {"email": "bob@example.org"}}
        outcome = play(box, [task], tmp_path, door, {**connection(box), "totp_secret": SECRET}).outcomes[0]
        assert outcome.failed
        assert not box.state.sessions
        assert SECRET not in str(outcome.result)


def test_an_account_with_mfa_needs_a_code(newest_box: Box, door: str, tmp_path: Path) -> None:
    newest_box.state.users[newest_box.username].totp.append(Totp(1, SECRET, "phone"))
    outcome = play(newest_box, [{MODULE: {"email": ANN, "state": "absent"}}], tmp_path, door).outcomes[0]
    assert "The account uses MFA: set totp_secret or api_key." in outcome.result["msg"]


def test_the_password_of_a_user_with_mfa_is_verified(box: Box, tmp_path: Path) -> None:
    prepare(box.state, {"users": [{"email": ANN, "password": "ann-password-1", "privileges": ["admin"]}]})
    box.state.users[ANN].totp.append(Totp(1, pyotp.random_base32(), "phone"))
    task = {MODULE: {"email": ANN, "user_password": "ann-password-1"}}
    outcome = play(box, [task], tmp_path).outcomes[0]
    assert not outcome.result["changed"]
    assert not box.failed_logins
    assert not box.state.sessions


def test_the_own_password_changes_within_a_run(box: Box, door: str, tmp_path: Path) -> None:
    task = {MODULE: {"email": box.username, "user_password": "another-password"}}
    outcome = play(box, [task], tmp_path, door).outcomes[0]
    assert outcome.result["changed"], outcome.result
    assert not box.failed_logins
    assert box.state.users[box.username].password == "another-password"
