# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A forked run does the same as a fresh process. Without this, the tests that use it would prove little."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from . import preloaded
from .playbooks import DOORS, prepared

PLAYBOOK = """
- hosts: box
  gather_facts: false
  tasks:
    - ansible.builtin.command: printenv HOME MIAB_HOST MARK
      register: printed
      failed_when: false
    - ansible.builtin.debug:
        msg:
          - "{{ printed.stdout_lines }} {{ ansible_playbook_python }} {{ lookup('ansible.builtin.pipe', 'pwd') }}"
          - "{{ lookup('ansible.builtin.config', 'ANSIBLE_HOME', 'DEFAULT_FORKS', 'DEFAULT_TIMEOUT') }}"
    - mailinabox.admin.miab_user:
        email: größe
        username: me@example.com
        password: secret
        totp_secret: 1
"""
CONFIGURATION = "[defaults]\ntimeout = 77\n"


@pytest.mark.parametrize("configured", [False, True])
def test_it_does_the_same(configured: bool, door: str, tmp_path: Path) -> None:
    (tmp_path / "playbook.yml").write_text(PLAYBOOK, encoding="utf-8")
    (tmp_path / "own.cfg").write_text(CONFIGURATION, encoding="utf-8")
    own = {
        "MARK": "ä",
        "ANSIBLE_CONFIG": str(tmp_path / "own.cfg"),
        "ANSIBLE_FORKS": "3",
        "MIAB_HOST": "https://[::1]:9",
    }
    hosts = {"box": {"ansible_connection": DOORS[door]}}
    environment = own if configured else {}
    command, surroundings = prepared(hosts, tmp_path / "playbook.yml", tmp_path, ["--diff"], environment)
    ended = []
    for run in fresh, forked:
        status, output, errors = run(command, tmp_path, surroundings)
        ended.append((status, output, errors, {str(file) for file in tmp_path.rglob("*")}))
    assert ended[0] == ended[1]
    status, output, *_rest = ended[0]
    assert status == 2
    assert ("77" in output) == configured


def fresh(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def forked(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    return preloaded.run(command, folder, environment, seconds=100)


def test_a_signal_that_ends_a_run_is_its_status(tmp_path: Path) -> None:
    (tmp_path / "program").write_text(
        "import os\nprint('here', flush=True)\nos.kill(os.getpid(), 9)\n", encoding="utf-8"
    )
    assert preloaded.run([str(tmp_path / "program")], tmp_path, {}, seconds=100) == (-9, "here\n", "")


def test_a_run_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    (tmp_path / "program").write_text("import signal\nsignal.pause()\n", encoding="utf-8")
    with pytest.raises(subprocess.TimeoutExpired):
        preloaded.run([str(tmp_path / "program")], tmp_path, {}, seconds=0)


def test_the_configuration_is_read_by_the_run(tmp_path: Path) -> None:
    (tmp_path / "program").write_text("import sys\nprint('ansible.constants' in sys.modules, 'yaml' in sys.modules)\n")
    assert preloaded.run([str(tmp_path / "program")], tmp_path, {}, seconds=100)[1] == "False True\n"
