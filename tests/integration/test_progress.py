# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A long task prints its progress to standard error, separately from its result.

The demo shows and checks the output at a terminal.
"""

from __future__ import annotations

import re
from pathlib import Path
from time import sleep
from typing import Any

from tests.box import Box, Fault, prepare
from tests.box.answers import Request

from .playbooks import DOORS, Run, play

LINE = re.compile(
    r"^miab_config: \[box\] (\d+) s: (\d+) of 8 calls made, [^,]+, about \d+ s left; now alias list-(\d)@example\.org$"
)


def lines(run: Run) -> list[str]:
    """The lines of standard error without Ansible's own warnings."""
    return [line for line in run.errors.splitlines() if line.startswith("miab_config: ")]


def aliases(box: Box, folder: Path, door: str = "in-process", **keywords: Any) -> Run:
    """Declare eight aliases."""
    declared = [{"address": f"list-{number}@example.org", "forwards_to": ["a@example.net"]} for number in range(8)]
    folder.mkdir(exist_ok=True)
    return play(box, [{"mailinabox.admin.miab_config": {"aliases": declared}, **keywords}], folder, door)


def test_a_quick_task_shows_nothing(newest_box: Box, tmp_path: Path) -> None:
    run = play(newest_box, [{"mailinabox.admin.miab_config": {"privacy": False}}], tmp_path)
    assert run.outcomes[0].result["changed"]
    assert lines(run) == []


def test_a_slow_task_shows_progress_and_returns_the_same_result(tmp_path: Path) -> None:
    runs = []
    for door in DOORS:
        with Box() as box:
            # The task takes a little more than 3 seconds. Without a terminal, it shows one line.
            box.delay = 0.5
            runs.append(aliases(box, tmp_path / door, door, diff=True))
    in_process, module = runs
    (line,) = lines(in_process)
    found = LINE.match(line)
    assert found, line
    seconds, done, now = map(int, found.groups())
    assert seconds >= 3
    assert now == done > 0
    assert line not in in_process.output.removesuffix(in_process.errors)
    assert lines(module) == []

    one, other = (
        {name: run.outcomes[0].result[name] for name in ("changed", "calls", "changes", "requests")} for run in runs
    )
    assert one["changed"]
    assert one == other


def test_with_no_log_progress_lines_have_counts_only(newest_box: Box, tmp_path: Path) -> None:
    newest_box.delay = 0.5
    (line,) = lines(aliases(newest_box, tmp_path, no_log=True))
    assert re.fullmatch(r"miab_config: \[box\] \d s: \d of 8 calls made, [^,]+, about \d+ s left", line)


def test_no_secret_is_shown(newest_box: Box, tmp_path: Path) -> None:
    newest_box.delay = 3.2
    # The second user's address is the first one's password.
    users = [
        {"email": "ann@example.org", "user_password": "bob@example.org"},
        {"email": "bob@example.org", "user_password": "bobs-password"},
    ]
    run = play(newest_box, [{"mailinabox.admin.miab_config": {"users": users}}], tmp_path)
    (line,) = lines(run)
    assert line.endswith("; now user ********")


def test_many_reads_show_progress_even_in_check_mode(newest_box: Box, tmp_path: Path) -> None:
    users = [{"email": f"user-{number}@example.org", "user_password": f"password-of-{number}"} for number in range(8)]
    held = [{"email": user["email"], "password": user["user_password"]} for user in users]
    prepare(newest_box.state, {"users": held})

    def delay(request: Request) -> bool:
        sleep(0.5)
        return False

    newest_box.faults.append(Fault("500", delay))
    run = play(newest_box, [{"mailinabox.admin.miab_config": {"users": users}, "check_mode": True}], tmp_path)
    assert run.outcomes[0].result["changed"] is False
    (line,) = lines(run)
    assert re.fullmatch(
        r"miab_config: \[box\] \d s: (\d) of 8 reads made, [^,]+, about \d+ s left; now password of user-\1@example\.org",
        line,
    )
