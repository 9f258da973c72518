# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interrupted run sends no more writes, and ends its session."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
import yaml

from tests.box import Box, Fault, Totp
from tests.box.answers import Request
from tests.tasks import connection

from .playbooks import DOORS, start_on_hosts

ME = "me@box.example.com"
SECRET = "JBSWY3DPEHPK3PXP" * 2
USERS = [{"email": f"user{number}@example.org", "user_password": "a-password-1"} for number in range(30)]
PATIENCE = 30


class Seen:
    """Matches no request, but records when one has arrived."""

    def __init__(self, path: str, number: int = 1) -> None:
        self.event = threading.Event()
        self._path = path
        self._left = number

    def __call__(self, request: Request) -> bool:
        if request.path == self._path:
            self._left -= 1
            if not self._left:
                self.event.set()
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_an_interrupted_run_ends_its_session_and_writes_no_more(
    newest_box: Box, tmp_path: Path, door: str, number: signal.Signals
) -> None:
    newest_box.state.users[ME].totp.append(Totp(1, SECRET, "phone"))
    # A module checks before each write whether Ansible is still running. Ansible's worker checks every half second.
    newest_box.delay = 0.3
    second_write, goodbye = Seen("/mail/users/add", 2), Seen("/logout")
    newest_box.faults += [Fault("500", second_write), Fault("500", goodbye)]
    defaults = {**connection(newest_box), "totp_secret": SECRET}
    task = {"mailinabox.admin.miab_config": {"users": USERS}}
    play = {
        "hosts": "box",
        "gather_facts": False,
        "module_defaults": {"group/mailinabox.admin.box": defaults},
        "tasks": [task],
    }
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    hosts = {"box": {"ansible_connection": DOORS[door]}}
    command = start_on_hosts(hosts, tmp_path / "playbook.yml", tmp_path)
    try:
        assert second_write.event.wait(PATIENCE)
        os.kill(command.pid, number)
        command.wait(PATIENCE)
        assert goodbye.event.wait(PATIENCE), "the session was left behind"
    finally:
        command.kill()
        command.communicate()
    writes = [entry.path for entry in newest_box.log if entry.is_write]
    assert len(writes) < 10, "it went on writing"
    assert newest_box.log[-1].path == "/logout", "it went on after it had signed out"
