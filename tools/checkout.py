# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths in this checkout, and the environment in which its tools run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
# Ansible searches here before the user's home folder, which may contain another copy of the collection.
COLLECTIONS = VENV / "collections"
COLLECTION = Path("ansible_collections/mailinabox/admin")


def search_path() -> str:
    """PATH without pyenv's shims. Ansible would find them, and most of them fail when they run."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if Path(folder).name != "shims")


def environment() -> dict[str, str]:
    """The user's environment without variables that change what the tools do."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("FORCE_COLOR", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH")
        and not name.startswith(("ANSIBLE_", "MOLECULE_", "PYTEST_"))
    }
    return {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "NO_COLOR": "1",
        # Keep the cache out of the user's home folder.
        "PRE_COMMIT_HOME": str(CACHE / "pre-commit"),
        "PATH": f"{VENV / 'bin'}{os.pathsep}{search_path()}",
        "VIRTUAL_ENV": str(VENV),
    }


def files() -> list[Path]:
    """The files of the project, relative to ROOT: existing tracked files, and new files that git doesn't ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    names = sorted(set(filter(None, listed.stdout.split("\0"))))
    return [Path(name) for name in names if (ROOT / name).is_file()]


def copy_checkout(folder: Path) -> None:
    """Make a folder a copy of the checkout, without the files that git ignores. Its .venv, if any, is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_dir() and not old.is_symlink():
            if old.name != VENV.name:
                shutil.rmtree(old)
        else:
            old.unlink()
    for name in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    # Without its own repository, the copy would belong to the outer one, which ignores it.
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
