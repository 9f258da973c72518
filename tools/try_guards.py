# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove each guard from the code, one at a time, and check that its test fails.

The guards are listed in tests/guards.yml; docs/guarantees.md explains their purpose. Everything runs in copies of the
checkout. Arguments select guards by a substring of the test or of the guard; without arguments all are tried.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import yaml
from checkout import COLLECTION, COLLECTIONS, ROOT, VENV, copy_checkout, environment

GUARDS = ROOT / "tests" / "guards.yml"
FAILED = 1
# The number of guards that are tried in parallel, each in its own copy.
AT_A_TIME = 2
# The maximum length of the reason for a failure, printed beside the test's name.
REASON_SIGNS = 90


class Guard(NamedTuple):
    """A line of code that a test protects.

    :ivar test: its pytest node ID.
    :ivar file: its path, relative to the checkout.
    :ivar guard: a text that occurs exactly once in the file.
    :ivar without: the text that replaces the guard.
    """

    test: str
    file: str
    guard: str
    without: str

    def taken_out(self, text: str) -> str:
        """The text of the file without the guard."""
        found = text.count(self.guard)
        if found != 1:
            sys.exit(f"{self.file} must contain the guard of {self.test} once, not {found} times:\n{self.guard}")
        return text.replace(self.guard, self.without)


class Outcome(NamedTuple):
    """The result of tests: pytest's exit code, its output, and its duration in seconds."""

    status: int
    output: str
    seconds: float

    @property
    def was_skipped(self) -> bool:
        return self.status == 0 and not re.search(r"\d+ passed", self.output)

    @property
    def reason(self) -> str:
        """A short reason why the test failed."""
        found = re.search(r"^(?:FAILED|ERROR) \S.*? - (.*)$", self.output, re.MULTILINE)
        return found[1][:REASON_SIGNS] if found else ""


def guards() -> list[Guard]:
    return [Guard(**entry) for entry in yaml.safe_load(GUARDS.read_text(encoding="utf-8"))]


def copied(collections: Path) -> Path:
    """A copy of the checkout with the packages of its .venv, in which playbooks find the copy as the collection."""
    checkout = collections / COLLECTION
    copy_checkout(checkout)
    (checkout / VENV.name).mkdir()
    for path in VENV.iterdir():
        target = collections if path == COLLECTIONS else path
        (checkout / VENV.name / path.name).symlink_to(target, target_is_directory=target.is_dir())
    return checkout


def run(tests: Iterable[str], checkout: Path, *more: str) -> Outcome:
    """Run tests with the code of the copy.

    :param more: options for pytest.
    """
    begun = time.monotonic()
    # Deterministic: fixed order and fixed Hypothesis examples.
    options = ("-q", "-x", "-p", "no:randomly", "--hypothesis-seed=1", *more)
    collections = str(checkout / VENV.name / COLLECTIONS.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=checkout,
        env={
            **environment(),
            "PYTHONPATH": collections,
            "ANSIBLE_COLLECTIONS_PATH": collections,
            # A stale bytecode file would match if the changed file has the same size and, to the second, the same time.
            "PYTHONDONTWRITEBYTECODE": "1",
            # Otherwise pytest truncates the reason for a failure.
            "COLUMNS": "500",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, FAILED):
        sys.exit(f"could not be run: {' '.join(tests)}\n{done.stdout}{done.stderr}")
    return Outcome(done.returncode, done.stdout, time.monotonic() - begun)


def is_held(guard: Guard, checkout: Path) -> bool | None:
    """Whether the test fails without the guard; None if the test can't run on this machine."""
    path = checkout / guard.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(guard.taken_out(whole), encoding="utf-8")
    outcome = run([guard.test], checkout)
    path.write_text(whole, encoding="utf-8")
    held = None if outcome.was_skipped else outcome.status == FAILED
    words = {True: "held", False: "NOT HELD", None: "skipped"}[held]
    print(f"{words:8} {outcome.seconds:5.1f} s  {guard.test}  {outcome.reason}", flush=True)
    return held


def main() -> None:
    words = sys.argv[1:]
    wanted = [guard for guard in guards() if not words or any(word in guard.test + guard.guard for word in words)]
    if not wanted:
        sys.exit("No guard matches the arguments.")
    begun = time.monotonic()
    free: SimpleQueue[Path] = SimpleQueue()

    def attempt(guard: Guard) -> bool | None:
        checkout = free.get()
        try:
            return is_held(guard, checkout)
        finally:
            free.put(checkout)

    with tempfile.TemporaryDirectory(prefix="guards-") as folder, ThreadPoolExecutor(AT_A_TIME) as pool:
        checkouts = [copied(Path(folder, str(number))) for number in range(AT_A_TIME)]
        tests = dict.fromkeys(guard.test for guard in wanted)
        before = run(tests, checkouts[0], "-n", str(AT_A_TIME), "--dist", "worksteal")
        if before.status:
            sys.exit(f"{before.output}\nA test fails even with its guards. Fix it first.")
        print(f"All tests pass with their guards, in {before.seconds:.0f} s. Now without:", flush=True)
        for checkout in checkouts:
            free.put(checkout)
        held = list(pool.map(attempt, wanted))
    skipped = f", and {held.count(None)} can't be tried here" if None in held else ""
    seconds = time.monotonic() - begun
    print(f"{held.count(True)} of {len(held)} guards are held by their tests{skipped}; that took {seconds:.0f} s.")
    sys.exit(False in held)


if __name__ == "__main__":
    main()
