# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other releases of ansible-core, each in a separate small virtual environment."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import all_cores
from checkout import ROOT, VENV
from setup_venv import ansible_core

# 2.17 evaluated templates in answers of a box. It is no longer supported, but must still be safe.
_OLDEST = "2.17"
_OLDEST_PYTHONS = ("3.10", "3.11", "3.12")
OWN = "own"


def extremes() -> list[str]:
    """The oldest and the newest release for which this machine has a Python; the release of the tests if it has none."""
    return [name for name, _python in _found()] or [OWN]


def _found() -> Iterator[tuple[str, str]]:
    for version in _OLDEST_PYTHONS:
        python = all_cores.find_python(version)
        if python:
            yield _OLDEST, python
            break
    released = [pair for pair in all_cores.read_matrix() if pair[0] != "devel"]
    yield from all_cores.choose(released, [])[-1:]


def programs(core: str) -> Path:
    """The folder with the programs of a release. Installs the release if necessary."""
    if core == OWN:
        return Path(sys.executable).parent
    python = dict(_found())[core]
    folder = VENV / "cores" / f"{core}-{Path(python).name}"
    folder.parent.mkdir(exist_ok=True)
    requirements = ROOT / "meta" / "ee-requirements.txt"
    wanted, stamp = requirements.read_text(encoding="utf-8"), folder / "installed"
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            _run(python, "-m", "venv", "--clear", str(folder))
            install = (str(folder / "bin/python"), "-m", "pip", "install")
            _run(*install, ansible_core(core), "--requirement", str(requirements))
            stamp.write_text(wanted, encoding="utf-8")
    return folder / "bin"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
