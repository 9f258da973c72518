# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept bytecode is that of the source in the zip file, and names the zip file in tracebacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from .playbooks import BYTECODE


def run(zipped: Path, source: str, environment: dict[str, str]) -> str:
    with ZipFile(zipped, "w") as file:
        file.writestr("inside.py", source)
    script = f"import sys; sys.path.insert(0, {str(zipped)!r}); import inside; inside.fail()"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stdout + done.stderr


def test_the_same_happens_with_kept_bytecode(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    keeping = {"MIAB_TEST_BYTECODE": str(kept), "PYTHONPATH": str(BYTECODE)}
    source = "def fail():\n    print(__file__)\n    raise ValueError('%s')\n"
    for number, text in enumerate(("one", "one", "two")):
        zipped = tmp_path / f"{number}.zip"
        assert run(zipped, source % text, keeping) == run(zipped, source % text, {})
    assert len(list(kept.iterdir())) == 2
