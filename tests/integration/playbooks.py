# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run playbooks against a simulated box in a separate process, as users do."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.box import Box
from tests.tasks import connection

from . import preloaded

PROGRAMS = Path(sys.executable).parent
PLUGINS = Path(__file__).parent / "plugins"
# On PYTHONPATH, it keeps the bytecode of modules.
BYTECODE = Path(__file__).parent / "bytecode"
ROOT = Path(__file__).parents[2]

# Where a task runs: in Ansible's worker process, or as a module on what Ansible treats as a remote host.
DOORS = {"in-process": "local", "module": "elsewhere"}
VERSIONS = ("v0.51", "v55", "v60", "v75")


@dataclass
class Outcome:
    """The result of a task on a host, and the content of the box after it, if there is only one box."""

    name: str
    failed: bool
    result: dict[str, Any]
    state: dict[str, Any]
    host: str


@dataclass
class Run:
    """The result of a playbook run."""

    status: int
    output: str
    outcomes: list[Outcome]
    # The part of the output from standard error.
    errors: str


def play(
    box: Box,
    tasks: Sequence[Mapping[str, Any]],
    folder: Path,
    door: str = "in-process",
    defaults: Mapping[str, Any] | None = None,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    **keywords: Any,
) -> Run:
    """Run tasks as a playbook. It continues after failed tasks.

    :param defaults: the module_defaults of the collection's group; by default, the connection to the box.
    :param keywords: keywords of the play.
    """
    playbook = {
        "hosts": "box",
        "gather_facts": False,
        "ignore_errors": True,
        "module_defaults": {"group/mailinabox.admin.box": dict(connection(box) if defaults is None else defaults)},
        "tasks": [dict(task) for task in tasks],
        **keywords,
    }
    (folder / "playbook.yml").write_text(yaml.safe_dump([playbook], allow_unicode=True), encoding="utf-8")
    return run_playbook(box, folder / "playbook.yml", folder, door, arguments, environment)


def run_playbook(
    box: Box,
    playbook: Path,
    folder: Path,
    door: str = "in-process",
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Run a playbook file. The box refuses writes while a task is in check mode."""
    watched = {"MIAB_TEST_BOX": box.url.removesuffix("/admin"), "MIAB_TEST_CACERT": box.cacert}
    hosts = {"box": {"ansible_connection": DOORS[door]}}
    run = run_on_hosts(hosts, playbook, folder, arguments, {**watched, **(environment or {})})
    assert box.violations == [], "a write reached the box in check mode"
    return run


def run_on_hosts(
    hosts: Mapping[str, Mapping[str, Any]],
    playbook: Path,
    folder: Path,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    seconds: float = 100,
    programs: Path = PROGRAMS,
) -> Run:
    """Run a playbook file with an inventory of these hosts, each with its variables.

    :param seconds: the time limit.
    :param programs: the folder with ``ansible-playbook``.
    """
    # Python reads some variables when it starts.
    if programs == PROGRAMS and not any(name.startswith("PYTHON") for name in environment or ()):
        command, surroundings = prepared(hosts, playbook, folder, arguments, environment)
        status, output, errors = preloaded.run(command, folder, surroundings, seconds)
    else:
        process = start_on_hosts(hosts, playbook, folder, arguments, environment, programs)
        try:
            output, errors = process.communicate(timeout=seconds)
        finally:
            process.kill()
        status = process.returncode
    record = folder / "record.jsonl"
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    outcomes = [
        Outcome(entry["task"], entry["failed"], entry["result"], entry.get("state", {}), entry["host"])
        for entry in (json.loads(line) for line in lines)
    ]
    return Run(status, output + errors, outcomes, errors)


def start_on_hosts(
    hosts: Mapping[str, Mapping[str, Any]],
    playbook: Path,
    folder: Path,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    programs: Path = PROGRAMS,
) -> subprocess.Popen[str]:
    """Start ``ansible-playbook`` with an inventory of these hosts, each with its variables."""
    command, surroundings = prepared(hosts, playbook, folder, arguments, environment, programs)
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        env=surroundings,
    )


@functools.cache
def _bytecode() -> Path:
    """The folder for the bytecode of modules."""
    folder = ROOT / ".cache" / "bytecode"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepared(
    hosts: Mapping[str, Mapping[str, Any]],
    playbook: Path,
    folder: Path,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    programs: Path = PROGRAMS,
) -> tuple[list[str], dict[str, str]]:
    """The command for a playbook and its environment, after the inventory has been written."""
    record = folder / "record.jsonl"
    record.unlink(missing_ok=True)
    shared = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = {"all": {"hosts": {name: dict(variables) for name, variables in hosts.items()}, "vars": shared}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    # Ignore the user's ansible.cfg and MIAB_ variables.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MIAB_"))}
    command = [str(programs / "ansible-playbook"), "-i", str(folder / "inventory.yml"), *arguments, str(playbook)]
    return command, {
        **kept,
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "ANSIBLE_CALLBACK_PLUGINS": str(PLUGINS / "callback"),
        "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS / "connection"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".venv/collections")),
        "ANSIBLE_HOME": str(folder / "ansible-home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        # Unset, so that the output is the same everywhere.
        "ANSIBLE_CONFIG": str(folder / "no-such.cfg"),
        "MIAB_TEST_BYTECODE": str(_bytecode()),
        "MIAB_TEST_RECORD": str(record),
        "PYTHONPATH": str(BYTECODE),
        **(environment or {}),
    }
