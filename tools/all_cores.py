# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests on the versions of ansible-core in the CI matrix for which this machine has a Python.

Each version gets a copy of the checkout with a virtual environment in .cache/all, and a log beside it. Old versions
run on the oldest Python that they support, the newest version on the newest; CI runs all combinations.

usage: all_cores.py [CORE ...]     such as 2.18 2.21
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from checkout import CACHE, ROOT, copy_checkout, environment, search_path
from run_stages import STAGES

FOLDER = CACHE / "all"
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
# These stages only check the text of files, so their result is the same with each ansible-core.
ONCE = {"format", "lint", "pre-commit", "types", "ansible-lint", "docs"}
ROW = re.compile(r"^(\S+) +(passed|failed|skipped) +[\d.]+ s$", re.MULTILINE)
VERSIONS = "import platform, ansible.release; print(ansible.release.__version__, platform.python_version())"
# How much of the log to print after a failure.
LINES_SHOWN = 80


@dataclass
class Result:
    """The result of one ansible-core: the exact versions, and its stages grouped by outcome."""

    core: str
    python: str
    stages: dict[str, list[str]]
    seconds: float


def find_python(version: str) -> str | None:
    """Find an interpreter on PATH or, failing that, in pyenv's versions."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    installed = sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    return shutil.which(f"python{version}", path=search_path()) or next(map(str, reversed(installed)), None)


def read_matrix() -> list[tuple[str, str]]:
    """The pairs of ansible-core and Python that CI tests, in its order."""
    included = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["test"]["strategy"]["matrix"]["include"]
    return [(entry["core"], entry["python"]) for entry in included]


def choose(matrix: list[tuple[str, str]], wanted: list[str]) -> list[tuple[str, str]]:
    """Choose an interpreter for each ansible-core, as (core, path); both in the matrix's order."""
    found: dict[str, list[str]] = {}
    for core, version in matrix:
        python = find_python(version)
        if python:
            found.setdefault(core, []).append(python)
    newest = [core for core, _python in matrix if core != "devel"][-1]
    return [
        (core, pythons[-1] if core == newest else pythons[0])
        for core, pythons in found.items()
        if core in wanted or not wanted
    ]


def run(core: str, python: str) -> Result:
    """Run the stages on one ansible-core."""
    started = time.monotonic()
    folder = FOLDER / f"{core}-{Path(python).name}"
    copy_checkout(folder)
    log = folder.with_suffix(folder.suffix + ".log")
    # MAKEFLAGS would pass the options of the outer make to this one.
    surroundings = {**environment(), "CORE": core, "PYTHON": python, "MAKEFLAGS": ""}
    names = [stage.name for stage in STAGES if stage.name not in ONCE and not stage.repeated]
    with log.open("wb") as output:
        for command in (["make", "setup"], [".venv/bin/python", "tools/run_stages.py", *names]):
            code = subprocess.run(
                command, cwd=folder, env=surroundings, stdout=output, stderr=subprocess.STDOUT, check=False
            ).returncode
            if code:
                break
    text = log.read_text(encoding="utf-8", errors="replace")
    stages: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for name, ended in ROW.findall(text):
        stages[ended].append(name)
    if code:
        print("\n".join(["...", *text.splitlines()[-LINES_SHOWN:], f"Full log: {log}"]), flush=True)
        stages["failed"] = stages["failed"] or ["setup"]
    reported = subprocess.run(
        [folder / ".venv/bin/python", "-c", VERSIONS], capture_output=True, text=True, check=False
    )
    core, python = reported.stdout.split() or (core, python)
    return Result(core, python, stages, time.monotonic() - started)


def main() -> int:
    matrix = read_matrix()
    if not set(sys.argv[1:]) <= {core for core, python in matrix}:
        sys.exit(f"usage: all_cores.py [CORE ...], of {', '.join(dict.fromkeys(core for core, python in matrix))}")
    chosen = choose(matrix, sys.argv[1:])
    missing = sorted(set(sys.argv[1:] or dict(matrix)) - set(dict(chosen)))
    if missing:
        print(f"No suitable Python found for ansible-core {', '.join(missing)}.")
    # A version that was named explicitly must be tested.
    if sys.argv[1:] and missing:
        return 1

    results = []
    for core, python in chosen:
        print(f"== ansible-core {core} on {python}", flush=True)
        results.append(run(core, python))

    print("\nansible-core  Python     minutes  stages")
    for result in results:
        ended = "; ".join(f"{word}: {' '.join(names)}" for word, names in result.stages.items() if names)
        print(f"{result.core:<14}{result.python:<11}{result.seconds / 60:<9.1f}{ended}")
    failed = sum(bool(result.stages["failed"]) for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
