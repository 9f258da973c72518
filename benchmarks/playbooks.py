# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run playbooks (as users do) and other programs, and measure their time and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml
from checkout import ROOT, environment

from tests.box import Box

from .declared import Declaration

# Where a task runs: in Ansible's worker process, or as a module on what Ansible treats as a remote host.
IN_PROCESS, AS_MODULE = "local", "elsewhere"

Task = Mapping[str, Any]


@dataclass(frozen=True)
class Cost:
    """The cost of running a program.

    :ivar processor: CPU seconds of all its processes.
    :ivar megabytes: the peak memory of its largest process.
    """

    seconds: float
    processor: float
    megabytes: float


def timed(command: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None, given: str = "") -> Cost:
    """Run a program and wait until it ends.

    :param given: its standard input.
    :raises RuntimeError: if it fails; the message is its output.
    """
    with (folder / "input").open("w+", encoding="utf-8") as source, (folder / "output").open("w+b") as output:
        source.write(given)
        source.seek(0)
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment(), **(extra or {})},
            stdin=source,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)}\n{output.read().decode('utf-8', 'replace')[-3000:]}")
    return Cost(
        seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    )


class Inventory:
    """A folder with an inventory: each host is a box, and its variables are the declaration."""

    def __init__(self, folder: Path, boxes: Mapping[str, tuple[Box, Declaration]], connection: str = IN_PROCESS):
        self._folder = folder
        (folder / "host_vars").mkdir(parents=True)
        shared = {"ansible_connection": connection, "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        self._write("hosts.yml", {"all": {"hosts": dict.fromkeys(boxes), "vars": shared}})
        for host, (box, declared) in boxes.items():
            reached = {"host": box.url, "username": box.username, "password": box.password, "ca_path": box.cacert}
            variables = {"miab_" + name: value for name, value in {**reached, **declared}.items()}
            self._write(f"host_vars/{host}.yml", variables)

    def _write(self, name: str, content: Any) -> Path:
        path = self._folder / name
        path.write_text(yaml.dump(content, Dumper=_Dumper, width=1000), encoding="utf-8")
        return path

    def playbook(self, name: str, *tasks: Task, forks: int = 5) -> Callable[[], Cost]:
        """Return a function that runs a play of these tasks on all hosts."""
        reached = {option: f"{{{{ miab_{option} }}}}" for option in ("host", "username", "password", "ca_path")}
        signed_in = {
            "url_username": reached["username"],
            "url_password": reached["password"],
            "force_basic_auth": True,
            "ca_path": reached["ca_path"],
        }
        play = {
            "hosts": "all",
            "gather_facts": False,
            "module_defaults": {"group/mailinabox.admin.box": reached, "ansible.builtin.uri": signed_in},
            "tasks": list(tasks),
        }
        return self.ready_made(str(self._write(name + ".yml", [play])), forks)

    def ready_made(self, playbook: str, forks: int = 5) -> Callable[[], Cost]:
        """Return a function that runs a playbook, given by file or full name; it writes its files into the folder."""
        command = ["ansible-playbook", "-i", str(self._folder / "hosts.yml"), "--forks", str(forks), playbook]
        extra = {
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests/integration/plugins/connection"),
            "ANSIBLE_CONFIG": str(self._folder / "no-such.cfg"),
            "ANSIBLE_HOME": str(self._folder.parent / "ansible-home"),
        }
        return lambda: timed(command, self._folder, extra)


class _Dumper(yaml.CSafeDumper):
    """Dump YAML without anchors and aliases, as people write it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def medians(rounds: int, *runs: Callable[[], Cost]) -> list[Cost]:
    """The median cost of each function. They run alternately, so that other load on the machine affects all of them."""
    costs = [[run() for run in runs] for _round in range(rounds)]
    return [
        Cost(
            *(
                statistics.median(values)
                for values in zip(*((cost.seconds, cost.processor, cost.megabytes) for cost in of_one), strict=True)
            )
        )
        for of_one in zip(*costs, strict=True)
    ]


def each(many: Cost, one: Cost, items: int) -> Cost:
    """The cost of one item of a loop, computed from a loop over many items and a loop over one."""
    others = items - 1
    return Cost((many.seconds - one.seconds) / others, (many.processor - one.processor) / others, many.megabytes)
