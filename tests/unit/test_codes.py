# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on one machine sign in one after the other, each with another one-time code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailinabox.admin.plugins.module_utils._box.codes import LastCode
from tests.box import Box, Totp
from tests.tasks import Clock, run_task

URL, ME = "https://box.example.com/admin", "me@box.example.com"
SECRET = "JBSWY3DPEHPK3PXP" * 2


def never(_seconds: float) -> None:
    raise AssertionError("nothing to wait for")


def last(username: str = ME) -> int | None:
    code = LastCode(URL, username)
    with code.alone(never):
        return code.step


def test_the_next_run_knows_the_last_code() -> None:
    assert last() is None
    for step in (1234567, 5):
        code = LastCode(URL, ME)
        with code.alone(never):
            code.note(step)
        assert last() == step
    assert last("ann@example.com") is None


def test_a_run_waits_while_another_signs_in() -> None:
    first, second = LastCode(URL, ME), LastCode(URL, ME)
    waits: list[float] = []
    turn = first.alone(never)
    turn.__enter__()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        first.note(7)
        turn.__exit__(None, None, None)

    with second.alone(wait):
        assert second.step == 7
    assert waits == [0.1]


@pytest.mark.parametrize("content", ["", "no number"])
def test_a_damaged_file_stops_no_run(content: str, tmp_path: Path) -> None:
    code = LastCode(URL, ME)
    with code.alone(never):
        code.note(7)
    [file] = (tmp_path / "ansible-home").rglob("code-*")
    file.write_text(content)
    assert last() is None


def test_a_folder_that_cannot_be_used_stops_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "file"))
    code = LastCode(URL, ME)
    with code.alone(never):
        code.note(7)
    assert last() is None


def test_ten_runs_in_the_same_second_get_no_code_rejected() -> None:
    with Box() as box:
        clock = Clock()
        box.state.clock = clock.now
        box.state.users[box.username].totp = [Totp(1, SECRET, "phone")]
        for _run in range(10):
            options = {"totp_secret": SECRET, "gather_subset": ["domains"]}
            result = run_task(box, "miab_info", options, sleep=clock.sleep, now=clock.now)
            assert not result.get("failed"), result
        assert box.failed_logins == []
        assert clock.slept == []


def test_a_client_waits_until_another_run_has_signed_in() -> None:
    with Box() as box:
        box.state.users[box.username].totp = [Totp(1, SECRET, "phone")]
        turn = LastCode(box.url, box.username).alone(never)
        turn.__enter__()
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            turn.__exit__(None, None, None)

        options = {"totp_secret": SECRET, "gather_subset": ["domains"]}
        assert not run_task(box, "miab_info", options, sleep=sleep).get("failed")
        assert slept == [0.1]
