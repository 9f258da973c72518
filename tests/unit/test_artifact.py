# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that an artifact may contain."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from artifact import LARGEST, check_contents

GOOD = ["MANIFEST.json", "FILES.json", "README.md", "LICENSE", "plugins/modules/miab_user.py", "meta/runtime.yml"]


def archive(folder: Path, names: list[str], size: int = 0) -> Path:
    path = folder / "mailinabox-admin-1.0.0.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = size
            # Data that can't be compressed.
            tar.addfile(member, io.BytesIO(os.urandom(size)))
    return path


def test_files_that_users_need(tmp_path: Path) -> None:
    check_contents(archive(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("surplus", "message"),
    [
        ("tests/unit/test_artifact.py", "contains tests"),
        ("Makefile", "contains Makefile"),
        (".cache/ruff/x", r"contains \.cache"),
        ("plugins/modules/__pycache__/miab_user.pyc", "not in the repository"),
        ("plugins/modules/miab_left_over.py", "not in the repository"),
    ],
)
def test_files_that_users_do_not_need(surplus: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=message):
        check_contents(archive(tmp_path, [*GOOD, surplus]))


def test_size(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="bytes, more than"):
        check_contents(archive(tmp_path, GOOD, LARGEST // 4))
