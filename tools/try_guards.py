# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take each guard out of the code, one at a time, and see the test fail that is to hold it.

The guards are in tests/guards.yml, and docs/guarantees.md tells what they are for. All happens in
copies of the checkout. Without arguments all are tried, else those whose test or guard has a word in it.
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
# How many are tried at a time, each in a copy of its own.
AT_A_TIME = 2
# How much of the reason for a failure fits beside the test's name.
REASON_SIGNS = 90


class Guard(NamedTuple):
    """What a test holds.

    :ivar test: as pytest names it.
    :ivar file: below the root of the checkout.
    :ivar guard: a text that stands in it once.
    :ivar without: what stands in its place once the guard is gone.
    """

    test: str
    file: str
    guard: str
    without: str

    def taken_out(self, text: str) -> str:
        """The text of the file without the guard."""
        if text.count(self.guard) != 1:
            sys.exit(f"{self.file} has the guard of {self.test} {text.count(self.guard)} times:\n{self.guard}")
        return text.replace(self.guard, self.without)


class Outcome(NamedTuple):
    """What came of tests: pytest's exit code, its words, and how many seconds it took."""

    status: int
    output: str
    seconds: float

    @property
    def was_skipped(self) -> bool:
        return self.status == 0 and not re.search(r"\d+ passed", self.output)

    @property
    def reason(self) -> str:
        """Why the test failed, in a few words."""
        found = re.search(r"^(?:FAILED|ERROR) \S.*? - (.*)$", self.output, re.MULTILINE)
        return found[1][:REASON_SIGNS] if found else ""


def guards() -> list[Guard]:
    return [Guard(**entry) for entry in yaml.safe_load(GUARDS.read_text(encoding="utf-8"))]


def copied(collections: Path) -> Path:
    """A copy of the checkout, with all that its .venv has, but with itself as the collection that playbooks find."""
    checkout = collections / COLLECTION
    copy_checkout(checkout)
    (checkout / VENV.name).mkdir()
    for path in VENV.iterdir():
        target = collections if path == COLLECTIONS else path
        (checkout / VENV.name / path.name).symlink_to(target, target_is_directory=target.is_dir())
    return checkout


def run(tests: Iterable[str], checkout: Path, *more: str) -> Outcome:
    """What came of tests, run by the code of the copy.

    :param more: options for pytest.
    """
    begun = time.monotonic()
    # The same each time: in the order in which they are given, and with the same examples.
    options = ("-q", "-x", "-p", "no:randomly", "--hypothesis-seed=1", *more)
    collections = str(checkout / VENV.name / COLLECTIONS.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=checkout,
        env={
            **environment(),
            "PYTHONPATH": collections,
            "ANSIBLE_COLLECTIONS_PATH": collections,
            # An old file of bytecode may have the size and, to the second, the age of the changed one.
            "PYTHONDONTWRITEBYTECODE": "1",
            # Else pytest cuts the reason for a failure off.
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
    """Whether the test fails without the guard; None if it can't be run on this machine."""
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
        sys.exit("There is no such guard.")
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
            sys.exit(f"{before.output}\nA test fails as things are, so that no guard of it can be tried.")
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
